"""Model files: from a fitted model to a folder in the MLmodel format.

`snapshot` is all that runs on the training thread; everything else works later, in a worker, from what the snapshot
left on disk. `folder` puts the folder together, and `flavors` says how each library's models are described in it.
"""
