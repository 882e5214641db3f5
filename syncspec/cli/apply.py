"""`syncspec apply`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncspec.cli.invocation import Invocation
from syncspec.cli.options import project_options, review_options, selection_options

if TYPE_CHECKING:
    from syncspec.cli.events import EventsFile
    from syncspec.cli.report_file import ReportFile
    from syncspec.project.saved import SavedPlan

__all__ = ["command"]

_DIGEST = re.compile(r"[0-9a-fA-F]{12,64}")
_EXAMPLES = """\b
Examples:
  syncspec apply
  syncspec apply manifests/crm -e sandbox
  syncspec apply --auto-approve --json > report.json
  syncspec apply --allow max_creates=6000
  syncspec apply -y --report report.json --events events.jsonl
  syncspec apply crm.plan               what syncspec plan -o crm.plan saved
  syncspec apply --approved 3f9a1c77b2e4
"""


def _approved(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _DIGEST.fullmatch(value):
        raise click.BadParameter(
            f'"{value}" is no digest of a plan, nor the first 12 digits or more of one.', context, parameter
        )
    return value.lower() if value is not None else None


@click.command("apply", epilog=_EXAMPLES)
@selection_options()
@click.option("-y", "--auto-approve", is_flag=True, help="Do not ask.")
@click.option(
    "--approved",
    callback=_approved,
    metavar="DIGEST",
    help="Apply only the plan with this digest, or one that begins with these 12 digits or more; do not ask.",
)
@click.option(
    "--allow",
    multiple=True,
    metavar="GUARD=NUMBER",
    help="Lift a guard for this run, such as max_creates=6000; may be given several times.",
)
@click.option(
    "--wait-settled",
    is_flag=True,
    help="Wait until time can tell nothing more of what is unknown, however long that takes.",
)
@click.option(
    "--no-prior-run",
    is_flag=True,
    help="No run came before those that the journal here knows: do not wait for what one may have in flight.",
)
@click.option("--full", is_flag=True, help="List every record, however many there are.")
@click.option(
    "--report",
    "report_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Also write the report as JSON to a file, whatever the exit code (schema report.v1).",
)
@click.option(
    "--events",
    "events_path",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Append a line of JSON for each thing that happens in the run, and for its end (schema events.v1).",
)
@review_options()
@project_options()
@click.pass_obj
def command(
    invocation: Invocation,
    paths: tuple[Path, ...],
    auto_approve: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    labels: Mapping[str, str],
    approved: str | None,
    allow: tuple[str, ...],
    wait_settled: bool,
    no_prior_run: bool,
    full: bool,
    report_path: Path | None,
    events_path: Path | None,
) -> int:
    """Plan, show the plan, ask, and carry it out. The lockfile then holds the upstream ID of every record.

    Without a terminal to ask on, -y is needed; else nothing is done (exit code 64). PATHs, --target, --exclude and -l
    choose what is applied as in `syncspec plan`.

    A PATH that is a saved plan is applied as it was reviewed, and nothing is asked. Manifests, lockfile and upstream
    are read again: what is done of it already is left alone, what it does not hold is not done, and where one of its
    steps is not due any more it is refused (exit code 5) with what changed.

    A record whose outcome is unknown is looked for upstream, for as long as the upstream's wait_seconds, and found by
    its marker or match key; it is sent once more only where a whole list from after its horizon proves that it is not
    there. What stays unknown is looked for again by the next apply.

    Press Ctrl-C once to finish what is in flight and stop, twice to stop at once; what was sent is recorded either
    way.

    Exit codes: 0 all is as declared; 3 some records were rejected, blocked or not attempted; 4 the outcome of some is
    unknown; 5 the plan is stale; 6 a guard refused the plan; 7 another run holds the lock; 130 interrupted.
    """
    from syncspec.cli.events import open_events
    from syncspec.cli.report_file import open_report

    options: dict[str, Any] = {
        "approved": approved,
        "include": include,
        "exclude": exclude,
        "labels": labels,
        "allow": allow,
        "wait_settled": wait_settled,
        "no_prior_run": no_prior_run,
    }
    invocation.enter_folder()
    with open_report(report_path, invocation) as file, open_events(events_path, redact=invocation.redact) as events:
        saved = _saved_plan(invocation, paths, is_selected=bool(include or exclude or labels))
        ask = not auto_approve and approved is None and saved is None
        options |= {"plan": saved, "paths": () if saved is not None else paths}
        return _apply(invocation, file, events, ask=ask, full=full, **options)


def _apply(
    invocation: Invocation, file: ReportFile, events: EventsFile | None, *, ask: bool, full: bool, **options: Any
) -> int:
    from syncspec.cli.applying import Applying
    from syncspec.cli.failure import INTERRUPTED, NOTHING_SENT
    from syncspec.cli.question import require_terminal
    from syncspec.errors import SyncspecError

    project = invocation.open_at(options["paths"])
    if ask:
        require_terminal("apply", first=project.load)
    applying = Applying(invocation, full=full, report_file=file, events=events)
    report = applying.run(project, ask=ask, **options)
    if events is not None:
        if report is None:
            events.end(NOTHING_SENT, exit_code=INTERRUPTED)
        if events.failure is not None:
            invocation.show([events.failure])
    file.write(report)
    if report is None:
        return INTERRUPTED
    invocation.show(report.diagnostics)
    try:
        invocation.write_rendered(
            report.render(
                invocation.format,
                color=invocation.screen.result_color,
                full=full,
                redact=invocation.redact,
                folder=invocation.annotated_folder(),
            )
        )
    except SyncspecError as error:
        # The records are applied, whether or not that could be printed: the exit code must say what was done.
        invocation.show(error.diagnostics)
    return report.exit_code


def _saved_plan(invocation: Invocation, paths: tuple[Path, ...], *, is_selected: bool) -> SavedPlan | None:
    """The saved plan among the PATHs; it is applied alone, and in its own environment unless another is named."""
    from syncspec.project.recognition import is_saved_plan

    found = [path for path in paths if is_saved_plan(path)]
    if not found:
        return None
    if is_selected or len(paths) > 1:
        raise click.UsageError(f"{found[0]} is a saved plan: it is applied as it is, with no other PATH and no choice.")
    from syncspec.project.saved import load_plan

    saved = load_plan(found[0])
    if invocation.env is None and not os.environ.get("SYNCSPEC_ENV"):
        invocation.env = saved.plan.environment
    return saved
