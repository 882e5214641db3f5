"""The file that `apply --report` writes, however the apply ends."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from syncspec.apply.report import RecordReport
from syncspec.cli.failure import INTERRUPTED, NOTHING_SENT, failure_of
from syncspec.cli.invocation import Invocation
from syncspec.diagnostics import Diagnostic
from syncspec.errors import SyncspecError
from syncspec.project.results import AppliedReport
from syncspec.render.report_json import failure_json
from syncspec.whole_file import write_whole

__all__ = ["ReportFile", "open_report"]


class ReportFile:
    """Holds what the file says; `run` and `records` are what is known of a run that ends without a report.

    The file is replaced whole. Where that fails it is told on stderr, and the exit code still says what was done.
    """

    def __init__(self, path: Path | None, invocation: Invocation) -> None:
        self.run: str | None = None
        self.records: dict[str, RecordReport] = {}
        self._path, self._invocation = path, invocation
        self._is_written = False

    def write(self, report: AppliedReport | None) -> None:
        """Write the report; None: the apply was interrupted before anything was sent."""
        if self._path is None:
            return
        if report is not None:
            self._replace(report.render("json", redact=self._invocation.redact).encode("utf-8"))
            return
        self._fail(INTERRUPTED, [NOTHING_SENT])

    def fail(self, error: BaseException) -> None:
        """Write why there is no report, unless there is one."""
        if self._path is not None and not self._is_written:
            self._fail(*failure_of(error))

    def _fail(self, exit_code: int, diagnostics: Sequence[Diagnostic]) -> None:
        content = failure_json(
            diagnostics,
            exit_code=exit_code,
            run=self.run,
            records=_sorted(self.records.values()),
            redact=self._invocation.redact,
        )
        self._replace(content)

    def _replace(self, content: bytes) -> None:
        assert self._path is not None
        self._is_written = True
        try:
            if self._path.exists() and not self._path.is_file():
                self._path.write_bytes(content)
            else:
                write_whole(self._path.resolve(), content, mode=_mode(self._path))
        except OSError as error:
            problem = SyncspecError(
                "The report cannot be written",
                detail=f"{self._path}: {error.strerror or error}. What was done stays done.",
                hint="syncspec runs shows the report of each run",
            )
            self._invocation.show(problem.diagnostics)


def _mode(path: Path) -> int:
    """That of the file; of a new one what the process gives its files, which the system tells only by changing it."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    mask = os.umask(0o077)
    os.umask(mask)
    return 0o666 & ~mask


def _sorted(records: Iterable[RecordReport]) -> list[RecordReport]:
    return sorted(records, key=lambda record: record.address)


@contextmanager
def open_report(path: Path | None, invocation: Invocation) -> Iterator[ReportFile]:
    """The file, written for whatever ends the block with an exception. Raises SyncspecError; nothing was sent then."""
    if path is not None and not os.access(path.parent, os.W_OK | os.X_OK):
        raise SyncspecError(
            "The report cannot be written",
            detail=f"{path.parent} cannot be written. Nothing was sent.",
            hint="name a file in a folder that can be written",
        )
    file = ReportFile(path.absolute() if path is not None else None, invocation)
    try:
        yield file
    except BaseException as error:
        file.fail(error)
        raise
