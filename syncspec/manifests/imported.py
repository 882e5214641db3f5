"""What became of records and fields that were to be written into manifests, and of the manifests."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from syncspec.diagnostics import Diagnostic
from syncspec.manifests.writing import FileChange

__all__ = ["EditedFile", "Imported", "ImportedRecord", "LeftOut", "Notes", "Skipped"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedFile:
    """A manifest that was written, or would be, by the name that messages show.

    `sensitive` are fields whose values no output may show.
    """

    name: str
    change: FileChange
    sensitive: frozenset[str] = frozenset()

    @property
    def is_new(self) -> bool:
        return self.change.before is None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRecord:
    """A record that was declared; `upstream_id` is what it was locked as, None where it came from a file."""

    address: str
    upstream_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A record that was not imported. `what` is its upstream ID, or its place in a file."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A field that was not written, in so many records."""

    field: str
    reason: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import did, or would do where `written` is False."""

    written: bool
    files: tuple[EditedFile, ...] = ()
    records: tuple[ImportedRecord, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


@dataclass(slots=True)
class Notes:
    """What was skipped and left out so far."""

    skipped: list[Skipped] = field(default_factory=list)
    _fields: Counter[tuple[str, str]] = field(default_factory=Counter)

    def skip(self, what: str, reason: str) -> None:
        self.skipped.append(Skipped(what=what, reason=reason))

    def leave_out(self, name: str, reason: str) -> None:
        self._fields[name, reason] += 1

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(
            LeftOut(field=name, reason=reason, records=count) for (name, reason), count in sorted(self._fields.items())
        )
