"""Which records may be what was sent although none of them has its key or marker. Pure.

A provider may store a key in a form that no rule foresees: cut off, escaped, with other punctuation. A record that
nobody holds or declares, that may have come into being since the request left, and that shows what else was sent, is
then no proof of anything, but takes the proof away that nothing was created.
"""

from __future__ import annotations

import html
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from syncspec.apply.sighting import Place, Reading
from syncspec.keys import KeyReader, key_digest, loose_key_of
from syncspec.lockfile import OpenAttempt
from syncspec.planning.state import marker_of
from syncspec.planning.wanted import first_effect
from syncspec.planning.wording import ids_text
from syncspec.records import Declared, DesiredRecord, Json, ObservedRecord
from syncspec.upstream.observe import came_at
from syncspec.values import digest, is_blank, loose_form
from syncspec.values.instants import seconds_of

__all__ = ["Unclaimed"]

_Form = Callable[[Json], str]

_NOTHING = digest(None)
_SHORTEST_CUT = 20
"""Below so many letters and digits, that one key begins as another does is chance."""


@dataclass(slots=True)
class Unclaimed:
    """The live rows of a place that no address holds, and that carry the key or marker of no declared record."""

    place: Place
    live: Sequence[ObservedRecord]
    reading: Reading
    _rows: list[tuple[ObservedRecord, Decimal]] | None = field(default=None, init=False)
    _forms: dict[tuple[_Form, str], dict[str, list[int]]] = field(default_factory=dict, init=False)

    def resembling(self, attempt: OpenAttempt) -> list[ObservedRecord]:
        """Those that came into being after the request left and not long after it, as far as the upstream tells, and
        that show half of what else it sent, or its key with other signs or without its end."""
        if self._rows is None:
            self._rows = [(row, came) for row in self._free() if (came := came_at(row)) is not None]
        first, horizon = first_effect(attempt), seconds_of(attempt.horizon)
        if not self._rows or first is None or horizon is None:
            return []
        declared = self.reading.declared.get(attempt.address)
        if declared is not None and declared[0].target.place != self.place:
            declared = None
        sent = _Sent(attempt, declared, self.reading)
        shown = Counter(number for name in sent.names for number in self._showing(name, *sent.form(name)))
        found = {number for number, count in shown.items() if 2 * count >= len(sent.names)}
        last = horizon + (horizon - first)
        dated = [self._rows[number] for number in sorted(found | self._respelled(sent.key))]
        return [row for row, came in dated if first <= came and (came <= last or row.created_at is None)]

    def doubt(self, attempt: OpenAttempt) -> str:
        """Why nothing with the attempt's key or marker proves nothing; empty where nothing resembles it either."""
        ids = ids_text(row.upstream_id for row in self.resembling(attempt))
        alike = "it came up since, nobody holds it, and but for its key it is like what was sent"
        return f"{ids} may be it: {alike}" if ids else ""

    def _showing(self, name: str, form_of: _Form, form: str) -> Sequence[int]:
        return self._index(name, form_of).get(form, ())

    def _index(self, name: str, form_of: _Form) -> dict[str, list[int]]:
        """The rows by the form of one field's value."""
        index = self._forms.get((form_of, name))
        if index is None:
            index = self._forms[(form_of, name)] = {}
            for number, (row, _) in enumerate(self._rows or ()):
                index.setdefault(form_of(row.data.get(name)), []).append(number)
        return index

    def _respelled(self, key: Mapping[str, str]) -> set[int]:
        """Rows with every field of the key in another spelling."""
        found: set[int] | None = None
        for name, letters in key.items():
            index = self._index(name, _letters)
            alike = [form for form in index if _is_respelled(letters, form)]
            numbers = {number for form in alike for number in index[form]}
            found = numbers if found is None else found & numbers
        return found or set()

    def _free(self) -> list[ObservedRecord]:
        free = [row for row in self.live if not self.reading.holders(self.place, row.upstream_id)]
        keys, markers = self._declared() if free else ({}, set())
        return [
            row
            for row in free
            if not any(key_of(row.data) in known for key_of, known in keys.values())
            and not any(marker_of(row, name) == marker for name, marker in markers)
        ]

    def _declared(self) -> tuple[dict[object, tuple[KeyReader, set[str | None]]], set[tuple[str, str]]]:
        """The loose keys of what is declared there, with what reads them from a row, and the markers."""
        keys: dict[object, tuple[KeyReader, set[str | None]]] = {}
        markers = set()
        for record_set, record in self.reading.declared.values():
            if record_set.target.place != self.place:
                continue
            if record.key is not None:
                name = (record_set.match_on, id(record_set.rules))
                if name not in keys:
                    keys[name] = (loose_key_of(record_set.match_on, record_set.rules), set())
                keys[name][1].add(record.key.loose)
            if record.marker is not None and record_set.marker_field is not None:
                markers.add((record_set.marker_field, record.marker))
        return keys, markers


class _Sent:
    """What one attempt sent, as far as it is known by now: the `names` of its fields, and the letters of its `key`."""

    def __init__(self, attempt: OpenAttempt, declared: Declared | None, reading: Reading) -> None:
        lens = attempt.lens
        aside = {*lens.match_on, lens.marker_field} if lens is not None else set()
        self._declared = declared[1].data if declared is not None else {}
        self._known = reading.entries.sent(declared[1].data, declared[0].rules) if declared is not None else {}
        self._sent = attempt.sent or self._known
        self.names = [name for name in self._sent if name not in aside and self._says_something(name)]
        self.key: Mapping[str, str] = {}
        if declared is not None and lens is not None and _has_key(attempt, declared[1], reading):
            self.key = {name: _letters(self._declared[name]) for name in lens.match_on}

    def form(self, name: str) -> tuple[_Form, str]:
        """What the field's value is to be compared by, and its form."""
        item = self._sent[name]
        return (loose_form, loose_form(self._declared[name])) if self._is_known(name) else (digest, item.sent or "")

    def _is_known(self, name: str) -> bool:
        """Whether the field is still declared as it was sent."""
        return self._sent[name] == self._known.get(name)

    def _says_something(self, name: str) -> bool:
        """Whether that a row shows the field's value tells anything: an empty field is like many."""
        item = self._sent[name]
        if self._is_known(name):
            return not is_blank(self._declared[name])
        return item.sent is not None and item.sent != _NOTHING and not item.private


def _has_key(attempt: OpenAttempt, record: DesiredRecord, reading: Reading) -> bool:
    """Whether the record is still declared with the key that was sent."""
    if record.key is None or attempt.key is None:
        return False
    secret = reading.entries.keys.secret_of(attempt.key_id) if attempt.key_id is not None else None
    return key_digest(record.key.strict, secret=secret) == attempt.key


def _letters(value: Json) -> str:
    """The letters and digits of a text, in one case; empty for what is no text."""
    if not isinstance(value, str):
        return ""
    folded = unicodedata.normalize("NFKC", html.unescape(value)).casefold()
    return "".join(character for character in folded if character.isalnum())


def _is_respelled(one: str, other: str) -> bool:
    """Whether two texts have the same letters and digits, or one of them, long enough, is how the other begins."""
    if min(len(one), len(other)) < _SHORTEST_CUT:
        return bool(one) and one == other
    return one.startswith(other) or other.startswith(one)
