"""`python -m syncspec` is the command `syncspec`."""

import sys

from syncspec.cli import main

if __name__ == "__main__":
    sys.exit(main())
