"""Orders of events that break naive designs, numbered; these concern lists that lag, lie or leave out.

Each ends with every record created once, under its own ID, and nothing that only a hand-edited lockfile would mend.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import Folder, Wrapped, contacts, manifest
from support.world import World, outcomes

from syncspec.errors import UpstreamError
from syncspec.upstream.protocol import Page

ALL_LOST = {"fault": "timeout", "commit": "all"}


def declared(world: World, count: int, *, name: str = "project", start: int = 0, **upstream: Any) -> Folder:
    """A checkout that declares so many contacts, two a request."""
    folder = world.folder(name, **upstream)
    folder.write(contacts=manifest("contacts", contacts(count, start=start), max_records=2))
    return folder


class Blind(Wrapped):
    """Lists nothing: a replica that has seen none of it yet."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        yield Page(records=(), cursor=None)


class WithoutEmail(Wrapped):
    """Lists records as a token without access to Email sees them."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        async for page in self.inner.pages(sync_id, collection_id, after=after):
            rows = [replace(row, data={"LastName": row.data["LastName"]}) for row in page.records]
            yield replace(page, records=tuple(rows))


class Older(Wrapped):
    """Lists records as they were before we wrote them."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        async for page in self.inner.pages(sync_id, collection_id, after=after):
            rows = [
                replace(row, updated_at="2025-12-31T00:00:00Z", data={**row.data, "LastName": "Old"})
                for row in page.records
            ]
            yield replace(page, records=tuple(rows))


@pytest.mark.parametrize("lost", ["nothing", "lockfile and journal"])
def test_a_list_that_forgets_old_records_lets_none_be_created_again(tmp_path: Path, lost: str) -> None:
    """Schedule 14: the sync keeps 90 days, and this is day 91."""
    world = World(tmp_path)
    folder = declared(world, 2)
    world.apply(folder)
    world.wait(91 * 86400)
    world.go_wrong(syncs={"max_age_days": 90})
    if lost != "nothing":
        folder.forget_journal()
        folder.lockfile.unlink()
    report = world.apply(folder, wrap=Blind, wait_settled=True)
    assert (outcomes(report), report.exit_code, len(world.sent)) == ({"not_attempted": 2}, 3, 1)
    world.go_wrong()
    assert outcomes(world.apply(folder)) == ({"unchanged": 2} if lost == "nothing" else {"adopted": 2})
    world.check_healed(folder, 2)


def outcome_or_error(world: World, folder: Folder) -> str:
    """What became of both records, or why nothing could be read."""
    try:
        return "".join(outcomes(world.apply(folder)))
    except UpstreamError as error:
        return str(error)


@pytest.mark.parametrize(
    "read",
    [
        {"fault": "empty_page"},
        {"fault": "stream_reset", "times": 1},
        {"fault": "stream_reset", "refill_seconds": 2000, "times": 1},
        {"fault": "stream_reset", "refill_seconds": 2000, "times": 1, "old_cursors": "restart"},
        {"fault": "duplicated_rows"},
        {"fault": "error", "status": 500, "route": "records", "times": 1},
    ],
    ids=["empty pages", "rebuilt", "rebuilt slowly", "old cursors restart", "repeated rows", "broken off"],
)
def test_a_list_that_is_not_whole_proves_no_absence(tmp_path: Path, read: dict[str, Any]) -> None:
    """Schedule 15: pages come empty with a new cursor, or the stream is built anew after an answer was lost."""
    world = World(tmp_path, mutations=[ALL_LOST | {"requests": [1]}], replica_lag_seconds=50)
    folder = declared(world, 2, wait_seconds=0)
    assert outcomes(world.apply(folder)) == {"unknown": 2}
    world.wait(1000)
    world.go_wrong(reads=[read])
    for _ in range(2):
        told = outcome_or_error(world, folder)
        assert told in ("unknown", "unchanged") or (told.endswith(". Nothing was sent.") and ".." not in told), told
        assert len(world.sent) == 1
    world.wait(3000)
    world.go_wrong()
    assert world.apply(folder).exit_code == 0
    assert len(world.sent) == 1
    world.check_healed(folder, 2)


