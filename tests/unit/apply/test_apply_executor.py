from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.builders import TARGET, VirtualClock, desired, observed
from support.scripted import Answer, ScriptedConnection, created, refused

from syncspec.apply.delivery import Delivery
from syncspec.apply.entries import EntryMaker
from syncspec.apply.events import BatchSent, Event, Waiting
from syncspec.apply.executor import Executor
from syncspec.apply.journal import Journal
from syncspec.apply.mapping import SentRecord
from syncspec.apply.report import RecordOutcome
from syncspec.errors import StateError
from syncspec.lockfile import DigestKeys
from syncspec.records import AwaitConsumers, FieldRule, FieldRules
from syncspec.settings import RateLimit, UpstreamSettings
from syncspec.upstream.protocol import Answered, MutationRequest, NoAnswer, NotSent, SendResult

C, U, N, R = RecordOutcome.CREATED, RecordOutcome.UNKNOWN, RecordOutcome.NOT_ATTEMPTED, RecordOutcome.REJECTED
RULES = FieldRules()


def sent(name: str, *, rules: FieldRules = RULES, **data: Any) -> SentRecord:
    record = desired(f"c.{name}", Email=f"{name}@x.org", **data)
    return SentRecord(desired=record, wire=dict(record.data), match_on=("Email",), marker_field=None, rules=rules)


def batch(*names: str, **changes: Any) -> Delivery:
    return Delivery(target=TARGET, records=tuple(sent(name) for name in names), **changes)


