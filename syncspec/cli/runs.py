"""`syncspec runs`."""

from __future__ import annotations

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import format_options, project_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec runs
  syncspec runs 20260101T120000 --json
"""


@click.command("runs", epilog=_EXAMPLES)
@click.argument("run", required=False, metavar="[RUN]")
@format_options("text", "json")
@project_options()
@click.pass_obj
def command(invocation: Invocation, run: str | None) -> int:
    """List the past runs of this machine, the newest first, or show what one of them did.

    RUN may be the beginning of a run's name.
    """
    from syncspec.apply.history import past_runs, run_report
    from syncspec.render.report_json import report_json, runs_json
    from syncspec.render.report_text import report_text, runs_text

    project = invocation.opening().load(resolve_env=False)
    color = invocation.screen.result_color
    if run is None:
        runs = past_runs(project)
        invocation.write(runs_json(runs) if invocation.is_json else runs_text(runs, color=color))
    else:
        report = run_report(project, run)
        invocation.write(report_json(report) if invocation.is_json else report_text(report, color=color, full=True))
    return 0
