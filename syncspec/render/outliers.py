"""The few changes that differ from nearly all others of their kind: what a reviewer of thousands must not miss.

A group is uniform where a few forms (of the field set, of one field's step) cover nearly all of it; what has a rare
form then is an outlier. Its note tells in which way, by field names alone: it holds no value.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from syncspec.planning.plan import Change, FieldChange
from syncspec.records import Json
from syncspec.render.values import common_start

__all__ = ["LEAST", "FieldUse", "field_uses", "outlier_notes"]

Form = TypeVar("Form", bound=Hashable)

LEAST = 20
"""Fewer changes than this are read one by one, and none of them is called an outlier."""

_USUAL_SHARE = 20
"""A form is usual where at least one in so many has it."""

_RARE_SHARE = 50
"""There are outliers where at most one in so many has no usual form."""

_FEWEST = 3
"""So many are outliers in a small group, too, unless they are a tenth of it."""

_SAMPLE = 500
_MOST_NAMES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldUse:
    """How one field is used in a group: in `records` of them, with one and the same step in `alike`.

    `example` is the position of a change with that step.
    """

    path: str
    records: int
    alike: int
    example: int


def field_uses(changes: Sequence[Change]) -> tuple[FieldUse, ...]:
    """The fields of the changes, the most used first."""
    by_path: dict[str, list[int]] = defaultdict(list)
    steps: dict[str, list[tuple[Hashable, Hashable]]] = defaultdict(list)
    for position, change in enumerate(changes):
        for each in change.fields:
            by_path[each.path].append(position)
            after = ("known after apply",) if each.known_after_apply else _token(each.after)
            steps[each.path].append((_token(each.before), after))
    uses = []
    for path, positions in by_path.items():
        step, alike = Counter(steps[path]).most_common(1)[0]
        example = positions[steps[path].index(step)]
        uses.append(FieldUse(path=path, records=len(positions), alike=alike, example=example))
    return tuple(sorted(uses, key=lambda use: (-use.records, use.path)))


def outlier_notes(changes: Sequence[Change]) -> dict[int, str]:
    """In which way the outliers among changes of one set and action differ, by their positions."""
    if len(changes) < LEAST:
        return {}
    notes: dict[int, list[str]] = defaultdict(list)
    sets = [frozenset(each.path for each in change.fields) for change in changes]
    usual, rare = _rare(dict(enumerate(sets)))
    for position in rare:
        nearest = min(usual, key=lambda paths: (len(paths ^ sets[position]), sorted(paths)))
        notes[position].append(_set_note(sets[position], nearest))
    for path, holders in _by_path(changes).items():
        for position, words in _value_notes(path, holders).items():
            notes[position].append(words)
    return {position: "; ".join(_few(notes[position])) for position in sorted(notes)}


def _by_path(changes: Sequence[Change]) -> Mapping[str, dict[int, FieldChange]]:
    found: dict[str, dict[int, FieldChange]] = defaultdict(dict)
    for position, change in enumerate(changes):
        for each in change.fields:
            if not each.sensitive and not each.known_after_apply:
                found[each.path][position] = each
    return found


def _rare(forms: Mapping[int, Form]) -> tuple[list[Form], list[int]]:
    """The usual forms, and the positions of those with another one; neither where the group is not uniform."""
    counts = Counter(forms.values())
    usual = [form for form, number in counts.items() if number >= max(2, len(forms) / _USUAL_SHARE)]
    missing = len(forms) - sum(counts[form] for form in usual)
    most = max(1, len(forms) // _RARE_SHARE, min(_FEWEST, len(forms) // 10))
    if not usual or not 0 < missing <= most:
        return [], []
    known = set(usual)
    return usual, [position for position, form in forms.items() if form not in known]


def _set_note(paths: frozenset[str], usual: frozenset[str]) -> str:
    more, less = sorted(paths - usual), sorted(usual - paths)
    parts = [f"with {_names(more)}"] if more else []
    parts += [f"without {_names(less)}"] if less else []
    return " and ".join(parts)


def _value_notes(path: str, holders: Mapping[int, FieldChange]) -> dict[int, str]:
    """What is unlike the others in one field's steps: the first form that tells, per change."""
    if len(holders) < LEAST:
        return {}
    notes: dict[int, str] = {}
    sample = list(holders.values())[:: -(-len(holders) // _SAMPLE)]
    for form, words in _FORMS:
        if not _may_be_uniform(sample, form):
            continue
        _, rare = _rare({position: form(each) for position, each in holders.items()})
        for position in rare:
            notes.setdefault(position, words(path, holders[position]))
    return notes


def _may_be_uniform(sample: Sequence[FieldChange], form: Callable[[FieldChange], Hashable]) -> bool:
    """Whether the forms of a sample repeat so much that it is worth while to look at all of them."""
    counts = Counter(map(form, sample))
    usual = sum(number for number in counts.values() if number >= max(2, len(sample) / _USUAL_SHARE / 2))
    return usual >= 0.8 * len(sample)


def _kinds(change: FieldChange) -> Hashable:
    return _kind(change.before), _kind(change.after)


def _kind(value: Json) -> str:
    return _KINDS.get(type(value), type(value).__name__) if value != "" else "empty"


_KINDS = {type(None): "empty", bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "map"}


def _kind_words(path: str, change: FieldChange) -> str:
    return f"{path} is emptied" if _kind(change.after) == "empty" else f"{path} has a value of another kind"


def _after(change: FieldChange) -> Hashable:
    return _token(change.after)


def _before(change: FieldChange) -> Hashable:
    return _token(change.before)


def _edit(change: FieldChange) -> Hashable:
    """What is left of a text's step without the beginning and the end that both sides share."""
    before, after = change.before, change.after
    if not isinstance(before, str) or not isinstance(after, str):
        return None
    start = common_start(before, after)
    before, after = before[start:], after[start:]
    end = common_start(before[::-1], after[::-1])
    return before[: len(before) - end], after[: len(after) - end]


def _magnitude(change: FieldChange) -> Hashable:
    """By how many powers of ten a number changes, or how long it is where it is new."""
    after, before = _number(change.after), _number(change.before)
    if after is None:
        return None
    scale = abs(after / before) if before else abs(after)
    sign = (after > 0) - (after < 0)
    return sign, round(math.log10(scale)) if 0 < scale < math.inf else 0


def _number(value: Json) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


_FORMS: Sequence[tuple[Callable[[FieldChange], Hashable], Callable[[str, FieldChange], str]]] = (
    (_kinds, _kind_words),
    (_after, lambda path, _: f"another value of {path}"),
    (_before, lambda path, _: f"another former value of {path}"),
    (_edit, lambda path, _: f"{path} is edited in another way"),
    (_magnitude, lambda path, _: f"{path} changes by another order of magnitude"),
)


def _token(value: Json) -> Hashable:
    """Equal for equal values, and different for `1`, `1.0`, `true` and `"1"`."""
    if value is None or isinstance(value, str):
        return value
    return (json.dumps(value, sort_keys=True),)


def _names(names: Sequence[str]) -> str:
    return ", ".join(_few(names))


def _few(names: Iterable[str]) -> list[str]:
    listed = list(names)
    more = len(listed) - _MOST_NAMES
    return [*listed[:_MOST_NAMES], f"{more:,} more"] if more > 0 else listed
