"""Writing to stdout and stderr: a reader that went away ends nothing, and text that cannot be shown is escaped."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TextIO

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import SyncspecError
from syncspec.render.diagnostics import diagnostic_json, diagnostics_text

if TYPE_CHECKING:
    from syncspec.cli.log import Log

__all__ = ["LEVELS", "Screen", "prepare_streams", "write_result"]

LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "info"}
"""The words of a log for what diagnostics weigh."""


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
    """What a person, or a log, sees beside the result: all of it goes to stderr, and nothing of it can fail.

    `quiet` leaves out everything but errors and warnings. With a `log` every line is an object of it, in which
    `redact` hides values.
    """

    def __init__(
        self,
        *,
        color: str = "auto",
        quiet: bool = False,
        verbose: bool = False,
        redact: bool = False,
        log: Log | None = None,
    ) -> None:
        self._color = color
        self.quiet, self.verbose, self.redact, self.log = quiet, verbose, redact, log

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
        if self.log is not None and stream is sys.stderr:
            return False
        if self._color != "auto":
            return self._color == "always"
        return _is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    def tell(self, text: str, *, event: str = "message", level: str = "info", **fields: Any) -> None:
        """Write text as it is; a line break at its end is the caller's. A log gets the rest, too."""
        if self.log is not None:
            text = self.log.line(level, event, text.strip("\n"), fields)
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:
            _discard(sys.stderr)

    def note(self, line: str, *, event: str = "message", **fields: Any) -> None:
        """Write a line that only says how it goes."""
        if not self.quiet:
            self.tell(f"{line}\n", event=event, **fields)

    def show(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Write diagnostics, the notes among them unless quiet."""
        shown = [item for item in diagnostics if item.severity.value != "note" or not self.quiet]
        if self.log is not None:
            for item in shown:
                self.tell(
                    item.summary, event="diagnostic", level=LEVELS[item.severity], diagnostic=diagnostic_json(item)
                )
        elif shown:
            self.tell(diagnostics_text(shown, color=self.color))


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (OSError, ValueError):
        return False
