from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from support.builders import digests, locked

from syncspec.apply.fold import fold
from syncspec.apply.journal import Journal
from syncspec.lockfile import LockEntry, Lockfile

LOCK = "syncspec.lock"


def lockfile(*entries: LockEntry) -> Lockfile:
    return Lockfile(project="p", entries={entry.address: entry for entry in entries})


def test_what_the_lockfile_may_lack_is_always_told(tmp_path: Path) -> None:
    secret = {name: replace(item, private=True) for name, item in digests(SSN=("a" * 16, "b" * 16)).items()}
    with Journal.open(tmp_path, LOCK) as journal:
        journal.put([locked("c.known", "ID1"), locked("c.lost", "ID2"), locked("c.secret", "ID3", fields=secret)])
        journal.mark_folded()
        journal.put([locked("c.new", "ID4")])
        told = journal.identities(beyond={"c.known", "c.secret", "c.new"})
        assert [identity.address for identity in told] == ["c.lost", "c.new", "c.secret"]
        assert len(journal.identities()) == 4


def test_leaving_out_what_the_lockfile_holds_folds_to_the_same(tmp_path: Path) -> None:
    first = [locked("c.same", "ID1", fields=digests(A=("a" * 16, "a" * 16))), locked("c.moved", "ID2")]
    with Journal.open(tmp_path, LOCK) as journal:
        journal.put([*first, locked("c.other", "ID3"), locked("c.lost", "ID4")])
        journal.put([locked("c.target", "ID2")], removed=[locked("c.moved", "ID2")])
        journal.mark_folded()
        journal.put([locked("c.same", "ID1", fields=digests(A=("b" * 16, "b" * 16)))])
        held = lockfile(*first, locked("c.other", "ID9"))
        declared = {"c.same", "c.moved", "c.other", "c.lost", "c.target"}
        whole = fold(held, journal.identities(), (), declared=declared)
        short = fold(held, journal.identities(beyond=held.entries), (), declared=declared)
    assert short == whole
    assert set(short.entries) == {"c.same", "c.moved", "c.other", "c.lost"}
