"""`syncspec show`."""

from __future__ import annotations

from pathlib import Path

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import project_options, review_options

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec show crm.plan
  syncspec show crm.plan --format markdown --redact values > comment.md
  syncspec show 20260101T120000 --json
"""


@click.command("show", epilog=_EXAMPLES)
@click.argument("what", metavar="FILE|RUN")
@click.option("--full", is_flag=True, help="Show every change, however many there are.")
@review_options()
@project_options()
@click.pass_obj
def command(invocation: Invocation, what: str, full: bool) -> int:
    """Show a saved plan, in any format, or what a past run did.

    A saved plan is shown as it was made, and only the file is read: neither the project nor the upstream. RUN may be
    the beginning of a run's name; syncspec runs lists them.
    """
    from syncspec.project.recognition import is_saved_plan

    invocation.enter_folder()
    path = Path(what)
    if not is_saved_plan(path):
        if path.is_file():
            raise click.UsageError(f"{what} is not a saved plan; syncspec plan -o FILE makes one.")
        from syncspec.cli.runs import show_run

        return show_run(invocation, what)
    from syncspec.project.saved import load_plan

    plan = load_plan(path)
    if invocation.format not in ("json", "github"):
        invocation.show(plan.diagnostics)
    invocation.write_rendered(
        plan.render(
            invocation.format,
            color=invocation.screen.result_color,
            full=full,
            redact=invocation.redact,
            folder=invocation.annotated_folder(),
        )
    )
    return 0
