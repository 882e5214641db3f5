"""After a plan was sent: wait for what is not known, look again, and send once more what is proved absent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from syncspec.apply.clock import Clock, Moment, elapsed, moment_of, remaining
from syncspec.apply.reconcile import Reconciled, intent_of
from syncspec.apply.run import Run
from syncspec.apply.states import AttemptState
from syncspec.apply.telling import tell_planned, tell_settled, unknown_of
from syncspec.errors import SyncspecError, UpstreamError
from syncspec.lockfile import OpenAttempt
from syncspec.planning.narrowing import narrowed
from syncspec.planning.plan import Plan
from syncspec.project.waves import Waves
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import MutationKind

__all__ = ["LookAgain", "follow_up"]

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0
_MOST_FAILURES = 10
_MOST_RESENDS = 3
"""So often is one change sent again within one run: an upstream that never makes it would keep the run for ever."""
_SHARE = 4.0
"""A pause is at least so many times as long as the last look took: large lists are read less often."""


class LookAgain(Protocol):
    """Reads the collections of these addresses, reconciles, and plans the addresses alone."""

    async def __call__(self, addresses: Collection[str]) -> tuple[Reconciled, Plan]: ...


async def follow_up(
    run: Run, plan: Plan, look_again: LookAgain, waves: Waves, *, clock: Clock, wait_settled: bool
) -> None:
    """Send what waited for records of the plan, and look again until nothing of it is unknown that time can settle.

    The run's patience may end before; `wait_settled`: it lasts until every horizon has passed. A change is sent again
    only where `look_again` plans it, which it does for what is proved not to have been made.
    """
    try:
        await waves.advance()
        await run.send(plan, last=True)
        await _settle(run, plan, look_again, waves, clock=clock, wait_settled=wait_settled)
    except SyncspecError as error:
        # What was sent is recorded as far as it could be: the report must come out all the same.
        run.note(error)
    waves.close()


async def _settle(
    run: Run, plan: Plan, look_again: LookAgain, waves: Waves, *, clock: Clock, wait_settled: bool
) -> None:
    addresses = unknown_of(plan, run.ledger)
    if not addresses or run.is_halted:
        return
    run.refresh()
    patience = _Patience(clock, run.upstreams, endless=wait_settled)
    resent: Counter[str] = Counter()
    while addresses and not run.is_stopped and not run.is_halted:
        waiting = [attempt for attempt in run.state.open_attempts if attempt.address in addresses]
        pause = patience.next_pause(waiting, doubts=run.state.doubts)
        if pause is None or not await run.pause(pause, upstream=waiting[0].target.upstream, reason=_reason(waiting)):
            return
        began = moment_of(clock)
        found: tuple[Reconciled, Plan] | None = None
        with run.stoppable(), suppress(UpstreamError):
            # A list that cannot be read now may be read at the next look.
            found = await look_again(addresses)
        patience.looked(began, read=found is not None)
        if found is None:
            continue
        reconciled, made = found[0], narrowed(plan, found[1])
        tell_settled(run.ledger, reconciled.settlements, addresses)
        tell_planned(run.ledger, made)
        if made.batches and not run.is_stopped:
            resent.update(change.address for batch in made.batches for change in batch.changes)
            await run.send(made)
            run.refresh()
        await waves.advance()
        addresses = {address for address in unknown_of(plan, run.ledger) if resent[address] < _MOST_RESENDS}


def _reason(waiting: Collection[OpenAttempt]) -> str:
    records = "1 record" if len(waiting) == 1 else f"{len(waiting):,} records"
    return f"looking again for {records} whose outcome is unknown"


class _Patience:
    """How long to wait before the next look; None where another look would tell nothing, or time is up."""

    def __init__(self, clock: Clock, upstreams: Mapping[str, UpstreamSettings], *, endless: bool) -> None:
        self._clock, self._upstreams, self._endless = clock, upstreams, endless
        self._began = moment_of(clock)
        self._pause = _FIRST_PAUSE
        self._took = 0.0
        self._last_look: Moment | None = None
        self._failures = 0

    def looked(self, began: Moment, *, read: bool) -> None:
        self._took = elapsed(began, moment_of(self._clock))
        self._failures = 0 if read else self._failures + 1
        self._last_look = began if read else self._last_look

    def next_pause(self, attempts: Iterable[OpenAttempt], *, doubts: Collection[str]) -> float | None:
        now = moment_of(self._clock)
        pauses = [
            pause
            for attempt in attempts
            if attempt.attempt not in doubts and _may_settle(attempt)
            if (pause := self._pause_for(attempt, now)) is not None
        ]
        if not pauses:
            return None
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return max(min(pauses), _SHARE * self._took)

    def _pause_for(self, attempt: OpenAttempt, now: Moment) -> float | None:
        """The backoff, or until the horizon or the end of patience where that comes first."""
        if self._failures >= _MOST_FAILURES or (self._last_look is not None and not _left(attempt, self._last_look)):
            return None
        settings = self._upstreams.get(attempt.target.upstream)
        left = _left(attempt, now)
        patience = (settings.wait if settings is not None else 0.0) - elapsed(self._began, now)
        if not self._endless and patience <= 0:
            return None
        pauses = [self._pause, *([left] if left > 0 else []), *([] if self._endless else [patience])]
        return max(min(pauses), 0.001)


def _may_settle(attempt: OpenAttempt) -> bool:
    """Whether time alone may settle it: something can be recognised, and no person was asked for."""
    if attempt.kind != MutationKind.CREATE:
        return True
    if attempt.state == AttemptState.UNMAPPED:
        return bool(attempt.candidates) or attempt.key is not None or attempt.marker is not None
    return attempt.state == AttemptState.UNKNOWN and (attempt.key is not None or attempt.marker is not None)


def _left(attempt: OpenAttempt, now: Moment) -> float:
    """Seconds until the attempt's horizon has passed by every clock that is known."""
    return remaining(datetime.fromisoformat(attempt.horizon), since=intent_of(attempt), now=now)
