"""One run's hold of the state that a project's runs share in a git ref.

The lock is taken, renewed and let go by replacing the ref, each time from the commit that this run wrote last: whoever
else replaced it meanwhile has cut this run off. Every such step publishes all that is known: the lockfile with the
journal folded in, and a line for each record that may be sent before the lease ends. Nothing is sent that is not
announced so, nor at a time for which the lease does not last.

git blocks, so it runs in a thread, one call at a time. What is published is put together in the run's own thread,
where the journal lives.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import anyio
from anyio import to_thread

from syncspec.apply.announcement import Announcements
from syncspec.apply.base import Base, View, files_of, open_ref, read_view
from syncspec.apply.clock import Clock, Moment, moment_of
from syncspec.apply.delivery import SEND_WITHIN, Delivery
from syncspec.apply.journal import Journal
from syncspec.apply.lease import LEASE, Lease, locked
from syncspec.apply.runlock import LockHolder
from syncspec.apply.state import journaled_state
from syncspec.apply.stateref import NotWrittenError, RaceLostError, StateRef, WriteUnknownError
from syncspec.errors import StateError, SyncspecError
from syncspec.lockfile import Lockfile
from syncspec.settings import LoadedProject

__all__ = ["SharedState", "hold_shared_state"]

_POLL_SECONDS = 3.0
_PAUSES = (0.5, 2.0)
_BEAT_SECONDS = 30.0
_NEWS_SECONDS = 3.0
_SHARE = 4.0
"""A pause between two publications is at least so many times as long as the last one took."""


@asynccontextmanager
async def hold_shared_state(
    project: LoadedProject,
    journal: Journal,
    *,
    holder: LockHolder,
    patience: float,
    own: Callable[[], Lockfile],
    no_prior_run: bool,
    clock: Clock,
) -> AsyncIterator[SharedState]:
    """Hold the lock of the project's shared state; at the end publish what there is, and let go.

    Waits up to `patience` seconds. `own` gives the lockfile to start from where there is no shared state yet.
    Raises RunLockedError, LockfileError, StateError; in the end, StateError where something is left to publish.
    """
    ref = await to_thread.run_sync(open_ref, project)
    try:
        shared = SharedState(ref, project, journal, holder=holder, clock=clock)
        await shared.acquire(patience=patience, own=own, no_prior_run=no_prior_run)
        failure: Exception | None = None
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(shared.keep)
            try:
                yield shared
                await shared.release()
            except BaseException as error:
                with suppress(SyncspecError):
                    await shared.release()
                if not isinstance(error, Exception):
                    raise
                # Raised once the group is left, which would wrap it.
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(ref.close)


class SharedState:
    """A hold of the lock, which is a run's herald, too. `base` is the lockfile that was published or read last.

    `lost` says why this run holds the lock no more; it sends nothing then.
    """

    def __init__(
        self, ref: StateRef, project: LoadedProject, journal: Journal, *, holder: LockHolder, clock: Clock
    ) -> None:
        self.base = Base(lockfile=Lockfile(project=project.name, environment=project.environment))
        self.lost: RaceLostError | None = None
        self._ref, self._project, self._journal, self._clock = ref, project, journal, clock
        self._run, self._lease = holder.run, Lease(holder=holder)
        self._announced = Announcements(holder.run, project.upstreams)
        self._public: frozenset[str] = frozenset()
        self._renewed: Moment | None = None
        self._commit: str | None = None
        self._turn = anyio.Lock()
        self._news = anyio.Event()
        self._took = 0.0
        self._is_over = False

    async def acquire(self, *, patience: float, own: Callable[[], Lockfile], no_prior_run: bool) -> None:
        """Take the lock. Raises RunLockedError, LockfileError, StateError."""
        left = patience
        while True:
            view = await to_thread.run_sync(read_view, self._ref, self._project)
            if view.lease.is_free(self._clock.now()):
                try:
                    return await self._take(view, own, no_prior_run=no_prior_run)
                except RaceLostError:
                    # Somebody was quicker, and holds it by now.
                    continue
            if left <= 0:
                raise locked(view.lease, where=str(self._ref))
            await self._clock.sleep(min(_POLL_SECONDS, left))
            left -= _POLL_SECONDS

    async def _take(self, view: View, own: Callable[[], Lockfile], *, no_prior_run: bool) -> None:
        since = view.lease.since
        if view.commit is None and (cold := self._journal.cold_since()) is not None:
            since = cold.wall
        self._lease = replace(self._lease, epoch=view.lease.epoch + 1, since=None if no_prior_run else since)
        self._commit = view.commit
        lockfile = view.lockfile if view.lockfile is not None else own()
        await self._patiently(functools.partial(self._replace, lockfile, "begin"))
        self.base = replace(view, lease=self._lease).base(lockfile)

    async def announce(self, wave: Sequence[Delivery]) -> None:
        """Publish a line for each record of a wave, beside all that is known."""
        self._announced.begin(wave, at=self._clock.now())
        async with self._turn:
            await self._publish("wave")

    async def permit(self, delivery: Delivery) -> None:
        """Return when the delivery is announced and the lease lasts long enough; publishes where it has to."""
        if self.lost is None and self._covers(delivery):
            # What is being published now may be; what was published last holds until then.
            return
        async with self._turn:
            if self.lost is not None:
                raise self.lost
            if not self._covers(delivery):
                self._announced.add(delivery, at=self._clock.now())
                await self._publish("go on")
            if not self._covers(delivery):
                raise StateError(
                    "The shared state cannot be kept up",
                    detail=f"{self._ref}: writing it takes longer than the {LEASE.seconds} seconds for which this run "
                    "may then send. Nothing further was sent.",
                    hint="look at the connection to the remote, and at this machine's clock",
                )

    def _covers(self, delivery: Delivery) -> bool:
        addresses = {record.address for record in delivery.records}
        return addresses <= self._public and self._seconds_left() >= SEND_WITHIN.total_seconds()

    def _seconds_left(self) -> float:
        """How long the lease lasts, by the clock that says less."""
        if self._renewed is None:
            return 0.0
        now = moment_of(self._clock)
        passed = (now.wall - self._renewed.wall).total_seconds()
        if now.boot is not None and now.boot == self._renewed.boot:
            passed = max(passed, now.uptime - self._renewed.uptime)
        return LEASE.total_seconds() - passed

    def concluded(self, delivery: Delivery, following: Sequence[Delivery]) -> None:
        """Take back the lines of what is recorded, and see that the outcome is published soon."""
        again = {record.address for each in following for record in each.records}
        self._announced.conclude({record.address for record in delivery.records} - again)
        self._news.set()

    async def keep(self) -> None:
        """Renew the lease for as long as it is held; sooner where there is news. Failures show at the next send."""
        while self.lost is None:
            with anyio.move_on_after(min(max(_BEAT_SECONDS, _SHARE * self._took), LEASE.seconds / 2)):
                await self._news.wait()
                await anyio.sleep(max(_NEWS_SECONDS, _SHARE * self._took))
            async with self._turn:
                if self._is_over:
                    return
                self._news = anyio.Event()
                with suppress(SyncspecError):
                    await self._publish("go on")

    async def release(self) -> None:
        """Publish all that is known and let go of the lock; later calls do nothing.

        Raises StateError where that failed: this machine's journal then holds what the shared state lacks.
        """
        if self._is_over:
            return
        self._is_over = True
        with anyio.CancelScope(shield=True):
            async with self._turn:
                self._announced.conclude(self._announced.addresses)
                self._lease = replace(self._lease, holder=None)
                try:
                    await self._publish("end")
                except StateError as error:
                    raise _kept_here(error) from error

    async def _publish(self, why: str) -> None:
        """Replace the ref by all that is known now. To be called with the turn held."""
        if self.lost is not None:
            raise self.lost
        started = anyio.current_time()
        try:
            await self._patiently(functools.partial(self._publish_once, why))
        finally:
            self._took = anyio.current_time() - started

    async def _publish_once(self, why: str) -> None:
        lockfile = journaled_state(self._project, self.base, self._journal).lockfile
        # Where the journal cannot be written, what is published is not marked, and published again.
        with suppress(StateError):
            self._journal.mark_leaving()
        await self._replace(lockfile, why)
        self.base = replace(self.base, lockfile=lockfile, shared=True)
        if self._lease.since is not None:
            self.base = replace(self.base, cold_since=Moment(wall=self._lease.since))
        with suppress(StateError):
            self._journal.mark_published()

    async def _replace(self, lockfile: Lockfile, why: str) -> None:
        """Have the ref follow our last commit with this. The lease begins before the write does."""
        at = moment_of(self._clock)
        until = at.wall + LEASE
        lease = replace(self._lease, expires=until if self._lease.holder else None)
        announced = self._announced.addresses
        content = self._announced.added_to(lockfile, until=until)
        try:
            self._commit = await to_thread.run_sync(self._write, content, lease, why)
        except RaceLostError as error:
            self.lost = error if self._renewed is not None else None
            raise
        self._renewed, self._public = at, announced

    def _write(self, lockfile: Lockfile, lease: Lease, why: str) -> str:
        return self._ref.replace(files_of(lockfile, lease), expected=self._commit, message=f"{why}: {self._run}")

    async def _patiently(self, write: Callable[[], Awaitable[None]]) -> None:
        """Try again what got lost, or may have: a compare-and-swap does no harm twice."""
        for pause in _PAUSES:
            try:
                return await write()
            except (NotWrittenError, WriteUnknownError):
                await anyio.sleep(pause)
        return await write()


def _kept_here(error: StateError) -> StateError:
    first = error.diagnostics[0]
    return StateError(
        "The shared state lacks what this run did",
        detail=f"{first.summary}. {first.detail} The journal and the lockfile on this machine hold everything.",
        hint="run the same command once more on this machine: it begins by publishing what is missing",
    )
