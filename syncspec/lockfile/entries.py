"""The lockfile: declared address → upstream ID, as JSON Lines that git can merge.

The first line is a header, then one object per line, sorted by address. A line changes only when its record
did, so that branches that add records merge line by line (`*.lock merge=union` in `.gitattributes`). The reader
takes lines in any order, folds equal ones and two versions of one entry, and refuses what cannot both be true.
`lines.py` holds the wire form of a line, `file.py` reads and writes the file.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from syncspec.records import Lens, Lifecycle, OnRemove, Target

__all__ = [
    "DigestKeys",
    "EntryState",
    "FieldDigests",
    "LockEntry",
    "Lockfile",
    "OpenAttempt",
    "Origin",
    "conflict_of",
    "identity_of",
    "is_conflict",
    "under",
]

_CONFLICT = "two-ids."


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

    @property
    def best_id(self) -> str:
        """Names the best key, so that a digest can be told to be keyed by it; it gives nothing of the key away."""
        return "none" if self.best is None else _fingerprint(self.best)

    def secret_of(self, key_id: str) -> bytes | None:
        """The key of that name; None where it is not at hand, as another machine's private key never is."""
        at_hand = (key for key in (self.shared, self.private) if key is not None)
        return next((key for key in at_hand if _fingerprint(key) == key_id), None)


def _fingerprint(key: bytes) -> str:
    return hmac.new(key, b"syncspec digest key", hashlib.sha256).hexdigest()[:8]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDigests:
    """One field's value as we sent it and as the upstream first showed it afterwards; None: not (yet) known.

    `before`: what the upstream showed before our last update, where that sent the field; a list that lags shows it
    for a while. `private`: keyed by this machine's journal alone, so it stays out of the lockfile.
    """

    sent: str | None = None
    seen: str | None = None
    private: bool = False
    before: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LockEntry:
    """One record's identity. `key` is the digest of its strict match key, `marker` its marker's value.

    `updated_at` is the upstream's own time of the version that `fields` describe, where it tells one.
    `protect`, `on_remove` and `delete_adopted` are what was last declared: they outlive the declaration.
    `depends_on` are the addresses, sorted, of the records that this one's values refer to.
    `locked_at` is set once, `written_at` is when our last update was answered or found; RFC 3339 in UTC.
    """

    address: str
    target: Target
    upstream_id: str
    origin: Origin
    locked_at: str
    state: EntryState = EntryState.LOCKED
    protect: bool = False
    on_remove: OnRemove = OnRemove.KEEP
    delete_adopted: bool = False
    depends_on: tuple[str, ...] = ()
    key: str | None = None
    marker: str | None = None
    updated_at: str | None = None
    written_at: str | None = None
    fields: Mapping[str, FieldDigests] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAttempt:
    """An attempt whose outcome is not settled, from the journal or from a `pending` line of the lockfile.

    `state` is the attempt's state: intended, unknown, unmapped, … `horizon` is the RFC 3339 time from which its
    absence may be believed, counted since `intended_at`; `boot` and `uptime` are the machine's at that time, where it
    is known. `key` and `loose_key` are digests, None where the set has no `match_on`; `key_id` tells what they are
    keyed by (see `DigestKeys.secret_of`), and `lens` how the record is recognised in a row.
    `candidates` are upstream IDs that an answer carried without telling which is whose. `upstream_id` is the record
    that an update or a delete was for, and the one that a watched create was found as.
    `status` is the answer's, `refused` whether that was a refusal, `stream` the one that was read before sending.
    `absences` counts how often the record was sent and then proved absent before this attempt.
    `sent` holds the digests of what was sent, by field.
    """

    attempt: str
    address: str
    target: Target
    kind: str
    state: str
    horizon: str
    intended_at: str | None = None
    boot: str | None = None
    uptime: float = 0.0
    key: str | None = None
    loose_key: str | None = None
    key_id: str | None = None
    marker: str | None = None
    lens: Lens | None = None
    evidence: str = ""
    candidates: tuple[str, ...] = ()
    upstream_id: str | None = None
    status: int | None = None
    refused: bool = False
    stream: str | None = None
    absences: int = 0
    sent: Mapping[str, FieldDigests] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lockfile:
    """The whole lockfile of one project and environment. `entries` by address; at most one per address."""

    project: str
    environment: str | None = None
    entries: Mapping[str, LockEntry] = field(default_factory=dict)
    pending: tuple[OpenAttempt, ...] = ()


def identity_of(entry: LockEntry) -> tuple[str, ...]:
    """Which record an entry names: its place and its upstream ID."""
    return (*entry.target.place, entry.upstream_id)


def under(entry: LockEntry, lifecycle: Lifecycle, *, depends_on: tuple[str, ...] | None = None) -> LockEntry:
    """The entry with what is declared of its record's removal; a protection that nobody speaks of any more stays.

    `depends_on`: what its values refer to by now; None: what they referred to when they were sent still holds.
    """
    protect = entry.protect if lifecycle.protect is None else lifecycle.protect
    depends_on = entry.depends_on if depends_on is None else depends_on
    words = (protect, lifecycle.on_remove, lifecycle.delete_adopted, depends_on)
    if words == (entry.protect, entry.on_remove, entry.delete_adopted, entry.depends_on):
        return entry
    return replace(
        entry,
        protect=protect,
        on_remove=lifecycle.on_remove,
        delete_adopted=lifecycle.delete_adopted,
        depends_on=depends_on,
    )


def conflict_of(one: LockEntry, other: LockEntry, *, evidence: str) -> OpenAttempt:
    """Two records that one address is said to be, as an attempt that only a person settles."""
    return OpenAttempt(
        attempt=f"{_CONFLICT}{one.address}.{other.upstream_id}",
        address=one.address,
        target=one.target,
        kind="create",
        state="duplicate",
        horizon=max(one.locked_at, other.locked_at),
        key=other.key,
        marker=other.marker,
        evidence=evidence,
        candidates=tuple(sorted({one.upstream_id, other.upstream_id})),
    )


def is_conflict(attempt: OpenAttempt) -> bool:
    """Whether it stands for two IDs that are recorded for one address, and not for a request."""
    return attempt.attempt.startswith(_CONFLICT)
