"""Decide what to do with a declared record that has no lock entry: create, adopt, move, or say why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import assert_never

from syncspec.diagnostics import Diagnostic
from syncspec.lockfile import LockEntry
from syncspec.planning.case import Case, duplicate_warning, key_taken_reason, may_be_invisible, others_with_key
from syncspec.planning.fields import differing, field_changes, new_fields, unknown_fields
from syncspec.planning.plan import Action, Change
from syncspec.planning.rules import Rule
from syncspec.planning.state import marker_of
from syncspec.planning.wording import blocked, change_of, ids_text, shown_values
from syncspec.records import Absence, ObservedRecord, OnAdopt
from syncspec.values import short_id

__all__ = ["decide_unlocked", "move_of"]


def decide_unlocked(case: Case, findings: list[Diagnostic]) -> Change:
    """The change of a record that is not locked; `findings` gets what is worth a warning beside it."""
    attempt = case.state.attempt_in_the_way(case.record_set, case.record)
    if attempt is not None:
        reason = (
            f"it may be the record that {attempt.address} was sent as, and what became of that is not known; "
            f"settle {attempt.address} first"
        )
        return blocked(case.record_set, case.record, Rule.WAITS_FOR_UNKNOWN, reason)
    foreign = case.state.attempt_elsewhere(case.record_set, case.record)
    if foreign is not None:
        reason = (
            f"it may be the record that another environment or project sent as {foreign.address}, and what became of "
            "that is not known; settle it there first"
        )
        return blocked(case.record_set, case.record, Rule.WAITS_FOR_UNKNOWN, reason)
    if case.record.upstream_id is not None:
        return _by_declared_id(case, case.record.upstream_id, findings)
    matches, by_marker = _matches(case)
    former = _former_entries(case, matches)
    ids = sorted({row.upstream_id for row in matches} | {entry.upstream_id for entry in former})
    if len(ids) > 1:
        reason = f"{len(ids)} records match it: {ids_text(ids)}; remove all but one, or name one as upstream_id"
        return blocked(case.record_set, case.record, Rule.DUPLICATE, reason, ids=ids)
    if matches:
        if by_marker:
            _warn_of_others(case, matches[0], findings)
        return _by_match(case, matches[0], Rule.MATCH)
    return _by_former_entry(case, former[0]) if former else _without_match(case)


def _matches(case: Case) -> tuple[Sequence[ObservedRecord], bool]:
    """Live rows that are this record, and whether its marker says so: a marker beats the key."""
    record_set, record = case.record_set, case.record
    if record_set.marker_field is not None and record.marker is not None:
        marked = case.rows.by_marker(record_set.marker_field, record.marker)
        if marked:
            return marked, True
    return (case.rows.by_key(record_set, record.key.strict) if record.key is not None else ()), False


def _former_entries(case: Case, matches: Sequence[ObservedRecord]) -> list[LockEntry]:
    """Entries that were locked with this record's key or marker, though no row that shows it now is theirs.

    Left out are those whose record is deleted, and those of declared addresses whose record shows another key now.
    """
    matched = {short_id(row.upstream_id) for row in matches}
    former = []
    for entry in case.state.locked_alike(case.record_set, case.record):
        row = case.rows.by_id(entry.upstream_id)
        gone = row is not None and (row.deleted or entry.address in case.state.declared)
        if not gone and short_id(entry.upstream_id) not in matched:
            former.append(entry)
    return former


def _by_former_entry(case: Case, entry: LockEntry) -> Change:
    """A record that an entry was made for: moved where its address is free, and not created beside it."""
    record_set, record, state = case.record_set, case.record, case.state
    row = case.rows.by_id(entry.upstream_id)
    if row is not None:
        return _by_match(case, row, Rule.IMPLIED_MOVE)
    if entry.address in state.declared:
        reason = f"{entry.address} was locked as {entry.upstream_id} with this key, and the list does not show it"
        return blocked(record_set, record, Rule.LOCKED_ELSEWHERE, reason, upstream_id=entry.upstream_id)
    if may_be_invisible(case, entry):
        return move_of(case, None, entry)
    reason = (
        f"{entry.address}, which is no longer declared, was locked as {entry.upstream_id} with this key; the list "
        f"does not show it, which does not prove that it is gone; where it is, syncspec lock forget {entry.address}"
    )
    return blocked(record_set, record, Rule.NOT_VISIBLE, reason, upstream_id=entry.upstream_id)


def _warn_of_others(case: Case, match: ObservedRecord, findings: list[Diagnostic]) -> None:
    key = case.record.key
    keyed = case.rows.by_key(case.record_set, key.strict) if key is not None else ()
    others = [row for row in keyed if row.upstream_id != match.upstream_id]
    if others:
        findings.append(duplicate_warning(case.record, match.upstream_id, others))


def _by_declared_id(case: Case, upstream_id: str, findings: list[Diagnostic]) -> Change:
    row = case.rows.by_id(upstream_id)
    if row is None or row.deleted:
        what = "is deleted upstream" if row is not None else "is not in the upstream's list"
        reason = f"upstream_id {upstream_id} {what}; correct it, or take it out to have the record created"
        return blocked(case.record_set, case.record, Rule.DECLARED_ID_NOT_FOUND, reason, upstream_id=upstream_id)
    _warn_of_others(case, row, findings)
    return _by_match(case, row, Rule.DECLARED_ID)


def _by_match(case: Case, row: ObservedRecord, rule: Rule) -> Change:
    """What one live match leads to: a move where a former address holds it, an adoption where nobody does."""
    record_set, record, state = case.record_set, case.record, case.state
    holders = state.holders_of(record_set.target.place, row.upstream_id)
    declared = [entry for entry in holders if entry.address in state.declared]
    if declared or len(holders) > 1:
        names = " and ".join(sorted(entry.address for entry in declared or holders))
        reason = f"{row.upstream_id} matches it and is locked by {names}; one upstream record belongs to one address"
        return blocked(record_set, record, Rule.LOCKED_ELSEWHERE, reason, rows=(row,))
    marked_for = _other_address(case, row)
    if marked_for is not None and not _is_former(case, marked_for):
        reason = (
            f'{row.upstream_id} matches it but carries the marker "{marked_for}"; '
            "clear that marker upstream, or change the key"
        )
        return blocked(record_set, record, Rule.MARKED_FOR_ANOTHER, reason, rows=(row,))
    if holders:
        return move_of(case, row, holders[0])
    return _adopt(case, row, rule)


def _other_address(case: Case, row: ObservedRecord) -> str | None:
    """The marker of another record that the row carries."""
    marker = marker_of(row, case.record_set.marker_field)
    return None if marker == case.record.marker else marker


def _is_former(case: Case, marker: str) -> bool:
    """Whether the marker names an address of this project that is no longer declared."""
    prefix = case.state.marker_prefix
    return marker.startswith(prefix) and marker.removeprefix(prefix) not in case.state.declared


def move_of(case: Case, row: ObservedRecord | None, holder: LockEntry, *, rule: Rule = Rule.IMPLIED_MOVE) -> Change:
    """Take the entry of an address that is not declared to this one, unless a request for it is open."""
    if case.state.attempts.get(holder.address):
        reason = (
            f"{holder.upstream_id} is locked by {holder.address}, which is no longer declared, and what became of a "
            "request for it is not known; it moves when that is settled"
        )
        return blocked(case.record_set, case.record, Rule.WAITS_FOR_UNKNOWN, reason, upstream_id=holder.upstream_id)
    names = differing(case.record_set, case.record, row) if row is not None else []
    unseen = "" if row is not None else "; the upstream's list does not show it alive"
    left = f"; once it is moved, the next plan tells what becomes of {', '.join(sorted(names))}" if names else ""
    said = "was renamed" if rule is Rule.MOVED else "is no longer declared"
    return change_of(
        case.record_set,
        case.record,
        Action.MOVE,
        rule,
        f"{holder.upstream_id} is locked by {holder.address}, which {said}{unseen}{left}",
        upstream_id=holder.upstream_id,
        moved_from=holder.address,
        fields=field_changes(case.record_set, case.record, row, names) if row is not None else (),
        observed=row,
    )


def _adopt(case: Case, row: ObservedRecord, rule: Rule) -> Change:
    record_set, record = case.record_set, case.record
    names = differing(record_set, record, row)
    fields = field_changes(record_set, record, row, names)
    differs = f"; other values upstream stay as they are: {', '.join(sorted(names))}" if names else ""
    match record.lifecycle.on_adopt:
        case OnAdopt.BLOCK:
            reason = (
                f"{row.upstream_id} exists upstream and on_adopt is block; "
                "set on_adopt to report to lock it, or change the record's key"
            )
            return blocked(record_set, record, Rule.ADOPT_BLOCKED, reason, rows=(row,), fields=fields)
        case OnAdopt.REPORT:
            return change_of(
                record_set,
                record,
                Action.ADOPT,
                rule,
                f"{row.upstream_id} exists upstream{differs}",
                upstream_id=row.upstream_id,
                fields=fields,
                observed=row,
            )
        case OnAdopt.UPDATE:
            return _adopt_and_rewrite(case, row, rule)
        case _ as unreachable:
            assert_never(unreachable)


def _adopt_and_rewrite(case: Case, row: ObservedRecord, rule: Rule) -> Change:
    """Adopt, and send the differing fields in the same run."""
    record_set, record = case.record_set, case.record
    ignored = set(record.lifecycle.ignore_changes)
    names = sorted({*differing(record_set, record, row), *record.unbound} - ignored)
    known = field_changes(record_set, record, row, set(names) - set(record.unbound))
    fields = tuple(sorted([*known, *unknown_fields(record_set, record, row)], key=lambda each: each.path))
    taken = others_with_key(case, row.upstream_id) if set(names) & set(record_set.match_on) else []
    if taken:
        return blocked(record_set, record, Rule.KEY_TAKEN, key_taken_reason(taken), rows=(row,), fields=fields)
    differs = f", and on_adopt is update: {', '.join(names)} will be written" if names else ""
    change = change_of(
        record_set,
        record,
        Action.ADOPT,
        rule,
        f"{row.upstream_id} exists upstream{differs}",
        upstream_id=row.upstream_id,
        fields=fields,
        observed=row,
    )
    return replace(change, rewrites=bool(names))


def _without_match(case: Case) -> Change:
    record_set, record, rows = case.record_set, case.record, case.rows
    loose = rows.by_loose_key(record_set, record.key.loose) if record.key is not None else ()
    if loose:
        values = shown_values(record_set, record, loose[0])
        ids = ids_text(row.upstream_id for row in loose)
        reason = f"{ids} looks like the same record: {values}; make the two alike, or name it as upstream_id"
        fields = field_changes(record_set, record, loose[0], record_set.match_on)
        return blocked(record_set, record, Rule.LOOKS_LIKE, reason, rows=loose, fields=fields)
    if record_set.match_on and not rows.key_is_readable(record_set):
        names = ", ".join(record_set.match_on)
        reason = (
            f"{record_set.target.collection_id} has records and none of them shows {names}, so a match cannot be "
            "ruled out; let the token read the field, or correct match_on"
        )
        return blocked(record_set, record, Rule.KEY_NOT_READABLE, reason)
    # However long ago that was by the wall clock, which may have stepped: absence in a list is no proof.
    foreign = [
        entry for entry in case.state.locked_elsewhere(record_set, record) if case.rows.by_id(entry.upstream_id) is None
    ]
    if foreign:
        held = sorted({entry.upstream_id for entry in foreign})
        reason = (
            f"another environment or project locked it as {ids_text(held)}, which the upstream's list does not show; "
            "plan again when it does, or, where it is gone, drop it there with: syncspec lock forget"
        )
        return blocked(record_set, record, Rule.LOCKED_ELSEWHERE, reason, ids=held)
    return _create(case)


def _create(case: Case) -> Change:
    record_set, record, seen = case.record_set, case.record, case.rows.observation
    match seen.absence:
        case Absence.UNKNOWN:
            reason = f"whether it exists upstream is not known: {seen.reason or 'the list is not complete'}"
            return blocked(record_set, record, Rule.ABSENCE_UNKNOWN, reason)
        case Absence.PROVED:
            reason = "no record upstream matches it"
        case Absence.ASSUMED:
            reason = f"no record in the upstream's list matches it; {seen.reason or 'the list may not be complete'}"
        case _ as unreachable:
            assert_never(unreachable)
    resend = case.state.resend_of(record_set, record)
    if resend is not None:
        reason = f"it was sent before and is not there; it is sent once more: {reason}"
    elif record.key is None and record_set.match_on:
        reason = f"its key holds an ID that is known after apply; it is looked for then; {reason}"
    elif record.key is None and record.marker is None:
        reason = "it is not locked; without match_on and marker_field nothing tells whether it exists upstream"
    return change_of(
        record_set,
        record,
        Action.CREATE,
        Rule.ABSENT,
        reason,
        absence=seen.absence,
        fields=new_fields(record_set, record),
        resend=resend,
    )
