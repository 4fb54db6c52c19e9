"""`python -m autotrack` is the command `autotrack`."""

from autotrack.cli import main

if __name__ == "__main__":
    main()
