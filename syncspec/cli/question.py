"""Asking a person."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from syncspec.cli.output import Screen
from syncspec.errors import UsageError

__all__ = ["ask_for_yes", "require_terminal"]


def require_terminal(what: str, *, first: Callable[[], object] | None = None) -> None:
    """Raise UsageError where nobody can be asked; `first` raises what would be wrong even with a terminal."""
    if not sys.stdin.isatty():
        if first is not None:
            first()
        raise UsageError(
            "Nobody can be asked",
            detail=f"{what} asks for a yes, and standard input is no terminal. Nothing was sent.",
            hint="give -y where the answer is yes",
        )


def ask_for_yes(screen: Screen, question: str) -> bool:
    """Whether the answer is exactly `yes`. Raises KeyboardInterrupt on Ctrl-C, also within an event loop."""
    with _interruptible():
        # The question comes after the handlers: who sees it may press Ctrl-C at once.
        screen.tell(f"{question}\nOnly yes is taken as yes: ", event="question")
        answer = sys.stdin.readline()
    if not answer.endswith("\n") and screen.log is None:
        screen.tell("\n")
    return answer.strip() == "yes"


def _raise(number: int, frame: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def _interruptible() -> Iterator[None]:
    """An event loop takes signals when it turns; while it waits for a person they must end the waiting."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, _raise) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
