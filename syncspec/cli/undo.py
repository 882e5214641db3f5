"""`syncspec undo`."""

from __future__ import annotations

import functools

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import project_options, review_options
from syncspec.cli.reversing import reversal_options, reverse

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec runs
  syncspec undo 20260101T120000 --plan
  syncspec undo 20260101T120000
"""


@click.command("undo", epilog=_EXAMPLES)
@click.argument("run", metavar="RUN")
@reversal_options()
@review_options()
@project_options()
@click.pass_obj
def command(
    invocation: Invocation,
    run: str,
    only_plan: bool,
    auto_approve: bool,
    allow: tuple[str, ...],
    wait_settled: bool,
    full: bool,
) -> int:
    """Delete what a run created, and put back what it overwrote, where that is unchanged since.

    RUN may be the beginning of a run's name; `syncspec runs` lists those that this machine's journal knows. The plan is
    shown and a yes asked for, as in `syncspec apply`. What cannot be taken back is in the plan as blocked: deletions,
    values of sensitive fields, which are kept nowhere, protected records, and whatever was changed since.

    What the manifests still declare is made again by the next apply: revert the commit as well. An undo is a run like
    any other; undoing twice does nothing. Exit codes are those of apply.
    """
    from syncspec.cli.question import require_terminal
    from syncspec.project.reversal import undoing

    project = invocation.open_at(())
    if not auto_approve and not only_plan:
        require_terminal("undo", first=lambda: undoing(project.load(), run))
    return reverse(
        invocation,
        show=functools.partial(project.plan_undo, run),
        act=functools.partial(project.undo, run),
        only_plan=only_plan,
        auto_approve=auto_approve,
        allow=allow,
        wait_settled=wait_settled,
        full=full,
    )
