"""The formats in which plans, reports and changes are printed. Each format is imported where it is asked for."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.apply.history import PastRun, run_report
from syncspec.apply.report import Report
from syncspec.diagnostics import did_you_mean
from syncspec.errors import UsageError
from syncspec.planning.comparison import Comparison
from syncspec.planning.plan import Plan

__all__ = ["FORMATS", "render_changes", "render_plan", "render_report", "render_run"]

FORMATS = ("text", "json", "markdown", "html", "github")


def render_plan(
    plan: Plan,
    format: str,
    *,
    color: bool = False,
    full: bool = False,
    redact: bool = False,
    folder: str = "",
) -> str:
    """Print a plan that was just made or a saved one: `ShownPlan.render`."""
    match format:
        case "text":
            from syncspec.render.plan_text import plan_text

            return plan_text(plan, color=color, full=full, redact=redact)
        case "json":
            from syncspec.render.plan_json import plan_json

            return plan_json(plan, redact=redact).decode()
        case "markdown":
            from syncspec.render.markdown import plan_markdown

            return plan_markdown(plan, redact=redact)
        case "html":
            from syncspec.render.html import plan_html

            return plan_html(plan, redact=redact)
        case "github":
            from syncspec.render.annotations import plan_annotations

            return plan_annotations(plan, folder=folder, redact=redact)
        case _:
            raise _unknown_format(format)


def render_report(
    report: Report,
    format: str,
    *,
    project: str,
    environment: str | None,
    color: bool = False,
    full: bool = False,
    redact: bool = False,
    folder: str = "",
) -> str:
    """Print a report of this run or a past one: `AppliedReport.render`."""
    match format:
        case "text":
            from syncspec.render.report_text import report_text

            return report_text(report, color=color, full=full, redact=redact)
        case "json":
            from syncspec.render.report_json import report_json

            return report_json(report, redact=redact).decode()
        case "markdown":
            from syncspec.render.markdown import report_markdown

            return report_markdown(report, project=project, environment=environment, redact=redact)
        case "html":
            from syncspec.render.html import report_html

            return report_html(report, project=project, environment=environment, redact=redact)
        case "github":
            from syncspec.render.annotations import report_annotations

            return report_annotations(report, folder=folder, redact=redact)
        case _:
            raise _unknown_format(format)


def render_changes(
    comparisons: Sequence[Comparison],
    format: str,
    *,
    older: str,
    newer: str,
    environment: str | None = None,
    color: bool = False,
    full: bool = False,
    redact: bool = False,
    folder: str = "",
) -> str:
    """Print what differs between two revisions: `DeclaredChanges.render`."""
    match format:
        case "text":
            from syncspec.render.changes_text import changes_text

            return changes_text(comparisons, older=older, newer=newer, color=color, full=full, redact=redact)
        case "json":
            from syncspec.render.changes_json import changes_json

            return changes_json(comparisons, older=older, newer=newer, redact=redact).decode()
        case "markdown":
            from syncspec.render.markdown import changes_markdown

            return changes_markdown(comparisons, older=older, newer=newer, environment=environment, redact=redact)
        case "html":
            from syncspec.render.html import changes_html

            return changes_html(comparisons, older=older, newer=newer, redact=redact)
        case "github":
            from syncspec.render.changes_annotations import changes_annotations

            return changes_annotations(comparisons, folder=folder, redact=redact)
        case _:
            raise _unknown_format(format)


def render_run(
    past: PastRun,
    format: str,
    *,
    project: str,
    environment: str | None,
    color: bool = False,
    redact: bool = False,
    folder: str = "",
    requests: bool = False,
) -> str:
    """Print a past run: its report, and in text and JSON the batches that failed.

    `requests` prints what is kept of these, instead of the report, with what was sent and answered. Raises UsageError
    where the run left no report, and where the format cannot hold requests.
    """
    if requests and format not in ("text", "json"):
        raise UsageError(
            "Requests are text or JSON", detail=f"--requests was given with --format {format}.", hint="leave one away"
        )
    if requests:
        from syncspec.render.failed_batches import requests_json, requests_text

        return requests_json(past, redact=redact).decode() if format == "json" else requests_text(past, redact=redact)
    report = run_report(past)
    if format == "json":
        from syncspec.render.report_json import report_json

        return report_json(report, redact=redact, failed=past.failed).decode()
    shown = render_report(
        report,
        format,
        project=project,
        environment=environment,
        color=color,
        full=True,
        redact=redact,
        folder=folder,
    )
    if format == "text" and past.failed:
        from syncspec.render.failed_batches import failed_text

        shown += f"\n{failed_text(past, redact=redact)}"
    return shown


def _unknown_format(format: str) -> UsageError:
    return UsageError(
        "Unknown format",
        detail=f'"{format}" is not a format; known are {", ".join(FORMATS[:-1])} and {FORMATS[-1]}.',
        hint=did_you_mean(format, FORMATS),
    )
