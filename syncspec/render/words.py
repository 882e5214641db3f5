"""The symbols and words for actions and outcomes, the same in every format, in the order in which they are counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncspec.apply.report import RecordOutcome, Report
from syncspec.planning.plan import Action, Plan
from syncspec.planning.rules import Rule
from syncspec.render.terminal import Style
from syncspec.render.values import counted

__all__ = [
    "ACTIONS",
    "FAILURES",
    "OUTCOMES",
    "Mark",
    "action_counts",
    "outcome_counts",
    "outcome_line",
    "place_title",
    "summary_line",
]


@dataclass(frozen=True, slots=True)
class Mark:
    """How one action or outcome is shown: its symbol, its words in a count (`3 to create`), its colour."""

    symbol: str
    words: str
    style: Style


ACTIONS: Mapping[Action, Mark] = {
    Action.CREATE: Mark("+", "to create", Style.ADDED),
    Action.ADOPT: Mark("=", "to adopt", Style.LOCKED),
    Action.UPDATE: Mark("~", "to update", Style.CHANGED),
    Action.DELETE: Mark("-", "to delete", Style.STOPPED),
    Action.MOVE: Mark(">", "to move", Style.LOCKED),
    Action.DRIFT: Mark("*", "drifted", Style.CHANGED),
    Action.BLOCKED: Mark("!", "blocked", Style.STOPPED),
    Action.UNKNOWN: Mark("?", "unknown", Style.WARNING),
    Action.UNCHANGED: Mark(" ", "unchanged", Style.FAINT),
}

OUTCOMES: Mapping[RecordOutcome, Mark] = {
    RecordOutcome.CREATED: Mark("+", "created", Style.ADDED),
    RecordOutcome.ADOPTED: Mark("=", "adopted", Style.LOCKED),
    RecordOutcome.UPDATED: Mark("~", "updated", Style.CHANGED),
    RecordOutcome.DELETED: Mark("-", "deleted", Style.STOPPED),
    RecordOutcome.REJECTED: Mark("x", "rejected", Style.STOPPED),
    RecordOutcome.UNKNOWN: Mark("?", "unknown", Style.WARNING),
    RecordOutcome.NOT_ATTEMPTED: Mark("!", "not attempted", Style.STOPPED),
    RecordOutcome.UNCHANGED: Mark(" ", "unchanged", Style.FAINT),
}


FAILURES = frozenset({RecordOutcome.REJECTED, RecordOutcome.UNKNOWN, RecordOutcome.NOT_ATTEMPTED})
"""Outcomes that need an eye."""


_KEPT = frozenset({Rule.RETAINED.value, Rule.RELEASED.value})


def action_counts(summary: Mapping[Action, int], marks: Mapping[Action, Mark] = ACTIONS) -> str:
    """`3 to create, 2 unchanged`; nothing where all are zero."""
    return ", ".join(f"{summary[action]:,} {mark.words}" for action, mark in marks.items() if summary.get(action))


def outcome_counts(summary: Iterable[tuple[RecordOutcome, int]]) -> str:
    """`3 created, 2 unchanged`; nothing where all are zero."""
    numbers = dict(summary)
    return ", ".join(f"{numbers[outcome]:,} {mark.words}" for outcome, mark in OUTCOMES.items() if numbers.get(outcome))


def summary_line(plan: Plan) -> str:
    """`Plan: 3 to create, 2 unchanged.`, or that there is nothing to do."""
    summary = plan.summary
    told = action_counts(summary)
    if not plan.is_empty:
        return f"Plan: {told}."
    if summary[Action.UNCHANGED] == len(plan.changes):
        if not plan.changes:
            return "No changes. No records are declared."
        kept = sum(change.code in _KEPT for change in plan.changes)
        declared = len(plan.changes) - kept
        parts = [f"{counted(declared, 'record')} {'is' if declared == 1 else 'are'} as declared"] if declared else []
        parts += [f"{counted(kept, 'record')} no longer declared {'is' if kept == 1 else 'are'} kept"] if kept else []
        return f"No changes. {', '.join(parts)}."
    return f"Nothing to apply: {told}."


def outcome_line(report: Report) -> str:
    """`Done: 3 created.`, or `Interrupted: …`."""
    told = outcome_counts(report.summary.items()) or "no records"
    return f"{'Interrupted' if report.interrupted else 'Done'}: {told}."


def place_title(project: str, environment: str | None) -> str:
    """`arrakis`, or `arrakis (sandbox)` where there are environments."""
    return project if environment is None else f"{project} ({environment})"
