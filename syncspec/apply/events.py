"""What an apply tells while it runs, for progress displays and callers' `on_event`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from syncspec.apply.report import RecordReport
from syncspec.records import Target

__all__ = ["BatchFinished", "BatchSent", "Event", "OnEvent", "RecordFinished", "RunFinished", "RunStarted", "Waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run began; `batches` and `records` count what the plan would send."""

    run: str
    batches: int
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSent:
    """A batch's intent is on disk and its request is about to leave; `attempt` counts from 1 within the run."""

    run: str
    target: Target
    records: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinished:
    """A batch was answered or given up; `outcome` is a word for people."""

    run: str
    target: Target
    records: int
    outcome: str
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFinished:
    """One record's outcome is known for this run, and recorded."""

    run: str
    record: RecordReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Sending to one upstream pauses for `seconds`."""

    run: str
    upstream: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run ended; the lockfile is final."""

    run: str
    exit_code: int


Event: TypeAlias = RunStarted | BatchSent | BatchFinished | RecordFinished | Waiting | RunFinished
OnEvent: TypeAlias = Callable[[Event], None]
