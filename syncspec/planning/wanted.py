"""Which rows of which collections a plan needs to see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence

from syncspec.lockfile import Lockfile
from syncspec.planning.inputs import Selects
from syncspec.records import DesiredSet, Target
from syncspec.upstream.observe import Lens, Wanted
from syncspec.values import short_id

__all__ = ["places_to_observe"]


def places_to_observe(
    sets: Sequence[DesiredSet], lockfile: Lockfile, *, selected: Selects | None = None
) -> dict[Target, Wanted]:
    """Each collection that a selected record lives in, once, with what makes its rows relevant.

    Sets that are not selected count too where they share such a collection: their records may be what a row is.
    """
    shared: dict[tuple[str, str, str], list[DesiredSet]] = defaultdict(list)
    for record_set in sets:
        shared[record_set.target.place].append(record_set)
    locked: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for entry in lockfile.entries.values():
        locked[entry.target.place].append(entry.upstream_id)
    return {
        min(record_set.target for record_set in group): _wanted(group, locked[place])
        for place, group in sorted(shared.items())
        if any(_has_selected(record_set, selected) for record_set in group)
    }


def _has_selected(record_set: DesiredSet, selected: Selects | None) -> bool:
    return any(selected is None or selected(record_set, record.address) for record in record_set.records)


def _wanted(group: Iterable[DesiredSet], locked: Iterable[str]) -> Wanted:
    lenses: dict[Hashable, Lens] = {}
    ids = set(locked)
    loose, markers, fields = set[str](), set[str](), set[str]()
    for record_set in group:
        rules = record_set.rules
        reading = tuple(rules.rule(name) for name in record_set.match_on)
        lenses.setdefault(
            (record_set.match_on, reading, rules.scalars_as_text, record_set.marker_field),
            Lens(match_on=record_set.match_on, rules=rules, marker_field=record_set.marker_field),
        )
        for record in record_set.records:
            fields.update(record.data)
            if record.key is not None:
                loose.add(record.key.loose)
            if record.marker is not None:
                markers.add(record.marker)
            if record.upstream_id is not None:
                ids.add(record.upstream_id)
    return Wanted(
        lenses=tuple(lenses.values()),
        upstream_ids=frozenset(map(short_id, ids)),
        loose=frozenset(loose),
        markers=frozenset(markers),
        fields=frozenset(fields),
    )
