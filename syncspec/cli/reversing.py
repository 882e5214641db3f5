"""What `undo` and `destroy` have in common: show the plan, or carry it out as an apply is."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import click

from syncspec.cli.failure import INTERRUPTED
from syncspec.cli.invocation import Invocation
from syncspec.cli.options import AnyCommand, stacked
from syncspec.project.results import AppliedReport, ReviewablePlan

__all__ = ["reversal_options", "reverse"]


def reversal_options() -> Callable[[AnyCommand], AnyCommand]:
    """Options of commands that take something back."""
    return stacked(
        [
            click.option("--plan", "only_plan", is_flag=True, help="Only show the plan; nothing is changed."),
            click.option("-y", "--auto-approve", is_flag=True, help="Do not ask."),
            click.option(
                "--allow",
                multiple=True,
                metavar="GUARD=NUMBER",
                help="Lift a guard for this run, such as max_deletes=200; may be given several times.",
            ),
            click.option(
                "--wait-settled",
                is_flag=True,
                help="Wait until time can tell nothing more of what is unknown, however long that takes.",
            ),
            click.option("--full", is_flag=True, help="List every record, however many there are."),
        ]
    )


def reverse(
    invocation: Invocation,
    *,
    show: Callable[[], Awaitable[ReviewablePlan]],
    act: Callable[..., Awaitable[AppliedReport]],
    only_plan: bool,
    auto_approve: bool,
    allow: Sequence[str],
    wait_settled: bool,
    full: bool,
) -> int:
    """Print the plan or carry it out; gives the exit code."""
    from syncspec.cli.applying import Applying
    from syncspec.cli.report_file import ReportFile
    from syncspec.errors import SyncspecError

    if only_plan:
        return _shown(invocation, show, full=full)
    applying = Applying(invocation, full=full, report_file=ReportFile(None, invocation))
    report = applying.supervise(act, ask=not auto_approve, allow=allow, wait_settled=wait_settled)
    if report is None:
        return INTERRUPTED
    invocation.show(report.diagnostics)
    try:
        _write(invocation, functools.partial(report.render, full=full))
    except SyncspecError as error:
        # It is done, whether or not that could be printed: the exit code must say what was.
        invocation.show(error.diagnostics)
    return report.exit_code


def _shown(invocation: Invocation, show: Callable[[], Awaitable[ReviewablePlan]], *, full: bool) -> int:
    from syncspec.project.loop import run_to_end

    plan = run_to_end(show)
    if invocation.format not in ("json", "github"):
        invocation.show(plan.diagnostics)
    _write(invocation, functools.partial(plan.render, full=full))
    return 0 if all(seen.readable for seen in plan.plan.observations) else 1


def _write(invocation: Invocation, render: Callable[..., Any]) -> None:
    invocation.write_rendered(
        render(
            invocation.format,
            color=invocation.screen.result_color,
            redact=invocation.redact,
            folder=invocation.annotated_folder(),
        )
    )
