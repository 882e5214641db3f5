"""Fold the journal into the lockfile. Pure and idempotent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from syncspec.apply.journal import Identity
from syncspec.lockfile import EntryState, LockEntry, Lockfile, OpenAttempt, conflict_of, identity_of

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
    Where lockfile and journal name different IDs for one address, both stay visible as an open attempt, unless it was
    decided that the one replaces the other. An entry whose record was deleted goes, unless the address holds another
    record meanwhile.
    """
    entries = dict(lockfile.entries)
    holders = {identity_of(entry): address for address, entry in entries.items()}
    conflicts: list[OpenAttempt] = []
    # Addresses that a move left come first: their IDs are then free for the addresses that they moved to.
    for identity in sorted(identities, key=lambda item: item.entry is not None):
        entry, locked = identity.entry, entries.get(identity.address)
        if entry is None:
            is_same = locked is not None and identity.replaces in (None, identity_of(locked))
            if not identity.folded and locked is not None and is_same:
                del entries[identity.address]
                holders.pop(identity_of(locked), None)
        elif locked is not None and identity_of(locked) != identity_of(entry):
            if identity.replaces == identity_of(locked) and not identity.folded:
                holders.pop(identity_of(locked), None)
                entries[identity.address] = entry
                holders[identity_of(entry)] = identity.address
            elif not identity.folded:
                evidence = f"the lockfile holds {locked.upstream_id}, this machine's journal {entry.upstream_id}"
                conflicts.append(conflict_of(locked, entry, evidence=evidence))
        elif locked is not None:
            entries[identity.address] = _same_record(locked, entry, folded=identity.folded)
        elif holders.get(identity_of(entry), identity.address) == identity.address:
            entries[identity.address] = entry
            holders[identity_of(entry)] = identity.address
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


def _same_record(locked: LockEntry, journaled: LockEntry, *, folded: bool) -> LockEntry:
    """One record that both hold: what was not folded yet is newer; private digests are the journal's alone."""
    if not folded:
        return replace(journaled, locked_at=min(journaled.locked_at, locked.locked_at))
    private = {name: digests for name, digests in journaled.fields.items() if digests.private}
    return replace(locked, fields={**private, **locked.fields}) if private else locked


def _in_state(entry: LockEntry, is_declared: bool) -> LockEntry:
    state = EntryState.LOCKED if is_declared else EntryState.RETAINED
    return entry if entry.state is state else replace(entry, state=state)
