"""A process of syncspec: one run that can be killed, or suspended, at each of its durable steps and between them."""

from __future__ import annotations

import asyncio
import contextvars
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from support.builders import NOW
from support.steps import Killed

from simulation.loop import PROCESS, VirtualLoop
from syncspec.apply.run import Run

__all__ = ["Machine", "Process", "number_steps"]

SUSPENDED_INSIDE = frozenset({"after intent", "after commit", "before rename", "after rename", "after answer"})
"""Steps at which a process may be suspended for long. Not inside a transaction, which would hold the journal up; and
not between the last look at the clock and the request, which no program can guard."""


class Machine:
    """A computer: its wall clock may step, its uptime may not. It is the `Clock` of what runs on it."""

    def __init__(self, loop: VirtualLoop, name: str, *, offset: float = 0.0) -> None:
        self._loop, self._name, self._offset = loop, name, offset
        self._furthest = offset

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self._loop.time() + self._offset)

    def uptime(self) -> tuple[str, float]:
        return self._name, self._loop.time()

    def step(self, seconds: float) -> None:
        """Put the wall clock forward or back."""
        self._offset += seconds
        self._furthest = max(self._furthest, self._offset)

    def catch_up(self) -> None:
        """End with a wall clock that is behind no time that it has shown: until then nothing has passed."""
        self._offset = self._furthest

    async def sleep(self, seconds: float) -> None:
        # Time passes wherever somebody sleeps, however briefly.
        await asyncio.sleep(max(seconds, 0.001))


class Process:
    """One run on one machine. `outcome` is what it returned, or the exception that ended it; None while it lives.

    `kill_at` and `suspend_at` number its steps from 1, or with `at_intent` its intents; a suspended process goes on
    after `suspend_for` seconds.
    """

    def __init__(
        self,
        name: str,
        loop: VirtualLoop,
        machine: Machine,
        *,
        kill_at: int | None = None,
        suspend_at: int | None = None,
        suspend_for: float = 0.0,
        at_intent: bool = False,
        told: Callable[[str], None],
    ) -> None:
        self.name, self.machine = name, machine
        self.env: str | None = None
        self.declared: frozenset[str] = frozenset()
        """The tokens of those that its manifests declare."""
        self.run: Run | None = None
        self.outcome: object | None = None
        self.is_dead = False
        self.is_cut_off = False
        self.steps = 0
        self._loop, self._told = loop, told
        self._kill_at, self._suspend_at, self._suspend_for = kill_at, suspend_at, suspend_for
        self._at_intent = at_intent
        self._goes_on_at = 0.0
        self._is_inside = False
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return self.name

    @property
    def lives(self) -> bool:
        return self.outcome is None

    @property
    def is_suspended(self) -> bool:
        return self._loop.is_suspended(self)

    @property
    def holds_lock(self) -> bool:
        """Whether it has the run lock and nobody took it away."""
        return self.lives and self.run is not None and not self.is_cut_off and not self.is_dead

    def start(self, call: Callable[[], Any]) -> None:
        self._context = contextvars.copy_context()
        self._context.run(PROCESS.set, self)
        self._task = self._loop.create_task(self._to_end(call), context=self._context)

    async def _to_end(self, call: Callable[[], Any]) -> None:
        try:
            self.outcome = await call()
        except BaseException as error:  # noqa: BLE001 - judged by the laws, whatever it is
            self.outcome = error
        if self.is_dead:
            self.outcome = Killed(self.name)

    def kill(self) -> None:
        """End it where it is: it takes no further step, and what it sent stays sent."""
        self._told(f"{self} is killed")
        self.is_dead = True
        self._goes_on_at = self._loop.time()
        if not self._is_inside and self._task is not None:
            self._loop.go_on(self)
            self._task.cancel()

    def signal(self, *, twice: bool) -> None:
        """Ask it to stop, as Ctrl-C does: once, or twice."""
        assert self.run is not None
        self._told(f"{self} is asked to stop{' twice' if twice else ''}")
        self._loop.call_soon(self.run.stop_now if twice else self.run.request_stop, context=self._context)

    def suspend(self, seconds: float) -> None:
        """Suspend it between two of its steps."""
        self._told(f"{self} is suspended for {seconds:.0f} s")
        self._loop.suspend(self)
        self._loop.call_later(seconds, self._loop.go_on, self, context=contextvars.Context())

    async def ended(self, within: float | None = None) -> bool:
        """Wait until it has ended, at most that long; whether it has."""
        assert self._task is not None
        await asyncio.wait([self._task], timeout=within)
        return not self.lives

    def at(self, name: str) -> None:
        """Take a step: something that lasts, or a request, or its answer."""
        if self.is_dead:
            raise Killed
        if self._at_intent and name != "after intent":
            return
        self.steps += 1
        if self.steps == self._kill_at:
            self._told(f"{self} dies {name}")
            self.is_dead = True
            raise Killed(name)
        if self._suspend_at is not None and self.steps >= self._suspend_at and name in SUSPENDED_INSIDE:
            self._suspend_at = None
            self._told(f"{self} is suspended {name} for {self._suspend_for:.0f} s")
            self._goes_on_at = self._loop.time() + self._suspend_for
            self._loop.call_at(self._goes_on_at, _nothing, context=contextvars.Context())
            self._is_inside = True
            self._loop.suspend_here(self, lambda: self._loop.time() >= self._goes_on_at)
            self._is_inside = False
            self._told(f"{self} goes on")
            if self.is_dead:
                raise Killed(name)


def _nothing() -> None:
    """A timer that only makes time pass."""


def step(name: str) -> None:
    """Take a step of the process whose code runs."""
    process = PROCESS.get()
    if isinstance(process, Process):
        process.at(name)


def number_steps(patch: pytest.MonkeyPatch, draw: random.Random) -> None:
    """Let everything durable that syncspec does be a step of the process that does it; names of runs come from draw.

    Nothing is forced onto a disk: here a process dies, and no machine does.
    """
    from syncspec import whole_file
    from syncspec.apply import database, journal, locktable
    from syncspec.lockfile import file

    @contextmanager
    def writing(connection: Any) -> Iterator[Any]:
        with database.writing(connection) as db:
            yield db
            step("before commit")
        step("after commit")

    for module in (journal, locktable):
        patch.setattr(module, "writing", writing)

    intend = journal.Journal.intend

    def intended(*args: Any, **options: Any) -> Any:
        result = intend(*args, **options)
        step("after intent")
        return result

    patch.setattr(journal.Journal, "intend", intended)

    def replace(source: str, target: Any) -> None:
        step("before rename")
        os.replace(source, target)  # noqa: PTH105 - what it stands in for
        step("after rename")

    names = {name: getattr(os, name) for name in dir(os)}
    patch.setattr(whole_file, "os", SimpleNamespace(**names | {"replace": replace}))
    original = file.write_lockfile
    patch.setattr(
        "syncspec.apply.run.write_lockfile", lambda path, lockfile: original(path, lockfile, fsync=lambda _: None)
    )
    connect = database._connect

    def unsynced(path: Any, *, create: bool) -> Any:
        connection = connect(path, create=create)
        connection.execute("PRAGMA synchronous=OFF")
        return connection

    patch.setattr(database, "_connect", unsynced)
    # Hypothesis likes to draw the same bytes; a token drawn twice in one second is not what it looks for.
    tokens = count(1)

    def token_hex(size: int) -> str:
        return f"{(draw.getrandbits(8 * size) + next(tokens)) % 2 ** (8 * size):0{2 * size}x}"

    patch.setattr("syncspec.apply.opening.secrets", SimpleNamespace(token_hex=token_hex))
