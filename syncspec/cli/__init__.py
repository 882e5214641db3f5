"""The command line. Each command is a file of its own: it parses, calls the library, renders, and gives an exit code.

Nothing is imported here before it is known to be needed: `syncspec --version` answers at once.
"""

from __future__ import annotations

import gc
import sys

from syncspec._version import __version__

__all__ = ["main"]


def main() -> int:
    """Run the command that the process was started with; gives its exit code and lets no exception through."""
    arguments = sys.argv[1:]
    if arguments == ["--version"]:
        sys.stdout.write(f"syncspec {__version__}\n")
        return 0
    # A command makes many objects that live to its end; looking through them for garbage costs and finds none.
    gc.set_threshold(100_000, 50, 50)
    try:
        from syncspec.cli.running import run
    except KeyboardInterrupt:
        return 130
    return run(arguments)
