"""Which rows of which collections a plan needs to see."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from decimal import Decimal

from syncspec.lockfile import DigestKeys, LockEntry, Lockfile, OpenAttempt
from syncspec.lookups import Lookups
from syncspec.planning.inputs import Selects
from syncspec.planning.known_ids import has_references, needed_by
from syncspec.planning.removal import removable
from syncspec.records import DesiredSet, Lens, Target
from syncspec.settings import UpstreamSettings
from syncspec.upstream.observe import Sought, Wanted
from syncspec.upstream.protocol import MutationKind
from syncspec.values import short_id
from syncspec.values.instants import seconds_of

__all__ = ["Touches", "first_effect", "places_to_observe"]

Touches = Callable[[LockEntry], bool]

_Place = tuple[str, str, str]


def places_to_observe(
    sets: Sequence[DesiredSet],
    lockfile: Lockfile,
    *,
    attempts: Iterable[OpenAttempt] = (),
    digest_keys: DigestKeys | None = None,
    upstreams: Mapping[str, UpstreamSettings] | None = None,
    selected: Selects | None = None,
    also: Iterable[str] = (),
    touches: Touches | None = None,
    lookups: Sequence[Lookups] = (),
) -> dict[Target, Wanted]:
    """Each collection that a selected record lives in, once, with what makes its rows relevant.

    Sets that are not selected count too where they share such a collection: their records may be what a row is.
    So do collections of selected records that may be deleted, and, where everything is selected, those that only open
    `attempts` are in, as long as one of the `upstreams` still has their endpoint. `also` are upstream IDs that matter
    wherever they are. `touches` tells of an entry whether its record may be deleted or changed, where something else is
    planned than what is declared. A record counts with those that it refers to; of `lookups` everything counts that
    something selected refers to.
    """
    shared: dict[_Place, list[DesiredSet]] = defaultdict(list)
    for record_set in sets:
        shared[record_set.target.place].append(record_set)
    locked: dict[_Place, list[str]] = defaultdict(list)
    for entry in lockfile.entries.values():
        locked[entry.target.place].append(entry.upstream_id)
    open_in: dict[_Place, list[OpenAttempt]] = defaultdict(list)
    for attempt in attempts:
        open_in[attempt.target.place].append(attempt)
    keys = digest_keys or DigestKeys()
    read = _with_needed(sets, selected) if selected is not None else None
    sought: dict[_Place, list[Lookups]] = defaultdict(list)
    for each in lookups:
        if selected is None or _is_needed(each, sets, selected):
            sought[each.target.place].append(each)
    targets = {
        min(record_set.target for record_set in group): place
        for place, group in sorted(shared.items())
        if place in sought or any(_has_selected(record_set, read) for record_set in group)
    }
    targets |= {
        min(each.target for each in group): place for place, group in sorted(sought.items()) if place not in shared
    }
    others = set(open_in) if selected is None else set[_Place]()
    others |= {entry.target.place for entry in _touched(sets, lockfile, selected, touches)}
    targets |= _other_targets(others - set(targets.values()), upstreams or {})
    named = tuple(also)
    return {
        target: _wanted(shared[place], (*locked[place], *named), open_in[place], keys, sought[place])
        for target, place in targets.items()
    }


def _touched(
    sets: Sequence[DesiredSet], lockfile: Lockfile, selected: Selects | None, touches: Touches | None
) -> Iterable[LockEntry]:
    if touches is not None:
        return filter(touches, lockfile.entries.values())
    return (
        entry
        for entry in removable(lockfile.entries.values(), sets)
        if selected is None or selected(None, entry.address)
    )


def _with_needed(sets: Sequence[DesiredSet], selected: Selects) -> Selects:
    """The selection with all that its records refer to, directly or through others."""
    if not has_references(sets):
        return selected
    chosen = {record.address for each in sets for record in each.records if selected(each, record.address)}
    needed = needed_by(sets, chosen)
    return lambda record_set, address: address in needed or selected(record_set, address)


def _is_needed(lookups: Lookups, sets: Sequence[DesiredSet], selected: Selects) -> bool:
    own = {lookup.address for lookup in lookups.records}
    return any(
        selected(each, record.address)
        for each in sets
        for record in each.records
        if record.lookups and not own.isdisjoint(record.lookups)
    )


def _other_targets(places: Iterable[_Place], upstreams: Mapping[str, UpstreamSettings]) -> dict[Target, _Place]:
    """Places that no selected set lives in, as far as the project still has their endpoint."""
    names = {settings.endpoint: name for name, settings in sorted(upstreams.items(), reverse=True)}
    return {
        Target(upstream=names[place[0]], endpoint=place[0], sync_id=place[1], collection_id=place[2]): place
        for place in sorted(places)
        if place[0] in names
    }


def _has_selected(record_set: DesiredSet, selected: Selects | None) -> bool:
    return any(selected is None or selected(record_set, record.address) for record in record_set.records)


def _wanted(
    group: Iterable[DesiredSet],
    locked: Iterable[str],
    attempts: Sequence[OpenAttempt],
    keys: DigestKeys,
    lookups: Iterable[Lookups] = (),
) -> Wanted:
    lenses: dict[Hashable, Lens] = {}
    ids = set(locked)
    loose, markers, fields = set[str](), set[str](), set[str]()
    for record_set in group:
        _add_lens(lenses, record_set.lens)
        for record in record_set.records:
            fields.update(record.data)
            if record.deferred:
                fields.update(record.deferred)
            if record.key is not None:
                loose.add(record.key.loose)
            if record.marker is not None:
                markers.add(record.marker)
            if record.upstream_id is not None:
                ids.add(record.upstream_id)
    for each in lookups:
        _add_lens(lenses, each.lens)
        for lookup in each.records:
            fields.update(lookup.data)
            loose.add(lookup.key.loose)
    for attempt in attempts:
        ids.update(attempt.candidates)
        if attempt.upstream_id is not None:
            ids.add(attempt.upstream_id)
        if attempt.marker is not None:
            markers.add(attempt.marker)
        if attempt.lens is not None:
            _add_lens(lenses, attempt.lens)
    return Wanted(
        lenses=tuple(lenses.values()),
        upstream_ids=frozenset(map(short_id, ids)),
        loose=frozenset(loose),
        markers=frozenset(markers),
        fields=frozenset(fields),
        sought=_sought(attempts, keys),
        since=min(filter(None, (first_effect(attempt) for attempt in attempts)), default=None),
    )


def first_effect(attempt: OpenAttempt) -> Decimal | None:
    """The earliest time, in seconds, that the upstream may give a record that the attempt created.

    Its clock may be off by as much as the attempt may take. None: the attempt creates nothing, or is not dated.
    """
    intended, horizon = seconds_of(attempt.intended_at), seconds_of(attempt.horizon)
    if attempt.kind != MutationKind.CREATE or intended is None or horizon is None:
        return None
    return intended - (horizon - intended)


def _add_lens(lenses: dict[Hashable, Lens], lens: Lens) -> None:
    lenses.setdefault((_reading(lens), lens.marker_field), lens)


def _reading(lens: Lens) -> Hashable:
    return (lens.match_on, tuple(lens.rules.rule(name) for name in lens.match_on), lens.rules.scalars_as_text)


def _sought(attempts: Iterable[OpenAttempt], keys: DigestKeys) -> tuple[Sought, ...]:
    """What was sent and may exist, by its digests; those keyed by a key that is not at hand cannot be sought."""
    found: dict[Hashable, tuple[Lens, bytes | None, set[str]]] = {}
    for attempt in attempts:
        if attempt.loose_key is None or attempt.lens is None or not attempt.lens.match_on:
            continue
        secret = keys.secret_of(attempt.key_id) if attempt.key_id is not None else None
        if attempt.key_id is None or secret is not None:
            group = found.setdefault((_reading(attempt.lens), attempt.key_id), (attempt.lens, secret, set()))
            group[2].add(attempt.loose_key)
    return tuple(Sought(lens=lens, secret=secret, loose=frozenset(loose)) for lens, secret, loose in found.values())
