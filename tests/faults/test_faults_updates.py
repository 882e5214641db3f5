"""Updates through lost answers, refusals, kills and lagging lists: nobody's change is overwritten."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import Response
from support.builders import VirtualClock
from support.pipeline import CONTACT, STORE, SYNC, Folder, Wrapped, contacts, manifest, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

from syncspec.errors import StateError
from syncspec.project.resolving import resolve
from syncspec.project.results import AppliedReport
from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.store import Store
from syncspec.upstream.protocol import Page

RECORDS, BATCH = 6, 3


class Once:
    """Does something else with the first request of that kind, before or after its commit."""

    def __init__(self, act: Callable[[], Response], *, committed: bool, kind: str = "update") -> None:
        self._act, self._committed, self._kind = act, committed, kind
        self.requests: list[str] = []

    async def before(self, mutation: Any) -> Response | None:
        self.requests.append(mutation.kind.value)
        return self._acted(committed=False)

    async def after(self, mutation: Any) -> Response | None:
        return self._acted(committed=True)

    def _acted(self, *, committed: bool) -> Response | None:
        first = self.requests.count(self._kind) == 1 and self.requests[-1] == self._kind
        return self._act() if first and committed is self._committed else None


def drop() -> Response:
    raise ConnectionDroppedError


LOST = {
    "504": lambda: Response("{}", 504),
    "500 after a consumer's wait": lambda: Response("{}", 500),
    "dropped": drop,
    "cut JSON": lambda: Response(b'{"records":[{"upstr', 200),
    "answered for nobody": lambda: Response(b'{"records":[]}', 200),
    "400": lambda: Response('{"error":"Error: Salesforce validation error: `Invalid email`"}', 400),
    "429": lambda: Response("{}", 429, {"retry-after": "1"}),
}


class Replica(Wrapped):
    """Shows the rows of a moment that is past."""

    def __init__(self, inner: Any, rows: list[Any]) -> None:
        super().__init__(inner)
        self._rows = rows

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        yield Page(records=tuple(self._rows), cursor="9")


def apply(folder: Folder, store: Path, *, fault: Any = None, wrap: Any = None, **options: Any) -> AppliedReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, fault=fault, wrap=wrap))
        return folder.open().apply(**options)


def planned(folder: Folder, store: Path, *, wrap: Any = None) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))
        return {change.address: change.code for change in folder.open().plan().changes}


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def titles(store: Path) -> dict[str, Any]:
    return {row["data"]["Email"]: row["data"].get("Title") for row in stored(store)}


def people(title: str, *, changed: int = RECORDS) -> str:
    """The set with a title for all of them, and another one for the first few."""
    records = contacts(RECORDS)
    for number, data in enumerate(records.values()):
        data["Title"] = title if number < changed else "Heir"
    return manifest("contacts", records, max_records=BATCH)


def mutate(store: Path, **body: Any) -> None:
    """Somebody else's change, in the upstream itself."""
    opened = Store.open(store)
    try:
        mutation = parse_mutation(json.dumps({"sync_id": SYNC, "collection_id": CONTACT, **body}).encode())
        opened.apply(mutation, lambda existing, sent: {**existing, **sent})
    finally:
        opened.close()


def somebody_sets(store: Path, upstream_id: str, **data: Any) -> None:
    mutate(store, kind="update", records=[{"upstream_id": upstream_id, "data": data}])


@pytest.fixture
def world(tmp_path: Path) -> tuple[Folder, Path]:
    """Six contacts with the title Heir, applied."""
    folder, store = served_folder(tmp_path / "project", concurrency=1), tmp_path / STORE
    folder.write(contacts=people("Heir"))
    assert outcomes(apply(folder, store)) == {"created": RECORDS}
    return folder, store


def later(folder: Folder, hours: float = 1.0) -> None:
    assert isinstance(folder.clock, VirtualClock)
    folder.clock.moment += timedelta(hours=hours)


