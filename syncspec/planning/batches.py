"""Batches: changes sliced into requests, and what each change sends in its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from syncspec.planning.known_ids import with_expressions
from syncspec.planning.plan import Action, Batch, Change
from syncspec.providers import provider
from syncspec.records import AwaitConsumers, Data, DesiredRecord, DesiredSet, Target
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import MutationKind, MutationRequest
from syncspec.upstream.sequin.wire import mutation_body
from syncspec.values import to_wire

__all__ = ["change_data", "make_batches", "wire_data"]

_KINDS = {
    Action.CREATE: MutationKind.CREATE,
    Action.UPDATE: MutationKind.UPDATE,
    Action.DELETE: MutationKind.DELETE,
}


class _Lane(NamedTuple):
    """What the records of one request have in common; `single`: they go one by one."""

    wave: int
    kind: MutationKind
    place: tuple[str, str, str]
    await_consumers: AwaitConsumers | None
    single: bool


def wire_data(record_set: DesiredSet, record: DesiredRecord) -> Data:
    """The data of a record as it is created, its marker included, fields in alphabetical order.

    What is not known yet stands as it is declared: such data tells plans apart and is never sent.
    """
    data = to_wire(with_expressions(record), record_set.rules, provider(record_set.target.provider))
    if record_set.marker_field is not None and record.marker is not None:
        data[record_set.marker_field] = record.marker
    return {name: data[name] for name in sorted(data)}


def change_data(record_set: DesiredSet, change: Change) -> Data:
    """What a change sends of its record: all of a creation, and of an update the fields that it changes."""
    if change.desired is None:
        return {}
    data = wire_data(record_set, change.desired)
    return data if change.action is Action.CREATE else {each.path: data[each.path] for each in change.fields}


def make_batches(
    changes: Sequence[Change], sets: Mapping[str, DesiredSet], upstreams: Mapping[str, UpstreamSettings]
) -> tuple[Batch, ...]:
    """Every change that is sent in exactly one batch.

    A request is of one wave and one kind. Sets that share a collection share its requests, by the smallest of their
    limits: the fewest requests that every limit allows. Records that wait for other consumers go apart; creations with
    neither key nor marker go one by one, so that an answer can be told to belong to them, and so does what was in a
    request that was refused, or was rejected before. Where the set of a deletion is gone, the provider's known limit
    holds, and the upstream's consumers are waited for.
    """
    lanes: dict[_Lane, list[Change]] = defaultdict(list)
    limits: dict[_Lane, int] = {}
    for change in changes:
        kind = MutationKind.UPDATE if change.rewrites else _KINDS.get(change.action)
        if kind is None:
            continue
        single = change.alone or _is_nameless(change, sets) or (change.resend is not None and change.resend.alone)
        most, consumers = _limit(change, sets, upstreams)
        lane = _Lane(change.wave, kind, change.target.place, consumers, single)
        lanes[lane].append(change)
        limit = 1 if single else max(1, most)
        limits[lane] = min(limits.get(lane, limit), limit)
    batches: list[Batch] = []
    for lane in sorted(lanes, key=lambda lane: (lane.wave, lanes[lane][0].address)):
        for part in _slices(lanes[lane], limits[lane]):
            target = min(change.target for change in part)
            body = mutation_body(_request(lane, target, part, sets))
            batches.append(_batch(lane, target, part, size=len(body)))
    return tuple(batches)


def _is_nameless(change: Change, sets: Mapping[str, DesiredSet]) -> bool:
    """Whether nothing but an answer of its own could tell which record was created."""
    record = change.desired
    if change.action is not Action.CREATE or record is None or record.marker is not None:
        return False
    return record.key is None and not sets[change.set_name].match_on


def _limit(
    change: Change, sets: Mapping[str, DesiredSet], upstreams: Mapping[str, UpstreamSettings]
) -> tuple[int, AwaitConsumers | None]:
    """How many records of its kind go in one request, and what that waits for."""
    record_set = sets.get(change.set_name)
    if record_set is not None and record_set.target.place == change.target.place:
        return record_set.max_records, record_set.await_consumers
    return provider(change.target.provider).max_records, upstreams[change.target.upstream].await_consumers


def _batch(lane: _Lane, target: Target, part: Sequence[Change], *, size: int) -> Batch:
    return Batch(
        wave=lane.wave,
        kind=lane.kind.value,
        target=target,
        changes=tuple(part),
        size=size,
        await_consumers=lane.await_consumers,
    )


def _request(lane: _Lane, target: Target, changes: Sequence[Change], sets: Mapping[str, DesiredSet]) -> MutationRequest:
    named = lane.kind is not MutationKind.CREATE
    return MutationRequest(
        kind=lane.kind,
        sync_id=target.sync_id,
        collection_id=target.collection_id,
        records=tuple(_data(change, sets) for change in changes),
        upstream_ids=tuple(change.upstream_id or "" for change in changes) if named else (),
        await_consumers=lane.await_consumers,
    )


def _data(change: Change, sets: Mapping[str, DesiredSet]) -> Data:
    return {} if change.action is Action.DELETE else change_data(sets[change.set_name], change)


def _slices(changes: Sequence[Change], size: int) -> Iterable[Sequence[Change]]:
    return (changes[start : start + size] for start in range(0, len(changes), size))
