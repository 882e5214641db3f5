"""Which records may be what was sent although none of them has its key or marker. Pure.

A provider may store a key in a form that no rule foresees: cut off, escaped, with other punctuation. A record that
nobody holds or declares, that may have come into being since the request left, and that shows what else was sent, is
then no proof of anything, but takes the proof away that nothing was created.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from syncspec.apply.sighting import Place, Reading
from syncspec.keys import KeyReader, key_digest, loose_key_of
from syncspec.lockfile import OpenAttempt
from syncspec.planning.state import marker_of
from syncspec.planning.wanted import first_effect
from syncspec.records import DesiredRecord, DesiredSet, ObservedRecord
from syncspec.upstream.observe import came_at
from syncspec.values import digest, is_blank, loosely_equal
from syncspec.values.instants import seconds_of

__all__ = ["Unclaimed"]

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

    def resembling(self, attempt: OpenAttempt) -> list[ObservedRecord]:
        """Those that the attempt may have created, in a form that its key does not recognise."""
        declared = self.reading.declared.get(attempt.address)
        if declared is not None and declared[0].target.place != self.place:
            declared = None
        sent = _Sent(attempt, declared, self.reading)
        return [row for row in self._since(attempt) if sent.may_be(row)]

    def _since(self, attempt: OpenAttempt) -> Iterable[ObservedRecord]:
        """Those that came into being after the request left, and not long after it: as far as the upstream tells."""
        if self._rows is None:
            self._rows = [(row, came) for row in self._free() if (came := came_at(row)) is not None]
        first, horizon = first_effect(attempt), seconds_of(attempt.horizon)
        if first is None or horizon is None:
            return ()
        last = horizon + (horizon - first)
        return (row for row, came in self._rows if first <= came and (came <= last or row.created_at is None))

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
    """What one attempt sent, as far as it is known by now."""

    def __init__(
        self, attempt: OpenAttempt, declared: tuple[DesiredSet, DesiredRecord] | None, reading: Reading
    ) -> None:
        lens = attempt.lens
        aside = {*lens.match_on, lens.marker_field} if lens is not None else set()
        self._declared = declared[1].data if declared is not None else {}
        self._known = reading.entries.sent(declared[1].data, declared[0].rules) if declared is not None else {}
        self._sent = attempt.sent or self._known
        self._names = [name for name in self._sent if name not in aside and self._says_something(name)]
        self._key_fields: tuple[str, ...] = ()
        if declared is not None and lens is not None and _has_key(attempt, declared[1], reading):
            self._key_fields = lens.match_on

    def may_be(self, row: ObservedRecord) -> bool:
        """Whether the row shows half of what was sent, or its key with other signs or without its end."""
        keyed = self._key_fields
        if keyed and all(_is_respelled(self._declared[name], row.data.get(name)) for name in keyed):
            return True
        shown = sum(self._shows(name, row) for name in self._names)
        return shown > 0 and 2 * shown >= len(self._names)

    def _says_something(self, name: str) -> bool:
        """Whether that a row shows the field's value tells anything: an empty field is like many."""
        item = self._sent[name]
        if item == self._known.get(name):
            return not is_blank(self._declared[name])
        return item.sent is not None and item.sent != _NOTHING and not item.private

    def _shows(self, name: str, row: ObservedRecord) -> bool:
        item, observed = self._sent[name], row.data.get(name)
        if item == self._known.get(name):
            return loosely_equal(self._declared[name], observed)
        return digest(observed) == item.sent


def _has_key(attempt: OpenAttempt, record: DesiredRecord, reading: Reading) -> bool:
    """Whether the record is still declared with the key that was sent."""
    if record.key is None or attempt.key is None:
        return False
    secret = reading.entries.keys.secret_of(attempt.key_id) if attempt.key_id is not None else None
    return key_digest(record.key.strict, secret=secret) == attempt.key


def _is_respelled(declared: object, observed: object) -> bool:
    """Whether two texts differ in nothing but signs, or one is the beginning of the other."""
    if not isinstance(declared, str) or not isinstance(observed, str):
        return False
    one, other = sorted((_letters(declared), _letters(observed)), key=len)
    return bool(one) and (one == other or (len(one) >= _SHORTEST_CUT and other.startswith(one)))


def _letters(text: str) -> str:
    folded = unicodedata.normalize("NFKC", html.unescape(text)).casefold()
    return "".join(character for character in folded if character.isalnum())
