"""How a run goes, on stderr: a moving display on a terminal, a line now and then elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from syncspec.apply.events import (
    BatchFinished,
    BatchSent,
    Event,
    Interrupted,
    Locked,
    RecordFinished,
    RunFinished,
    RunStarted,
    Waiting,
)
from syncspec.cli.output import LEVELS, Screen
from syncspec.diagnostics import Severity
from syncspec.records import Target
from syncspec.render.events import event_fields, event_level, event_message, event_name
from syncspec.render.terminal import visible

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["View", "watch"]

SECONDS_BETWEEN_LINES = 2.0


class View(Protocol):
    """Is told what happens. `pause` leaves the screen to others until the next thing happens."""

    def rows(self, target: Target, number: int) -> None: ...

    def event(self, event: Event) -> None: ...

    def pause(self) -> None: ...


@contextmanager
def watch(screen: Screen) -> Iterator[View]:
    """The view that suits the screen, for as long as the block runs."""
    view: View
    if screen.log is not None:
        view = _Logged(screen)
    elif screen.quiet:
        view = _Silent()
    elif screen.is_terminal and not screen.verbose:
        view = _Moving(screen)
    else:
        view = _Lines(screen)
    try:
        yield view
    finally:
        view.pause()


class _Silent:
    def rows(self, target: Target, number: int) -> None:
        """Nobody looks."""

    def event(self, event: Event) -> None:
        """Nobody looks."""

    def pause(self) -> None:
        """Nothing is shown."""


class _Logged:
    """A line per event; those of records that went well are for the curious only."""

    def __init__(self, screen: Screen, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen, self._clock = screen, clock
        self._last = clock()

    def rows(self, target: Target, number: int) -> None:
        if self._clock() - self._last >= SECONDS_BETWEEN_LINES:
            self._last = self._clock()
            place = {"upstream": target.upstream, "sync_id": target.sync_id, "collection_id": target.collection_id}
            self._screen.note("Reading a collection.", event="reading", **place, rows=number)

    def event(self, event: Event) -> None:
        level = event_level(event)
        is_detail = isinstance(event, RecordFinished) and level is Severity.NOTE
        if level is Severity.NOTE and (self._screen.quiet or (is_detail and not self._screen.verbose)):
            return
        word = "debug" if is_detail else LEVELS[level]
        fields = event_fields(event, redact=self._screen.redact)
        self._screen.tell(event_message(event), event=event_name(event), level=word, **fields)

    def pause(self) -> None:
        """Lines need no room."""


class _Lines:
    """At most a line every two seconds, so that a log stays readable; a wait as long as that is always told."""

    def __init__(self, screen: Screen, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._screen = screen
        self._clock = clock
        self._last = clock()
        self._records = 0
        self._done: set[str] = set()

    def rows(self, target: Target, number: int) -> None:
        self._tell(f"Reading {visible(target.collection_id)}: {number:,} records so far.")

    def event(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._records = event.records
            case RecordFinished():
                # A record that was unknown for a while finishes twice.
                self._done.add(event.record.address)
            case BatchFinished():
                self._tell(f"Applying: {len(self._done):,} of {self._records:,} records.")
            case Waiting():
                self._tell(_waiting(event), always=event.seconds >= SECONDS_BETWEEN_LINES)
            case BatchSent() | Locked() | Interrupted() | RunFinished():
                pass

    def pause(self) -> None:
        """Lines need no room."""

    def _tell(self, line: str, *, always: bool = False) -> None:
        now = self._clock()
        if always or now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._screen.note(line)


class _Moving:
    """Bars and counters, redrawn in place; values are shown as text, never read as markup."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._display: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._done: set[str] = set()

    def rows(self, target: Target, number: int) -> None:
        name = f"Reading {visible(target.collection_id)} of {visible(target.upstream)}"
        display, task = self._task(name, total=None)
        display.update(task, completed=number)

    def event(self, event: Event) -> None:
        match event:
            case RunStarted(records=records) if records:
                self._task("Applying", total=records)
            case RecordFinished() if "Applying" in self._tasks:
                self._done.add(event.record.address)
                display, task = self._task("Applying", total=None)
                display.update(task, completed=len(self._done))
            case Waiting():
                self._screen_line(_waiting(event))
            case _:
                pass

    def pause(self) -> None:
        if self._display is not None:
            self._display.stop()
        self._display, self._tasks = None, {}

    def _screen_line(self, line: str) -> None:
        if self._display is not None:
            self._display.console.print(line, markup=False, highlight=False)
        else:
            self._screen.note(line)

    def _task(self, name: str, *, total: int | None) -> tuple[Progress, TaskID]:
        if self._display is None:
            self._display = self._new_display()
            self._display.start()
        if name not in self._tasks:
            self._tasks[name] = self._display.add_task(name, total=total)
        return self._display, self._tasks[name]

    def _new_display(self) -> Progress:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(stderr=True, markup=False, emoji=False, highlight=False, no_color=not self._screen.color)
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
        )


def _waiting(event: Waiting) -> str:
    return f"Waiting {event.seconds:.0f} s for {visible(event.upstream)}: {visible(event.reason)}."
