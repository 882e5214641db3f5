"""Deletions of records that refer to each other: children first, and a child that stays keeps its parent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from support.pipeline import CONTACT, STORE, Folder, manifest, served, served_folder, stored

from syncspec.project.results import AppliedReport
from syncspec.upstream.embedded.faults import ConnectionDroppedError

ALLOW = ("max_deletes_percent=100", "max_emptied_collections=9")
DELETE = {"on_remove": "delete"}
ACCOUNT = "salesforce:account"


class Deletions:
    """Notes every request by its kind and collection; the first deletion of that collection goes wrong."""

    def __init__(self, spoilt: str | None = None, *, status: int | None = None) -> None:
        self.requests: list[tuple[str, str]] = []
        self._spoilt, self._status = spoilt, status

    async def before(self, mutation: Any) -> Response | None:
        self.requests.append((mutation.kind.value, mutation.collection_id))
        if self.requests[-1] != ("delete", self._spoilt) or self.requests.count(self.requests[-1]) > 1:
            return None
        if self._status is None:
            raise ConnectionDroppedError
        return Response('{"error":"no"}', self._status)

    async def after(self, mutation: Any) -> Response | None:
        return None


def accounts(*names: str) -> str:
    records = {name: {"Name": name} for name in names}
    return manifest("accounts", records, collection_id=ACCOUNT, match_on=("Name",), lifecycle=DELETE)


def people(**employers: str) -> str:
    records = {
        name: {"Email": f"{name}@x.org", "AccountId": f"${{record.accounts.{account}.upstream_id}}"}
        for name, account in employers.items()
    }
    return manifest("people", records, lifecycle=DELETE)


class World:
    def __init__(self, root: Path) -> None:
        self.folder: Folder = served_folder(root / "project", concurrency=1)
        self.store = root / STORE

    def apply(self, fault: Any = None, **options: Any) -> AppliedReport:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("syncspec.project.reading.connect", served(self.store, fault=fault))
            return self.folder.open().apply(**{"allow": ALLOW, **options})

    def plan_is_empty(self) -> bool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("syncspec.project.reading.connect", served(self.store))
            return self.folder.open().plan().is_empty

    def lines(self) -> dict[str, dict[str, Any]]:
        found = map(json.loads, self.folder.lockfile.read_text().splitlines()[1:])
        return {line["address"]: line for line in found}

    def alive(self) -> list[str]:
        return sorted(row["data"].get("Email") or row["data"]["Name"] for row in stored(self.store))


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two accounts, and a person of each."""
    made = World(tmp_path)
    made.folder.write(accounts=accounts("caladan", "arrakis"), people=people(leto="caladan", paul="arrakis"))
    assert outcomes(made.apply()) == {"created": 4}
    return made


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def test_what_a_record_refers_to_is_locked_with_it(world: World) -> None:
    assert world.lines()["people.leto"]["depends_on"] == ["accounts.caladan"]
    assert "depends_on" not in world.lines()["accounts.caladan"]
    assert world.plan_is_empty()


def test_children_go_first(world: World) -> None:
    world.folder.write(accounts=accounts("arrakis"), people=people(paul="arrakis"))
    fault = Deletions()
    assert outcomes(world.apply(fault)) == {"deleted": 2, "unchanged": 2}
    assert fault.requests == [("delete", CONTACT), ("delete", ACCOUNT)]
    assert (world.alive(), world.plan_is_empty()) == (["arrakis", "paul@x.org"], True)


@pytest.mark.parametrize(("status", "outcome"), [(400, "rejected"), (None, "unknown")])
def test_a_child_that_could_not_be_deleted_keeps_its_parent_and_says_so(
    world: World, status: int | None, outcome: str
) -> None:
    world.folder.write(accounts=accounts("arrakis"), people=people(paul="arrakis"))
    fault = Deletions(CONTACT, status=status)
    report = world.apply(fault)
    assert outcomes(report) == {outcome: 1, "not_attempted": 1, "unchanged": 2}
    assert fault.requests == [("delete", CONTACT)]
    kept = next(record for record in report.records if record.outcome == "not_attempted")
    assert kept.address == "accounts.caladan"
    assert kept.error is not None
    assert "it comes after people.leto" in kept.error
    assert len(world.alive()) == 4


def test_a_child_that_moves_to_a_new_parent_does_so_before_the_old_one_goes(world: World) -> None:
    world.folder.write(accounts=accounts("arrakis", "giedi"), people=people(leto="giedi", paul="arrakis"))
    fault = Deletions()
    assert outcomes(world.apply(fault)) == {"created": 1, "updated": 1, "deleted": 1, "unchanged": 2}
    assert fault.requests == [("create", ACCOUNT), ("update", CONTACT), ("delete", ACCOUNT)]
    assert world.lines()["people.leto"]["depends_on"] == ["accounts.giedi"]
    assert (world.alive(), world.plan_is_empty()) == (["arrakis", "giedi", "leto@x.org", "paul@x.org"], True)


def test_a_child_that_cannot_move_to_its_new_parent_keeps_the_old_one(world: World) -> None:
    class Refusing(Deletions):
        async def before(self, mutation: Any) -> Response | None:
            await super().before(mutation)
            return Response('{"error":"no"}', 400) if mutation.kind.value == "update" else None

    world.folder.write(accounts=accounts("arrakis", "giedi"), people=people(leto="giedi", paul="arrakis"))
    report = world.apply(Refusing())
    assert outcomes(report) == {"created": 1, "rejected": 1, "not_attempted": 1, "unchanged": 2}
    assert "caladan" in world.alive()
    assert world.lines()["people.leto"]["depends_on"] == ["accounts.caladan"]
    assert outcomes(world.apply()) == {"updated": 1, "deleted": 1, "unchanged": 3}
    assert world.plan_is_empty()


def test_a_kept_child_keeps_its_parent(world: World) -> None:
    keeping = manifest("people", {"paul": {"Email": "paul@x.org"}}, lifecycle={"on_remove": "keep"})
    world.folder.write(people=people(leto="caladan", paul="arrakis").replace('"delete"', '"keep"'))
    world.apply()
    world.folder.write(accounts=accounts("arrakis"), people=keeping)
    report = world.apply()
    assert report.exit_code == 3
    assert {record.address: record.outcome.value for record in report.records}["accounts.caladan"] == "not_attempted"
    assert "caladan" in world.alive()


def test_destroying_goes_children_first_too(world: World) -> None:
    fault = Deletions()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(world.store, fault=fault))
        report = world.folder.open().destroy()
    assert outcomes(report) == {"deleted": 4}
    assert fault.requests == [("delete", CONTACT), ("delete", ACCOUNT)]
    assert world.alive() == []
