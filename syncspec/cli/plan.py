"""`syncspec plan`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import project_options, review_options, selection_options

if TYPE_CHECKING:
    from syncspec.project.results import ShownPlan

__all__ = ["command"]

_EXAMPLES = """\b
Examples:
  syncspec plan
  syncspec plan manifests/crm -e sandbox
  syncspec plan --target contacts.paul --json
  syncspec plan --drift-only --detailed-exitcode
  syncspec plan --detailed-exitcode --fail-on blocked,unknown
  syncspec plan --format markdown > comment.md
  syncspec plan --format html --redact values > plan.html
  syncspec plan -o crm.plan && syncspec apply crm.plan
"""

_KINDS = ("drift", "blocked", "unknown", "adopt")


def _kinds(context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> frozenset[str]:
    names = [name.strip() for text in values for name in text.split(",")]
    for name in names:
        if name not in _KINDS:
            raise click.BadParameter(f'"{name}" is none of {", ".join(_KINDS)}.', context, parameter)
    return frozenset(names)


@click.command("plan", epilog=_EXAMPLES)
@selection_options()
@click.option("--full", is_flag=True, help="Show every change, however many there are.")
@click.option(
    "-o",
    "--out",
    "out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Save the plan too, for syncspec show FILE and syncspec apply FILE.",
)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where apply would send something.")
@click.option(
    "--fail-on",
    "fail_on",
    multiple=True,
    callback=_kinds,
    metavar="KINDS",
    help="Exit with 2 where the plan holds one of: drift, blocked, unknown, adopt.",
)
@click.option(
    "--drift-only", is_flag=True, help="Show only what became different upstream, and nothing that the author changed."
)
@review_options()
@project_options()
@click.pass_obj
def command(
    invocation: Invocation,
    paths: tuple[Path, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    labels: Mapping[str, str],
    full: bool,
    out: Path | None,
    detailed_exitcode: bool,
    fail_on: frozenset[str],
    drift_only: bool,
) -> int:
    """Compare the manifests with what the upstream holds, and show what apply would do. Nothing is changed.

    PATHs are manifests or folders of them. They, --target, --exclude and -l only choose what is planned: what is not
    chosen is left alone. A choice that matches nothing is an error (exit code 64).

    Adopting a record writes to the lockfile only, so --detailed-exitcode does not count it; --fail-on adopt does.
    Where a collection cannot be read, or a lookup that something refers to does not find its record, the plan says so
    and the exit code is 1.

    --drift-only shows no requests, cannot be saved, and lets --detailed-exitcode tell whether anything drifted.

    A saved plan holds no sensitive value and no token; it may be read by its owner only. Where it rests on sensitive
    values, SYNCSPEC_DIGEST_KEY must be set, to the same value here and where it is applied.
    """
    from syncspec.cli.progress import watch
    from syncspec.planning.notes import counted
    from syncspec.project.loop import run_to_end

    if drift_only and out is not None:
        raise click.UsageError("--drift-only shows a part of a plan, which cannot be saved; leave out one of the two.")
    project = invocation.open_at(paths)
    with watch(invocation.screen) as view:
        made = run_to_end(
            functools.partial(
                project.plan, include=include, exclude=exclude, labels=labels, paths=paths, on_rows=view.rows
            )
        )
    if out is not None:
        made.save(out)
    plan = made.drift() if drift_only else made
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
    if out is not None:
        invocation.screen.note(f"Saved as {out}, digest {plan.digest[:12]}.")
    elif drift_only and len(made.changes) > len(plan.changes):
        left_out = counted(len(made.changes) - len(plan.changes), "other change")
        invocation.screen.note(f"Left out, as --drift-only asks for: {left_out}.")
    elif invocation.format == "text" and not plan.is_empty:
        invocation.screen.note(f"Digest {plan.digest[:12]}.")
    return _exit_code(plan, fail_on=fail_on, detailed=detailed_exitcode, drift_only=drift_only)


def _exit_code(plan: ShownPlan, *, fail_on: frozenset[str], detailed: bool, drift_only: bool) -> int:
    """1: something could not be read or found; 2: what was asked for is there, with `detailed` something to do."""
    from syncspec.planning.plan import Action

    if any(not seen.readable for seen in plan.plan.observations) or any(item.is_error for item in plan.diagnostics):
        return 1
    found = {action.value for action, number in plan.summary.items() if number}
    is_due = any(change.is_sent or (drift_only and change.action is not Action.UNCHANGED) for change in plan.changes)
    return 2 if (detailed and is_due) or not found.isdisjoint(fail_on) else 0
