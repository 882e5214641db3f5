"""`syncspec runs`."""

from __future__ import annotations

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import project_options, review_options

__all__ = ["command", "show_run"]

_EXAMPLES = """\b
Examples:
  syncspec runs
  syncspec runs 20260101T120000 --json
  syncspec runs 20260101T120000 --format html > report.html
  syncspec runs 20260101T120000 --requests
"""


@click.command("runs", epilog=_EXAMPLES)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--requests", is_flag=True, help="Show what was sent and answered of the batches of RUN that failed.")
@review_options()
@project_options()
@click.pass_obj
def command(invocation: Invocation, run: str | None, requests: bool) -> int:
    """List the past runs of this machine, the newest first, or show what one of them did.

    RUN may be the beginning of a run's name. The list is text or JSON; one run is shown in every format.

    Requests and answers of batches that failed are kept in the state folder, for the last 20 runs that had any. Values
    of sensitive fields and tokens are hidden in them, and long bodies are cut.
    """
    if run is not None:
        return show_run(invocation, run, requests=requests)
    if requests:
        raise click.UsageError("--requests shows those of one run; name it.")
    if invocation.format not in ("text", "json"):
        raise click.UsageError(f"--format {invocation.format} shows one run; name it.")
    from syncspec.apply.history import past_runs
    from syncspec.render.report_json import runs_json
    from syncspec.render.report_text import runs_text

    runs = past_runs(invocation.opening().load(resolve_env=False))
    color = invocation.screen.result_color
    invocation.write(runs_json(runs) if invocation.is_json else runs_text(runs, color=color))
    return 0


def show_run(invocation: Invocation, run: str, *, requests: bool = False) -> int:
    """Show what one past run did; `run` may be a unique beginning of its name. Raises UsageError."""
    from syncspec.apply.history import past_run
    from syncspec.project.formats import render_run

    project = invocation.opening().load(resolve_env=False)
    past = past_run(project, run)
    if past.report is not None and not requests and invocation.format not in ("json", "github"):
        invocation.show(past.report.diagnostics)
    invocation.write_rendered(
        render_run(
            past,
            invocation.format,
            project=project.name,
            environment=project.environment,
            color=invocation.screen.result_color,
            redact=invocation.redact,
            folder=invocation.annotated_folder(),
            requests=requests,
        )
    )
    return 0
