"""What an apply tells while it runs: to progress displays, to files of events, and to callers' `on_event`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from syncspec.apply.outcomes import VerdictKind
from syncspec.apply.report import RecordOutcome, RecordReport
from syncspec.planning.plan import Action
from syncspec.records import Target
from syncspec.upstream.protocol import MutationKind

__all__ = [
    "BatchFinished",
    "BatchSent",
    "Event",
    "Interrupted",
    "Locked",
    "OnEvent",
    "RecordFinished",
    "RunFinished",
    "RunStarted",
    "Waiting",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """The run began; `batches` and `records` count what the plan would send, `actions` all of its changes."""

    run: str
    batches: int
    records: int
    command: str = ""
    project: str = ""
    environment: str | None = None
    plan_digest: str = ""
    actions: Mapping[Action, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfBatch:
    """`batch` and `wave` count from 1 within the run; `attempts` maps the address of each record to its attempt."""

    run: str
    batch: int
    wave: int
    kind: MutationKind
    target: Target
    attempts: Mapping[str, str]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The records, in the order of the request."""
        return tuple(self.attempts)

    @property
    def records(self) -> int:
        return len(self.attempts)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSent(_OfBatch):
    """A batch's intent is on disk and its request is about to leave; `attempt` counts requests for these records."""

    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchFinished(_OfBatch):
    """A batch was answered or given up, `seconds` after it was sent; `status` None: there was no answer."""

    outcome: VerdictKind
    message: str = ""
    status: int | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFinished:
    """One record's outcome is known for this run, and recorded; an unknown one may be followed by another."""

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
class Locked:
    """The lockfile on disk holds all that is recorded so far: so many entries, and so many unsettled attempts."""

    run: str
    lockfile: str
    entries: int
    pending: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Interrupted:
    """The run was asked to end early. `at_once`: what is in flight is given up, and else it finishes first."""

    run: str
    at_once: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """The run ended; the lockfile is final. `requests` left in it."""

    run: str
    exit_code: int
    summary: Mapping[RecordOutcome, int] = field(default_factory=dict)
    requests: int = 0


Event: TypeAlias = (
    RunStarted | BatchSent | BatchFinished | RecordFinished | Waiting | Locked | Interrupted | RunFinished
)
OnEvent: TypeAlias = Callable[[Event], None]