@pytest.mark.parametrize("before", ["an unknown", "lost files"])
def test_a_key_that_cannot_be_read_creates_nothing(tmp_path: Path, before: str) -> None:
    """Schedule 16: the token must not read the key field."""
    world = World(tmp_path, mutations=[ALL_LOST] if before == "an unknown" else [])
    folder = declared(world, 2, wait_seconds=0)
    world.apply(folder, wrap=Blind)
    if before == "lost files":
        folder.forget_journal()
        folder.lockfile.unlink()
    world.wait(1000)
    report = world.apply(folder, wrap=WithoutEmail, wait_settled=True)
    assert outcomes(report) == ({"unknown": 2} if before == "an unknown" else {"not_attempted": 2})
    assert "Email" in " ".join(str(record.error) for record in report.records)
    assert len(world.sent) == 1
    assert world.apply(folder).exit_code == 0
    world.check_healed(folder, 2)


def test_a_plan_right_after_an_apply_does_not_take_what_lists_lack_for_gone(tmp_path: Path) -> None:
    """Schedule 19: everything was created, and the replica does not show it yet."""
    world = World(tmp_path, replica_lag_seconds=250)
    folder = declared(world, 4)
    assert outcomes(world.apply(folder)) == {"created": 4}
    for seconds in (0, 100, 100):
        world.wait(seconds)
        plan = world.plan(folder)
        assert {change.action.value for change in plan.changes} == {"unchanged"}
        assert outcomes(world.apply(folder)) == {"unchanged": 4}
    world.wait(100)
    world.apply(folder)
    world.check_healed(folder, 4)


def test_values_from_before_our_write_are_not_taken_for_a_change(tmp_path: Path) -> None:
    """Schedule 20: a list shows what a record held before our last write."""
    world = World(tmp_path)
    folder = declared(world, 2)
    world.apply(folder)
    before = folder.lockfile.read_bytes()
    plan = world.plan(folder, wrap=Older)
    assert {change.action.value for change in plan.changes} == {"unchanged"}
    assert outcomes(world.apply(folder, wrap=Older)) == {"unchanged": 2}
    assert folder.lockfile.read_bytes() == before
    world.apply(folder)
    world.check_healed(folder, 2)


def test_a_record_that_was_deleted_upstream_blocks_only_itself(tmp_path: Path) -> None:
    """Schedule 23: among records that are due, one was deleted upstream."""
    world = World(tmp_path)
    folder = declared(world, 2)
    world.apply(folder)
    made = world.ids()
    world.write(kind="delete", upstream_id=made["contacts.c0"], data={})
    folder.write(contacts=manifest("contacts", contacts(4), max_records=4))
    report = world.apply(folder)
    assert outcomes(report) == {"created": 2, "unchanged": 1, "not_attempted": 1}
    assert (report.exit_code, len(world.sent)) == (3, 2)
    assert folder.locked_ids()["contacts.c0"] == made["contacts.c0"]
    assert outcomes(world.apply(folder)) == {"unchanged": 3, "not_attempted": 1}
    # The message's way out: a new address has it created again; what was locked stays known.
    people = contacts(4)
    people["again"] = people.pop("c0")
    folder.write(contacts=manifest("contacts", people, max_records=4))
    assert outcomes(world.apply(folder)) == {"created": 1, "unchanged": 4}
    assert (len(world.rows()), len(world.sent)) == (4, 3)
    assert world.apply(folder).exit_code == 0


def test_every_numbered_schedule_has_a_test() -> None:
    texts = [path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_faults_*.py")]
    numbers = {int(number) for text in texts for number in re.findall(r'"""Schedule (\d+): ', text)}
    assert numbers == set(range(1, 28))
