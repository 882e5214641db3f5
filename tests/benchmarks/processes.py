"""Child processes: workers that measure, commands that are timed, and a server to send to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.projects import TOKEN

__all__ = ["Measured", "best", "serving", "timed", "work"]

_WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a worker printed; `more` are figures of its action."""

    seconds: float
    cpu: float
    peak_mb: float
    more: dict[str, float]


def work(action: str, *arguments: object) -> Measured:
    """Run one action of the worker."""
    command = [sys.executable, str(_WORKER), action, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    found = json.loads(done.stdout)
    return Measured(seconds=found.pop("seconds"), cpu=found.pop("cpu"), peak_mb=found.pop("peak_mb"), more=found)


def best(times: int, measure: Callable[[], Measured]) -> Measured:
    """The quickest of several: other processes only ever make it slower."""
    return min((measure() for _ in range(times)), key=lambda measured: measured.seconds)


def timed(command: Sequence[str], *, times: int) -> float:
    """The median of the seconds that a command takes, start and end of its process included, once it is compiled."""
    taken = []
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2]


@contextmanager
def serving(store: Path) -> Iterator[str]:
    """Serve an embedded upstream from a process of its own; gives its URL."""
    command = [sys.executable, "-m", "syncspec", "serve", "--port", "0", "--db", str(store), "--token-env", "TOKEN"]
    with subprocess.Popen(command, env={**os.environ, "TOKEN": TOKEN}, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield server.stdout.readline().split()[1]
        finally:
            server.terminate()
