"""The lockfile: declared address → upstream ID, as JSON Lines that git can merge.

The first line is a header, then one object per line, sorted by address. A line changes only when its record
did, so that branches that add records merge line by line (`*.lock merge=union` in `.gitattributes`). The reader
takes lines in any order, folds equal ones and two versions of one entry, and refuses what cannot both be true.
`lines.py` holds the wire form of a line, `file.py` reads and writes the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from syncspec.records import Target

__all__ = ["DigestKeys", "EntryState", "FieldDigests", "LockEntry", "Lockfile", "OpenAttempt", "Origin"]


class Origin(StrEnum):
    """How we came to know a record's upstream ID."""

    CREATED = "created"
    ADOPTED = "adopted"
    IMPORTED = "imported"


class EntryState(StrEnum):
    """`locked` while declared; `retained` after its declaration went. Open attempts have lines of their own."""

    LOCKED = "locked"
    RETAINED = "retained"


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestKeys:
    """What keys the digests of sensitive values; None: not at hand, so that such digests cannot be compared.

    `shared` is SYNCSPEC_DIGEST_KEY, the same for all colleagues; `private` is this machine's journal's own.
    """

    shared: bytes | None = field(default=None, repr=False)
    private: bytes | None = field(default=None, repr=False)

    @property
    def best(self) -> bytes | None:
        """What new digests are keyed by."""
        return self.shared if self.shared is not None else self.private


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDigests:
    """One field's value as we sent it and as the upstream first showed it afterwards; None: not (yet) known.

    `private`: keyed by this machine's journal alone, so it stays out of the lockfile.
    """

    sent: str | None = None
    seen: str | None = None
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEntry:
    """One record's identity. `key` is the digest of its strict match key, `marker` its marker's value.

    `updated_at` is the upstream's own time of the version that `fields` describe, where it tells one.
    `locked_at` is set once, RFC 3339 in UTC.
    """

    address: str
    target: Target
    upstream_id: str
    origin: Origin
    locked_at: str
    state: EntryState = EntryState.LOCKED
    protect: bool = False
    key: str | None = None
    marker: str | None = None
    updated_at: str | None = None
    fields: Mapping[str, FieldDigests] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An attempt whose outcome is not settled, from the journal or from a `pending` line of the lockfile.

    `state` is the attempt's state: intended, unknown, unmapped, … `horizon` is the RFC 3339 time from which its
    absence may be believed. `key` and `loose_key` are digests, None where the set has no `match_on`.
    `candidates` are upstream IDs that an answer carried without telling which is whose.
    """

    attempt: str
    address: str
    target: Target
    kind: str
    state: str
    horizon: str
    key: str | None = None
    loose_key: str | None = None
    marker: str | None = None
    evidence: str = ""
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockfile:
    """The whole lockfile of one project and environment. `entries` by address; at most one per address."""

    project: str
    environment: str | None = None
    entries: Mapping[str, LockEntry] = field(default_factory=dict)
    pending: tuple[OpenAttempt, ...] = ()
