"""Do a recorded run again, and say how two runs differ: from what `surroundings` wrote down."""
