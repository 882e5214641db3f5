"""Decide what to do with a record that was renamed: its manifest tells the addresses that it was declared under."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.diagnostics import Diagnostic
from syncspec.lockfile import LockEntry
from syncspec.planning.case import Case
from syncspec.planning.plan import Change
from syncspec.planning.rules import Rule
from syncspec.planning.unlocked import decide_unlocked, move_of
from syncspec.planning.wording import blocked
from syncspec.values import short_id

__all__ = ["decide_renamed"]


def decide_renamed(case: Case, entries: Sequence[LockEntry], findings: list[Diagnostic]) -> Change:
    """The change of a record that its manifest says was declared under other addresses, of which these are locked."""
    record_set, record = case.record_set, case.record
    waiting = [address for address in record.former if case.state.attempts.get(address)]
    if waiting:
        reason = (
            f"it was declared as {waiting[0]}, and what became of a request for that is not known; settle that first"
        )
        return blocked(record_set, record, Rule.WAITS_FOR_UNKNOWN, reason)
    if not entries:
        return decide_unlocked(case, findings)
    entry = entries[0]
    if len({short_id(each.upstream_id) for each in entries}) > 1:
        held = " and ".join(f"{each.address} ({each.upstream_id})" for each in entries)
        reason = (
            f"several of its former addresses are locked: {held}; keep one, and drop the others with syncspec lock "
            "forget"
        )
        ids = [each.upstream_id for each in entries]
        return blocked(record_set, record, Rule.MOVED_FROM_SEVERAL, reason, ids=ids)
    if entry.target.place != record_set.target.place:
        reason = (
            f"it was declared as {entry.address}, which is locked as {entry.upstream_id} of "
            f"{entry.target.collection_id} in sync {entry.target.sync_id}; a record stays in its collection when it is "
            "renamed, so remove the move"
        )
        return blocked(record_set, record, Rule.TARGET_CHANGED, reason, upstream_id=entry.upstream_id)
    if record.upstream_id is not None and short_id(record.upstream_id) != short_id(entry.upstream_id):
        reason = (
            f"it was declared as {entry.address}, which is locked as {entry.upstream_id}, and the manifest says "
            f"upstream_id {record.upstream_id}; remove one of the two"
        )
        return blocked(record_set, record, Rule.OTHER_ID_DECLARED, reason, upstream_id=entry.upstream_id)
    row = case.rows.by_id(entry.upstream_id)
    return move_of(case, row if row is not None and not row.deleted else None, entry, rule=Rule.MOVED)