def test_changed_fields_are_updated_in_full_batches_and_the_next_plan_is_empty(world: tuple[Folder, Path]) -> None:
    folder, store = world
    folder.write(contacts=people("Duke", changed=4))
    fault = Once(drop, committed=False, kind="never")
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code) == ({"updated": 4, "unchanged": 2}, 0)
    assert fault.requests == ["update", "update"]
    assert sorted(titles(store).values()) == ["Duke"] * 4 + ["Heir"] * 2
    assert set(planned(folder, store).values()) == {"as-declared"}
    lines = [json.loads(line) for line in folder.lockfile.read_bytes().splitlines()[1:]]
    assert ["before" in line for line in lines] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("answer", LOST)
def test_an_update_without_a_whole_answer_is_found_by_its_fields_in_the_same_run(
    world: tuple[Folder, Path], answer: str
) -> None:
    folder, store = world
    folder.write(contacts=people("Duke"))
    fault = Once(LOST[answer], committed=True)
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code) == ({"updated": RECORDS}, 0)
    assert fault.requests == ["update", "update"]
    assert (folder.pending(), set(titles(store).values())) == ([], {"Duke"})
    assert set(planned(folder, store).values()) == {"as-declared"}


@pytest.mark.parametrize("answer", LOST)
def test_an_update_that_was_not_made_is_planned_again_after_its_horizon_and_not_before(
    world: tuple[Folder, Path], answer: str
) -> None:
    folder, store = world
    folder.write(contacts=people("Duke"))
    report = apply(folder, store, fault=Once(LOST[answer], committed=False))
    assert (outcomes(report), report.exit_code) == ({"updated": 3, "unknown": 3}, 4)
    assert {line["kind"] for line in folder.pending()} == {"update"}
    again = Once(drop, committed=False)
    assert (outcomes(apply(folder, store, fault=again)), again.requests) == ({"unchanged": 3, "unknown": 3}, [])

    later(folder)
    fault = Once(drop, committed=False, kind="never")
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code) == ({"updated": 3, "unchanged": 3}, 0)
    # What was refused together goes one by one.
    assert len(fault.requests) == (3 if answer in ("400", "429") else 1)
    assert (folder.pending(), set(titles(store).values())) == ([], {"Duke"})


def test_waiting_until_settled_sends_again_within_the_same_run(world: tuple[Folder, Path]) -> None:
    folder, store = world
    folder.write(contacts=people("Duke"))
    report = apply(folder, store, fault=Once(LOST["dropped"], committed=False), wait_settled=True)
    assert (outcomes(report), report.exit_code) == ({"updated": RECORDS}, 0)
    assert set(titles(store).values()) == {"Duke"}


def test_an_update_that_is_never_made_is_sent_again_a_few_times_and_then_left_unknown(
    world: tuple[Folder, Path],
) -> None:
    class Always(Once):
        def _acted(self, *, committed: bool) -> Response | None:
            return None if committed else self._act()

    folder, store = world
    folder.write(contacts=people("Duke", changed=1))
    fault = Always(LOST["cut JSON"], committed=False)
    report = apply(folder, store, fault=fault, wait_settled=True)
    assert (outcomes(report), report.exit_code) == ({"unchanged": 5, "unknown": 1}, 4)
    assert fault.requests == ["update"] * 4
    later(folder)
    assert outcomes(apply(folder, store)) == {"updated": 1, "unchanged": 5}


def test_what_somebody_changed_while_an_update_was_unknown_is_a_conflict_and_stays(
    world: tuple[Folder, Path],
) -> None:
    folder, store = world
    folder.write(contacts=people("Duke", changed=1))
    apply(folder, store, fault=Once(LOST["504"], committed=False))
    upstream_id = folder.locked_ids()["contacts.c0"]
    somebody_sets(store, upstream_id, Title="Emperor")
    later(folder)
    fault = Once(drop, committed=False, kind="never")
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code, fault.requests) == ({"unchanged": 5, "not_attempted": 1}, 3, [])
    assert titles(store)["p0@x.org"] == "Emperor"
    assert planned(folder, store)["contacts.c0"] == "conflict"


def test_an_author_who_takes_the_edit_back_while_it_is_unknown_waits_and_ends_with_the_first_value(
    world: tuple[Folder, Path],
) -> None:
    folder, store = world
    folder.write(contacts=people("Duke", changed=1))
    apply(folder, store, fault=Once(LOST["504"], committed=False))
    folder.write(contacts=people("Heir"))
    assert planned(folder, store)["contacts.c0"] == "open-attempt"
    later(folder)
    assert outcomes(apply(folder, store)) == {"unchanged": RECORDS}
    assert set(titles(store).values()) == {"Heir"}


