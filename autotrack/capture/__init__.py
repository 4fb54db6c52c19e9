"""What a run knows about its surroundings: code, machine, data; all read-only, all with secrets masked."""
