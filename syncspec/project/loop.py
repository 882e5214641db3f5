"""An event loop of one's own for one call."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import anyio

from syncspec.errors import UsageError

__all__ = ["run_alone", "run_to_end"]

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


def run_alone(call: Callable[..., Coroutine[Any, Any, T]], **options: Any) -> T:
    """`run_to_end` for callers of the library. Raises UsageError where a loop runs already."""
    if _is_loop_running():
        raise UsageError(
            "An event loop is running already",
            detail="A Project runs a loop of its own for each call. Nothing was read or sent.",
            hint="use syncspec.open_async and await its calls",
        )
    return run_to_end(functools.partial(call, **options))


def _is_loop_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
