"""One invocation from its arguments to its exit code; the only place where exceptions become messages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace

import click

from syncspec.cli.failure import INTERRUPTED, failure_of
from syncspec.cli.invocation import Invocation
from syncspec.cli.log import wanted_log_format
from syncspec.cli.output import Screen, prepare_streams, write_result
from syncspec.diagnostics import Diagnostic
from syncspec.errors import SyncspecError

__all__ = ["run"]


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
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.Abort):
        return _interrupted(invocation.screen)
    code, diagnostics = failure_of(error)
    if diagnostics[0].code == "internal":
        from syncspec.cli.bugs import safe_words

        diagnostics = [replace(diagnostics[0], detail=safe_words(error, invocation))]
    _show_failure(diagnostics, invocation)
    if _wants_traceback(invocation) and not isinstance(error, (SyncspecError, click.ClickException)):
        from syncspec.cli.bugs import safe_traceback

        invocation.screen.tell(safe_traceback(error, invocation), event="traceback", level="debug")
    return code


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


def _interrupted(screen: Screen) -> int:
    screen.tell("Interrupted.\n", event="stopped", level="warning")
    return INTERRUPTED


def _wants_traceback(invocation: Invocation) -> bool:
    return invocation.verbose >= 2 or bool(os.environ.get("SYNCSPEC_DEBUG"))
