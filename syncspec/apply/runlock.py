"""The run lock: one run at a time for each (endpoint, sync, collection), and for each lockfile.

It is an operating-system lock on a file in the state folder, so it dies with its owner; no process number is ever
compared. The file's name holds the lock's epoch. `unlock` raises the epoch: the next run takes a new file, and the
former owner, if it still lives, fails at its next intent, since the journal checks the epoch in the same transaction.
"""

from __future__ import annotations

import getpass
import hashlib
import os
import platform
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import orjson
from filelock import FileLock, Timeout

from syncspec.apply.clock import Clock, rfc3339
from syncspec.apply.journal import Journal, lockfile_of
from syncspec.errors import RunLockedError, StateError
from syncspec.records import DesiredSet
from syncspec.settings import LoadedProject

__all__ = ["LockHolder", "hold_run_lock", "lock_holders", "places_of", "unlock"]

_FOLDER = "locks"
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class LockHolder:
    """Who holds a run lock. `since` is RFC 3339; `place` names what is locked, for people."""

    who: str
    host: str
    process: int
    command: str
    since: str
    run: str
    places: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.who} on {self.host} (process {self.process}) since {self.since}: {self.command}"


def places_of(project: LoadedProject) -> list[str]:
    """What a run of this project must hold: its lockfile, and every place that its sets declare."""
    return sorted({f"lockfile {lockfile_of(project)}", *map(_place_of, project.sets)})


def _place_of(record_set: DesiredSet) -> str:
    endpoint, sync_id, collection_id = record_set.target.place
    return f"{collection_id} of sync {sync_id} at {endpoint}"


@asynccontextmanager
async def hold_run_lock(
    journal: Journal, places: Sequence[str], *, state_dir: Path, holder: LockHolder, patience: float, clock: Clock
) -> AsyncIterator[dict[str, int]]:
    """Hold the lock of all places, taken in sorted order; gives the epoch of each.

    Waits up to `patience` seconds. Raises RunLockedError, which names the holder, or StateError.
    """
    folder = state_dir / _FOLDER
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StateError("The state folder cannot be written", detail=f"{folder}: {error.strerror}.") from error
    epochs, locks = await _take_all(journal, places, folder, holder, patience=patience, clock=clock)
    try:
        yield epochs
        with suppress(StateError):
            # A full disk must not hide the run's report, and a name that stays is shown only while the lock is held.
            journal.locks.release(epochs)
    finally:
        _release(locks)


async def _take_all(
    journal: Journal, places: Sequence[str], folder: Path, holder: LockHolder, *, patience: float, clock: Clock
) -> tuple[dict[str, int], list[FileLock]]:
    """Take all places or none, in the epochs that they are in at that moment; try again until patience ends."""
    left = patience
    while True:
        epochs = journal.locks.epochs(places)
        locks, busy = _try_all(folder, epochs)
        try:
            # An unlock may have raised an epoch since it was read: the file that we hold then guards nothing.
            if busy is None and journal.locks.take(epochs, _packed(holder)):
                return epochs, locks
        except BaseException:
            _release(locks)
            raise
        _release(locks)
        if left <= 0:
            raise _locked(journal, busy or places[0])
        await clock.sleep(min(_POLL_SECONDS, left))
        left -= _POLL_SECONDS


def _try_all(folder: Path, epochs: Mapping[str, int]) -> tuple[list[FileLock], str | None]:
    """The locks of all places and None, or those taken so far and the place that another run holds."""
    locks: list[FileLock] = []
    for place, epoch in sorted(epochs.items()):
        lock = FileLock(_lock_path(folder, place, epoch), timeout=0)
        try:
            if not _acquired(lock):
                return locks, place
        except StateError:
            _release(locks)
            raise
        locks.append(lock)
    return locks, None


def _release(locks: Iterable[FileLock]) -> None:
    for lock in locks:
        lock.release()


def _acquired(lock: FileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    except OSError as error:
        raise StateError("The run lock cannot be taken", detail=f"{lock.lock_file}: {error.strerror}.") from error
    return True


def _lock_path(folder: Path, place: str, epoch: int) -> Path:
    return folder / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.{epoch}.lock"


def _locked(journal: Journal, place: str) -> RunLockedError:
    owner = journal.locks.owners([place]).get(place)
    who = f"Held by {_unpacked(owner)}." if owner else "Its holder has not said who it is."
    return RunLockedError(
        "Another run holds the lock",
        detail=f"{place}. {who} Nothing was sent.",
        hint="wait for it, or give --lock-timeout SECONDS; one that hangs can be cut off with: syncspec lock unlock",
    )


def make_holder(*, run: str, command: str, places: Sequence[str], clock: Clock) -> LockHolder:
    """Describe this process as a holder."""
    try:
        who = getpass.getuser()
    except (KeyError, OSError):
        who = f"user {os.getuid()}"
    return LockHolder(
        who=who,
        host=platform.node(),
        process=os.getpid(),
        command=command,
        since=rfc3339(clock.now()),
        run=run,
        places=tuple(places),
    )


def lock_holders(project: LoadedProject) -> list[LockHolder]:
    """Who holds this project's run locks right now: asked of the operating system, so never a dead process."""
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    if journal is None:
        return []
    with journal:
        places = places_of(project)
        held = [
            place for place, epoch in journal.locks.epochs(places).items() if _is_held(project.state_dir, place, epoch)
        ]
        owners = journal.locks.owners(held)
    return _distinct(_unpacked(owners[place]) for place in held if place in owners)


def _is_held(state_dir: Path, place: str, epoch: int) -> bool:
    path = _lock_path(state_dir / _FOLDER, place, epoch)
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    if not _acquired(lock):
        return True
    lock.release()
    return False


def unlock(project: LoadedProject) -> list[LockHolder]:
    """Cut off whoever holds this project's run locks; returns them. A cut-off run cannot send any more."""
    holders = lock_holders(project)
    with Journal.open(project.state_dir, lockfile_of(project)) as journal:
        journal.locks.raise_epochs(places_of(project))
    return holders


def _packed(holder: LockHolder) -> str:
    return orjson.dumps(holder).decode()


def _unpacked(text: str) -> LockHolder:
    value = orjson.loads(text)
    return LockHolder(**{**value, "places": tuple(value["places"])})


def _distinct(holders: Iterable[LockHolder]) -> list[LockHolder]:
    return list(dict.fromkeys(holders))
