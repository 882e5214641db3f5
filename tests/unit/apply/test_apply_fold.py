from __future__ import annotations

from dataclasses import replace

from support.builders import digests, locked

from syncspec.apply.fold import fold
from syncspec.apply.journal import Identity
from syncspec.lockfile import EntryState, LockEntry, Lockfile, OpenAttempt

PAUL = locked("c.paul", "ID1", fields=digests(Email=("a" * 16, "a" * 16)))
EMPTY = Lockfile(project="p")


def known(entry: LockEntry, *, folded: bool = False) -> Identity:
    return Identity(address=entry.address, entry=entry, folded=folded)


def gone(address: str, *, folded: bool = False) -> Identity:
    return Identity(address=address, entry=None, folded=folded)


def holding(*entries: LockEntry, pending: tuple[OpenAttempt, ...] = ()) -> Lockfile:
    return Lockfile(project="p", entries={entry.address: entry for entry in entries}, pending=pending)


def attempt(name: str, address: str = "c.paul") -> OpenAttempt:
    return OpenAttempt(
        attempt=name, address=address, target=PAUL.target, kind="create", state="unknown", horizon="2026"
    )


def test_an_applied_record_that_is_still_declared_is_locked() -> None:
    assert fold(EMPTY, [known(PAUL)], [], declared={"c.paul"}).entries == {"c.paul": PAUL}


def test_an_applied_record_that_is_no_longer_declared_is_retained() -> None:
    assert fold(EMPTY, [known(PAUL)], [], declared=()).entries["c.paul"].state is EntryState.RETAINED


def test_a_lost_lockfile_comes_back_from_what_was_folded_before() -> None:
    assert fold(EMPTY, [known(PAUL, folded=True)], [], declared={"c.paul"}).entries == {"c.paul": PAUL}


def test_a_retained_record_that_is_declared_again_is_locked() -> None:
    retained = replace(PAUL, state=EntryState.RETAINED)
    assert fold(holding(retained), [], [], declared={"c.paul"}).entries["c.paul"].state is EntryState.LOCKED


def test_an_open_attempt_becomes_a_pending_line() -> None:
    assert fold(EMPTY, [], [attempt("r.1.0")], declared={"c.paul"}).pending == (attempt("r.1.0"),)


def test_a_pending_line_of_another_journal_is_kept() -> None:
    assert fold(holding(pending=(attempt("x.1.0"),)), [], [], declared={"c.paul"}).pending == (attempt("x.1.0"),)


def test_a_pending_line_whose_attempt_ended_here_goes() -> None:
    folded = fold(
        holding(pending=(attempt("r.1.0"),)), [known(PAUL)], [], known_attempts={"r.1.0"}, declared={"c.paul"}
    )
    assert folded.pending == ()
    assert folded.entries["c.paul"].upstream_id == "ID1"


def test_newer_digests_replace_older_ones_and_the_first_time_stays() -> None:
    newer = replace(PAUL, locked_at="2027", fields=digests(Email=("b" * 16, "b" * 16)))
    entry = fold(holding(PAUL), [known(newer)], [], declared={"c.paul"}).entries["c.paul"]
    assert entry.fields == newer.fields
    assert entry.locked_at == PAUL.locked_at


def test_digests_that_were_folded_before_do_not_undo_what_a_colleague_committed() -> None:
    theirs = replace(PAUL, fields=digests(Email=("b" * 16, "b" * 16)))
    entry = fold(holding(theirs), [known(PAUL, folded=True)], [], declared={"c.paul"}).entries["c.paul"]
    assert entry.fields == theirs.fields


def test_two_ids_for_one_address_stay_visible_as_a_duplicate() -> None:
    folded = fold(holding(PAUL), [known(replace(PAUL, upstream_id="ID2"))], [], declared={"c.paul"})
    assert folded.entries["c.paul"].upstream_id == "ID1"
    (conflict,) = folded.pending
    assert (conflict.state, conflict.candidates) == ("duplicate", ("ID1", "ID2"))


def test_an_id_that_another_address_has_meanwhile_is_not_given_twice() -> None:
    moved = replace(PAUL, address="c.muaddib")
    folded = fold(holding(moved), [known(PAUL, folded=True)], [], declared={"c.muaddib"})
    assert list(folded.entries) == ["c.muaddib"]


def test_a_moved_record_leaves_its_old_address() -> None:
    moved = replace(PAUL, address="c.muaddib")
    folded = fold(holding(PAUL), [gone("c.paul"), known(moved)], [], declared={"c.muaddib"})
    assert list(folded.entries) == ["c.muaddib"]


def test_a_move_that_sorts_before_its_old_address_is_not_lost() -> None:
    moved = replace(PAUL, address="a.first")
    folded = fold(holding(PAUL), [known(moved), gone("c.paul")], [], declared={"a.first"})
    assert list(folded.entries) == ["a.first"]


def test_private_digests_join_the_entry_that_the_lockfile_holds() -> None:
    private = {name: replace(item, private=True) for name, item in digests(SSN=("c" * 16, "c" * 16)).items()}
    mine = replace(PAUL, fields={**PAUL.fields, **private})
    entry = fold(holding(PAUL), [known(mine, folded=True)], [], declared={"c.paul"}).entries["c.paul"]
    assert entry.fields == mine.fields


def test_folding_twice_changes_nothing() -> None:
    identities = [known(PAUL), known(locked("c.duncan", "ID2")), gone("c.old")]
    once = fold(holding(locked("c.old", "ID9")), identities, [attempt("r.1.0", "c.x")], declared={"c.paul"})
    assert fold(once, identities, [attempt("r.1.0", "c.x")], declared={"c.paul"}) == once
