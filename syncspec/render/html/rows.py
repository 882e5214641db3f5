"""The rows of a page: as the template writes them, and as the data from which the page's script makes the list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from syncspec.render.steps import Reading, Step
from syncspec.render.terminal import visible
from syncspec.render.values import common_start

__all__ = ["Entry", "FieldEntry", "Kind", "Rows"]


@dataclass(frozen=True, slots=True)
class Kind:
    """An action or outcome: its name, which styles follow, and its word."""

    kind: str
    word: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEntry:
    """One field. Each side is three texts, of which the middle one differs from the other side's."""

    path: str
    reading: str
    before: tuple[str, str, str]
    after: tuple[str, str, str]

    @classmethod
    def of(cls, step: Step) -> FieldEntry:
        """The step with its difference marked, where both sides are shown."""
        if step.reading in (Reading.CHANGED, Reading.APART):
            before, after = _pieces(step.before, step.after)
        else:
            before, after = ("", step.before, ""), ("", step.after, "")
        return cls(path=step.path, reading=step.reading.value, before=before, after=after)


def _pieces(before: str, after: str) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
    start = common_start(before, after)
    end = common_start(before[start:][::-1], after[start:][::-1])
    first, second = len(before) - end, len(after) - end
    return (before[:start], before[start:first], before[first:]), (after[:start], after[start:second], after[second:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change or record. `steps` are the fields that are shown, `more_fields` how many there are beyond them."""

    kind: Kind
    set_name: str
    address: str
    where: str = ""
    upstream_id: str = ""
    former: str = ""
    reason: str = ""
    note: str = ""
    place: str = ""
    steps: Sequence[Step] = ()
    more_fields: int = 0

    @property
    def word(self) -> str:
        return self.kind.word

    @property
    def fields(self) -> list[FieldEntry]:
        return [FieldEntry.of(step) for step in self.steps]


@dataclass(slots=True)
class Rows:
    """Collects rows as the script's data: lists by position, and texts that occur often kept once."""

    kinds: Sequence[Kind]
    uncounted: str = ""
    _rows: list[list[object]] = field(default_factory=list)
    _sets: dict[str, int] = field(default_factory=dict)
    _places: dict[str, int] = field(default_factory=dict)
    _reasons: dict[str, int] = field(default_factory=dict)
    _paths: dict[str, int] = field(default_factory=dict)
    _used: set[Kind] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        """Add a row at the end."""
        self._used.add(entry.kind)
        fields = [[_kept(self._paths, step.path), step.reading.value, step.before, step.after] for step in entry.steps]
        row: list[object] = [
            self.kinds.index(entry.kind),
            _kept(self._sets, entry.set_name),
            _kept(self._places, entry.where),
            visible(entry.address),
            visible(entry.upstream_id),
            visible(entry.former),
            _kept(self._reasons, entry.reason),
            visible(entry.note),
            visible(entry.place),
            fields,
        ]
        self._rows.append([*row, entry.more_fields] if entry.more_fields else row)

    def data(self, *, hidden: str, sides: tuple[str, str] = ("Upstream", "Declared")) -> dict[str, object]:
        """What `page.js` reads."""
        return {
            "kinds": [{"kind": each.kind, "word": each.word, "used": each in self._used} for each in self.kinds],
            "sets": list(self._sets),
            "places": list(self._places),
            "reasons": list(self._reasons),
            "paths": list(self._paths),
            "hidden": hidden,
            "sides": sides,
            "uncounted": self.uncounted,
            "rows": self._rows,
        }


def _kept(known: dict[str, int], text: str) -> int:
    return known.setdefault(visible(text), len(known))
