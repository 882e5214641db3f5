"""Every durable step of a run, numbered, and a process that ends at one of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from support.pipeline import Wrap, Wrapped


class Killed(BaseException):
    """The process is gone."""


class Steps:
    """Counts steps by name and ends the run at the chosen one; what is dead takes no further step."""

    def __init__(self, kill_at: int | None = None, *, kill: Callable[[], None] | None = None) -> None:
        self.names: list[str] = []
        self.kill_at = kill_at
        self.dead = False
        self._kill = kill

    def at(self, name: str) -> None:
        if self.dead:
            raise Killed
        self.names.append(name)
        if self.kill_at is not None and len(self.names) == self.kill_at:
            self.dead = True
            if self._kill is not None:
                self._kill()
            raise Killed(name)


class SteppedConnection(Wrapped):
    """Takes a step before each request leaves, and one when its answer is there."""

    def __init__(self, inner: Any, steps: Steps) -> None:
        super().__init__(inner)
        self._steps = steps

    async def run(self, request: Any) -> Any:
        self._steps.at("before send")
        result = await self.inner.run(request)
        self._steps.at("after answer")
        return result


def number_steps(patch: pytest.MonkeyPatch, steps: Steps) -> Wrap:
    """Number commits, writes, syncs and renames of this process; returns what numbers sends and answers."""
    from syncspec import whole_file
    from syncspec.apply import database, journal, locktable
    from syncspec.lockfile import file

    @contextmanager
    def writing(connection: Any) -> Iterator[Any]:
        with database.writing(connection) as db:
            yield db
            steps.at("before commit")
        steps.at("after commit")

    for module in (journal, locktable):
        patch.setattr(module, "writing", writing)

    def stepped(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **options: Any) -> Any:
            steps.at(f"before {name}")
            result = call(*args, **options)
            steps.at(f"after {name}")
            return result

        return step

    names = {name: getattr(os, name) for name in dir(os)}
    own = names | {"replace": stepped("rename", os.replace)}
    patch.setattr(whole_file, "os", SimpleNamespace(**own))
    original = file.write_lockfile
    patch.setattr(
        "syncspec.apply.run.write_lockfile",
        lambda path, lockfile: original(path, lockfile, fsync=stepped("fsync", os.fsync)),
    )
    return lambda connection: SteppedConnection(connection, steps)


def is_killed(error: BaseException) -> bool:
    """Whether the error is the end of the process, alone or in groups of tasks that ended with it."""
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Killed) is not None
    return isinstance(error, Killed)
