"""What an exception means for a command: its exit code, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence

import click

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import SyncspecError

__all__ = ["INTERRUPTED", "NOTHING_SENT", "WRONG_USAGE", "failure_of"]

INTERRUPTED = 130
WRONG_USAGE = 64
NOTHING_SENT = Diagnostic(
    severity=Severity.ERROR,
    code="interrupted",
    summary="Interrupted",
    detail="The apply was interrupted before anything was sent.",
)
"""Why there is no report of an apply that a person stopped early."""


def failure_of(error: BaseException) -> tuple[int, Sequence[Diagnostic]]:
    """Exit code and findings."""
    match error:
        case SyncspecError():
            return error.exit_code, error.diagnostics
        case click.Abort():
            return INTERRUPTED, [_failure("interrupted", "Interrupted", "The command was interrupted.")]
        case click.ClickException():
            context = error.ctx if isinstance(error, click.UsageError) else None
            command = context.command_path if context is not None else "syncspec"
            hint = f"{command} --help tells more"
            return WRONG_USAGE, [_failure("usage", "Wrong usage", error.format_message(), hint=hint)]
        case OSError():
            reason = error.strerror or str(error)
            detail = f"{error.filename}: {reason}." if error.filename else f"{reason}."
            return 1, [_failure("system", "The system refused", detail)]
        case MemoryError():
            return 1, [_failure("memory", "Out of memory", "There is not enough memory for this project.")]
        case Exception():
            hint = "this is a fault of syncspec; the same command with -vv shows where, for a bug report"
            # Its words may quote anything: whoever shows it must look through them first.
            return 1, [_failure("internal", "syncspec failed unexpectedly", f"{type(error).__name__}.", hint=hint)]
        case _:
            return INTERRUPTED, [_failure("interrupted", "Interrupted", "The command was interrupted.")]


def _failure(code: str, summary: str, detail: str, *, hint: str | None = None) -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=code, summary=summary, detail=detail, hint=hint)
