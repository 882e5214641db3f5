"""What the library gives back: a plan to review, and a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Diagnostic, did_you_mean
from syncspec.errors import UsageError
from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.selection import Selection
from syncspec.settings import LoadedProject

__all__ = ["AppliedReport", "ReviewablePlan"]

FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewablePlan:
    """A plan with what is needed to show it and to make it again."""

    plan: Plan
    project: LoadedProject
    selection: Selection

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

    def render(self, format: str = "text", *, color: bool = False, full: bool = False) -> str:
        """Print as `text` or `json`; `full` shows every create of a large plan. Raises UsageError otherwise."""
        _check_format(format)
        if format == "json":
            from syncspec.render.plan_json import plan_json

            return plan_json(self.plan).decode()
        from syncspec.render.plan_text import plan_text

        return plan_text(self.plan, color=color, full=full)


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

    def render(self, format: str = "text", *, color: bool = False, full: bool = False) -> str:
        """Print as `text` or `json`; `full` lists every record that was written. Raises UsageError otherwise."""
        _check_format(format)
        if format == "json":
            from syncspec.render.report_json import report_json

            return report_json(self.report).decode()
        from syncspec.render.report_text import report_text

        return report_text(self.report, color=color, full=full)


def _check_format(format: str) -> None:
    if format not in FORMATS:
        raise UsageError(
            "Unknown format",
            detail=f'"{format}" is not a format; known are {" and ".join(FORMATS)}.',
            hint=did_you_mean(format, FORMATS),
        )
