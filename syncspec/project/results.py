"""What the library gives back: a plan to review, and a report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from syncspec.apply.history import PastRun, run_report
from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.apply.state import State
from syncspec.diagnostics import Diagnostic, did_you_mean
from syncspec.errors import UsageError
from syncspec.planning.comparison import Comparison
from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.selection import Selection
from syncspec.settings import LoadedProject

__all__ = [
    "FORMATS",
    "AppliedReport",
    "ReviewablePlan",
    "ShownPlan",
    "render_changes",
    "render_plan",
    "render_report",
    "render_run",
]

FORMATS = ("text", "json", "markdown", "html", "github")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownPlan:
    """A plan as it is shown, whether it was just made or read back."""

    plan: Plan

    @property
    def digest(self) -> str:
        """Changes with all that decides what apply would do; `apply(approved=…)` takes it."""
        return self.plan.digest

    @property
    def changes(self) -> tuple[Change, ...]:
        return self.plan.changes

    @property
    def summary(self) -> Mapping[Action, int]:
        return self.plan.summary

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.plan.diagnostics

    @property
    def is_empty(self) -> bool:
        """Whether apply would neither send a request nor change the lockfile."""
        return self.plan.is_empty

    def render(
        self,
        format: str = "text",
        *,
        color: bool = False,
        full: bool = False,
        redact: bool = False,
        folder: str = "",
    ) -> str:
        """Print as `text`, `json`, `markdown` (a pull request comment), `html` (one file) or `github` (annotations).

        `color` and `full`, which shows every change of a large plan, are for text; `folder` leads from the repository
        to the project, for annotations. `redact` hides every value. Raises UsageError for another format.
        """
        return render_plan(self.plan, format, color=color, full=full, redact=redact, folder=folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewablePlan(ShownPlan):
    """A plan with what is needed to show it, to make it again and to save it.

    `state` is what it was made from beside the manifests and the upstream.
    """

    project: LoadedProject
    selection: Selection
    state: State = field(repr=False)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save it as a file that only its owner may read, and that `load_plan` reads; one that is there is replaced.

        The file holds no sensitive value: their digests are keyed by SYNCSPEC_DIGEST_KEY, which must be set where a
        step rests on one. Raises PlanFileError.
        """
        from syncspec.project.saving import save_plan

        save_plan(self, Path(path))


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedReport:
    """What an apply did, and the plan that it carried out."""

    report: Report
    plan: Plan

    @property
    def run(self) -> str:
        return self.report.run

    @property
    def records(self) -> tuple[RecordReport, ...]:
        return self.report.records

    @property
    def summary(self) -> Mapping[RecordOutcome, int]:
        return self.report.summary

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        return self.report.diagnostics

    @property
    def exit_code(self) -> int:
        """130 interrupted, 4 some outcome is unknown, 3 something was rejected or not attempted, else 0."""
        return self.report.exit_code

    def render(
        self,
        format: str = "text",
        *,
        color: bool = False,
        full: bool = False,
        redact: bool = False,
        folder: str = "",
    ) -> str:
        """Print in one of the formats of `ShownPlan.render`; `full` lists every record that was written.

        `redact` hides the wording of errors, which may quote values. Raises UsageError for another format.
        """
        return render_report(
            self.report,
            format,
            project=self.plan.project,
            environment=self.plan.environment,
            color=color,
            full=full,
            redact=redact,
            folder=folder,
        )


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
