"""Updates on their way: what is intended, what an answer says of each record, and what a later reading settles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.builders import NOW, TARGET, VirtualClock, desired, locked, observed, record_set
from support.scripted import Answer, ScriptedConnection, refused

from syncspec.apply.clock import Moment, rfc3339
from syncspec.apply.delivery import Delivery
from syncspec.apply.entries import EntryMaker
from syncspec.apply.executor import Executor
from syncspec.apply.journal import Journal
from syncspec.apply.mapping import SentRecord
from syncspec.apply.reconcile import Reading, Reconciled, reconcile
from syncspec.apply.report import RecordOutcome, RecordReport
from syncspec.apply.states import AttemptState
from syncspec.keys import key_digest
from syncspec.lockfile import DigestKeys, FieldDigests, LockEntry, OpenAttempt
from syncspec.lockfile.lines import entry_line, parse_line
from syncspec.records import Absence, Compare, FieldRule, FieldRules, Observation, ObservedRecord
from syncspec.settings import UpstreamSettings
from syncspec.upstream.protocol import Answered, MutationKind, MutationRequest, NoAnswer, NotSent, SendResult
from syncspec.values import digest

S = AttemptState
UPDATED, UNKNOWN, LEFT, REJECTED = (
    RecordOutcome.UPDATED,
    RecordOutcome.UNKNOWN,
    RecordOutcome.NOT_ATTEMPTED,
    RecordOutcome.REJECTED,
)
RULES = FieldRules(fields={"Email": FieldRule(compare=Compare.CASEFOLD)})
ENTRIES = EntryMaker(clock=VirtualClock(), keys=DigestKeys(private=b"k"))


def entry_of(name: str, **changes: Any) -> LockEntry:
    data = {"Email": f"{name}@x.org", "Title": "Heir", "Phone": "1"}
    fields = {field: FieldDigests(sent=digest(value), seen=digest(value)) for field, value in data.items()}
    return locked(f"c.{name}", f"ID{name}", **{"fields": fields, "updated_at": "2025-12-01T00:00:00Z", **changes})


def sent(name: str, **changed: Any) -> SentRecord:
    record = desired(f"c.{name}", Email=f"{name}@x.org", Title="Duke", Phone="1")
    wire = changed or {"Title": "Duke"}
    row = observed(f"ID{name}", Email=f"{name}@x.org", Title="Heir", Phone="1")
    return SentRecord(
        desired=replace(record, data={**record.data, **wire}),
        wire=wire,
        match_on=("Email",),
        marker_field=None,
        rules=RULES,
        sent=ENTRIES.changing(list(wire), wire, RULES, row),
        locked=entry_of(name),
    )


def batch(*names: str, **changes: Any) -> Delivery:
    return Delivery(target=TARGET, kind=MutationKind.UPDATE, records=tuple(sent(name) for name in names), **changes)


def rows_of(request: MutationRequest, *, at: str | None = "2026-01-01T00:00:01Z") -> Answered:
    rows = [
        ObservedRecord(upstream_id=upstream_id, data=data, updated_at=at)
        for upstream_id, data in zip(request.upstream_ids, request.records, strict=True)
    ]
    return Answered(status=200, records=tuple(reversed(rows)))


class Bench:
    def __init__(self, folder: Path, **settings: Any) -> None:
        self.clock = VirtualClock()
        self.journal = Journal.open(folder, "syncspec.lock")
        self.journal.begin_run("run", command="apply", owner="me", now=self.clock.now())
        self.epochs = {"place": 0}
        self.journal.locks.take(self.epochs, "me")
        self.settings = UpstreamSettings(name="crm", **{"concurrency": 1, "wait": 60.0, **settings})
        self.reports: dict[str, RecordReport] = {}

    def deliver(self, connection: ScriptedConnection, *deliveries: Delivery) -> dict[str, RecordOutcome]:
        async def run() -> None:
            executor = Executor(
                run="run",
                journal=self.journal,
                epochs=self.epochs,
                upstreams={"crm": self.settings},
                connections={"crm": connection},
                locked_ids={TARGET.place: frozenset({"IDa", "IDb"})},
                entries=ENTRIES,
                clock=self.clock,
                on_event=lambda _: None,
            )
            await executor.deliver([deliveries])
            self.reports = executor.ledger.reports

        anyio.run(run)
        return {address: report.outcome for address, report in self.reports.items()}

    def open(self) -> dict[str, tuple[str, str, str | None]]:
        attempts = self.journal.attempts.open()
        return {attempt.address: (attempt.kind, attempt.state, attempt.upstream_id) for attempt in attempts}

    def entry(self, address: str) -> LockEntry | None:
        return next((item.entry for item in self.journal.identities() if item.address == address), None)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.journal.close()


def answers(*script: Answer) -> ScriptedConnection:
    return ScriptedConnection(*script)


def test_an_answer_is_read_by_ids_in_any_order_and_makes_the_new_baseline(bench: Bench) -> None:
    connection = answers(rows_of)
    assert bench.deliver(connection, batch("a", "b")) == {"c.a": UPDATED, "c.b": UPDATED}
    assert connection.requests[0].upstream_ids == ("IDa", "IDb")
    entry = bench.entry("c.a")
    assert entry is not None
    assert entry.fields["Title"] == FieldDigests(sent=digest("Duke"), seen=digest("Duke"), before=digest("Heir"))
    assert entry.fields["Phone"] == entry_of("a").fields["Phone"]
    assert (entry.updated_at, entry.written_at) == ("2026-01-01T00:00:01Z", rfc3339(NOW))
    assert (entry.locked_at, entry.upstream_id, bench.open()) == (entry_of("a").locked_at, "IDa", {})


def test_an_answer_without_the_fields_leaves_them_to_be_seen_later(bench: Bench) -> None:
    bench.deliver(answers(Answered(status=200, records=(observed("IDa"),))), batch("a"))
    entry = bench.entry("c.a")
    assert entry is not None
    assert entry.fields["Title"] == FieldDigests(sent=digest("Duke"), before=digest("Heir"))
    assert entry.updated_at is None


def test_a_new_key_is_the_entry_s_key_from_then_on(bench: Bench) -> None:
    record = replace(sent("a", Email="new@x.org"), desired=desired("c.a", Email="new@x.org"))
    bench.deliver(answers(rows_of), Delivery(target=TARGET, kind=MutationKind.UPDATE, records=(record,)))
    entry = bench.entry("c.a")
    assert entry is not None
    assert record.desired.key is not None
    assert entry.key == key_digest(record.desired.key.strict)


def test_an_entry_after_an_update_outlives_the_lockfile_s_lines(bench: Bench) -> None:
    bench.deliver(answers(rows_of), batch("a"))
    entry = bench.entry("c.a")
    assert entry is not None
    assert parse_line(entry_line(entry)) == entry


def test_an_answer_that_lacks_a_record_leaves_it_unmapped_and_names_no_candidates(bench: Bench) -> None:
    def some(request: MutationRequest) -> SendResult:
        return replace(rows_of(request), records=(observed("IDa", Title="Duke"), observed("IDz", Title="Duke")))

    assert bench.deliver(answers(some), batch("a", "b")) == {"c.a": UPDATED, "c.b": UNKNOWN}
    assert bench.open() == {"c.b": ("update", "unmapped", "IDb")}
    assert bench.reports["c.b"].candidates == ()
    assert bench.journal.attempts.open()[0].candidates == ()
    assert "IDb" in (bench.reports["c.b"].error or "")


def test_an_answer_that_calls_the_record_deleted_is_no_update_of_it(bench: Bench) -> None:
    deleted = Answered(status=200, records=(observed("IDa", deleted=True),))
    assert bench.deliver(answers(deleted), batch("a")) == {"c.a": UNKNOWN}


def test_an_intent_holds_the_record_and_the_digests_of_what_is_sent_and_no_key(bench: Bench) -> None:
    bench.deliver(answers(NoAnswer(reason="closed")), batch("a"))
    (attempt,) = bench.journal.attempts.open()
    assert (attempt.kind, attempt.state, attempt.upstream_id) == ("update", "unknown", "IDa")
    assert {name: item.sent for name, item in attempt.sent.items()} == {"Title": digest("Duke")}
    assert (attempt.key, attempt.loose_key, attempt.marker, attempt.lens) == (None, None, None, None)


@pytest.mark.parametrize("answer", [NoAnswer(reason="closed"), refused(504), refused(500), refused(302)])
def test_a_lost_answer_leaves_updates_unknown_and_they_are_not_sent_again(bench: Bench, answer: SendResult) -> None:
    connection = answers(answer)
    assert bench.deliver(connection, batch("a", "b")) == {"c.a": UNKNOWN, "c.b": UNKNOWN}
    assert (len(connection.requests), bench.entry("c.a")) == (1, None)


def test_a_connection_that_never_opened_is_tried_again(bench: Bench) -> None:
    assert bench.deliver(answers(NotSent(reason="refused"), rows_of), batch("a")) == {"c.a": UPDATED}


@pytest.mark.parametrize("status", [400, 409, 422])
def test_one_refused_update_is_rejected(bench: Bench, status: int) -> None:
    assert bench.deliver(answers(refused(status, "duplicate value")), batch("a")) == {"c.a": REJECTED}
    assert bench.open() == {}


def test_a_refused_update_never_means_that_a_record_was_created(tmp_path: Path) -> None:
    bench = Bench(tmp_path, unique=True)
    assert bench.deliver(answers(refused(409, "already exists")), batch("a")) == {"c.a": REJECTED}
    bench.journal.close()


def test_one_update_of_a_record_that_is_gone_stops_nothing_else(bench: Bench) -> None:
    outcomes = bench.deliver(answers(refused(404, "not found"), rows_of), batch("a"), batch("b"))
    assert outcomes == {"c.a": LEFT, "c.b": UPDATED}
    assert bench.open() == {}


def test_a_refused_batch_is_unknown_unless_the_upstream_is_atomic(bench: Bench) -> None:
    assert bench.deliver(answers(refused(400)), batch("a", "b")) == {"c.a": UNKNOWN, "c.b": UNKNOWN}
    assert all(attempt.refused for attempt in bench.journal.attempts.open())


def test_an_atomic_upstream_is_bisected_to_the_bad_record(tmp_path: Path) -> None:
    bench = Bench(tmp_path, atomic_batches=True)

    def judge(request: MutationRequest) -> SendResult:
        return refused(400, "gone") if "IDb" in request.upstream_ids else rows_of(request)

    connection = answers(*[judge] * 9)
    outcomes = bench.deliver(connection, batch("a", "b", "c", "d"))
    assert outcomes == {"c.a": UPDATED, "c.b": REJECTED, "c.c": UPDATED, "c.d": UPDATED}
    bench.journal.close()


# What a reading settles

PAUL = replace(sent("a").desired, data={"Email": "a@x.org", "Title": "Duke"})
SET = record_set(PAUL, name="c", rules=RULES)
HORIZON = NOW + timedelta(seconds=400)
AFTER, BEFORE = Moment(wall=HORIZON), Moment(wall=HORIZON - timedelta(seconds=1))


def attempt(state: AttemptState = S.UNKNOWN, **changes: Any) -> OpenAttempt:
    values: dict[str, Any] = {
        "attempt": "run.1.0",
        "address": "c.a",
        "target": TARGET,
        "kind": "update",
        "state": state,
        "horizon": rfc3339(HORIZON),
        "intended_at": rfc3339(NOW),
        "upstream_id": "IDa",
        "sent": {"Title": FieldDigests(sent=digest("Duke"))},
    }
    return OpenAttempt(**{**values, **changes})


def judged(
    *rows: ObservedRecord,
    began: Moment = AFTER,
    state: AttemptState = S.UNKNOWN,
    entry: LockEntry | None = None,
    declared: bool = True,
    observation: dict[str, Any] | None = None,
    **changes: Any,
) -> Reconciled:
    seen = Observation(target=TARGET, observed_at=began.wall, rows=rows, live_rows=len(rows), **(observation or {}))
    held = entry or entry_of("a")
    reading = Reading(
        observations={TARGET.place: seen},
        began=began,
        declared={"c.a": (SET, PAUL)} if declared else {},
        locked={held.address: held},
        holders=lambda *_: (),
        entries=ENTRIES,
    )
    return reconcile([attempt(state, **changes)], reading)


def states(reconciled: Reconciled) -> list[tuple[AttemptState, bool]]:
    return [(item.state, item.absent) for item in reconciled.settlements]


DONE = observed("IDa", Email="a@x.org", Title="Duke", Phone="1", updated_at="2026-01-01T00:00:05Z")
NOT_DONE = observed("IDa", Email="a@x.org", Title="Heir", Phone="1", updated_at="2025-12-01T00:00:00Z")


@pytest.mark.parametrize("began", [BEFORE, AFTER])
@pytest.mark.parametrize("state", [S.UNKNOWN, S.UNMAPPED])
def test_a_record_that_shows_what_was_sent_was_updated(state: AttemptState, began: Moment) -> None:
    (settled,) = judged(DONE, state=state, began=began).settlements
    assert (settled.state, settled.absent) == (S.APPLIED, False)
    entry = settled.entry
    assert entry is not None
    assert entry.fields["Title"] == FieldDigests(sent=digest("Duke"), seen=digest("Duke"), before=digest("Heir"))
    assert entry.fields["Phone"] == entry_of("a").fields["Phone"]
    assert (entry.updated_at, entry.written_at) == (DONE.updated_at, rfc3339(NOW))


@pytest.mark.parametrize("state", [S.UNKNOWN, S.UNMAPPED])
def test_a_record_that_does_not_show_it_after_the_horizon_was_not_updated(state: AttemptState) -> None:
    assert states(judged(NOT_DONE, state=state)) == [(S.NOT_APPLIED, True)]


def test_before_the_horizon_a_record_that_does_not_show_it_says_nothing() -> None:
    assert judged(NOT_DONE, began=BEFORE) == Reconciled()


def test_one_field_of_two_is_not_enough() -> None:
    both = {"Title": FieldDigests(sent=digest("Duke")), "Phone": FieldDigests(sent=digest("2"))}
    assert judged(DONE, began=BEFORE, sent=both) == Reconciled()
    assert states(judged(DONE, sent=both)) == [(S.NOT_APPLIED, True)]


def test_what_was_sent_is_compared_under_the_set_s_rules() -> None:
    mail = {"Email": FieldDigests(sent=digest("a@x.org"))}
    loud = observed("IDa", Email="A@X.org", updated_at="2026-01-01T00:00:05Z")
    assert states(judged(loud, sent=mail)) == [(S.APPLIED, False)]
    assert states(judged(loud, sent=mail, declared=False)) == [(S.NOT_APPLIED, True)]


def test_an_edit_of_the_manifest_meanwhile_does_not_change_what_was_sent() -> None:
    king = {"Title": FieldDigests(sent=digest("King"))}
    assert states(judged(DONE, sent=king)) == [(S.NOT_APPLIED, True)]
    shown = observed("IDa", Title="King", updated_at="2026-01-01T00:00:05Z")
    (settled,) = judged(shown, sent=king).settlements
    assert settled.entry is not None
    assert (settled.state, settled.entry.fields["Title"].sent) == (S.APPLIED, digest("King"))


def test_a_deleted_record_was_not_updated_whatever_the_horizon() -> None:
    assert states(judged(observed("IDa", deleted=True), began=BEFORE)) == [(S.NOT_APPLIED, False)]


def test_a_record_that_is_not_listed_says_nothing_and_the_doubt_is_named() -> None:
    reconciled = judged(observed("IDother"))
    assert (reconciled.settlements, list(reconciled.doubts)) == ((), ["run.1.0"])


def test_an_incomplete_list_does_not_prove_that_nothing_changed() -> None:
    incomplete = {"absence": Absence.UNKNOWN, "reason": "the sync is not healthy"}
    reconciled = judged(NOT_DONE, observation=incomplete)
    assert (reconciled.settlements, reconciled.doubts) == ((), {"run.1.0": "the sync is not healthy"})
    assert states(judged(NOT_DONE, observation={"absence": Absence.ASSUMED})) == [(S.NOT_APPLIED, True)]


def test_an_unreadable_list_says_nothing() -> None:
    assert judged(DONE, observation={"readable": False}) == Reconciled()


def test_a_row_from_before_our_last_write_proves_no_update() -> None:
    """The edit was taken back: the old row looks like what was sent, and is from before the write between them."""
    entry = entry_of("a", updated_at="2026-02-01T00:00:00Z")
    assert judged(DONE, entry=entry, began=BEFORE) == Reconciled()
    assert "before our last write" in judged(DONE, entry=entry).doubts["run.1.0"]
    untold = replace(DONE, updated_at=None)
    entry = entry_of("a", written_at=rfc3339(NOW))
    assert judged(untold, entry=entry, began=BEFORE) == Reconciled()
    assert states(judged(untold, entry=entry)) == [(S.APPLIED, False)]


def test_an_entry_of_another_record_is_left_as_it_is() -> None:
    (settled,) = judged(DONE, entry=replace(entry_of("a"), upstream_id="IDz")).settlements
    assert (settled.state, settled.entry) == (S.APPLIED, None)


def test_without_a_declaration_what_the_list_shows_is_not_kept() -> None:
    (settled,) = judged(DONE, declared=False).settlements
    assert settled.entry is not None
    assert settled.entry.fields["Title"] == FieldDigests(sent=digest("Duke"), before=digest("Heir"))
