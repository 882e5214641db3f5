"""What a reading tells of an open attempt: each step of the table, and every reason to take none."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from support.builders import NOW, TARGET, VirtualClock, desired, locked, observed, record_set

from syncspec.apply.clock import Moment, rfc3339
from syncspec.apply.entries import EntryMaker
from syncspec.apply.reconcile import Reading, Reconciled, reconcile
from syncspec.apply.states import AttemptState, may_follow
from syncspec.keys import key_digest, match_key
from syncspec.lockfile import DigestKeys, LockEntry, OpenAttempt, Origin
from syncspec.records import Absence, FieldRule, FieldRules, Lens, Observation, ObservedRecord
from syncspec.values import digest

S = AttemptState
PAUL = desired("contacts.paul", LastName="Atreides", Email="paul@x.org")
SET = record_set(PAUL)
HORIZON = NOW + timedelta(seconds=400)
AFTER, BEFORE = Moment(wall=HORIZON), Moment(wall=HORIZON - timedelta(seconds=1))


def attempt(state: AttemptState = S.UNKNOWN, *, email: str = "paul@x.org", **changes: Any) -> OpenAttempt:
    key = match_key({"Email": email}, ("Email",), FieldRules())
    assert key is not None
    values: dict[str, Any] = {
        "attempt": "run.1.0",
        "address": "contacts.paul",
        "target": TARGET,
        "kind": "create",
        "state": state,
        "horizon": rfc3339(HORIZON),
        "intended_at": rfc3339(NOW),
        "key": key_digest(key.strict),
        "loose_key": key_digest(key.loose),
        "lens": SET.lens,
    }
    return OpenAttempt(**{**values, **changes})


def seen(*rows: ObservedRecord, **changes: Any) -> Observation:
    live = [row for row in rows if not row.deleted]
    values: dict[str, Any] = {
        "target": TARGET,
        "observed_at": HORIZON,
        "rows": rows,
        "live_rows": len(live),
        "keyed": {("Email",): sum("Email" in row.data for row in live)},
        "keyed_rows": sum("Email" in row.data for row in live),
    }
    return Observation(**{**values, **changes})


def judge(
    *attempts: OpenAttempt,
    observation: Observation | None = None,
    began: Moment = AFTER,
    held: dict[str, tuple[str, ...]] | None = None,
    entries: tuple[LockEntry, ...] = (),
    unique: bool = False,
    keys: DigestKeys | None = None,
) -> Reconciled:
    reading = Reading(
        observations={TARGET.place: observation} if observation is not None else {},
        began=began,
        declared={"contacts.paul": (SET, PAUL)},
        locked={entry.address: entry for entry in entries},
        holders=lambda _, upstream_id: (held or {}).get(upstream_id, ()),
        entries=EntryMaker(clock=VirtualClock(), keys=keys or DigestKeys()),
        unique=("crm",) if unique else (),
    )
    return reconcile(attempts, reading)


def step(*attempts: OpenAttempt, observation: Observation, **options: Any) -> tuple[AttemptState, str | None] | None:
    """The state and the locked ID that one settlement leads to; None where there is none."""
    settlements = judge(*attempts, observation=observation, **options).settlements
    if not settlements:
        return None
    (settlement,) = settlements
    return settlement.state, settlement.entry.upstream_id if settlement.entry else None


MINE = observed("ID1", LastName="Atreides", Email="paul@x.org")
TWIN = observed("ID2", LastName="Atreides", Email="paul@x.org")
LOUD = observed("ID3", LastName="Atreides", Email=" Paul@X.org")
OTHER = observed("ID9", Email="other@x.org")


@pytest.mark.parametrize("began", [BEFORE, AFTER])
@pytest.mark.parametrize("state", [S.UNKNOWN, S.NEEDS_PERSON, S.UNMAPPED])
def test_one_live_match_of_the_strict_key_proves_the_creation(state: AttemptState, began: Moment) -> None:
    assert step(attempt(state), observation=seen(MINE, OTHER), began=began) == (S.APPLIED, "ID1")


def test_the_entry_of_a_proved_creation_holds_what_was_sent_and_is_ours() -> None:
    sent = EntryMaker(clock=VirtualClock(), keys=DigestKeys()).sent(PAUL.data, SET.rules)
    changed = observed("ID1", LastName="A", Email="paul@x.org")
    (settlement,) = judge(attempt(sent=sent), observation=seen(changed)).settlements
    entry = settlement.entry
    assert entry is not None
    assert (entry.origin, entry.upstream_id, entry.address) == (Origin.CREATED, "ID1", "contacts.paul")
    assert (entry.fields["LastName"].sent, entry.fields["LastName"].seen) == (digest("Atreides"), digest("A"))


def test_a_marker_beats_the_key() -> None:
    lens = replace(SET.lens, marker_field="Key__c")
    marked = observed("ID5", Email="changed@x.org", Key__c="arrakis/contacts.paul")
    sent = attempt(lens=lens, marker="arrakis/contacts.paul")
    assert step(sent, observation=seen(marked, MINE)) == (S.APPLIED, "ID5")


def test_a_match_that_only_looks_alike_is_locked_and_watched_but_not_ours() -> None:
    (settlement,) = judge(attempt(), observation=seen(LOUD), began=BEFORE).settlements
    assert settlement.state is S.WATCHED
    assert settlement.entry is not None
    assert (settlement.entry.upstream_id, settlement.entry.origin) == ("ID3", Origin.ADOPTED)


def test_a_record_that_was_there_long_before_is_not_ours() -> None:
    old = replace(MINE, created_at="2024-01-01T00:00:00Z")
    assert step(attempt(), observation=seen(old)) == (S.WATCHED, "ID1")
    young = replace(MINE, created_at="2026-01-01T00:00:05Z")
    assert step(attempt(), observation=seen(young)) == (S.APPLIED, "ID1")


def test_several_live_matches_are_a_duplicate_with_every_id() -> None:
    (settlement,) = judge(attempt(), observation=seen(MINE, TWIN)).settlements
    assert (settlement.state, settlement.found, settlement.entry) == (S.DUPLICATE, ("ID1", "ID2"), None)


def test_a_duplicate_that_is_known_is_told_once_and_ends_when_one_of_them_is_left() -> None:
    known = attempt(S.DUPLICATE, candidates=("ID1", "ID2"))
    assert step(known, observation=seen(MINE, TWIN)) is None
    assert step(known, observation=seen(TWIN)) == (S.WATCHED, "ID2")
    assert step(known, observation=seen()) is None


@pytest.mark.parametrize("rows", [(), (MINE,), (LOUD,), (MINE, TWIN), (MINE, TWIN, LOUD), (TWIN, LOUD)])
@pytest.mark.parametrize("state", [S.UNKNOWN, S.UNMAPPED, S.NEEDS_PERSON, S.DUPLICATE, S.WATCHED])
@pytest.mark.parametrize("entry", [None, "ID1", "ID3"])
def test_every_step_is_one_that_the_journal_accepts(
    state: AttemptState, rows: tuple[ObservedRecord, ...], entry: str | None
) -> None:
    known = attempt(state, candidates=("ID2", "ID7") if state is S.DUPLICATE else ())
    entries = () if entry is None else (locked("contacts.paul", entry),)
    for began in (BEFORE, AFTER):
        for settlement in judge(known, observation=seen(*rows), entries=entries, began=began).settlements:
            assert may_follow(state, settlement.state), f"{state} cannot become {settlement.state}"


def test_a_match_that_another_address_holds_counts_for_nothing() -> None:
    assert step(attempt(), observation=seen(MINE), held={"ID1": ("contacts.twin",)}, began=BEFORE) is None
    assert step(attempt(), observation=seen(MINE, TWIN), held={"ID1": ("contacts.twin",)}) == (S.APPLIED, "ID2")


def test_two_addresses_that_would_get_one_record_get_nothing() -> None:
    both = (attempt(), attempt(attempt="run.1.1", address="contacts.twin"))
    assert judge(*both, observation=seen(MINE)).settlements == ()


def test_an_address_that_is_locked_as_the_match_is_settled_without_a_new_entry() -> None:
    mine, another = locked("contacts.paul", "ID1"), locked("contacts.paul", "ID7")
    assert step(attempt(), observation=seen(MINE), entries=(mine,)) == (S.APPLIED, None)
    (settlement,) = judge(attempt(), observation=seen(MINE), entries=(another,)).settlements
    assert (settlement.state, settlement.found) == (S.DUPLICATE, ("ID1", "ID7"))


# Absence


def test_a_whole_list_from_after_the_horizon_proves_that_nothing_was_created() -> None:
    (settlement,) = judge(attempt(), observation=seen(OTHER)).settlements
    assert (settlement.state, settlement.absent, settlement.entry) == (S.NOT_APPLIED, True, None)


def test_an_empty_list_proves_it_too() -> None:
    assert step(attempt(), observation=seen()) == (S.NOT_APPLIED, None)


def test_a_tombstone_is_no_match() -> None:
    assert step(attempt(), observation=seen(replace(MINE, deleted=True))) == (S.NOT_APPLIED, None)


def test_the_second_absence_needs_a_person() -> None:
    assert step(attempt(absences=1), observation=seen()) == (S.NEEDS_PERSON, None)


def test_what_was_answered_2xx_is_never_sent_again() -> None:
    assert step(attempt(status=200), observation=seen()) == (S.NEEDS_PERSON, None)
    assert step(attempt(S.UNMAPPED), observation=seen()) is None
    assert step(attempt(S.UNMAPPED, candidates=("ID1",)), observation=seen()) is None


DOUBTS: dict[str, dict[str, Any]] = {
    "an incomplete backfill": {"absence": Absence.UNKNOWN, "reason": "the sync has not finished its first backfill"},
    "an endpoint without syncs routes": {"absence": Absence.ASSUMED, "reason": "the upstream does not tell"},
    "a key field that cannot be read": {"live_rows": 3, "keyed": {("Email",): 0}, "keyed_rows": 0},
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_a_list_in_doubt_proves_no_absence_and_says_why(doubt: str) -> None:
    reconciled = judge(attempt(), observation=seen(**DOUBTS[doubt]))
    assert reconciled.settlements == ()
    assert list(reconciled.doubts) == ["run.1.0"]


def test_a_list_that_broke_off_proves_nothing() -> None:
    assert step(attempt(), observation=seen(readable=False, absence=Absence.UNKNOWN)) is None
    assert judge(attempt()).settlements == ()


def test_a_record_without_key_and_marker_is_never_proved_absent() -> None:
    nameless = attempt(key=None, loose_key=None, lens=Lens())
    reconciled = judge(nameless, observation=seen())
    assert (reconciled.settlements, list(reconciled.doubts)) == ((), ["run.1.0"])


def test_a_sensitive_key_whose_secret_is_not_at_hand_proves_nothing() -> None:
    theirs, ours = DigestKeys(private=b"theirs"), DigestKeys(private=b"k")
    keyed = attempt(key_id=ours.best_id, key="0" * 16, loose_key="1" * 16)
    assert judge(keyed, observation=seen()).settlements == ()
    assert step(keyed, observation=seen(), keys=theirs) is None
    assert step(keyed, observation=seen(), keys=ours) == (S.NOT_APPLIED, None)


def test_a_sensitive_key_is_found_by_the_secret_that_it_was_keyed_by() -> None:
    rules = FieldRules(fields={"Email": FieldRule(sensitive=True)})
    key = match_key({"Email": "paul@x.org"}, ("Email",), rules)
    assert key is not None
    keys = DigestKeys(shared=b"shared", private=b"own")
    lens = Lens(match_on=("Email",), rules=rules)
    for name, secret in ((keys.best_id, b"shared"), (DigestKeys(private=b"own").best_id, b"own")):
        digests = {"key": key_digest(key.strict, secret=secret), "loose_key": key_digest(key.loose, secret=secret)}
        assert step(attempt(key_id=name, lens=lens, **digests), observation=seen(MINE), keys=keys) == (S.APPLIED, "ID1")


# Clocks


def test_before_the_horizon_absence_proves_nothing() -> None:
    reconciled = judge(attempt(), observation=seen(), began=BEFORE)
    assert (reconciled.settlements, reconciled.doubts) == ((), {})


def test_a_wall_clock_that_stepped_forward_does_not_end_the_wait() -> None:
    sent = attempt(boot="b", uptime=1000.0)
    early = Moment(wall=HORIZON + timedelta(days=1), boot="b", uptime=1399.0)
    assert step(sent, observation=seen(), began=early) is None
    assert step(sent, observation=seen(), began=replace(early, uptime=1400.0)) == (S.NOT_APPLIED, None)
    assert step(sent, observation=seen(), began=replace(early, boot="another")) == (S.NOT_APPLIED, None)


def test_a_wall_clock_that_ran_backwards_means_not_passed() -> None:
    sent = attempt(boot="b", uptime=1000.0)
    back = Moment(wall=NOW - timedelta(days=1), boot="b", uptime=9000.0)
    assert step(sent, observation=seen(), began=back) is None


def test_a_list_that_was_rebuilt_begins_the_wait_anew() -> None:
    (settlement,) = judge(attempt(stream="one"), observation=seen(stream="two")).settlements
    assert (settlement.state, settlement.stream) == (S.UNKNOWN, "two")
    assert settlement.horizon == rfc3339(HORIZON + timedelta(seconds=400))
    assert step(attempt(stream="two"), observation=seen(stream="two")) == (S.NOT_APPLIED, None)


# Watched, unmapped, unique


def test_what_is_watched_is_closed_once_its_horizon_has_passed() -> None:
    watched = attempt(S.WATCHED, upstream_id="ID3")
    assert step(watched, observation=seen(LOUD), began=BEFORE) is None
    assert step(watched, observation=seen(LOUD)) == (S.CLOSED, None)


@pytest.mark.parametrize("began", [BEFORE, AFTER])
@pytest.mark.parametrize("later", [MINE, observed("ID4", LastName="Atreides", Email="PAUL@x.org")])
def test_a_second_record_that_looks_like_what_is_watched_is_told_with_both_ids(
    later: ObservedRecord, began: Moment
) -> None:
    watched = attempt(S.WATCHED, upstream_id="ID3")
    (settlement,) = judge(
        watched, observation=seen(LOUD, later), entries=(locked("contacts.paul", "ID3"),), began=began
    ).settlements
    assert (settlement.state, settlement.entry) == (S.DUPLICATE, None)
    assert settlement.found == tuple(sorted(("ID3", later.upstream_id)))


def test_what_is_watched_stays_so_while_the_list_may_not_be_complete() -> None:
    watched = attempt(S.WATCHED, upstream_id="ID3")
    doubtful = seen(LOUD, absence=Absence.UNKNOWN, reason="the sync has not finished its first backfill")
    assert step(watched, observation=doubtful, entries=(locked("contacts.paul", "ID3"),)) is None


def test_ids_of_an_answer_are_told_apart_by_the_list() -> None:
    first = attempt(S.UNMAPPED, candidates=("ID1", "ID9"))
    second = attempt(
        S.UNMAPPED, email="other@x.org", attempt="run.1.1", address="contacts.other", candidates=("ID1", "ID9")
    )
    reconciled = judge(first, second, observation=seen(MINE, OTHER), began=BEFORE)
    assert {item.attempt.address: item.entry and item.entry.upstream_id for item in reconciled.settlements} == {
        "contacts.paul": "ID1",
        "contacts.other": "ID9",
    }


def test_the_last_id_of_an_answer_is_the_last_record_of_its_request() -> None:
    nameless = {"key": None, "loose_key": None, "lens": Lens(), "candidates": ("ID1",)}
    alone = attempt(S.UNMAPPED, **nameless)
    sibling = attempt(S.UNMAPPED, attempt="run.1.1", address="contacts.twin", **nameless)
    assert step(alone, observation=seen(MINE), began=BEFORE) == (S.APPLIED, "ID1")
    assert judge(alone, sibling, observation=seen(MINE)).settlements == ()


def test_an_upstream_that_refuses_a_second_record_lets_it_be_sent_again_at_once() -> None:
    assert step(attempt(), observation=seen(), began=BEFORE, unique=True) == (S.NOT_APPLIED, None)
    assert step(attempt(), observation=seen(MINE), began=BEFORE, unique=True) == (S.APPLIED, "ID1")


def test_what_such_an_upstream_said_to_exist_is_waited_for_and_rejected_where_it_never_shows() -> None:
    exists = attempt(status=409, evidence="duplicate value")
    assert step(exists, observation=seen(), began=BEFORE, unique=True) is None
    assert step(exists, observation=seen(), unique=True) == (S.REJECTED, None)
    assert step(exists, observation=seen(MINE), began=BEFORE, unique=True) == (S.APPLIED, "ID1")


@pytest.mark.parametrize(
    ("wall", "uptime", "within"), [(5, 5, True), (11, 5, False), (-1, 5, False), (5, 11, False), (5, 500, False)]
)
def test_a_request_may_leave_only_while_no_clock_says_that_its_time_is_over(
    wall: float, uptime: float, within: bool
) -> None:
    since = Moment(wall=NOW, boot="b", uptime=100.0)
    later = Moment(wall=NOW + timedelta(seconds=wall), boot="b", uptime=100.0 + uptime)
    assert later.is_within(NOW + timedelta(seconds=10), since=since) is within
