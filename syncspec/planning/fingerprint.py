"""The digest of a plan: equal where apply would do the same."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from syncspec.planning.batches import wire_data
from syncspec.planning.known_ids import with_expressions
from syncspec.planning.plan import LOCKS, Action, Batch, Change
from syncspec.records import Data, DesiredRecord, DesiredSet, Lifecycle, OnRemove
from syncspec.values.structure import quoted, structure

__all__ = ["StepParts", "declaration_digest", "deleted_data", "is_step", "parts_from", "plan_digest", "step_parts"]


def plan_digest(project: str, environment: str | None, steps: Iterable[Sequence[str]], batches: Iterable[Batch]) -> str:
    """SHA-256 over what decides apply's acts: the parts of each step, in order, and the requests. 64 hex digits.

    What apply leaves alone has no part in it: an unchanged record, a drift that is only reported, or the words of a
    reason may change without making a reviewed plan stale. Values enter as digests only.
    """
    whole = sha256()
    for parts in _parts(project, environment, steps, batches):
        whole.update(quoted(parts).encode("ascii") + b"\n")
    return whole.hexdigest()


def _parts(
    project: str, environment: str | None, steps: Iterable[Sequence[str]], batches: Iterable[Batch]
) -> Iterable[list[str]]:
    yield ["plan", "3", project, environment or ""]
    for step in steps:
        yield [*step]
    # How what goes together is cut into requests depends on what a machine has met before, and decides nothing else.
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for batch in batches:
        waits = batch.await_consumers
        consumers = [*waits.ids, str(waits.timeout_ms)] if waits is not None else []
        lane: tuple[str, ...] = (str(batch.wave), batch.kind, *batch.target.place, quoted(consumers))
        together[lane] += [item.address for item in batch.changes]
    for lane, addresses in sorted(together.items()):
        yield ["requests", *lane, *sorted(addresses)]


class StepParts(NamedTuple):
    """What decides apply's acts on one address, as texts; `shown` and `declaration` are digests.

    `removal` is what is declared of the record's removal, `kept` what happens to its lock entry without a request.
    """

    address: str
    action: str
    endpoint: str
    sync_id: str
    collection_id: str
    code: str = ""
    absence: str = ""
    upstream_id: str = ""
    moved_from: str = ""
    rewrites: str = ""
    declaration: str = ""
    shown: str = ""
    removal: str = ""
    kept: str = ""


def step_parts(change: Change, sets: Mapping[str, DesiredSet], key: bytes | None) -> StepParts | None:
    """What decides apply's acts on one address; None where apply leaves it alone.

    `key` keys the digests of what holds sensitive values; None: they are plain.
    """
    if not is_step(change):
        return parts_from(change, declaration="", shown="", removal="")
    record_set, desired = sets.get(change.set_name), change.desired
    declaration = declaration_digest(record_set, desired, key) if record_set and desired else ""
    shown, removal = _shown(change, record_set, key), _lifecycle(change)
    return parts_from(change, declaration=declaration, shown=shown, removal=removal)


def parts_from(change: Change, *, declaration: str, shown: str, removal: str) -> StepParts | None:
    """`step_parts` of a change whose digests are known already."""
    head = (change.address, change.action.value, *change.target.place)
    if not is_step(change):
        return StepParts(*head, code=change.code) if change.action is Action.BLOCKED else None
    return StepParts(
        *head,
        code=change.code if change.action is Action.UNKNOWN else "",
        absence=change.absence.value if change.absence else "",
        upstream_id=change.upstream_id or "",
        moved_from=change.moved_from or "",
        rewrites="rewrites" if change.rewrites else "",
        declaration=declaration,
        shown=shown,
        removal=removal,
        kept="relocks" * change.relocks + "drops" * change.drops,
    )


def is_step(change: Change) -> bool:
    """Whether apply does something with it; what is unknown is sent once more where it turns out to be absent."""
    return change.is_sent or change.is_kept or change.action is Action.UNKNOWN


def declaration_digest(record_set: DesiredSet, record: DesiredRecord, key: bytes | None) -> str:
    """What is declared of a record, in the form in which it is sent, its marker included. 64 hex digits."""
    return _digest(wire_data(record_set, record), record_set, key)


def _shown(change: Change, record_set: DesiredSet | None, key: bytes | None) -> str:
    """What the step overwrites, or takes as the baseline: the fields of the matched row that it speaks of."""
    if change.observed is None:
        return ""
    if change.action is Action.DELETE:
        return _digest_of_all({**deleted_data(change, key), "": change.observed.updated_at}, key)
    names: Collection[str] = [each.path for each in change.fields]
    if change.action in LOCKS and change.desired is not None:
        names = with_expressions(change.desired)
    row = change.observed.data
    return _digest({name: row[name] for name in names if name in row}, record_set, key)


def deleted_data(change: Change, key: bytes | None) -> Data:
    """What a deletion takes away: without a key that hides values, only what is shown of it."""
    row = change.observed.data if change.observed is not None else {}
    return dict(row) if key is not None else {each.path: each.before for each in change.fields if not each.sensitive}


def _digest_of_all(data: Data, key: bytes | None) -> str:
    text = structure(data).encode("ascii")
    return sha256(text).hexdigest() if key is None else hmac.new(key, text, sha256).hexdigest()


def _lifecycle(change: Change) -> str:
    """What is to be locked of the record's removal; empty where nothing is said of it."""
    lifecycle = change.desired.lifecycle if change.desired is not None else Lifecycle()
    words = (lifecycle.on_remove, lifecycle.protect, lifecycle.delete_adopted)
    return "" if words == (OnRemove.KEEP, None, False) else " ".join(map(str, words))


def _digest(data: Data, record_set: DesiredSet | None, key: bytes | None) -> str:
    """Long enough that nobody finds other data with the same digest."""
    hides = record_set is not None and any(record_set.rules.rule(name).sensitive for name in data)
    return _digest_of_all(data, key if hides else None)
