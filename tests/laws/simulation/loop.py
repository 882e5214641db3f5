"""An event loop in which time passes only when nothing else is left to do, and processes can be suspended."""

from __future__ import annotations

import asyncio
import heapq
import selectors
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

__all__ = ["PROCESS", "StalledError", "VirtualLoop"]

PROCESS: ContextVar[object | None] = ContextVar("process", default=None)
"""Whose code runs: every task of a simulated process inherits it; the upstream and the world belong to nobody."""

_ROUNDING = 1e-6
_PROGRESS = 0.001
_MOST_TURNS = 20_000
"""So often the loop turns while no more time passes than that before somebody is said to turn it for ever."""


class StalledError(Exception):
    """Something waits for what can never happen."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs everything in one thread; `time` jumps to the next timer when nothing is ready.

    It never waits and never asks the operating system, so that the same program takes the same course each time.
    What belongs to a suspended process is kept back until that process goes on.
    """

    def __init__(self) -> None:
        super().__init__(selectors.SelectSelector())
        self._elapsed = 0.0
        self._progress = 0.0
        self._turns = 0
        self._suspended: set[object] = set()
        self._kept_back: list[Any] = []
        # Names of the base class, which runs what is in them; said here so that a reader need not look there.
        self._ready: deque[Any]
        self._scheduled: list[Any]

    def time(self) -> float:
        return self._elapsed

    def suspend(self, process: object) -> None:
        """Let nothing of this process happen from now on."""
        self._suspended.add(process)

    def go_on(self, process: object) -> None:
        """Let the process do what it would have done meanwhile."""
        self._suspended.discard(process)
        kept, self._kept_back = self._kept_back, []
        self._ready.extend(kept)

    def is_suspended(self, process: object) -> bool:
        return process in self._suspended

    def suspend_here(self, process: object, until: Callable[[], bool]) -> None:
        """Suspend the process in the midst of its own code: this call returns when it goes on.

        Everything else happens inside of this call meanwhile. One that is suspended later goes on earlier.
        """
        task = asyncio.current_task(self)
        self.suspend(process)
        if task is not None:
            asyncio.tasks._leave_task(self, task)
        try:
            while not until():
                self._run_once()
        finally:
            if task is not None:
                asyncio.tasks._enter_task(self, task)
            self.go_on(process)

    def _run_once(self) -> None:
        ready, timers = self._ready, self._scheduled
        while timers and timers[0]._cancelled:
            self._forget(heapq.heappop(timers))
        self._turns += 1
        if not ready:
            if not timers:
                raise StalledError("nothing is ready, and no timer runs")
            self._elapsed = max(self._elapsed, timers[0].when())
        if self._elapsed > self._progress + _PROGRESS:
            self._progress, self._turns = self._elapsed, 0
        elif self._turns > _MOST_TURNS:
            raise StalledError(f"time stands still: {list(ready)[:5]}")
        while timers and timers[0].when() <= self._elapsed + _ROUNDING:
            timer = heapq.heappop(timers)
            timer._scheduled = False
            ready.append(timer)
        for _ in range(len(ready)):
            if not ready:
                # What was suspended in one of these did the others on the way.
                return
            self._run(ready.popleft())

    def _forget(self, timer: Any) -> None:
        timer._scheduled = False
        self._timer_cancelled_count = max(getattr(self, "_timer_cancelled_count", 0) - 1, 0)

    def _run(self, handle: Any) -> None:
        if handle._cancelled:
            return
        if self._suspended and handle._context.get(PROCESS) in self._suspended:
            self._kept_back.append(handle)
            return
        handle._run()
