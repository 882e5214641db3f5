"""`syncspec destroy`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import project_options, review_options, selection_options
from syncspec.cli.reversing import reversal_options, reverse

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec destroy --plan
  syncspec destroy -e sandbox
  syncspec destroy --target contacts --allow max_deletes_percent=100
"""


@click.command("destroy", epilog=_EXAMPLES)
@selection_options()
@reversal_options()
@review_options()
@project_options()
@click.pass_obj
def command(
    invocation: Invocation,
    paths: tuple[Path, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    labels: Mapping[str, str],
    only_plan: bool,
    auto_approve: bool,
    allow: tuple[str, ...],
    wait_settled: bool,
    full: bool,
) -> int:
    """Delete all records that syncspec created, whether they are declared or not, children first.

    The plan is shown and a yes asked for, as in `syncspec apply`. What was adopted stays, unless delete_adopted is true
    of it, and so does what is protected, or referred to by a record that stays. Records that are still declared are
    created again by the next apply.

    PATHs, --target, --exclude and -l choose what is deleted; the guards on deletions hold. Exit codes are those of
    apply.
    """
    from syncspec.cli.question import require_terminal

    project = invocation.open_at(paths)
    if not auto_approve and not only_plan:
        require_terminal("destroy", first=project.load)
    chosen = {"include": include, "exclude": exclude, "labels": labels, "paths": paths}
    return reverse(
        invocation,
        show=functools.partial(project.plan_destroy, **chosen),  # type: ignore[arg-type]
        act=functools.partial(project.destroy, **chosen),  # type: ignore[arg-type]
        only_plan=only_plan,
        auto_approve=auto_approve,
        allow=allow,
        wait_settled=wait_settled,
        full=full,
    )