class Bench:
    """An executor over a scripted upstream, a real journal and a virtual clock."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.journal = Journal.open(folder, "syncspec.lock")
        self.journal.begin_run("run", command="apply", owner="me", now=self.clock.now())
        self.epochs = {"place": 0}
        self.journal.locks.take(self.epochs, "me")
        self.settings = UpstreamSettings(name="crm", **{"concurrency": 1, "wait": 60.0, **settings})
        self.events: list[Event] = []
        self.executor: Executor | None = None
        self.locked_ids: dict[tuple[str, str, str], frozenset[str]] = {}

    def deliver(self, connection: ScriptedConnection, *waves: list[Delivery]) -> dict[str, RecordOutcome]:
        anyio.run(self._deliver, connection, waves)
        assert self.executor is not None
        return {address: report.outcome for address, report in self.executor.ledger.reports.items()}

    async def _deliver(self, connection: ScriptedConnection, waves: tuple[list[Delivery], ...]) -> None:
        self.executor = Executor(
            run="run",
            journal=self.journal,
            epochs=self.epochs,
            upstreams={"crm": self.settings},
            connections={"crm": connection},
            locked_ids=self.locked_ids,
            entries=EntryMaker(clock=self.clock, keys=DigestKeys(private=b"k")),
            clock=self.clock,
            on_event=self.events.append,
        )
        await self.executor.deliver(waves)

    def error(self, address: str) -> str:
        assert self.executor is not None
        return self.executor.ledger.reports[address].error or ""

    def open_states(self) -> dict[str, str]:
        return {attempt.address: attempt.state for attempt in self.journal.attempts.open()}

    def locked(self) -> dict[str, str]:
        return {item.address: item.entry.upstream_id for item in self.journal.identities() if item.entry}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def answers(*script: Answer) -> ScriptedConnection:
    return ScriptedConnection(*script)


def test_created_records_are_locked_with_their_ids(bench: Bench) -> None:
    connection = answers()
    assert bench.deliver(connection, [batch("a", "b")]) == {"c.a": C, "c.b": C}
    assert bench.locked() == {"c.a": "ID1000", "c.b": "ID1001"}
    assert bench.open_states() == {}
    assert len(connection.requests) == 1


def test_the_intent_is_on_disk_when_the_request_leaves(bench: Bench, tmp_path: Path) -> None:
    seen: list[dict[str, str]] = []

    def look(request: MutationRequest) -> SendResult:
        other = Journal.open_for_reading(tmp_path, "syncspec.lock")
        assert other is not None
        with other:
            seen.append({attempt.address: attempt.state for attempt in other.attempts.open()})
        return created(request)

    bench.deliver(answers(look), [batch("a", "b")])
    assert seen == [{"c.a": "intended", "c.b": "intended"}]


def test_lost_answer_leaves_the_batch_unknown_and_it_is_never_sent_again(bench: Bench) -> None:
    connection = answers(NoAnswer(reason="the connection closed"))
    assert bench.deliver(connection, [batch("a", "b")]) == {"c.a": U, "c.b": U}
    assert len(connection.requests) == 1
    assert bench.open_states() == {"c.a": "unknown", "c.b": "unknown"}
    assert bench.locked() == {}


def test_an_unknown_batch_does_not_keep_the_next_one_back(bench: Bench) -> None:
    connection = answers(refused(504))
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": U, "c.b": C}


def test_a_connection_that_never_opened_is_tried_again_after_growing_pauses(bench: Bench) -> None:
    connection = answers(NotSent(reason="refused"), NotSent(reason="refused"))
    assert bench.deliver(connection, [batch("a")]) == {"c.a": C}
    assert bench.clock.slept == [0.5, 1.0]
    assert [event.attempt for event in bench.events if isinstance(event, BatchSent)] == [1, 2, 3]


def test_an_upstream_that_stays_away_leaves_the_rest_unattempted(bench: Bench) -> None:
    connection = answers(*[NotSent(reason="refused")] * 9)
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": N, "c.b": N}
    assert len(connection.requests) == 5
    assert bench.open_states() == {}


def test_too_many_requests_waits_as_told_and_sends_the_same_record_again(bench: Bench) -> None:
    connection = answers(refused(429, retry_after=7.0))
    assert bench.deliver(connection, [batch("a")]) == {"c.a": C}
    assert bench.clock.slept == [7.0]
    assert [event.seconds for event in bench.events if isinstance(event, Waiting)] == [7.0]


def test_a_batch_that_is_told_to_slow_down_keeps_the_next_one_back(bench: Bench) -> None:
    connection = answers(refused(429, retry_after=7.0))
    assert bench.deliver(connection, [batch("a", "b"), batch("c", "d")]) == {"c.a": U, "c.b": U, "c.c": C, "c.d": C}
    assert bench.clock.slept == [7.0]


def test_an_unavailable_upstream_is_left_alone_for_as_long_as_it_says(bench: Bench) -> None:
    connection = answers(refused(503, retry_after=3600.0))
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": U, "c.b": N}
    assert len(connection.requests) == 1


def test_a_success_elsewhere_does_not_excuse_a_collection_that_refuses_all(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    other = replace(TARGET, collection_id="salesforce:account")

    def judge(request: MutationRequest) -> SendResult:
        ours = request.collection_id == TARGET.collection_id
        return refused(400, "API disabled") if ours else created(request, first=100 * len(connection.requests))

    connection = answers(*[judge] * 80)
    work = [
        item
        for number in range(30)
        for item in (batch(f"r{number}"), Delivery(target=other, records=(sent(f"z{number}"),)))
    ]
    outcomes = bench.deliver(connection, work)
    assert sum(outcome is R for outcome in outcomes.values()) == 10
    bench.journal.close()


def test_the_horizon_counts_twice_the_polling_of_a_slow_sync(bench: Bench) -> None:
    bench.deliver(answers(refused(504)), [batch("a", polling_seconds=14_400.0)])
    assert bench.journal.attempts.open()[0].horizon == "2026-01-01T08:01:10.000Z"


def test_a_pause_longer_than_we_wait_ends_sending_to_that_upstream(bench: Bench) -> None:
    connection = answers(refused(429, retry_after=3600.0))
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": N, "c.b": N}
    assert len(connection.requests) == 1


def test_a_refused_batch_is_unknown_unless_the_upstream_is_atomic(bench: Bench) -> None:
    connection = answers(refused(400, "Invalid email"))
    assert bench.deliver(connection, [batch("a", "b")]) == {"c.a": U, "c.b": U}
    assert len(connection.requests) == 1


def test_an_atomic_upstream_is_bisected_to_the_bad_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path, atomic_batches=True)

    def validate(request: MutationRequest) -> SendResult:
        bad = any(data["Email"] == "c@x.org" for data in request.records)
        return refused(400, "Invalid email") if bad else created(request, first=10 * len(connection.requests))

    connection = answers(*[validate] * 20)
    names = "abcdefgh"
    outcomes = bench.deliver(connection, [batch(*names)])
    assert outcomes == {f"c.{name}": (R if name == "c" else C) for name in names}
    assert bench.error("c.c") == "answered 400: Invalid email"
    assert [len(request.records) for request in connection.requests] == [8, 4, 2, 2, 1, 1, 4]
    bench.journal.close()


def test_a_rejected_record_is_settled_with_its_message(bench: Bench) -> None:
    assert bench.deliver(answers(refused(422, "Last name missing")), [batch("a")]) == {"c.a": R}
    assert bench.error("c.a") == "answered 422: Last name missing"
    assert bench.open_states() == {}


def test_ten_equal_rejections_stop_the_collection(bench: Bench) -> None:
    connection = answers(*[refused(400, "API disabled")] * 50)
    outcomes = bench.deliver(connection, [batch(f"r{number}") for number in range(30)])
    assert len(connection.requests) == 10
    assert sum(outcome is R for outcome in outcomes.values()) == 10
    assert sum(outcome is N for outcome in outcomes.values()) == 20


def test_a_success_in_between_lets_rejections_go_on(bench: Bench) -> None:
    script: list[Answer] = [refused(400, "Invalid email")] * 9 + [created] + [refused(400, "Invalid email")] * 9
    connection = answers(*script)
    bench.deliver(connection, [batch(f"r{number}") for number in range(20)])
    assert len(connection.requests) == 20


@pytest.mark.parametrize("status", [401, 403])
def test_lost_access_stops_the_upstream(bench: Bench, status: int) -> None:
    connection = answers(refused(status, "no access"))
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": N, "c.b": N}
    assert len(connection.requests) == 1


def test_a_missing_collection_stops_only_that_collection(bench: Bench) -> None:
    other = replace(TARGET, collection_id="salesforce:account")
    elsewhere = Delivery(target=other, records=(sent("z"),))
    connection = answers(refused(404, "no such collection"))
    assert bench.deliver(connection, [batch("a"), batch("b"), elsewhere]) == {"c.a": N, "c.b": N, "c.z": C}


def test_ids_that_cannot_be_told_apart_are_kept_and_reported(bench: Bench) -> None:
    rows = (observed("X1"), observed("X2"))
    connection = answers(Answered(status=200, records=rows))
    assert bench.deliver(connection, [batch("a", "b")]) == {"c.a": U, "c.b": U}
    assert bench.open_states() == {"c.a": "unmapped", "c.b": "unmapped"}
    assert {attempt.candidates for attempt in bench.journal.attempts.open()} == {("X1", "X2")}
    assert bench.executor is not None
    assert bench.executor.ledger.reports["c.a"].candidates == ("X1", "X2")


def test_an_unreadable_2xx_keeps_the_ids_that_could_be_read(bench: Bench) -> None:
    connection = answers(Answered(status=200, records=(observed("X1"),), readable=False))
    assert bench.deliver(connection, [batch("a", "b")]) == {"c.a": U, "c.b": U}
    assert bench.journal.attempts.open()[0].candidates == ("X1",)


def test_an_id_that_is_locked_elsewhere_is_not_locked_again(bench: Bench) -> None:
    bench.locked_ids = {TARGET.place: frozenset({"X1"})}
    connection = answers(Answered(status=200, records=(observed("X1", Email="a@x.org"),)))
    assert bench.deliver(connection, [batch("a")]) == {"c.a": U}
    assert bench.locked() == {}


def test_an_id_that_two_answers_carry_is_locked_once(bench: Bench) -> None:
    first = Answered(status=200, records=(observed("X1", Email="a@x.org"),))
    second = Answered(status=200, records=(observed("X1", Email="b@x.org"),))
    assert bench.deliver(answers(first, second), [batch("a"), batch("b")]) == {"c.a": C, "c.b": U}


def test_waking_up_after_the_intent_ran_out_sends_nothing_with_it(bench: Bench) -> None:
    connection = answers()
    real_intend = bench.journal.intend
    naps = [timedelta(minutes=10), timedelta(seconds=0)]

    def intend_and_sleep(*args: Any, **kwargs: Any) -> Any:
        intended = real_intend(*args, **kwargs)
        bench.clock.moment += naps.pop(0)
        return intended

    bench.journal.intend = intend_and_sleep  # type: ignore[method-assign]
    assert bench.deliver(connection, [batch("a")]) == {"c.a": C}
    states = [row["state"] for row in bench.journal.attempts.of_address("c.a")]
    assert states == ["not_applied", "applied"]
    assert len(connection.requests) == 1


def test_a_clock_that_ran_backwards_counts_as_too_late(bench: Bench) -> None:
    connection = answers()
    real_intend = bench.journal.intend
    steps = [timedelta(hours=-1), timedelta(0)]

    def intend_and_step(*args: Any, **kwargs: Any) -> Any:
        intended = real_intend(*args, **kwargs)
        bench.clock.moment += steps.pop(0)
        return intended

    bench.journal.intend = intend_and_step  # type: ignore[method-assign]
    bench.deliver(connection, [batch("a")])
    assert next(row["state"] for row in bench.journal.attempts.of_address("c.a")) == "not_applied"


def test_a_lock_taken_away_stops_the_run_before_its_next_intent(bench: Bench) -> None:
    def steal(request: MutationRequest) -> SendResult:
        bench.journal.locks.raise_epochs(["place"])
        return created(request)

    connection = answers(steal)
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": C, "c.b": N}
    assert len(connection.requests) == 1
    assert bench.error("c.b") == "the run lock was taken away"
    assert bench.locked() == {"c.a": "ID1"}


def test_an_outcome_that_cannot_be_written_stops_sending_and_prints_the_ids(bench: Bench) -> None:
    real_answer = bench.journal.answer

    def full(*_: Any, **__: Any) -> None:
        raise StateError("The journal cannot be written", detail="database or disk is full.")

    bench.journal.answer = full  # type: ignore[method-assign]
    connection = answers()
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": U, "c.b": N}
    assert len(connection.requests) == 1
    assert bench.executor is not None
    assert "ID1000" in bench.executor.ledger.diagnostics[0].detail
    assert bench.executor.ledger.reports["c.a"].candidates == ("ID1000",)
    bench.journal.answer = real_answer  # type: ignore[method-assign]
    assert bench.open_states() == {"c.a": "intended"}


def test_an_intent_that_cannot_be_written_sends_nothing(bench: Bench) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StateError("The journal cannot be written", detail="database or disk is full.")

    bench.journal.intend = full  # type: ignore[method-assign]
    connection = answers()
    assert bench.deliver(connection, [batch("a")]) == {"c.a": N}
    assert connection.requests == []


def test_the_first_stop_finishes_what_is_in_flight(bench: Bench) -> None:
    def stop_then_answer(request: MutationRequest) -> SendResult:
        assert bench.executor is not None
        bench.executor.stop()
        return created(request)

    connection = answers(stop_then_answer)
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": C, "c.b": N}
    assert bench.executor is not None
    assert bench.executor.interrupted


def test_the_second_stop_records_what_is_in_flight_as_unknown(bench: Bench) -> None:
    async def hang(request: MutationRequest) -> SendResult:
        assert bench.executor is not None
        bench.executor.stop_now()
        await anyio.sleep_forever()
        raise AssertionError

    connection = answers(hang)
    assert bench.deliver(connection, [batch("a"), batch("b")]) == {"c.a": U, "c.b": N}
    assert bench.open_states() == {"c.a": "unknown"}


def test_a_stop_ends_a_long_pause(bench: Bench) -> None:
    async def forever(_: float) -> None:
        assert bench.executor is not None
        bench.executor.stop()
        await anyio.sleep_forever()

    bench.clock.sleep = forever  # type: ignore[method-assign]
    assert bench.deliver(answers(refused(429, retry_after=30.0)), [batch("a")]) == {"c.a": N}


def test_no_more_requests_at_once_than_the_concurrency(tmp_path: Path) -> None:
    bench = Bench(tmp_path, concurrency=3)
    running, most = 0, 0

    async def slow(request: MutationRequest) -> SendResult:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await anyio.sleep(0.01)
        running -= 1
        return created(request, first=100 * len(connection.requests))

    connection = answers(*[slow] * 10)
    bench.deliver(connection, [batch(f"r{number}") for number in range(10)])
    assert most == 3
    bench.journal.close()


def test_the_rate_limit_spreads_requests_over_its_windows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, rate_limit=RateLimit(requests=2, per_seconds=10.0))
    starts: list[float] = []

    def note(request: MutationRequest) -> SendResult:
        starts.append((bench.clock.now() - VirtualClock().moment).total_seconds())
        return created(request, first=100 * len(connection.requests))

    connection = answers(*[note] * 5)
    bench.deliver(connection, [batch(f"r{number}") for number in range(5)])
    assert starts == [0.0, 0.0, 10.0, 10.0, 20.0]
    bench.journal.close()


def test_the_next_wave_begins_when_the_one_before_has_ended(bench: Bench) -> None:
    connection = answers()
    bench.deliver(connection, [batch("a")], [batch("b")])
    assert [request.records[0]["Email"] for request in connection.requests] == ["a@x.org", "b@x.org"]


def test_the_horizon_counts_time_out_consumer_wait_and_settle(tmp_path: Path) -> None:
    bench = Bench(tmp_path, request_timeout=60.0, settle=300.0)
    wait = AwaitConsumers(ids=("wh-1",), timeout_ms=10_000)
    bench.deliver(answers(refused(504)), [batch("a", await_consumers=wait)])
    assert bench.journal.attempts.open()[0].horizon == "2026-01-01T00:06:20.000Z"
    bench.journal.close()


def test_values_of_sensitive_fields_are_taken_out_of_messages(bench: Bench) -> None:
    rules = FieldRules(fields={"SSN": FieldRule(sensitive=True)})
    record = sent("a", rules=rules, SSN="123-45-6789")
    connection = answers(refused(400, "Invalid SSN 123-45-6789"))
    bench.deliver(connection, [Delivery(target=TARGET, records=(record,))])
    told = "answered 400; its text is left out, for it may quote sensitive values"
    assert bench.error("c.a") == told
    assert bench.journal.attempts.of_address("c.a")[0]["message"] == told
