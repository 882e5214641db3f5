"""Whether a lockfile fits what is declared; no upstream is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from syncspec.diagnostics import Diagnostic, Severity, sorted_diagnostics
from syncspec.lockfile import LockEntry, Lockfile, OpenAttempt, is_conflict
from syncspec.records import Declared, DesiredRecord, DesiredSet, OnRemove

__all__ = ["check_lockfile"]


def check_lockfile(sets: Iterable[DesiredSet], lockfile: Lockfile) -> tuple[Diagnostic, ...]:
    """What contradicts itself or the manifests as errors, what is not settled or not declared as less.

    Errors are entries whose target is no longer the manifest's, and addresses for which two IDs are recorded.
    """
    declared = {record.address: (each, record) for each in sets for record in each.records}
    return sorted_diagnostics([*_entries(declared, lockfile), *map(_unsettled, lockfile.pending)])


def _entries(declared: dict[str, Declared], lockfile: Lockfile) -> Iterator[Diagnostic]:
    for address, entry in lockfile.entries.items():
        if address not in declared:
            yield _not_declared(entry)
        elif declared[address][0].target.place != entry.target.place:
            yield _moved_away(*declared[address], entry)


def _moved_away(record_set: DesiredSet, record: DesiredRecord, entry: LockEntry) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        code="target-changed",
        summary="A locked record lives elsewhere by now",
        detail=f"{entry.address} is locked as {entry.upstream_id} of {entry.target.collection_id} in sync "
        f"{entry.target.sync_id}, and declared in {record_set.target.collection_id} of sync "
        f"{record_set.target.sync_id}, or at another address of the upstream.",
        source=record.source,
        address=entry.address,
        hint="undo the change of upstream, sync_id or collection_id, or declare the record under a new name",
    )


def _not_declared(entry: LockEntry) -> Diagnostic:
    is_doomed = entry.on_remove is OnRemove.DELETE and not entry.protect
    return Diagnostic(
        severity=Severity.NOTE,
        code="retained",
        summary="A locked record is not declared any more",
        detail=f"{entry.address} stays locked as {entry.upstream_id}"
        + ("; its on_remove is delete: plan shows what apply does with it." if is_doomed else "."),
        address=entry.address,
        hint="declaring it again takes it up",
    )


def _unsettled(attempt: OpenAttempt) -> Diagnostic:
    if is_conflict(attempt):
        return Diagnostic(
            severity=Severity.ERROR,
            code="two-ids",
            summary="Two IDs are recorded for one record",
            detail=f"{attempt.address} is {' and '.join(attempt.candidates)}.",
            address=attempt.address,
            hint=f"look upstream which one it is, then: syncspec resolve {attempt.address} --created ID",
        )
    return Diagnostic(
        severity=Severity.WARNING,
        code="open-attempt",
        summary="An attempt is not settled",
        detail=f"{attempt.address}: {attempt.state}. {attempt.evidence}".rstrip(),
        address=attempt.address,
        hint=f"syncspec explain {attempt.address} tells what is known",
    )
