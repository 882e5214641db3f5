"""How fast one upstream is written to: its rate limit, its concurrency, and the pauses that it asks for."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

import anyio

from syncspec.apply.clock import Clock
from syncspec.settings import RateLimit

__all__ = ["Throttle"]


class Throttle:
    """At most `concurrency` requests at once and `rate_limit` in any window; no request starts during a pause."""

    def __init__(self, clock: Clock, *, concurrency: int, rate_limit: RateLimit | None) -> None:
        self._clock = clock
        self._slots = anyio.CapacityLimiter(concurrency)
        self._rate_limit = rate_limit
        self._turn = anyio.Lock()
        self._starts: deque[datetime] = deque()
        self._pause_until: datetime | None = None
        self._longest_pause = 0.0

    async def acquire(self) -> None:
        """Wait for a turn and hold it until `release`. A cancelled wait holds nothing."""
        await self._slots.acquire()
        try:
            async with self._turn:
                await self._wait_for_turn()
        except BaseException:
            self._slots.release()
            raise

    def release(self) -> None:
        """Give the turn back. Called by the task that acquired it."""
        self._slots.release()

    def pause(self, seconds: float) -> None:
        """Let no request start for that long."""
        until = self._clock.now() + timedelta(seconds=seconds)
        self._pause_until = max(until, self._pause_until or until)
        self._longest_pause = max(seconds, self._longest_pause)

    async def _wait_for_turn(self) -> None:
        # A sleep is never longer than what was asked for, so a clock that steps cannot hold us for ever.
        while self._pause_until is not None:
            left = min((self._pause_until - self._clock.now()).total_seconds(), self._longest_pause)
            self._pause_until, self._longest_pause = None, 0.0
            if left > 0:
                await self._clock.sleep(left)
        if self._rate_limit is None:
            return
        window = timedelta(seconds=self._rate_limit.per_seconds)
        if len(self._starts) >= self._rate_limit.requests:
            left = (self._starts[0] + window - self._clock.now()).total_seconds()
            if left > 0:
                await self._clock.sleep(min(left, self._rate_limit.per_seconds))
            self._starts.popleft()
        self._starts.append(self._clock.now())
