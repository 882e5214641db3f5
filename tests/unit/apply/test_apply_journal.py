from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from support.builders import NOW, TARGET, digests, locked, observed

from syncspec.apply.attempts import AttemptOutcome, Intended, Intent
from syncspec.apply.clock import Moment
from syncspec.apply.database import JOURNAL
from syncspec.apply.journal import Journal, LockLostError
from syncspec.apply.states import TRANSITIONS, AttemptState, may_follow
from syncspec.errors import StateError

LOCK = "syncspec.lock"


def begin(journal: Journal, *addresses: str, epochs: dict[str, int] | None = None, batch: int = 1) -> Intended:
    if batch == 1:
        journal.begin_run("run", command="apply", owner="me", now=NOW)
    intents = [
        Intent(address=address, kind="create", target=TARGET, key="k" + address, loose_key="l" + address)
        for address in addresses
    ]
    later = NOW + timedelta(seconds=30)
    return journal.intend(
        "run", batch, intents, epochs=epochs or {}, at=Moment(wall=NOW), not_after=later, horizon=later
    )


def reopened(folder: Path) -> Journal:
    return Journal.open(folder, LOCK)


def test_an_intent_is_on_disk_before_intend_returns(tmp_path: Path) -> None:
    journal = Journal.open(tmp_path, LOCK)
    begin(journal, "c.paul")
    other = Journal.open_for_reading(tmp_path, LOCK)
    assert other is not None
    with other, journal:
        attempts = other.attempts.open()
    assert [(item.address, item.state) for item in attempts] == [("c.paul", "intended")]
    assert attempts[0].horizon == "2026-01-01T00:00:30.000Z"


def test_what_a_dead_run_left_intended_becomes_unknown(tmp_path: Path) -> None:
    with Journal.open(tmp_path, LOCK) as journal:
        begin(journal, "c.paul", "c.duncan")
    with reopened(tmp_path) as journal:
        journal.take_over((), now=NOW)
        assert {item.state for item in journal.attempts.open()} == {"unknown"}
        journal.take_over((), now=NOW)


def test_outcomes_entries_and_every_returned_id_are_kept(tmp_path: Path) -> None:
    entry = locked("c.paul", "ID1", fields=digests(Email=("a" * 16, None)))
    with Journal.open(tmp_path, LOCK) as journal:
        intended = begin(journal, "c.paul", "c.duncan")
        outcomes = [
            AttemptOutcome(address="c.paul", state=AttemptState.APPLIED, entry=entry),
            AttemptOutcome(address="c.duncan", state=AttemptState.UNMAPPED, message="which?"),
        ]
        journal.answer(intended, outcomes, returned=[observed("ID1"), observed("ID2")], now=NOW)
    with reopened(tmp_path) as journal:
        (identity,) = journal.identities()
        assert (identity.entry, identity.folded) == (entry, False)
        (attempt,) = journal.attempts.open()
        assert (attempt.address, attempt.state, attempt.candidates) == ("c.duncan", "unmapped", ("ID2",))
        journal.mark_folded()
        assert journal.identities()[0].folded is True


def test_a_settled_attempt_cannot_be_settled_otherwise(tmp_path: Path) -> None:
    with Journal.open(tmp_path, LOCK) as journal:
        intended = begin(journal, "c.paul")
        journal.answer(intended, [AttemptOutcome(address="c.paul", state=AttemptState.REJECTED)], now=NOW)
        with pytest.raises(StateError, match="contradict itself"):
            journal.answer(intended, [AttemptOutcome(address="c.paul", state=AttemptState.APPLIED)], now=NOW)


def test_a_failed_settle_leaves_nothing_half_written(tmp_path: Path) -> None:
    entry = locked("c.paul", "ID1")
    with Journal.open(tmp_path, LOCK) as journal:
        intended = begin(journal, "c.paul", "c.duncan")
        good = AttemptOutcome(address="c.paul", state=AttemptState.APPLIED, entry=entry)
        bad = AttemptOutcome(address="c.duncan", state=AttemptState.INTENDED)
        with pytest.raises(StateError):
            journal.answer(intended, [good, bad], returned=[observed("ID1")], now=NOW)
        assert journal.identities() == ()
        assert len(journal.attempts.open()) == 2


