"""The digest of a plan: equal where apply would do the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import assert_never

from syncspec.planning.plan import Action, Batch, Change
from syncspec.records import Lifecycle, OnRemove
from syncspec.values import digest
from syncspec.values.structure import quoted

__all__ = ["plan_digest"]


def plan_digest(
    project: str, environment: str | None, changes: Iterable[Change], batches: Iterable[Batch], bodies: Sequence[str]
) -> str:
    """SHA-256 over what decides apply's acts: steps, IDs, baselines, request bodies. 64 hex digits.

    What apply leaves alone has no part in it: an unchanged record, a drift that is only reported, or the words of a
    reason may change without making a reviewed plan stale. Values enter as digests only.
    """
    whole = sha256()
    for parts in _parts(project, environment, changes, batches, bodies):
        whole.update(quoted(parts).encode("ascii") + b"\n")
    return whole.hexdigest()


def _parts(
    project: str, environment: str | None, changes: Iterable[Change], batches: Iterable[Batch], bodies: Sequence[str]
) -> Iterable[list[str]]:
    yield ["plan", "1", project, environment or ""]
    for change in changes:
        known = _decisive(change)
        if known:
            yield [change.address, change.action.value, *change.target.place, *known]
    for batch, body in zip(batches, bodies, strict=True):
        yield [
            "batch",
            str(batch.wave),
            batch.kind,
            body,
            *batch.target.place,
            *(item.address for item in batch.changes),
        ]


def _decisive(change: Change) -> list[str]:
    match change.action:
        case Action.CREATE | Action.UPDATE | Action.DELETE:
            absence = change.absence.value if change.absence else ""
            return [absence, change.upstream_id or "", _changed(change), _lifecycle(change)]
        case Action.ADOPT | Action.MOVE:
            return [change.upstream_id or "", change.moved_from or "", _baseline(change), _lifecycle(change)]
        case Action.UNKNOWN:
            # It is sent once more where it turns out to be absent, so that what would be sent counts.
            return [change.code, digest(change.desired.data) if change.desired is not None else ""]
        case Action.BLOCKED:
            return [change.code, *([_lifecycle(change)] if change.relocks else [])]
        case Action.UNCHANGED | Action.DRIFT:
            return [_lifecycle(change)] if change.relocks else (["dropped", change.upstream_id or ""] * change.drops)
        case _ as unreachable:
            assert_never(unreachable)


def _changed(change: Change) -> str:
    """What an update overwrites."""
    if change.observed is None:
        return ""
    return digest({each.path: change.observed.data.get(each.path) for each in change.fields})


def _lifecycle(change: Change) -> str:
    """What is to be locked of the record's removal; empty where nothing is said of it."""
    lifecycle = change.desired.lifecycle if change.desired is not None else Lifecycle()
    words = (lifecycle.on_remove, lifecycle.protect, lifecycle.delete_adopted)
    return "" if words == (OnRemove.KEEP, None, False) else " ".join(map(str, words))


def _baseline(change: Change) -> str:
    """What an adopted record showed and was declared to be, of the declared fields."""
    if change.desired is None or change.observed is None:
        return ""
    row, data = change.observed, change.desired.data
    return digest([data, {name: row.data[name] for name in data if name in row.data}])
