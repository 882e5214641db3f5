"""What the library gives back: a plan to review, and a report."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.apply.state import State
from syncspec.diagnostics import Diagnostic
from syncspec.planning.drift import drift_of
from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.selection import Selection
from syncspec.project.formats import render_plan, render_report
from syncspec.settings import LoadedProject

__all__ = ["AppliedReport", "ReviewablePlan", "ShownPlan"]


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

    def drift(self) -> ShownPlan:
        """What became different upstream since it was locked, alone: to look at, not to be applied."""
        return ShownPlan(plan=drift_of(self.plan, self.state.lockfile.entries.keys()))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save it as a file that only its owner may read, and that `load_plan` reads; one that is there is replaced.

        The file holds no sensitive value: their digests are keyed by SYNCSPEC_DIGEST_KEY, which must be set where a
        step rests on one. Raises PlanFileError.
        """
        from syncspec.project.saving import save_plan

        save_plan(self, Path(path))


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
