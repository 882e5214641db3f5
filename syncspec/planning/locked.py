"""Decide what to do with a declared record that has a lock entry: nothing, report drift, or say what blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import assert_never

from syncspec.lockfile import LockEntry
from syncspec.planning.case import (
    Case,
    duplicate_warning,
    is_recently_written,
    key_taken_reason,
    may_be_invisible,
    others_with_key,
)
from syncspec.planning.fields import Verdicts, field_changes, judge, needs_new_baseline
from syncspec.planning.notes import Notes
from syncspec.planning.plan import Action, Change
from syncspec.planning.rules import Rule
from syncspec.planning.state import PlanningState
from syncspec.planning.unlocked import decide_unlocked
from syncspec.planning.wording import blocked, both_sides, change_of, ids_text
from syncspec.records import Absence, DesiredRecord, DesiredSet, ObservedRecord, OnDrift, OnMissing, Target
from syncspec.values import short_id

__all__ = ["decide_locked", "untouchable"]


def untouchable(state: PlanningState, record_set: DesiredSet, record: DesiredRecord, entry: LockEntry) -> Change | None:
    """What blocks a locked record before anything is read: another place, another ID, or two holders of one ID."""
    if entry.target.place != record_set.target.place:
        reason = (
            f"it is locked as {entry.upstream_id} in {_whereabouts(entry.target, record_set.target)}; "
            "restore the former target, take its entry along with syncspec lock retarget, or declare it under a new "
            "address to have it there too"
        )
        return blocked(record_set, record, Rule.TARGET_CHANGED, reason, upstream_id=entry.upstream_id)
    if record.upstream_id is not None and short_id(record.upstream_id) != short_id(entry.upstream_id):
        reason = (
            f"it is locked as {entry.upstream_id}, and the manifest says upstream_id {record.upstream_id}; "
            "correct upstream_id, or declare that record under an address of its own"
        )
        return blocked(record_set, record, Rule.OTHER_ID_DECLARED, reason, upstream_id=entry.upstream_id)
    holders = state.holders_of(entry.target.place, entry.upstream_id) if state.some_id_is_shared else ()
    if len(holders) > 1:
        names = " and ".join(sorted(holder.address for holder in holders))
        reason = f"{entry.upstream_id} is locked by {names}; take the wrong line out of the lockfile"
        return blocked(record_set, record, Rule.LOCKED_TWICE, reason, upstream_id=entry.upstream_id)
    return None


def _whereabouts(locked: Target, wanted: Target) -> str:
    """The part of the entry's target that is no longer the manifest's."""
    if locked.collection_id != wanted.collection_id:
        return locked.collection_id
    if locked.sync_id != wanted.sync_id:
        return f"sync {locked.sync_id}"
    return f"another endpoint than that of {wanted.upstream}"


def decide_locked(case: Case, entry: LockEntry, notes: Notes) -> Change:
    """The change of a locked record whose collection was read; `notes` gets what concerns many records alike."""
    row = case.rows.by_id(entry.upstream_id)
    if row is None:
        return _unseen(case, entry)
    if row.deleted:
        return _deleted(case, entry, notes)
    _find_duplicates(case, entry, row, notes)
    released = [name for name in entry.fields if name not in case.record.data and name not in case.record.deferred]
    if released:
        notes.note_released(case.record_set.name, case.record.address, released)
    verdicts = judge(
        case.record_set,
        case.record,
        entry,
        row,
        case.rows,
        case.state.inputs.digest_keys,
        recently_written=is_recently_written(case, entry),
    )
    return _three_way(_Locked(case, entry, row), verdicts, notes)


def _deleted(case: Case, entry: LockEntry, notes: Notes) -> Change:
    """A tombstone: the record is decided anew, as one that was never locked, or it is blocked."""
    match case.record.lifecycle.on_missing:
        case OnMissing.RECREATE:
            change = decide_unlocked(case, notes.findings)
            reason = f"{entry.upstream_id} is deleted upstream, and on_missing is recreate; {change.reason}"
            return replace(change, reason=reason)
        case OnMissing.BLOCK:
            reason = (
                f"{entry.upstream_id} is deleted upstream; restore it there, set on_missing to recreate, or declare "
                "the record under a new address to have it created again"
            )
            return blocked(case.record_set, case.record, Rule.DELETED_UPSTREAM, reason, upstream_id=entry.upstream_id)
        case _ as unreachable:
            assert_never(unreachable)


def _unseen(case: Case, entry: LockEntry) -> Change:
    record_set, record, seen = case.record_set, case.record, case.rows.observation
    if may_be_invisible(case, entry):
        reason = f"{entry.upstream_id} was locked so recently that the upstream's list may not show it yet"
        return change_of(
            record_set, record, Action.UNCHANGED, Rule.NOT_VISIBLE_YET, reason, upstream_id=entry.upstream_id
        )
    partial = f" ({seen.reason})" if seen.absence is Absence.UNKNOWN and seen.reason else ""
    held, place = case.state.holders_of, entry.target.place
    others = [other for other in others_with_key(case, entry.upstream_id) if not held(place, other)]
    found = f"; {ids_text(others)} with its key is there, as after a refresh of a sandbox" if others else ""
    then = "takes it for a new one" if len(others) != 1 else f"adopts {others[0]}"
    reason = (
        f"{entry.upstream_id} is not in the upstream's list{partial}, which does not prove that it is gone{found}; "
        f"look it up there, and where it is gone, syncspec lock forget {record.address}: the next apply {then}"
    )
    return blocked(record_set, record, Rule.NOT_VISIBLE, reason, upstream_id=entry.upstream_id)


def _find_duplicates(case: Case, entry: LockEntry, row: ObservedRecord, notes: Notes) -> None:
    record_set, record = case.record_set, case.record
    found: list[ObservedRecord] = []
    if record.key is not None:
        found += case.rows.by_key(record_set, record.key.strict)
        if all(other is not row for other in found):
            # The upstream may hold keys in a form of its own; a second record then has the first one's.
            found += case.rows.with_key_of(record_set, row, record.key.loose)
    if record_set.marker_field is not None and record.marker is not None:
        found += case.rows.by_marker(record_set.marker_field, record.marker)
    if not found or all(row.upstream_id == entry.upstream_id for row in found):
        return
    place, own = record_set.target.place, short_id(entry.upstream_id)
    others = {
        row.upstream_id: row
        for row in found
        if short_id(row.upstream_id) != own and not case.state.holders_of(place, row.upstream_id)
    }
    if others:
        notes.findings.append(duplicate_warning(record, entry.upstream_id, list(others.values())))


@dataclass(frozen=True, slots=True)
class _Locked:
    case: Case
    entry: LockEntry
    row: ObservedRecord

    def change(self, action: Action, rule: Rule, reason: str, names: Sequence[str], *, keep_row: bool) -> Change:
        case = self.case
        return change_of(
            case.record_set,
            case.record,
            action,
            rule,
            reason,
            upstream_id=self.entry.upstream_id,
            fields=field_changes(case.record_set, case.record, self.row, names) if names else (),
            observed=self.row if keep_row else None,
        )


def _three_way(locked: _Locked, verdicts: Verdicts, notes: Notes) -> Change:
    case, entry, row = locked.case, locked.entry, locked.row
    if verdicts.conflict:
        return _conflict(locked, verdicts)
    if verdicts.upstream and case.record.lifecycle.on_drift is OnDrift.FAIL:
        return _drift(locked, verdicts)
    restored = _to_restore(case, verdicts)
    if verdicts.author or restored:
        return _update(locked, verdicts, restored)
    if verdicts.upstream:
        return _drift(locked, verdicts)
    if verdicts.stale:
        notes.stale[case.record_set.name].add(case.record.address)
        reason = "the upstream shows a version from before our last write"
        return locked.change(Action.UNCHANGED, Rule.STALE, reason, (), keep_row=False)
    if verdicts.stored:
        notes.note_stored_differently(case.record_set.name, case.record.address, verdicts.stored)
    # A row is kept where what it shows is still to be recorded as first seen, or as what both sides agree on now.
    first = not verdicts.may_lag and (
        bool(verdicts.stored)
        or entry.depends_on != case.record.needs
        or any(known.seen is None for known in entry.fields.values())
        or needs_new_baseline(case.record_set, case.record, entry, row, case.state.inputs.digest_keys)
    )
    return locked.change(Action.UNCHANGED, Rule.AS_DECLARED, "as declared", (), keep_row=first)


def _to_restore(case: Case, verdicts: Verdicts) -> tuple[str, ...]:
    """The drifted fields that are to be written back: none that the provider may merely store in another form."""
    match case.record.lifecycle.on_drift:
        case OnDrift.RESTORE:
            return tuple(name for name in verdicts.upstream if name not in verdicts.uncertain)
        case OnDrift.REPORT | OnDrift.FAIL:
            return ()
        case _ as unreachable:
            assert_never(unreachable)


def _update(locked: _Locked, verdicts: Verdicts, restored: tuple[str, ...]) -> Change:
    """Send the fields that the author changed, and those that are to be restored; other drift stays as it is."""
    case, names = locked.case, (*verdicts.author, *restored)
    taken = others_with_key(case, locked.entry.upstream_id) if set(names) & set(case.record_set.match_on) else []
    if taken:
        return locked.change(Action.BLOCKED, Rule.KEY_TAKEN, key_taken_reason(taken), names, keep_row=False)
    parts = []
    if verdicts.author:
        parts.append(f"the manifest changed {_listed(verdicts.author)}")
    if restored:
        parts.append(f"{_listed(restored)} changed upstream, and on_drift is restore")
    left = [name for name in verdicts.upstream if name not in restored]
    if left:
        parts.append(f"{_listed(left)} changed upstream, too, and stays as it is")
    rule = Rule.CHANGED if verdicts.author else Rule.RESTORED
    resend = case.state.repeat_of(case.record_set, case.record)
    return replace(locked.change(Action.UPDATE, rule, "; ".join(parts), names, keep_row=True), resend=resend)


def _conflict(locked: _Locked, verdicts: Verdicts) -> Change:
    case = locked.case
    sides = both_sides(case.record_set, case.record, locked.row, verdicts.conflict)
    reason = (
        f"manifest and upstream were both changed since {locked.entry.upstream_id} was last written or seen: {sides} "
        "(of what was applied then only a digest is kept); take the upstream's value with syncspec accept "
        f"{case.record.address}, list the field under ignore_changes, or change it upstream to what is declared"
    )
    names = (*verdicts.conflict, *verdicts.author, *verdicts.upstream)
    return locked.change(Action.BLOCKED, Rule.CONFLICT, reason, names, keep_row=False)


def _drift(locked: _Locked, verdicts: Verdicts) -> Change:
    names = _listed(verdicts.upstream)
    since = "since it was last seen"
    if verdicts.first_reading == verdicts.upstream:
        since = "since it was written, by the first reading after that"
    match locked.case.record.lifecycle.on_drift:
        case OnDrift.REPORT:
            reason = f"{names} changed upstream {since}"
            return locked.change(Action.DRIFT, Rule.DRIFTED, reason, verdicts.upstream, keep_row=True)
        case OnDrift.RESTORE:
            reason = (
                f"{names} changed upstream {since}; the upstream tells no times, so it may merely be stored in another "
                "form, and is not written back"
            )
            return locked.change(Action.DRIFT, Rule.DRIFTED, reason, verdicts.upstream, keep_row=True)
        case OnDrift.FAIL:
            reason = (
                f"{names} changed upstream {since}, and on_drift is fail; change it back upstream, "
                f"or take the upstream's value with syncspec accept {locked.case.record.address}"
            )
            return locked.change(Action.BLOCKED, Rule.DRIFT_REFUSED, reason, verdicts.upstream, keep_row=False)
        case _ as unreachable:
            assert_never(unreachable)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(sorted(names))
