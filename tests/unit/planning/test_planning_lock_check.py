"""A lockfile against what is declared, offline."""

from __future__ import annotations

from dataclasses import replace

from planning_world import locked

from syncspec.lockfile import Lockfile
from syncspec.lockfile.entries import conflict_of
from syncspec.planning.lock_check import check_lockfile
from syncspec.records import OnRemove

PAUL = {"Email": "paul@arrakis.org"}
entry = locked("contacts.paul", "003A", PAUL)


def test_two_ids_of_one_address_are_an_error_that_names_both_and_the_way_out() -> None:
    conflict = conflict_of(entry, replace(entry, upstream_id="003B"), evidence="two lockfiles were merged")
    (found,) = check_lockfile((), Lockfile(project="p", entries={}, pending=(conflict,)))
    assert (found.is_error, found.code, found.address) == (True, "two-ids", "contacts.paul")
    assert "003A and 003B" in found.detail
    assert "syncspec resolve contacts.paul --created" in str(found.hint)


def test_an_entry_that_is_not_declared_is_noted_with_what_becomes_of_it() -> None:
    for on_remove, words in ((OnRemove.KEEP, "stays locked as 003A."), (OnRemove.DELETE, "on_remove is delete")):
        lockfile = Lockfile(project="p", entries={entry.address: replace(entry, on_remove=on_remove)})
        (found,) = check_lockfile((), lockfile)
        assert (found.is_error, words in found.detail) == (False, True)
