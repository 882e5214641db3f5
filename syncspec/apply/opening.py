"""Beginning a run: take the locks, find out where the state starts from, recover what a dead run left."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from syncspec.apply.base import known_here, read_own_lockfile
from syncspec.apply.clock import Clock, SystemClock, moment_of
from syncspec.apply.events import OnEvent
from syncspec.apply.journal import Journal, lockfile_of
from syncspec.apply.run import Run
from syncspec.apply.runlock import hold_run_lock, make_holder, places_of
from syncspec.apply.shared import SharedState, hold_shared_state
from syncspec.lockfile import Lockfile
from syncspec.settings import LoadedProject, StateBackend

__all__ = ["open_run"]


@asynccontextmanager
async def open_run(
    project: LoadedProject,
    *,
    command: str,
    lock_timeout: float = 0.0,
    no_prior_run: bool = False,
    clock: Clock | None = None,
    on_event: OnEvent | None = None,
    repair: Callable[[], None] | None = None,
) -> AsyncIterator[Run]:
    """Hold the run lock and the journal; recover first what a dead run left.

    `no_prior_run`: the caller knows that no run came before those that the journal knows. `repair` is called under
    the lock, before the lockfile is read. Where runs share their state, its lock is held, too, and what it holds stands
    for the lockfile; at the end it is published and let go.
    Raises RunLockedError, LockfileError, StateError; nothing was then sent.
    """
    clock = clock or SystemClock()
    run_id = f"{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
    is_shared = project.state.backend is StateBackend.GIT
    if repair is None and not is_shared:
        read_own_lockfile(project)

    def own_lockfile() -> Lockfile:
        if repair is not None:
            repair()
        return read_own_lockfile(project)

    async with AsyncExitStack() as held:
        journal = held.enter_context(Journal.open(project.state_dir, lockfile_of(project)))
        places = places_of(project)
        holder = make_holder(run=run_id, command=command, places=places, clock=clock)
        lock = hold_run_lock(
            journal, places, state_dir=project.state_dir, holder=holder, patience=lock_timeout, clock=clock
        )
        epochs = await held.enter_async_context(lock)
        if no_prior_run:
            journal.trust()
        else:
            journal.begin(at=moment_of(clock))
        shared: SharedState | None = None
        if is_shared:
            hold = hold_shared_state(
                project,
                journal,
                holder=holder,
                patience=lock_timeout,
                own=own_lockfile,
                no_prior_run=no_prior_run,
                clock=clock,
            )
            shared = await held.enter_async_context(hold)
        lockfile = own_lockfile() if shared is None else shared.base.lockfile
        journal.take_over(known_here(lockfile, journal).pending, now=clock.now())
        owner = str(holder)
        run = Run(
            project, run_id, journal, epochs, clock, command=command, owner=owner, on_event=on_event, shared=shared
        )
        run.fold()
        yield run
