"""Keep what the upstream has rejected before away from other records, where a bad record spoils its whole request."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from syncspec.lockfile import OpenAttempt
from syncspec.planning.plan import Action, Change
from syncspec.planning.state import PlanningState
from syncspec.records import DesiredRecord, DesiredSet
from syncspec.values import digest

__all__ = ["apart"]


def apart(state: PlanningState, sets: Mapping[str, DesiredSet], changes: Iterable[Change]) -> list[Change]:
    """The changes, of which those go `alone` that were rejected just as they are.

    A refused request of several records leaves all of them unknown, unless the upstream is known to be atomic. What the
    author changed since is sent with others again.
    """
    rejected = {attempt.address: attempt for attempt in state.inputs.rejected}
    if not rejected:
        return list(changes)
    return [
        replace(change, alone=True)
        if change.address in rejected and _is_same(state, sets, change, rejected[change.address])
        else change
        for change in changes
    ]


def _is_same(state: PlanningState, sets: Mapping[str, DesiredSet], change: Change, attempt: OpenAttempt) -> bool:
    upstream = state.inputs.upstreams.get(change.target.upstream)
    record_set, record = sets.get(change.set_name), change.desired
    if upstream is None or upstream.atomic_batches or attempt.target.place != change.target.place:
        return False
    match change.action:
        case Action.DELETE:
            return attempt.kind == "delete"
        case Action.CREATE if record is not None and record_set is not None:
            return attempt.kind == "create" and _sends_the_same(record_set, record, record.data, attempt)
        case Action.UPDATE if record is not None and record_set is not None:
            names = [each.path for each in change.fields]
            return attempt.kind == "update" and _sends_the_same(record_set, record, names, attempt)
        case _:
            return False


def _sends_the_same(record_set: DesiredSet, record: DesiredRecord, names: Iterable[str], attempt: OpenAttempt) -> bool:
    """Whether the very values were sent; those of sensitive fields, which not every machine can tell, count as such."""
    fields = list(names)
    if set(fields) != set(attempt.sent):
        return False
    return all(
        record_set.rules.rule(name).sensitive
        or (name in record.data and attempt.sent[name].sent == digest(record.data[name]))
        for name in fields
    )
