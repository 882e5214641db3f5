"""An event loop of one's own for one call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

__all__ = ["run_to_end"]

T = TypeVar("T")


def run_to_end(call: Callable[[], Awaitable[T]]) -> T:
    """Give what the call gives, and raise what it raises; not for callers with a loop that runs.

    The result is handed over beside the loop's main task and not as its result: asyncio lets `signal` look its
    handler up when the task is done, which forms the `repr` of the task, and that of a large plan takes seconds.
    """
    results: list[T] = []

    async def main() -> None:
        results.append(await call())

    anyio.run(main)
    return results[0]
