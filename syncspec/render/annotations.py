"""A plan or a report as annotations of GitHub Actions, at the manifest lines that cause what they tell.

GitHub shows ten annotations per level and step: the gravest come first, and the last one of a level counts the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import assert_never

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.planning.plan import Action, Plan
from syncspec.render.diagnostics import github_annotations
from syncspec.render.redaction import HIDDEN, redacted_plan, redacted_report
from syncspec.render.review import Concern, Review, review_of
from syncspec.render.steps import Reading, Step, steps
from syncspec.render.voice import PLANNED, Voice
from syncspec.render.words import OUTCOMES, outcome_line

__all__ = ["annotations_of", "plan_annotations", "report_annotations"]

_SHOWN = 10
_MOST_FIELDS = 10


def plan_annotations(plan: Plan, *, folder: str = "", redact: bool = False) -> str:
    """Errors for what blocks, warnings for what needs an eye, notices for the rest; `redact` hides every value.

    `folder` leads from the repository to the project. The environment is named: one commit has jobs for several.
    """
    title = f" ({plan.environment})" if plan.environment is not None else ""
    return annotations_of([plan], folder=folder, redact=redact, titles=[title])


def annotations_of(
    plans: Sequence[Plan], *, folder: str = "", redact: bool = False, voice: Voice = PLANNED, titles: Sequence[str] = ()
) -> str:
    """The annotations of several plans in one step, which GitHub counts together; `titles` tell them apart."""
    beyond: Counter[Severity] = Counter()
    told: list[Diagnostic] = []
    lanes: list[Sequence[Diagnostic]] = []
    last: list[Diagnostic] = []
    for plan, title in zip(plans, titles or [""] * len(plans), strict=True):
        review = review_of(plan)
        pieces = _Pieces(
            plan=redacted_plan(plan, keep_reasons=voice.tells_why) if redact else plan,
            review=review,
            hidden=HIDDEN if redact else "(sensitive)",
            voice=voice,
            title=title,
        )
        for concern, positions in review.eye.items():
            beyond[_severity(concern)] += max(0, len(positions) - _SHOWN)
            lanes.append([pieces.annotation(at, concern) for at in positions[:_SHOWN]])
        lanes.append([item for item in pieces.plan.diagnostics if item.severity is not Severity.NOTE])
        others = _others(review)
        beyond[Severity.NOTE] += max(0, len(others) - _SHOWN)
        told.append(_told(voice.summary(plan), f"syncspec {voice.command}{title}"))
        last += [pieces.annotation(at, None) for at in others[:_SHOWN]]
        notes = [item for item in pieces.plan.diagnostics if item.severity is Severity.NOTE]
        last += notes if voice.tells_why else []
    return github_annotations(
        [*told, *dict.fromkeys([*_interleaved(lanes), *last])], folder=folder, shown=_SHOWN, beyond=beyond
    )


def _interleaved(lanes: Iterable[Sequence[Diagnostic]]) -> Iterator[Diagnostic]:
    """The first of every lane, then the second of each, and so on: a thousand of one kind hide no other kind."""
    for row in zip_longest(*lanes):
        yield from (item for item in row if item is not None)


def _told(text: str, title: str) -> Diagnostic:
    return Diagnostic(severity=Severity.NOTE, code="summary", summary=title, detail=text)


def _others(review: Review) -> list[int]:
    """The positions of what is done and needs no eye, updates before creations before moves."""
    looked_at = review.looked_at()
    return [
        position
        for action in (Action.UPDATE, Action.CREATE, Action.MOVE)
        for each in review.sets
        for position in each.positions.get(action, ())
        if position not in looked_at
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pieces:
    """One plan's changes as annotations; `title` stands behind each heading."""

    plan: Plan
    review: Review
    hidden: str
    voice: Voice
    title: str

    def annotation(self, position: int, concern: Concern | None) -> Diagnostic:
        change, note = self.plan.changes[position], self.review.notes.get(position, "")
        lines = [f"unlike the rest: {note}"] if note and concern is not None else []
        lines += [change.reason] if change.reason else []
        lines += [f"{step.path}: {_values(step, self.hidden)}" for step in steps(change, most=_MOST_FIELDS)]
        more = len(change.fields) - _MOST_FIELDS
        lines += [f"… and {more:,} more fields"] if more > 0 else []
        return Diagnostic(
            severity=_severity(concern),
            code="change",
            summary=self._heading(change.action, concern) + self.title,
            detail="\n".join(lines),
            source=change.source,
            address=change.address,
        )

    def _heading(self, action: Action, concern: Concern | None) -> str:
        words = self.voice.actions[action].words
        if concern is Concern.PROTECTED or concern is Concern.OUTLIER:
            return f"{self.voice.concerns[concern]}: {words}"
        return "Conflict" if concern is Concern.CONFLICT else words.capitalize()


def _severity(concern: Concern | None) -> Severity:
    match concern:
        case None:
            return Severity.NOTE
        case Concern.CONFLICT | Concern.UNKNOWN | Concern.BLOCKED:
            return Severity.ERROR
        case Concern.DELETE | Concern.RESTORE | Concern.PROTECTED | Concern.ADOPT | Concern.OUTLIER | Concern.DRIFT:
            return Severity.WARNING
        case _ as unreachable:
            assert_never(unreachable)


def _values(step: Step, hidden: str) -> str:
    match step.reading:
        case Reading.HIDDEN:
            return hidden
        case Reading.SET:
            return step.after
        case Reading.GONE:
            return step.before
        case Reading.CHANGED:
            return f"{step.before} -> {step.after}"
        case Reading.APART:
            return f"{step.before} upstream, {step.after} declared"
        case _ as unreachable:
            assert_never(unreachable)


def report_annotations(report: Report, *, folder: str = "", redact: bool = False) -> str:
    """Errors for what was rejected or is unknown, warnings for what was not attempted, and a notice of the numbers."""
    shown = redacted_report(report) if redact else report
    lanes: list[Sequence[Diagnostic]] = [
        [_of_record(record) for record in shown.records if record.outcome is outcome]
        for outcome in (RecordOutcome.UNKNOWN, RecordOutcome.REJECTED, RecordOutcome.NOT_ATTEMPTED)
    ]
    told = [_told(f"{outcome_line(report)} Run {report.run}.", "syncspec apply")]
    told += _interleaved([shown.diagnostics, *lanes])
    return github_annotations(told, folder=folder, shown=_SHOWN)


def _of_record(record: RecordReport) -> Diagnostic:
    lines = [record.error] if record.error else []
    lines += [f"it may be one of: {', '.join(record.candidates)}"] if record.candidates else []
    warns = record.outcome is RecordOutcome.NOT_ATTEMPTED
    return Diagnostic(
        severity=Severity.WARNING if warns else Severity.ERROR,
        code="outcome",
        summary=OUTCOMES[record.outcome].words.capitalize(),
        detail="\n".join(lines),
        source=record.source,
        address=record.address,
    )
