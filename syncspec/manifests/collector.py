"""Pausing the garbage collector while a tree only grows: it would walk all of it again and again, for nothing."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["paused_collector", "sheltered"]


@contextmanager
def paused_collector() -> Iterator[None]:
    """Keep the collector from running inside, and leave it afterwards as it was."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def sheltered() -> Iterator[Callable[[], None]]:
    """Give a function that hides everything alive at its call from the collector, until the block ends.

    It does nothing in a program that has frozen objects of its own, which the end of the block would thaw.
    """
    if gc.get_freeze_count():
        yield lambda: None
        return
    try:
        yield gc.freeze
    finally:
        gc.unfreeze()