def test_a_batch_with_a_record_that_was_deleted_upstream_updates_the_others_in_the_end(
    world: tuple[Folder, Path],
) -> None:
    folder, store = world
    folder.write(contacts=people("Duke", changed=BATCH))
    gone = folder.locked_ids()["contacts.c1"]

    class DeletedMeanwhile(Once):
        async def before(self, mutation: Any) -> Response | None:
            if not self.requests:
                mutate(store, kind="delete", upstream_ids=[gone])
            return await super().before(mutation)

    report = apply(folder, store, fault=DeletedMeanwhile(drop, committed=False, kind="never"))
    assert report.summary["updated"] == 0
    assert report.exit_code in (3, 4)
    later(folder)
    report = apply(folder, store)
    assert outcomes(report) == {"updated": 2, "unchanged": 3, "not_attempted": 1}
    assert planned(folder, store)["contacts.c1"] == "deleted-upstream"
    assert titles(store)["p0@x.org"] == titles(store)["p2@x.org"] == "Duke"


def test_an_atomic_upstream_updates_the_others_of_a_refused_batch_at_once(tmp_path: Path) -> None:
    folder = served_folder(tmp_path / "project", concurrency=1, atomic_batches=True)
    store = tmp_path / STORE
    folder.write(contacts=people("Heir"))
    apply(folder, store)
    folder.write(contacts=people("Duke", changed=BATCH))
    fault = Once(LOST["400"], committed=False)
    assert (outcomes(apply(folder, store, fault=fault)), len(fault.requests)) == ({"updated": 3, "unchanged": 3}, 3)


def rows_now(folder: Folder, store: Path) -> list[Any]:
    """What a list shows at this moment."""
    rows: list[Any] = []

    class Keeping(Wrapped):
        async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
            async for page in self.inner.pages(sync_id, collection_id, after=after):
                rows.extend(page.records)
                yield page

    planned(folder, store, wrap=Keeping)
    return rows


def test_a_list_that_lags_behind_an_update_is_no_drift_and_nothing_is_sent_again(world: tuple[Folder, Path]) -> None:
    folder, store = world
    before = rows_now(folder, store)
    folder.write(contacts=people("Duke"))
    apply(folder, store)
    assert set(planned(folder, store, wrap=lambda inner: Replica(inner, before)).values()) == {"stale"}
    fault = Once(drop, committed=False)
    report = apply(folder, store, fault=fault, wrap=lambda inner: Replica(inner, before))
    assert (outcomes(report), fault.requests) == ({"unchanged": RECORDS}, [])
    assert set(planned(folder, store).values()) == {"as-declared"}


def test_a_lagging_list_settles_no_update_whose_answer_was_lost(world: tuple[Folder, Path]) -> None:
    folder, store = world
    before = rows_now(folder, store)
    folder.write(contacts=people("Duke"))
    report = apply(folder, store, fault=Once(drop, committed=True), wrap=lambda inner: Replica(inner, before))
    assert outcomes(report) == {"updated": 3, "unknown": 3}
    assert outcomes(apply(folder, store)) == {"unchanged": RECORDS}
    assert set(titles(store).values()) == {"Duke"}


def test_drift_is_restored_once_where_that_is_wanted(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=manifest("contacts", contacts(2), lifecycle={"on_drift": "restore"}))
    apply(folder, store)
    somebody_sets(store, folder.locked_ids()["contacts.c0"], LastName="Corrino")
    assert outcomes(apply(folder, store)) == {"updated": 1, "unchanged": 1}
    assert {row["data"]["LastName"] for row in stored(store)} == {"Person 0", "Person 1"}
    assert outcomes(apply(folder, store)) == {"unchanged": 2}


def test_a_change_that_both_sides_made_alike_is_the_baseline_for_what_comes_later(world: tuple[Folder, Path]) -> None:
    folder, store = world
    upstream_id = folder.locked_ids()["contacts.c0"]
    folder.write(contacts=people("Duke", changed=1))
    somebody_sets(store, upstream_id, Title="Duke")
    assert outcomes(apply(folder, store)) == {"unchanged": RECORDS}
    somebody_sets(store, upstream_id, Title="Emperor")
    assert planned(folder, store)["contacts.c0"] == "drifted"


