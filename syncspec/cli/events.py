"""The file that `apply --events` writes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncspec.apply.clock import SystemClock, rfc3339
from syncspec.apply.events import Event, RunFinished
from syncspec.cli.failure import failure_of
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import SyncspecError, UsageError
from syncspec.render.events import event_line, failed_line, opened_line

__all__ = ["EventsFile", "open_events"]


class EventsFile:
    """Appends a line per event, each in one write that has reached the system before the run goes on.

    A disk that refuses costs the rest of the lines, never the run: `failure` says so.
    """

    def __init__(self, path: Path, handle: int, *, redact: bool) -> None:
        self.failure: Diagnostic | None = None
        self._path, self._handle, self._redact = path, handle, redact
        self._clock = SystemClock()
        self._run: str | None = None
        self._is_ended = False

    def open_run(self, run: str, *, command: str) -> None:
        """Append that the run holds the run lock; it is named from now on."""
        self._run = run
        self._append(opened_line(run, command=command, time=self._time()))

    def write(self, event: Event) -> None:
        """Append the event. Raises nothing that a disk does."""
        self._is_ended = isinstance(event, RunFinished)
        self._append(event_line(event, time=self._time(), redact=self._redact))

    def fail(self, error: BaseException) -> None:
        """Append why the apply ended, unless its end is there."""
        exit_code, diagnostics = failure_of(error)
        self.end(diagnostics[0], exit_code=exit_code)

    def end(self, error: Diagnostic, *, exit_code: int) -> None:
        """Append that the apply ended without a report, unless its end is there."""
        if not self._is_ended:
            self._is_ended = True
            self._append(failed_line(error, exit_code=exit_code, run=self._run, time=self._time(), redact=self._redact))

    def _time(self) -> str:
        return rfc3339(self._clock.now())

    def _append(self, line: bytes) -> None:
        if self.failure is not None:
            return
        try:
            while line:
                line = line[os.write(self._handle, line) :]
        except OSError as error:
            self.failure = Diagnostic(
                severity=Severity.WARNING,
                code="events",
                summary="The events could not be written to their end",
                detail=f"{self._path}: {error.strerror or error}. The run went on without them.",
            )


@contextmanager
def open_events(path: Path | None, *, redact: bool) -> Iterator[EventsFile | None]:
    """The file for as long as the block runs; what it holds stays, and an exception that ends the block is added.

    Raises SyncspecError: nothing was sent then.
    """
    if path is None:
        yield None
        return
    if str(path) == "-":
        raise UsageError(
            "Events go to a file",
            detail="--events was given -, and stdout is the report's.",
            hint="--log-format json tells the same events on stderr",
        )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise SyncspecError(
            "The events cannot be written",
            detail=f"{path}: {error.strerror}. Nothing was sent.",
            hint="name a file in a folder that can be written",
        ) from error
    try:
        if _is_torn(path):
            os.write(handle, b"\n")
        file = EventsFile(path, handle, redact=redact)
        try:
            yield file
        except BaseException as error:
            file.fail(error)
            raise
    finally:
        os.close(handle)


def _is_torn(path: Path) -> bool:
    """Whether a line of an earlier run broke off, as on a disk that was full."""
    if not path.is_file() or not path.stat().st_size:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
