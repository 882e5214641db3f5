"""Batches: creations sliced into requests, and the request that each slice becomes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256

from syncspec.planning.plan import Action, Batch, Change
from syncspec.providers import provider
from syncspec.records import AwaitConsumers, Data, DesiredRecord, DesiredSet, Target
from syncspec.upstream.protocol import MutationKind, MutationRequest
from syncspec.upstream.sequin.wire import mutation_body
from syncspec.values import to_wire

__all__ = ["make_batches", "request_for", "wire_data"]

_Lane = tuple[tuple[str, str, str], AwaitConsumers | None, bool]
"""Place, consumers, and whether the records go one by one."""


def wire_data(record_set: DesiredSet, record: DesiredRecord) -> Data:
    """The data of a record as it is sent, its marker included, fields in alphabetical order."""
    data = to_wire(record.data, record_set.rules, provider(record_set.target.provider))
    if record_set.marker_field is not None and record.marker is not None:
        data[record_set.marker_field] = record.marker
    return {name: data[name] for name in sorted(data)}


def request_for(batch: Batch, sets: Mapping[str, DesiredSet]) -> MutationRequest:
    """The one request that carries out a batch; `sets` by name."""
    return _request(batch.target, batch.changes, batch.await_consumers, sets)


def make_batches(changes: Iterable[Change], sets: Mapping[str, DesiredSet]) -> tuple[tuple[Batch, ...], list[str]]:
    """Every creation in exactly one batch, and the digest of each batch's body.

    Sets that share a collection share its requests, by the smallest of their limits: the fewest requests that every
    limit allows. Records that wait for other consumers go apart; those with neither key nor marker go one by one,
    so that an answer can be told to belong to them, and so do those that were in a request that was refused.
    """
    lanes: dict[_Lane, list[Change]] = defaultdict(list)
    limits: dict[_Lane, int] = {}
    for change in changes:
        if change.action is not Action.CREATE or change.desired is None:
            continue
        record_set = sets[change.set_name]
        nameless = change.desired.key is None and change.desired.marker is None
        single = nameless or (change.resend is not None and change.resend.alone)
        lane = (record_set.target.place, record_set.await_consumers, single)
        lanes[lane].append(change)
        limit = 1 if single else max(1, record_set.max_records)
        limits[lane] = min(limits.get(lane, limit), limit)
    batches: list[Batch] = []
    digests: list[str] = []
    for lane in sorted(lanes, key=lambda lane: lanes[lane][0].address):
        for part in _slices(lanes[lane], limits[lane]):
            target = min(change.target for change in part)
            body = mutation_body(_request(target, part, lane[1], sets))
            batches.append(_batch(target, part, lane[1], size=len(body)))
            digests.append(sha256(body).hexdigest())
    return tuple(batches), digests


def _batch(target: Target, part: Sequence[Change], await_consumers: AwaitConsumers | None, *, size: int) -> Batch:
    return Batch(
        wave=0,
        kind=MutationKind.CREATE.value,
        target=target,
        changes=tuple(part),
        size=size,
        await_consumers=await_consumers,
    )


def _request(
    target: Target,
    changes: Sequence[Change],
    await_consumers: AwaitConsumers | None,
    sets: Mapping[str, DesiredSet],
) -> MutationRequest:
    return MutationRequest(
        kind=MutationKind.CREATE,
        sync_id=target.sync_id,
        collection_id=target.collection_id,
        records=tuple(
            wire_data(sets[change.set_name], change.desired) for change in changes if change.desired is not None
        ),
        await_consumers=await_consumers,
    )


def _slices(changes: Sequence[Change], size: int) -> Iterable[Sequence[Change]]:
    return (changes[start : start + size] for start in range(0, len(changes), size))