def test_two_addresses_that_share_a_place_never_mix_their_updates(world: tuple[Folder, Path]) -> None:
    folder, store = world
    folder.write(contacts=people("Duke"), leads=manifest("leads", {"x": {"LastName": "X", "Email": "x@x.org"}}))
    assert outcomes(apply(folder, store)) == {"created": 1, "updated": RECORDS}
    assert titles(store)["x@x.org"] is None


@pytest.mark.parametrize("committed", [True, False])
def test_what_is_adopted_and_written_at_once_is_neither_lost_nor_made_twice(tmp_path: Path, committed: bool) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=manifest("contacts", contacts(2)))
    apply(folder, store)
    folder.lockfile.unlink()
    folder.forget_journal()
    wanted = contacts(2)
    wanted["c0"]["Title"] = "Duke"
    folder.write(contacts=manifest("contacts", wanted, lifecycle={"on_adopt": "update"}))
    report = apply(folder, store, fault=Once(drop, committed=committed))
    assert outcomes(report) == {"adopted": 1, "updated" if committed else "unknown": 1}
    later(folder)
    assert outcomes(apply(folder, store)) == ({"unchanged": 2} if committed else {"updated": 1, "unchanged": 1})
    assert titles(store) == {"p0@x.org": "Duke", "p1@x.org": None}
    assert set(planned(folder, store).values()) == {"as-declared"}


def test_what_was_adopted_and_refused_is_planned_as_an_update_again(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=manifest("contacts", contacts(1)))
    apply(folder, store)
    folder.lockfile.unlink()
    folder.forget_journal()
    wanted = {"c0": {**contacts(1)["c0"], "Title": "Duke"}}
    folder.write(contacts=manifest("contacts", wanted, lifecycle={"on_adopt": "update"}))
    assert outcomes(apply(folder, store, fault=Once(LOST["400"], committed=False))) == {"rejected": 1}
    assert planned(folder, store) == {"contacts.c0": "changed"}


def steps_of_an_update(root: Path, kill_at: int | None) -> tuple[Folder, Path, list[str]]:
    folder, store = served_folder(root / "project", concurrency=1), root / STORE
    folder.write(contacts=people("Heir"))
    apply(folder, store)
    folder.write(contacts=people("Duke"))
    steps = Steps(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        wrap = number_steps(patch, steps)
        patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))
        try:
            folder.open().apply()
        except BaseException as error:
            if not is_killed(error):
                raise
    return folder, store, steps.names


def test_a_kill_at_any_step_of_an_update_ends_with_every_record_as_declared(tmp_path: Path) -> None:
    _, _, names = steps_of_an_update(tmp_path / "whole", None)
    assert names.count("before send") == 2
    for number in range(1, len(names) + 1):
        folder, store, _ = steps_of_an_update(tmp_path / str(number), number)
        ids = folder.locked_ids()
        first = apply(folder, store)
        assert set(outcomes(first)) <= {"updated", "unchanged", "unknown"}, number
        later(folder)
        apply(folder, store)
        assert set(titles(store).values()) == {"Duke"}, number
        assert (folder.pending(), set(planned(folder, store).values())) == ([], {"as-declared"}), number
        assert (folder.locked_ids(), len(stored(store))) == (ids, RECORDS), number


def test_a_person_settles_an_open_update_only_after_its_horizon_and_never_as_a_creation(
    world: tuple[Folder, Path],
) -> None:
    folder, store = world
    folder.write(contacts=people("Duke", changed=1))
    apply(folder, store, fault=Once(LOST["504"], committed=False))
    upstream_id = folder.locked_ids()["contacts.c0"]

    def settle(created: str | None) -> int:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("syncspec.project.reading.connect", served(store))
            project = folder.open().asynchronous
            return anyio.run(functools.partial(resolve, project, "contacts.c0", created=created)).attempts

    with pytest.raises(StateError, match="which creates nothing"):
        settle(upstream_id)
    with pytest.raises(StateError, match="may still be executed"):
        settle(None)
    later(folder)
    assert settle(None) == 1
    assert planned(folder, store)["contacts.c0"] == "changed"
    assert outcomes(apply(folder, store)) == {"updated": 1, "unchanged": 5}
