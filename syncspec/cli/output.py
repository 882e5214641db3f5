"""Writing to stdout and stderr: a reader that went away ends nothing, and text that cannot be shown is escaped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TextIO

from syncspec.diagnostics import Diagnostic
from syncspec.errors import SyncspecError
from syncspec.render.diagnostics import diagnostics_text

__all__ = ["Screen", "prepare_streams", "write_result"]


def prepare_streams() -> None:
    """Make sure that no character can fail to be written."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def write_result(content: str | bytes) -> None:
    """Write a command's result to stdout. Bytes are written as they are.

    Raises SyncspecError where the system refuses; a reader that has gone, such as `head`, is no error.
    """
    try:
        if isinstance(content, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(content)
        else:
            sys.stdout.write(content)
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        reason = error.strerror or str(error)
        _discard(sys.stdout)
        raise SyncspecError("The result cannot be written", detail=f"The system says: {reason}.") from error


def _discard(stream: TextIO) -> None:
    """Send all that is still to be written nowhere, so that closing the stream at exit cannot fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class Screen:
    """What a person sees beside the result: all of it goes to stderr, and nothing of it can fail.

    `quiet` leaves out everything but errors and warnings.
    """

    def __init__(self, *, color: str = "auto", quiet: bool = False) -> None:
        self._color = color
        self.quiet = quiet

    @property
    def is_terminal(self) -> bool:
        return _is_terminal(sys.stderr)

    @property
    def result_color(self) -> bool:
        """Whether text on stdout is coloured."""
        return self._colors(sys.stdout)

    @property
    def color(self) -> bool:
        """Whether text on stderr is coloured."""
        return self._colors(sys.stderr)

    def _colors(self, stream: TextIO) -> bool:
        if self._color != "auto":
            return self._color == "always"
        return _is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def tell(self, text: str) -> None:
        """Write text as it is; a line break at its end is the caller's."""
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)

    def note(self, line: str) -> None:
        """Write a line that only says how it goes."""
        if not self.quiet:
            self.tell(f"{line}\n")

    def show(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Write diagnostics, the notes among them unless quiet."""
        shown = [item for item in diagnostics if item.severity.value != "note" or not self.quiet]
        if shown:
            self.tell(diagnostics_text(shown, color=self.color))


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (OSError, ValueError):
        return False
