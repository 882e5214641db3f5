"""Deletions by runs that share their state in git: a vanished runner's are settled by the next, and stay forgotten."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import STORE, Folder, Wrapped, contacts, manifest, served, served_folder, stored
from support.team import Team, shared_project

from syncspec.project.results import AppliedReport

LATER = 3600.0
DELETE = {"on_remove": "delete"}
MANY = manifest("contacts", contacts(5), max_records=2, lifecycle=DELETE)
FEW = manifest("contacts", contacts(1), max_records=2, lifecycle=DELETE)
ALLOW = ("max_deletes_percent=100",)


class GoneError(BaseException):
    """The machine is not there any more."""


class Vanishing(Wrapped):
    """A machine that is gone when its first deletion is on the way, before or after it takes effect."""

    def __init__(self, inner: Any, *, late: bool) -> None:
        super().__init__(inner)
        self._late = late

    async def run(self, request: Any) -> Any:
        if request.upstream_ids:
            if self._late:
                await self.inner.run(request)
            raise GoneError
        return await self.inner.run(request)


class Quiet(Team):
    """Notes nothing: deletions carry no Email to be noted by."""

    def serve(self, wrap: Any = None) -> None:
        self.patch.setattr("syncspec.project.reading.connect", served(self.store, wrap=wrap))


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Team:
    """Five contacts are applied; only one is declared from then on."""
    made = Quiet(tmp_path.resolve(), monkeypatch)
    made.make(project=shared_project(concurrency=1), contacts=MANY)
    first = made.clone("first")
    assert outcomes(first.open().apply()) == {"created": 5}
    first.write(contacts=FEW)
    made.commit(first, "fewer")
    return made


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def alive(team: Team) -> list[str]:
    return sorted(row["data"]["Email"] for row in stored(team.store))


def check_settled(team: Team, clone: Folder) -> None:
    assert alive(team) == ["p0@x.org"]
    team.check_whole(["contacts.c0"])
    assert list(clone.locked_ids()) == ["contacts.c0"]
    assert clone.open().plan().is_empty


def test_what_one_clone_deleted_is_forgotten_by_all(team: Team) -> None:
    clone = team.clone("a")
    assert outcomes(clone.open().apply(allow=ALLOW)) == {"deleted": 4, "unchanged": 1}
    check_settled(team, clone)
    # Neither another clone nor the journal that knows the records from before brings them back.
    assert outcomes(team.clone("b").open().apply()) == {"unchanged": 1}
    first = Folder(team.root / "first", clock=clone.clock, environ={"TOKEN": "t"})
    assert outcomes(first.open().apply()) == {"unchanged": 1}
    check_settled(team, first)


@pytest.mark.parametrize("late", [False, True])
def test_the_deletions_of_a_runner_that_vanished_are_settled_by_the_next(team: Team, late: bool) -> None:
    gone = team.clone("gone")
    team.serve(lambda connection: Vanishing(connection, late=late))
    with pytest.raises((GoneError, BaseExceptionGroup)):
        gone.open().apply(allow=ALLOW)
    team.remove(gone)
    team.serve()
    assert {line["kind"] for line in team.lines() if line["state"] == "pending"} == {"delete"}
    clone = team.clone("b", after=LATER)
    report = clone.open().apply(allow=ALLOW)
    assert report.exit_code == 0
    check_settled(team, clone)


def test_branches_that_are_merged_bring_a_line_back_and_the_tombstone_drops_it(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=MANY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store))
        folder.open().apply()
        other_branch = folder.lockfile.read_bytes()
        folder.write(contacts=FEW)
        folder.open().apply(allow=ALLOW)
        # As `merge=union` leaves it where the other branch touched the lines.
        folder.lockfile.write_bytes(folder.lockfile.read_bytes() + b"".join(other_branch.splitlines(keepends=True)[1:]))
        assert len(folder.locked_ids()) == 5
        plan = folder.open().plan()
        assert {change.code for change in plan.changes} == {"as-declared", "gone"}
        folder.open().apply()
    lines = [json.loads(line) for line in folder.lockfile.read_text().splitlines()[1:]]
    assert [line["address"] for line in lines] == ["contacts.c0"]
