"""Events as lines of JSON, and as sentences in a log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from support.builders import TARGET

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
from syncspec.apply.outcomes import VerdictKind
from syncspec.apply.report import RecordOutcome, RecordReport
from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.planning.plan import Action
from syncspec.render.events import event_level, event_line, event_message, failed_line, opened_line
from syncspec.upstream.protocol import MutationKind

SCHEMA = json.loads((Path(__file__).parents[3] / "schemas" / "events.v1.schema.json").read_text(encoding="utf-8"))
TIME = "2026-01-01T00:00:00.000Z"
BATCH: dict[str, Any] = {
    "run": "r",
    "batch": 3,
    "wave": 2,
    "kind": MutationKind.CREATE,
    "target": TARGET,
    "attempts": {"c.a": "r.3.0", "c.b": "r.3.1"},
}
SAID = 'answered 400: "paul@x.org" is taken'
EVENTS: tuple[Event, ...] = (
    RunStarted(
        run="r",
        batches=1,
        records=2,
        command="syncspec apply",
        project="p",
        environment=None,
        plan_digest="0" * 64,
        actions=dict.fromkeys(Action, 1),
    ),
    BatchSent(**BATCH, attempt=1),
    BatchFinished(**BATCH, outcome=VerdictKind.UNKNOWN, status=400, message=SAID, seconds=0.25),
    RecordFinished(
        run="r",
        record=RecordReport(
            address="c.a", outcome=RecordOutcome.UNKNOWN, error=SAID, source=Source(file="m.yaml"), candidates=("1",)
        ),
    ),
    Waiting(run="r", upstream="crm", reason=SAID, seconds=1.5),
    Locked(run="r", lockfile="syncspec.lock", entries=2, pending=1),
    Interrupted(run="r", at_once=True),
    RunFinished(run="r", exit_code=4, summary=dict.fromkeys(RecordOutcome, 0), requests=1),
)


def test_there_is_an_example_of_every_kind_of_event() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))


@pytest.mark.parametrize("redact", [False, True])
@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_a_line_holds_all_and_only_what_its_schema_tells(event: Event, redact: bool) -> None:
    line = event_line(event, time=TIME, redact=redact)
    assert line.isascii()
    assert (line.count(b"\n"), line[-1:]) == (1, b"\n")
    told = json.loads(line)
    Draft202012Validator(SCHEMA).validate(told)
    parts = [part for part in SCHEMA["$defs"].values() if "event" in part.get("properties", {})]
    kinds = {part["properties"]["event"]["const"]: part for part in parts}
    assert set(told) == set(kinds[told["event"]]["properties"]) == set(kinds[told["event"]]["required"])
    assert (b"paul@x.org" in line) is (SAID.encode()[:8] in line)
    assert not redact or b"paul@x.org" not in line


@pytest.mark.parametrize("redact", [False, True])
def test_the_lines_around_a_run_hold_what_their_schema_tells(redact: bool) -> None:
    error = Diagnostic(severity=Severity.ERROR, code="upstream", summary="Refused", detail=SAID)
    failed = failed_line(error, exit_code=6, run=None, time=TIME, redact=redact)
    for line in (opened_line("r", command="syncspec apply", time=TIME), failed):
        Draft202012Validator(SCHEMA).validate(json.loads(line))
    assert json.loads(failed)["run"] is None
    assert (b"paul@x.org" in failed) is not redact


def test_nothing_in_a_line_acts_on_a_terminal_or_a_runner() -> None:
    hostile = "\x1b[2J \x9b31m \u202e ##[error]x"
    line = event_line(Waiting(run="r", upstream="crm", reason=hostile, seconds=1), time=TIME)
    assert line.isascii()
    assert b"\x1b" not in line
    assert b"##[" not in line
    assert json.loads(line)["reason"] == hostile


def test_what_went_wrong_is_a_warning_and_its_sentence_holds_no_data() -> None:
    levels = [event_level(event) for event in EVENTS]
    assert levels == [
        *(Severity.NOTE, Severity.NOTE, Severity.WARNING, Severity.WARNING),
        *(Severity.NOTE, Severity.NOTE, Severity.WARNING, Severity.WARNING),
    ]
    assert [event_message(event) for event in EVENTS] == [
        "The run began: 2 records in 1 request.",
        "Batch 3 (2 records) is sent.",
        "Batch 3 ended with status 400: unknown.",
        "A record's outcome is known: unknown.",
        "Waiting 2 s.",
        "The lockfile is written: 2 records locked, 1 not settled.",
        "Stopping at once.",
        "The run ended with exit code 4.",
    ]