def test_an_intent_fails_once_the_lock_was_taken_away(tmp_path: Path) -> None:
    with Journal.open(tmp_path, LOCK) as journal:
        epochs = {"place": 0}
        assert journal.locks.take(epochs, "me")
        begin(journal, "c.paul", epochs=epochs)
        with Journal.open(tmp_path, LOCK) as other:
            other.locks.raise_epochs(["place"])
        with pytest.raises(LockLostError):
            begin(journal, "c.duncan", epochs=epochs, batch=2)
        assert [item.address for item in journal.attempts.open()] == ["c.paul"]


def test_a_cut_off_run_can_still_record_what_was_answered(tmp_path: Path) -> None:
    with Journal.open(tmp_path, LOCK) as journal:
        epochs = {"place": 0}
        assert journal.locks.take(epochs, "me")
        intended = begin(journal, "c.paul", epochs=epochs)
        journal.locks.raise_epochs(["place"])
        entry = locked("c.paul", "ID1")
        journal.answer(intended, [AttemptOutcome(address="c.paul", state=AttemptState.APPLIED, entry=entry)], now=NOW)
        assert journal.identities()[0].entry == entry


def test_journals_of_two_lockfiles_keep_apart(tmp_path: Path) -> None:
    with Journal.open(tmp_path, LOCK) as journal:
        begin(journal, "c.paul")
    with Journal.open(tmp_path, "syncspec.sandbox.lock") as journal:
        assert journal.attempts.open() == ()
        journal.take_over((), now=NOW)


def test_private_digests_come_back_as_private(tmp_path: Path) -> None:
    from dataclasses import replace

    fields = {name: replace(item, private=True) for name, item in digests(SSN=("a" * 16, "b" * 16)).items()}
    entry = locked("c.paul", "ID1", fields=fields)
    with Journal.open(tmp_path, LOCK) as journal:
        journal.put([entry])
        assert journal.identities()[0].entry == entry


def test_no_journal_is_told_apart_from_an_empty_one(tmp_path: Path) -> None:
    assert Journal.open_for_reading(tmp_path, LOCK) is None
    Journal.open(tmp_path, LOCK).close()
    journal = Journal.open_for_reading(tmp_path, LOCK)
    assert journal is not None
    journal.close()


@pytest.mark.parametrize(
    "content", [b"not a database at all, but long enough to look at" * 100, b"SQLite format 3\0" + b"\0" * 4096]
)
def test_a_damaged_journal_is_an_error_and_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL).write_bytes(content)
    with pytest.raises(StateError, match="journal cannot be read"):
        Journal.open(tmp_path, LOCK)
    assert (tmp_path / JOURNAL).read_bytes() == content


def test_a_journal_cut_in_half_is_an_error(tmp_path: Path) -> None:
    with Journal.open(tmp_path, LOCK) as journal:
        begin(journal, *(f"c.r{number}" for number in range(500)))
    path = tmp_path / JOURNAL
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StateError, match="journal cannot be read"):
        Journal.open(tmp_path, LOCK)


def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    Journal.open(tmp_path, LOCK).close()
    connection = sqlite3.connect(tmp_path / JOURNAL)
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StateError, match="another version"):
        Journal.open(tmp_path, LOCK)


def test_the_state_folder_ignores_itself_in_git(tmp_path: Path) -> None:
    Journal.open(tmp_path / "state", LOCK).close()
    assert (tmp_path / "state" / ".gitignore").read_text() == "*\n"


def test_no_open_state_leads_back_to_sending_again_except_over_not_applied() -> None:
    for before, following in TRANSITIONS.items():
        assert AttemptState.INTENDED not in following
        assert may_follow(before, AttemptState.INTENDED) is False


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(AttemptState)
