"""Undoing a run that made a record and let another one refer to it: first the reference goes, then the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.faults import Refuse
from support.pipeline import STORE, Folder, manifest, served, served_folder, stored

from syncspec.project.results import AppliedReport, ReviewablePlan


class World:
    """A child that a first run made under `old`, and a second one put under the `new` parent that it made."""

    def __init__(self, root: Path) -> None:
        self.folder: Folder = served_folder(root / "project", concurrency=1)
        self.store = root / STORE
        self._declare("old")
        self.call("apply")
        self._declare("old", "new")
        self.second: str = self.call("apply").run

    def _declare(self, *parents: str) -> None:
        records: dict[str, Any] = {name: {"Email": f"{name}@x.org"} for name in parents}
        boss = f"${{record.contacts.{parents[-1]}.upstream_id}}"
        records["child"] = {"Email": "child@x.org", "ReportsToId": boss}
        self.folder.write(contacts=manifest("contacts", records))

    def call(self, name: str, *args: Any, fault: Any = None) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("syncspec.project.reading.connect", served(self.store, fault=fault))
            return getattr(self.folder.open(), name)(*args)

    @property
    def emails(self) -> set[str]:
        return {row["data"]["Email"] for row in stored(self.store)}

    @property
    def boss(self) -> Any:
        return next(row for row in stored(self.store) if row["data"]["Email"] == "child@x.org")["data"]["ReportsToId"]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_reference_is_put_back_before_the_new_parent_is_deleted(world: World) -> None:
    ids = world.folder.locked_ids()
    plan: ReviewablePlan = world.call("plan_undo", world.second)
    assert {each.address: each.action.value for each in plan.changes} == {
        "contacts.child": "update",
        "contacts.new": "delete",
    }
    assert [batch.kind for batch in plan.plan.batches] == ["update", "delete"]
    report: AppliedReport = world.call("undo", world.second)
    assert report.exit_code == 0
    assert world.boss == ids["contacts.old"]
    assert world.emails == {"child@x.org", "old@x.org"}


def test_the_restored_child_is_locked_as_referring_to_its_former_parent(world: World) -> None:
    world.call("undo", world.second)
    (line,) = (each for each in world.folder.lockfile.read_text().splitlines() if '"contacts.child"' in each)
    assert '"depends_on":["contacts.old"]' in line


def test_the_parent_is_not_deleted_where_putting_the_reference_back_fails(world: World) -> None:
    new = world.folder.locked_ids()["contacts.new"]
    fault = Refuse("no", kind="update", status=400)
    report: AppliedReport = world.call("undo", world.second, fault=fault)
    found = {each.address: each.outcome.value for each in report.records}
    assert found == {"contacts.child": "rejected", "contacts.new": "not_attempted"}
    assert world.boss == new
    assert "new@x.org" in world.emails
