"""What happens to the fields of a change, in the form in which every format shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from syncspec.planning.plan import Action, Change, FieldChange
from syncspec.render.values import LONGEST_VALUE, step_texts, value_text

__all__ = ["KNOWN_AFTER_APPLY", "Reading", "Step", "steps"]


class Reading(StrEnum):
    """How the two sides of a field are to be read."""

    HIDDEN = "hidden"
    SET = "set"
    GONE = "gone"
    CHANGED = "changed"
    APART = "apart"
    """Upstream and manifest differ, and apply leaves both alone."""


@dataclass(frozen=True, slots=True)
class Step:
    """One field: `before` is what is upstream, `after` what is declared, each a line of JSON, empty where not shown.

    What is known after apply says so in words.
    """

    path: str
    reading: Reading
    before: str = ""
    after: str = ""


def steps(change: Change, *, longest: int = LONGEST_VALUE, most: int | None = None) -> Iterator[Step]:
    """The fields of a change in order, at most `most` of them; every value at most `longest` characters."""
    return (_step(each, change.action, longest) for each in change.fields[:most])


KNOWN_AFTER_APPLY = "(known after apply)"
"""Stands for a value that holds the ID of a record which is created first."""


def _step(field: FieldChange, action: Action, longest: int) -> Step:
    reading = Reading.HIDDEN if field.sensitive else _reading(action)
    if field.known_after_apply and reading in (Reading.SET, Reading.CHANGED, Reading.APART):
        before = "" if reading is Reading.SET else value_text(field.before, longest=longest)
        return Step(field.path, reading, before=before, after=KNOWN_AFTER_APPLY)
    match reading:
        case Reading.HIDDEN:
            return Step(field.path, reading)
        case Reading.SET:
            return Step(field.path, reading, after=value_text(field.after, longest=longest))
        case Reading.GONE:
            return Step(field.path, reading, before=value_text(field.before, longest=longest))
        case Reading.CHANGED | Reading.APART:
            return Step(field.path, reading, *step_texts(field.before, field.after, longest=longest))
        case _ as unreachable:
            assert_never(unreachable)


def _reading(action: Action) -> Reading:
    match action:
        case Action.CREATE:
            return Reading.SET
        case Action.DELETE:
            return Reading.GONE
        case Action.UPDATE:
            return Reading.CHANGED
        case Action.ADOPT | Action.MOVE | Action.UNCHANGED | Action.DRIFT | Action.BLOCKED | Action.UNKNOWN:
            return Reading.APART
        case _ as unreachable:
            assert_never(unreachable)
