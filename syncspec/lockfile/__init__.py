"""The lockfile: its values here; `lines.py` is the wire form of a line, `file.py` reads and writes the file."""

from syncspec.lockfile.entries import (
    DigestKeys,
    EntryState,
    FieldDigests,
    LockEntry,
    Lockfile,
    OpenAttempt,
    Origin,
    conflict_of,
    identity_of,
    is_conflict,
    under,
)

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
