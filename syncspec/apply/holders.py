"""Who holds a project's run locks, here and in the state that runs share, and cutting them off."""

from __future__ import annotations

from dataclasses import replace

from syncspec.apply import runlock
from syncspec.apply.base import View, files_of, open_ref, read_view
from syncspec.apply.clock import Clock
from syncspec.apply.runlock import LockHolder
from syncspec.apply.stateref import RaceLostError, StateRef
from syncspec.settings import LoadedProject, StateBackend

__all__ = ["lock_holders", "unlock"]

_TRIES = 5


def lock_holders(project: LoadedProject, *, clock: Clock) -> list[LockHolder]:
    """Who holds a lock right now: here never a dead process, elsewhere one whose hold has not ended yet.

    Blocks while git runs. Raises StateError, LockfileError.
    """
    found = runlock.lock_holders(project)
    if project.state.backend is StateBackend.GIT:
        with open_ref(project) as ref:
            found += _holder_of(read_view(ref, project), clock)
    return list({holder.run: holder for holder in found}.values())


def unlock(project: LoadedProject, *, clock: Clock) -> list[LockHolder]:
    """Cut off whoever holds a lock; returns them. A run that was cut off sends nothing more.

    Blocks while git runs. Raises StateError, LockfileError.
    """
    found: list[LockHolder] = []
    if project.state.backend is StateBackend.GIT:
        with open_ref(project) as ref:
            found += _cut_off(ref, project, clock)
    found += runlock.unlock(project)
    return list({holder.run: holder for holder in found}.values())


def _cut_off(ref: StateRef, project: LoadedProject, clock: Clock) -> list[LockHolder]:
    """Replace the ref, so that the run's own next replacement fails."""
    for number in range(1, _TRIES + 1):
        view = read_view(ref, project)
        holders = _holder_of(view, clock)
        if view.lockfile is None or not holders:
            return []
        lease = replace(view.lease, epoch=view.lease.epoch + 1, holder=None, expires=None)
        try:
            ref.replace(files_of(view.lockfile, lease), expected=view.commit, message="cut off")
        except RaceLostError:
            # It was just renewed.
            if number == _TRIES:
                raise
        else:
            return holders
    return []


def _holder_of(view: View, clock: Clock) -> list[LockHolder]:
    holder = view.lease.holder
    return [] if holder is None or view.lease.is_free(clock.now()) else [holder]
