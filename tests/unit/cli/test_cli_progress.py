from __future__ import annotations

from support.builders import TARGET

from syncspec.apply.events import BatchFinished, Event, RecordFinished, RunStarted, Waiting
from syncspec.apply.outcomes import VerdictKind
from syncspec.apply.report import RecordOutcome, RecordReport
from syncspec.cli.progress import _Lines
from syncspec.upstream.protocol import MutationKind


class Notes:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, line: str) -> None:
        self.lines.append(line)


def told(*events: Event, seconds_between: float) -> list[str]:
    """What a log without a terminal holds after these events, so many seconds apart."""
    notes, time = Notes(), [0.0]

    def clock() -> float:
        time[0] += seconds_between
        return time[0]

    lines = _Lines(notes, clock=clock)  # type: ignore[arg-type]
    for event in events:
        lines.event(event)
    return notes.lines


def finished(address: str, outcome: RecordOutcome) -> RecordFinished:
    return RecordFinished(run="r", record=RecordReport(address=address, outcome=outcome))


BATCH = BatchFinished(
    run="r",
    batch=1,
    wave=1,
    kind=MutationKind.CREATE,
    target=TARGET,
    attempts={"c.a": "r.1.0"},
    outcome=VerdictKind.APPLIED,
)


def test_a_record_that_was_unknown_and_then_found_counts_once() -> None:
    events = [
        RunStarted(run="r", batches=1, records=2),
        finished("c.a", RecordOutcome.UNKNOWN),
        finished("c.b", RecordOutcome.CREATED),
        finished("c.a", RecordOutcome.CREATED),
    ]
    assert told(*events, BATCH, seconds_between=5) == ["Applying: 2 of 2 records."]


def test_a_long_wait_is_told_even_right_after_another_line() -> None:
    events = [Waiting(run="r", upstream="crm", reason="why", seconds=seconds) for seconds in (300, 1)]
    assert told(*events, seconds_between=0.1) == ["Waiting 300 s for crm: why."]
