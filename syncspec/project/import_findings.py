"""What is said of an import: what to know of its list and set, and why nothing or not all of it was done."""

from __future__ import annotations

from collections.abc import Iterator

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import StateError
from syncspec.records import Absence, DesiredSet, Observation

__all__ = ["changed_meanwhile", "findings_of", "not_imported", "not_locked"]


def findings_of(record_set: DesiredSet, seen: Observation) -> Iterator[Diagnostic]:
    """What a reader should know of a list that may not be whole, and of records without a key."""
    if seen.absence is Absence.UNKNOWN:
        yield Diagnostic(
            severity=Severity.WARNING,
            code="incomplete-list",
            summary="The upstream's list is not complete",
            detail=f"{seen.reason[:1].upper()}{seen.reason[1:]}: there may be more records.",
            hint="run the command again later; what is imported by then is skipped",
        )
    if not record_set.match_on:
        yield Diagnostic(
            severity=Severity.NOTE,
            code="no-match-key",
            summary="Records are recognised by their upstream ID alone",
            detail=f"{record_set.name} has no match_on, so that upstream_id is written into each record, and "
            "another environment cannot find them.",
            hint="with --match-on FIELD they are recognised by a field's value",
        )


def not_imported(file: str) -> Diagnostic:
    """Said beside errors of a manifest as it would be."""
    return Diagnostic(
        severity=Severity.ERROR,
        code="not-imported",
        summary="Nothing was imported",
        detail=f"The places above are those of {file} as it would be. No file was written, and nothing locked.",
        hint="leave out with --fields what the errors name, or correct the project's rules",
    )


def not_locked(file: str) -> Diagnostic:
    """Said beside errors that came after the manifest was written."""
    return Diagnostic(
        severity=Severity.ERROR,
        code="not-locked",
        summary="The records are declared, and not all of them locked",
        detail=f"{file} was written before that.",
        hint="correct what is wrong; the next apply then adopts what is not locked, and creates none of it",
    )


def changed_meanwhile(what: str) -> StateError:
    """Somebody else was faster."""
    return StateError(
        "The project changed meanwhile", detail=f"{what}. Nothing was written.", hint="run the command again"
    )
