"""Fold the journal into the lockfile. Pure and idempotent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from syncspec.apply.journal import Identity
from syncspec.apply.states import AttemptState
from syncspec.lockfile import EntryState, LockEntry, Lockfile, OpenAttempt

__all__ = ["fold"]


def fold(
    lockfile: Lockfile,
    identities: Iterable[Identity],
    open_attempts: Iterable[OpenAttempt],
    *,
    known_attempts: Collection[str] = (),
    declared: Collection[str],
) -> Lockfile:
    """The lockfile with everything that the journal holds beyond it.

    An entry that the journal holds and the lockfile lacks is added, unless another address has that ID meanwhile;
    one that both hold takes the journal's digests if they were not folded yet. `known_attempts` are those of the
    lockfile's pending lines that this journal holds, whose fate is its to tell; other pending lines stay.
    Where lockfile and journal name different IDs for one address, both stay visible as an open attempt.
    """
    entries = dict(lockfile.entries)
    holders = {(*entry.target.place, entry.upstream_id): address for address, entry in entries.items()}
    conflicts: list[OpenAttempt] = []
    # Addresses that a move left come first: their IDs are then free for the addresses that they moved to.
    for identity in sorted(identities, key=lambda item: item.entry is not None):
        entry, locked = identity.entry, entries.get(identity.address)
        if entry is None:
            if not identity.folded and locked is not None:
                del entries[identity.address]
                holders.pop((*locked.target.place, locked.upstream_id), None)
        elif locked is not None and _names_other_record(locked, entry):
            if not identity.folded:
                conflicts.append(_conflict(locked, entry))
        elif locked is not None:
            entries[identity.address] = _same_record(locked, entry, folded=identity.folded)
        elif holders.get((*entry.target.place, entry.upstream_id), identity.address) == identity.address:
            entries[identity.address] = entry
            holders[(*entry.target.place, entry.upstream_id)] = identity.address
    mine = {attempt.attempt: attempt for attempt in open_attempts}
    kept = [
        attempt for attempt in lockfile.pending if attempt.attempt not in mine and attempt.attempt not in known_attempts
    ]
    pending = sorted([*kept, *mine.values(), *conflicts], key=lambda attempt: (attempt.address, attempt.attempt))
    return replace(
        lockfile,
        entries={address: _in_state(entry, address in declared) for address, entry in sorted(entries.items())},
        pending=tuple(pending),
    )


def _names_other_record(one: LockEntry, other: LockEntry) -> bool:
    return (one.upstream_id, one.target.place) != (other.upstream_id, other.target.place)


def _same_record(locked: LockEntry, journaled: LockEntry, *, folded: bool) -> LockEntry:
    """One record that both hold: what was not folded yet is newer; private digests are the journal's alone."""
    if not folded:
        return replace(journaled, locked_at=min(journaled.locked_at, locked.locked_at))
    private = {name: digests for name, digests in journaled.fields.items() if digests.private}
    return replace(locked, fields={**private, **locked.fields}) if private else locked


def _in_state(entry: LockEntry, is_declared: bool) -> LockEntry:
    state = EntryState.LOCKED if is_declared else EntryState.RETAINED
    return entry if entry.state is state else replace(entry, state=state)


def _conflict(locked: LockEntry, journaled: LockEntry) -> OpenAttempt:
    return OpenAttempt(
        attempt=f"journal.{journaled.upstream_id}",
        address=locked.address,
        target=locked.target,
        kind="create",
        state=AttemptState.DUPLICATE,
        horizon=journaled.locked_at,
        key=journaled.key,
        marker=journaled.marker,
        evidence=f"the lockfile holds {locked.upstream_id}, this machine's journal {journaled.upstream_id}",
        candidates=tuple(sorted({locked.upstream_id, journaled.upstream_id})),
    )
