"""What a reviewer of a plan looks for first: the counts, what needs an eye, and what is alike in the rest.

A review holds positions in the plan's changes and names of fields, never a value: the renderers take values from the
plan, or from the plan without values that `redaction` makes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from syncspec.planning.plan import Action, Change, Plan
from syncspec.records import Target
from syncspec.render.outliers import LEAST, FieldUse, field_uses, outlier_notes

__all__ = [
    "CONCERNS",
    "Concern",
    "Review",
    "SetReview",
    "concern_of",
    "most_telling",
    "review_of",
    "samples",
    "spread",
    "told_apart",
]


class Concern(StrEnum):
    """Why a change needs a reviewer's eye; a change has one at the most, the gravest."""

    DELETE = "delete"
    RESTORE = "restore"
    CONFLICT = "conflict"
    UNKNOWN = "unknown"
    BLOCKED = "blocked"
    PROTECTED = "protected"
    ADOPT = "adopt"
    OUTLIER = "outlier"
    DRIFT = "drift"


CONCERNS: Mapping[Concern, str] = {
    Concern.DELETE: "To delete",
    Concern.RESTORE: "Drift to write back",
    Concern.CONFLICT: "Conflicts",
    Concern.UNKNOWN: "Unknown",
    Concern.BLOCKED: "Blocked",
    Concern.PROTECTED: "Protected",
    Concern.ADOPT: "To adopt",
    Concern.OUTLIER: "Unlike the rest",
    Concern.DRIFT: "Drifted",
}
"""Their headings, the gravest first. Drift writes nothing and comes after all that is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetReview:
    """One set of the plan. `positions` are those of its changes in the plan by action, in the order of `Action`."""

    name: str
    target: Target
    positions: Mapping[Action, tuple[int, ...]]

    def count(self, action: Action) -> int:
        return len(self.positions.get(action, ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The reading aid of one plan.

    `eye` holds the changes of each concern that there is, the gravest first. `notes` tell in which way an outlier is
    one. `uses` tell of each large group of one set and action how its fields are used; the examples are positions in
    the plan.
    """

    sets: tuple[SetReview, ...]
    eye: Mapping[Concern, tuple[int, ...]]
    notes: Mapping[int, str] = field(default_factory=dict)
    uses: Mapping[tuple[str, Action], tuple[FieldUse, ...]] = field(default_factory=dict)

    def looked_at(self) -> frozenset[int]:
        """The positions of all changes that need an eye."""
        return frozenset(position for found in self.eye.values() for position in found)


def concern_of(change: Change) -> Concern | None:
    """Why a change needs an eye by itself, whatever the others are."""
    match change.action:
        case Action.DELETE:
            return Concern.DELETE
        case Action.UNKNOWN:
            return Concern.UNKNOWN
        case Action.ADOPT:
            return Concern.ADOPT
        case Action.DRIFT:
            return Concern.DRIFT
        case Action.BLOCKED:
            return _by_rule(change, _OF_BLOCKED) or Concern.BLOCKED
        case Action.UPDATE:
            guarded = change.desired is not None and change.desired.lifecycle.protect
            return Concern.PROTECTED if guarded else _by_rule(change, _OF_UPDATES)
        case Action.CREATE | Action.MOVE | Action.UNCHANGED:
            return None
        case _ as unreachable:
            assert_never(unreachable)


_OF_BLOCKED = {"conflict": Concern.CONFLICT, "protect": Concern.PROTECTED, "protected": Concern.PROTECTED}
_OF_UPDATES = {
    "protected": Concern.PROTECTED,
    "restore": Concern.RESTORE,
    "restored": Concern.RESTORE,
    "drift": Concern.RESTORE,
    "drifted": Concern.RESTORE,
    "adopt": Concern.ADOPT,
    "adopted": Concern.ADOPT,
    "match": Concern.ADOPT,
}
"""An update that undoes somebody's change, or that changes a record on its adoption, is more than an update."""


def _by_rule(change: Change, words: Mapping[str, Concern]) -> Concern | None:
    """By the words of the rule that decided: rules of a kind carry its word in their names."""
    return next((words[word] for word in change.code.split("-") if word in words), None)


def review_of(plan: Plan) -> Review:
    """The review of a plan: equal plans have equal ones."""
    sets = _sets(plan)
    notes: dict[int, str] = {}
    uses: dict[tuple[str, Action], tuple[FieldUse, ...]] = {}
    for each in sets:
        for action, positions in each.positions.items():
            if action is Action.UNCHANGED or len(positions) < LEAST:
                continue
            group = [plan.changes[position] for position in positions]
            notes |= {positions[place]: note for place, note in outlier_notes(group).items()}
            uses[each.name, action] = tuple(
                FieldUse(path=use.path, records=use.records, alike=use.alike, example=positions[use.example])
                for use in field_uses(group)
            )
    return Review(sets=sets, eye=_eye(plan, notes), notes=notes, uses=uses)


def _sets(plan: Plan) -> tuple[SetReview, ...]:
    found: dict[str, dict[Action, list[int]]] = defaultdict(lambda: defaultdict(list))
    targets: dict[str, Target] = {}
    for position, change in enumerate(plan.changes):
        name = change.address.partition(".")[0]
        found[name][change.action].append(position)
        targets.setdefault(name, change.target)
    return tuple(
        SetReview(
            name=name,
            target=targets[name],
            positions={action: tuple(found[name][action]) for action in Action if action in found[name]},
        )
        for name in sorted(found)
    )


def _eye(plan: Plan, notes: Mapping[int, str]) -> Mapping[Concern, tuple[int, ...]]:
    found: dict[Concern, list[int]] = defaultdict(list)
    for position, change in enumerate(plan.changes):
        concern = concern_of(change) or (Concern.OUTLIER if position in notes else None)
        if concern is not None:
            found[concern].append(position)
    return {concern: tuple(found[concern]) for concern in Concern if concern in found}


def told_apart(plan: Plan, positions: tuple[int, ...]) -> Counter[tuple[str, str]]:
    """How many of the changes there are per set and deciding rule."""
    changes = (plan.changes[position] for position in positions)
    return Counter((change.address.partition(".")[0], change.code) for change in changes)


def most_telling(plan: Plan, review: Review, positions: tuple[int, ...]) -> tuple[int, ...]:
    """Places in `positions` to show before others: one change per set and rule, the rare rules first, then outliers."""
    by_rule: dict[tuple[str, str], int] = {}
    for place, position in enumerate(positions):
        change = plan.changes[position]
        by_rule.setdefault((change.address.partition(".")[0], change.code), place)
    rules = [by_rule[rule] for rule, _ in reversed(told_apart(plan, positions).most_common())]
    noted = [place for place, position in enumerate(positions) if position in review.notes]
    return tuple(dict.fromkeys([*rules, *noted]))


def spread(number: int) -> Iterator[int]:
    """Every position below `number` once, so that the first few are far apart: the ends, the middle, the quarters."""
    if number:
        yield 0
    if number > 1:
        yield number - 1
    gaps = [(0, number - 1)]
    while gaps:
        wider = []
        for low, high in gaps:
            middle = (low + high) // 2
            if low < middle:
                yield middle
                wider += [(low, middle), (middle, high)]
        gaps = wider


def samples(number: int, most: int, *, first: tuple[int, ...] = ()) -> list[int]:
    """At most `most` positions below `number` in order: those in `first`, then some from all over."""
    chosen = dict.fromkeys(first[:most])
    for place in spread(number):
        if len(chosen) >= most:
            break
        chosen.setdefault(place)
    return sorted(chosen)
