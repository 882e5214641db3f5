"""One invocation from its arguments to its exit code; the only place where exceptions become messages."""

from __future__ import annotations

import os
import traceback
from collections.abc import Sequence

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.log import wanted_log_format
from syncspec.cli.output import Screen, prepare_streams, write_result
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import SyncspecError

__all__ = ["run"]

INTERRUPTED = 130
WRONG_USAGE = 64


def run(arguments: Sequence[str]) -> int:
    """Run a command line; gives its exit code and lets no exception through."""
    from syncspec.cli.app import app

    prepare_streams()
    invocation = Invocation()
    with invocation.ending:
        return _run(app, arguments, invocation)


def _run(app: click.Command, arguments: Sequence[str], invocation: Invocation) -> int:
    try:
        invocation.log_as(wanted_log_format(arguments, os.environ))
        code = app.main(list(arguments), prog_name="syncspec", standalone_mode=False, obj=invocation)
        return code if isinstance(code, int) else 0
    except Exception as error:  # noqa: BLE001 - the one place where every failure becomes a message
        return _explain(error, invocation)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except (KeyboardInterrupt, BaseExceptionGroup):
        return _interrupted(invocation.screen)


def _explain(error: Exception, invocation: Invocation) -> int:
    screen = invocation.screen
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.Abort():
            return _interrupted(screen)
        case click.ClickException():
            return _wrong_usage(error, invocation)
        case SyncspecError():
            _show_failure(error.diagnostics, invocation)
            return error.exit_code
        case OSError():
            reason = error.strerror or str(error)
            detail = f"{error.filename}: {reason}." if error.filename else f"{reason}."
            _show_failure([_failure("system", "The system refused", detail)], invocation)
        case MemoryError():
            detail = "There is not enough memory for this project."
            _show_failure([_failure("memory", "Out of memory", detail)], invocation)
        case _:
            _show_bug(error, invocation)
    if _wants_traceback(invocation):
        screen.tell("".join(traceback.format_exception(error)), event="traceback", level="debug")
    return 1


def _show_failure(diagnostics: Sequence[Diagnostic], invocation: Invocation) -> None:
    """Tell on stderr, and where JSON or annotations were asked for, in that form on stdout."""
    if invocation.redact:
        from syncspec.render.redaction import redacted_diagnostics

        whole, diagnostics = diagnostics, redacted_diagnostics(diagnostics)
        if tuple(whole) != diagnostics:
            invocation.screen.note("Details are hidden; the same command without --redact shows them.")
    invocation.screen.show(diagnostics)
    if invocation.format not in ("json", "github") or invocation.result_written:
        return
    from syncspec.render.diagnostics import diagnostics_document, github_annotations

    try:
        if invocation.format == "json":
            write_result(diagnostics_document(diagnostics))
        else:
            write_result(github_annotations(diagnostics, folder=invocation.annotated_folder()).encode("utf-8"))
    except SyncspecError as error:
        invocation.screen.show(error.diagnostics)


def _wrong_usage(error: click.ClickException, invocation: Invocation) -> int:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context is not None else "syncspec"
    diagnostic = _failure("usage", "Wrong usage", error.format_message(), hint=f"{command} --help tells more")
    _show_failure([diagnostic], invocation)
    return WRONG_USAGE


def _interrupted(screen: Screen) -> int:
    screen.tell("Interrupted.\n", event="stopped", level="warning")
    return INTERRUPTED


def _show_bug(error: Exception, invocation: Invocation) -> None:
    detail = f"{type(error).__name__}: {error}"
    hint = "this is a fault of syncspec; the same command with -vv shows where, for a bug report"
    _show_failure([_failure("internal", "syncspec failed unexpectedly", detail, hint=hint)], invocation)


def _wants_traceback(invocation: Invocation) -> bool:
    return invocation.verbose >= 2 or bool(os.environ.get("SYNCSPEC_DEBUG"))


def _failure(code: str, summary: str, detail: str, *, hint: str | None = None) -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=code, summary=summary, detail=detail, hint=hint)
