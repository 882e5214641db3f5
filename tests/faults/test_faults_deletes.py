"""Deletions through lost answers, refusals, kills and lagging lists: what was to go is gone, and its entry with it."""

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
from support.faults import Refuse
from support.pipeline import CONTACT, STORE, SYNC, Folder, Wrapped, contacts, manifest, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

from syncspec.errors import GuardError, StalePlanError, UsageError
from syncspec.project.lockcare import rebuild
from syncspec.project.results import AppliedReport
from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.store import Store
from syncspec.upstream.protocol import Page

RECORDS, BATCH = 7, 3
ALLOW = ("max_deletes_percent=100",)


class Once:
    """Does something else with the first request of that kind, before or after its commit."""

    def __init__(self, act: Callable[[], Response] | None, *, committed: bool = False, kind: str = "delete") -> None:
        self._act, self._committed, self._kind = act, committed, kind
        self.requests: list[str] = []

    async def before(self, mutation: Any) -> Response | None:
        self.requests.append(mutation.kind.value)
        return self._acted(committed=False)

    async def after(self, mutation: Any) -> Response | None:
        return self._acted(committed=True)

    def _acted(self, *, committed: bool) -> Response | None:
        first = self.requests.count(self._kind) == 1 and self.requests[-1] == self._kind
        return self._act() if self._act is not None and first and committed is self._committed else None


def drop() -> Response:
    raise ConnectionDroppedError


LOST = {
    "504": lambda: Response("{}", 504),
    "500 after a consumer's wait": lambda: Response("{}", 500),
    "dropped": drop,
    "cut JSON": lambda: Response(b'{"records":[{"upstr', 200),
    "answered for others": lambda: Response(b'{"records":[{"upstream_id":"003other","data":{},"deleted":true}]}', 200),
    "400": lambda: Response('{"error":"Error: Salesforce validation error"}', 400),
    "429": lambda: Response("{}", 429, {"retry-after": "1"}),
}
REFUSED = ("400", "429")


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
        return folder.open().apply(**{"allow": ALLOW, **options})


def planned(folder: Folder, store: Path, *, wrap: Any = None, **options: Any) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))
        return {change.address: change.code for change in folder.open().plan(**options).changes}


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def alive(store: Path) -> list[str]:
    return sorted(row["data"]["Email"] for row in stored(store))


def people(*numbers: int, on_remove: str = "delete", **lifecycle: Any) -> str:
    records = {name: data for number in numbers for name, data in contacts(1, start=number).items()}
    return manifest("contacts", records, max_records=BATCH, lifecycle={"on_remove": on_remove, **lifecycle})


def mutate(store: Path, **body: Any) -> None:
    """Somebody else's change, in the upstream itself."""
    opened = Store.open(store)
    try:
        mutation = parse_mutation(json.dumps({"sync_id": SYNC, "collection_id": CONTACT, **body}).encode())
        opened.apply(mutation, lambda existing, sent: {**existing, **sent})
    finally:
        opened.close()


def made(root: Path, **upstream: Any) -> tuple[Folder, Path]:
    """Seven contacts, applied; only the first is declared from then on."""
    folder, store = served_folder(root / "project", **{"concurrency": 1, **upstream}), root / STORE
    folder.write(contacts=people(*range(RECORDS)))
    assert outcomes(apply(folder, store)) == {"created": RECORDS}
    folder.write(contacts=people(0))
    return folder, store


@pytest.fixture
def world(tmp_path: Path) -> tuple[Folder, Path]:
    return made(tmp_path)


def later(folder: Folder, hours: float = 1.0) -> None:
    assert isinstance(folder.clock, VirtualClock)
    folder.clock.moment += timedelta(hours=hours)


def check_gone(folder: Folder, store: Path, *, but: tuple[int, ...] = (0,)) -> None:
    """Only these are alive and locked, and a plan has nothing to do."""
    assert alive(store) == [f"p{number}@x.org" for number in but]
    assert (list(folder.locked_ids()), folder.pending()) == ([f"contacts.c{number}" for number in but], [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store))
        assert folder.open().plan().is_empty


def test_what_is_no_longer_declared_is_deleted_in_full_batches_and_the_next_plan_is_empty(
    world: tuple[Folder, Path],
) -> None:
    folder, store = world
    fault = Once(None)
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code) == ({"deleted": 6, "unchanged": 1}, 0)
    assert fault.requests == ["delete", "delete"]
    check_gone(folder, store)


def test_without_a_word_on_removal_everything_is_kept_and_declaring_it_again_takes_it_up(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(0, 1, on_remove="keep"))
    apply(folder, store)
    ids = folder.locked_ids()
    folder.write(contacts=people(0, on_remove="keep"))
    assert outcomes(apply(folder, store)) == {"unchanged": 2}
    states = {line["address"]: line["state"] for line in map(json.loads, folder.lockfile.read_text().splitlines()[1:])}
    assert states == {"contacts.c0": "locked", "contacts.c1": "retained"}
    folder.write(contacts=people(0, 1, on_remove="keep"))
    assert outcomes(apply(folder, store)) == {"unchanged": 2}
    assert (folder.locked_ids(), len(stored(store))) == (ids, 2)


def test_a_word_on_removal_that_changes_alone_reaches_the_lockfile_and_holds_when_the_block_goes(
    tmp_path: Path,
) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(0, 1, on_remove="keep"))
    apply(folder, store)
    folder.write(contacts=people(0, 1, on_remove="delete", protect=True))
    fault = Once(None)
    assert (outcomes(apply(folder, store, fault=fault)), fault.requests) == ({"unchanged": 2}, [])
    lines = [json.loads(line) for line in folder.lockfile.read_text().splitlines()[1:]]
    assert [(line["on_remove"], line["protect"]) for line in lines] == [("delete", True)] * 2
    before = folder.lockfile.read_bytes()
    assert outcomes(apply(folder, store)) == {"unchanged": 2}
    assert folder.lockfile.read_bytes() == before

    folder.write(contacts=people(0, on_remove="delete"))
    assert planned(folder, store) == {"contacts.c0": "as-declared", "contacts.c1": "protected"}
    assert apply(folder, store).exit_code == 3
    folder.write(contacts=people(0, 1, protect=False))
    apply(folder, store)
    folder.write(contacts=people(0))
    assert outcomes(apply(folder, store)) == {"deleted": 1, "unchanged": 1}


@pytest.mark.parametrize("answer", LOST)
def test_a_deletion_without_a_whole_answer_is_found_by_its_tombstone_in_the_same_run(
    world: tuple[Folder, Path], answer: str
) -> None:
    folder, store = world
    fault = Once(LOST[answer], committed=True)
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code) == ({"deleted": 6, "unchanged": 1}, 0)
    assert fault.requests == ["delete", "delete"]
    check_gone(folder, store)


@pytest.mark.parametrize("answer", LOST)
def test_a_deletion_that_was_not_made_is_planned_anew_after_its_horizon_and_not_before(
    world: tuple[Folder, Path], answer: str
) -> None:
    folder, store = world
    report = apply(folder, store, fault=Once(LOST[answer]))
    lost = 6 - sum(record.outcome == "deleted" for record in report.records)
    assert (lost, report.exit_code) == (3, 4)
    assert {line["kind"] for line in folder.pending()} == {"delete"}
    again = Once(None)
    report = apply(folder, store, fault=again)
    assert (outcomes(report), again.requests) == ({"unchanged": 1, "unknown": 3}, [])

    later(folder)
    fault = Once(None)
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code) == ({"deleted": 3, "unchanged": 1}, 0)
    # What was refused together goes one by one.
    assert len(fault.requests) == (3 if answer in REFUSED else 1)
    check_gone(folder, store)


def test_waiting_until_settled_deletes_within_the_same_run(world: tuple[Folder, Path]) -> None:
    folder, store = world
    report = apply(folder, store, fault=Once(drop), wait_settled=True)
    assert (outcomes(report), report.exit_code) == ({"deleted": 6, "unchanged": 1}, 0)
    check_gone(folder, store)


def test_a_record_that_is_declared_again_while_its_deletion_is_unknown_waits_for_what_became_of_it(
    world: tuple[Folder, Path],
) -> None:
    folder, store = world
    apply(folder, store, fault=Once(drop))
    folder.write(contacts=people(*range(RECORDS)))
    codes = planned(folder, store)
    assert sum(code == "open-attempt" for code in codes.values()) == 3
    later(folder)
    apply(folder, store)
    # What lives still is the same record, and what was deleted is created anew.
    assert alive(store) == [f"p{number}@x.org" for number in range(RECORDS)]
    assert set(planned(folder, store).values()) == {"as-declared"}


def test_a_rename_while_the_deletion_is_unknown_waits_too(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(0, 1))
    apply(folder, store)
    folder.write(contacts=people(0))
    apply(folder, store, fault=Once(drop))
    renamed = manifest("contacts", {**contacts(1), "new": contacts(2)["c1"]}, lifecycle={"on_remove": "delete"})
    folder.write(contacts=renamed)
    assert planned(folder, store)["contacts.new"] == "waits-for-unknown"
    later(folder)
    apply(folder, store)
    assert alive(store) == ["p0@x.org", "p1@x.org"]
    assert "contacts.new" in folder.locked_ids()


def test_a_batch_with_a_record_that_somebody_deleted_already_deletes_the_others_in_the_end(
    world: tuple[Folder, Path],
) -> None:
    folder, store = world
    gone = folder.locked_ids()["contacts.c2"]

    class DeletedMeanwhile(Once):
        async def before(self, mutation: Any) -> Response | None:
            if not self.requests:
                mutate(store, kind="delete", upstream_ids=[gone])
            return await super().before(mutation)

    apply(folder, store, fault=DeletedMeanwhile(None))
    later(folder)
    apply(folder, store)
    check_gone(folder, store)


def test_an_atomic_upstream_deletes_the_others_of_a_refused_batch_at_once(tmp_path: Path) -> None:
    folder, store = made(tmp_path, atomic_batches=True)
    fault = Once(LOST["400"])
    assert outcomes(apply(folder, store, fault=fault)) == {"deleted": 6, "unchanged": 1}
    assert len(fault.requests) == 4
    check_gone(folder, store)


def test_a_single_deletion_that_is_refused_is_rejected_and_the_record_stays_locked(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(0, 1))
    apply(folder, store)
    folder.write(contacts=people(0))
    report = apply(folder, store, fault=Once(LOST["400"]))
    assert (outcomes(report), report.exit_code) == ({"rejected": 1, "unchanged": 1}, 3)
    assert list(folder.locked_ids()) == ["contacts.c0", "contacts.c1"]
    assert planned(folder, store)["contacts.c1"] == "removed"


@pytest.mark.parametrize("what_goes", ["record", "rule", "set"])
def test_a_refused_deletion_that_quotes_a_sensitive_value_is_kept_without_it(tmp_path: Path, what_goes: str) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    records = contacts(2)
    records["c1"]["SSN__c"] = "CANARY-123-45-6789"
    options: dict[str, Any] = {
        "max_records": 1,
        "lifecycle": {"on_remove": "delete"},
        "fields": {"SSN__c": {"sensitive": True}, "LastName": {"compare": "exact"}},
    }
    folder.write(contacts=manifest("contacts", records, **options))
    apply(folder, store)
    if what_goes != "record":
        del options["fields"]["SSN__c"]
    folder.write(contacts=manifest("contacts", contacts(1), **options))
    if what_goes == "set":
        (folder.root / "contacts.yaml").unlink()
        folder.write(other=manifest("other", {"new": {"Email": "new@x.org"}}))
    quoted = '{"summary":"SSN CANARY-123-45-6789 is on file","data":{"SSN__c":"CANARY-123-45-6789"}}'
    report = apply(folder, store, fault=Refuse(quoted, kind="delete"), allow=["max_emptied_collections=1"])
    refused = next(each for each in report.records if each.address == "contacts.c1")
    # Without the set nothing sends its records one by one, and a refusal of two settles neither.
    assert refused.outcome.value == ("unknown" if what_goes == "set" else "rejected")
    assert "its text is left out" in (refused.error or "")
    files = [path for path in folder.root.rglob("*") if path.is_file() and not path.name.startswith("embedded")]
    assert [path for path in files if path.name == "failed.jsonl"]
    assert [path.name for path in files if b"CANARY" in path.read_bytes()] == []
    assert "CANARY" not in repr(report)


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


def test_a_lagging_list_settles_no_deletion_and_nothing_is_sent_again(world: tuple[Folder, Path]) -> None:
    folder, store = world
    before = rows_now(folder, store)
    report = apply(folder, store, fault=Once(drop, committed=True), wrap=lambda inner: Replica(inner, before))
    assert outcomes(report) == {"deleted": 3, "unchanged": 1, "unknown": 3}
    fault = Once(None)
    assert outcomes(apply(folder, store, fault=fault, wrap=lambda inner: Replica(inner, before))) == {
        "unchanged": 1,
        "unknown": 3,
    }
    assert fault.requests == []
    assert outcomes(apply(folder, store)) == {"unchanged": 1}
    check_gone(folder, store)


def test_what_is_deleted_is_not_taken_for_missing_while_the_list_lags(world: tuple[Folder, Path]) -> None:
    folder, store = world
    before = rows_now(folder, store)
    apply(folder, store)
    fault = Once(None)
    report = apply(folder, store, fault=fault, wrap=lambda inner: Replica(inner, before))
    assert (outcomes(report), fault.requests) == ({"unchanged": 1}, [])


def test_a_selection_deletes_nothing_outside_it(world: tuple[Folder, Path]) -> None:
    folder, store = world
    assert outcomes(apply(folder, store, paths=(folder.root / "contacts.yaml",))) == {"unchanged": 1}
    assert outcomes(apply(folder, store, include=("contacts.c0",))) == {"unchanged": 1}
    assert len(stored(store)) == RECORDS
    assert outcomes(apply(folder, store, include=("contacts.c3",))) == {"deleted": 1}
    assert outcomes(apply(folder, store, exclude=("contacts.c[12]",))) == {"deleted": 3, "unchanged": 1}
    check_gone_but(store, 0, 1, 2)
    with pytest.raises(UsageError, match="matches nothing"):
        apply(folder, store, include=("contacts.c3",))


def check_gone_but(store: Path, *numbers: int) -> None:
    assert alive(store) == [f"p{number}@x.org" for number in numbers]


def test_missing_manifests_delete_nothing_until_that_is_allowed(tmp_path: Path) -> None:
    folder, store = made(tmp_path)
    folder.write(contacts=manifest("contacts", {}), leads=manifest("leads", {}, collection_id="salesforce:lead"))
    fault = Once(None)
    with pytest.raises(GuardError) as caught:
        apply(folder, store, fault=fault, allow=())
    assert "max_emptied_collections=1" in " ".join(str(each.hint) for each in caught.value.diagnostics)
    assert (len(stored(store)), fault.requests) == (RECORDS, [])
    apply(folder, store, allow=(*ALLOW, "max_emptied_collections=1"))
    assert stored(store) == []


def test_the_share_of_deletions_is_guarded_above_ten_records(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(*range(11)))
    apply(folder, store)
    folder.write(contacts=people(*range(9)))
    with pytest.raises(GuardError, match="max_deletes_percent"):
        apply(folder, store, allow=())
    folder.write(contacts=people(*range(10)))
    assert outcomes(apply(folder, store, allow=())) == {"deleted": 1, "unchanged": 10}
    folder.write(contacts=people(0))
    assert outcomes(apply(folder, store, allow=())) == {"deleted": 9, "unchanged": 1}


def test_a_line_that_an_older_branch_still_carries_is_dropped_at_its_tombstone(world: tuple[Folder, Path]) -> None:
    folder, store = world
    older = folder.lockfile.read_bytes()
    apply(folder, store)
    folder.lockfile.write_bytes(older)
    fault = Once(None)
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), fault.requests) == ({"unchanged": 7}, [])
    check_gone(folder, store)


def test_a_rebuilt_lockfile_does_not_bring_back_what_was_deleted(world: tuple[Folder, Path]) -> None:
    folder, store = world
    apply(folder, store)
    folder.lockfile.write_bytes(folder.lockfile.read_bytes() + b"<<<<<<< ours\n")
    anyio.run(functools.partial(rebuild, folder.open().asynchronous))
    check_gone(folder, store)
    folder.lockfile.unlink()
    anyio.run(functools.partial(rebuild, folder.open().asynchronous))
    check_gone(folder, store)


def steps_of_a_deletion(root: Path, kill_at: int | None) -> tuple[Folder, Path, list[str]]:
    folder, store = made(root)
    steps = Steps(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        wrap = number_steps(patch, steps)
        patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))
        try:
            folder.open().apply(allow=ALLOW)
        except BaseException as error:
            if not is_killed(error):
                raise
    return folder, store, steps.names


def test_a_kill_at_any_step_of_a_deletion_ends_with_what_was_to_go_gone_and_forgotten(tmp_path: Path) -> None:
    _, _, names = steps_of_a_deletion(tmp_path / "whole", None)
    assert names.count("before send") == 2
    for number in range(1, len(names) + 1):
        folder, store, _ = steps_of_a_deletion(tmp_path / str(number), number)
        fault = Once(None)
        first = apply(folder, store, fault=fault)
        assert set(outcomes(first)) <= {"deleted", "unchanged", "unknown"}, number
        later(folder)
        apply(folder, store)
        check_gone(folder, store)


def test_a_declared_rename_takes_the_record_along_although_its_key_changed(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(0, 1))
    apply(folder, store)
    ids = folder.locked_ids()
    records = {**contacts(1), "new": {"LastName": "Person 1", "Email": "new@x.org"}}
    moved = [{"from": "c1", "to": "new"}]
    folder.write(contacts=manifest("contacts", records, lifecycle={"on_remove": "delete"}, moved=moved))
    fault = Once(None)
    assert (outcomes(apply(folder, store, fault=fault)), fault.requests) == ({"unchanged": 2}, [])
    assert folder.locked_ids() == {"contacts.c0": ids["contacts.c0"], "contacts.new": ids["contacts.c1"]}
    assert outcomes(apply(folder, store)) == {"updated": 1, "unchanged": 1}
    assert alive(store) == ["new@x.org", "p0@x.org"]
    assert set(planned(folder, store).values()) == {"as-declared"}


def test_a_saved_plan_deletes_relocks_and_is_done_when_it_is_applied_again(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(0, 1, 2))
    apply(folder, store)
    folder.write(contacts=people(0, 1, protect=True))
    path = tmp_path / "plan.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store))
        folder.open().plan().save(path)
        saved = folder.open().load_plan(path)
    assert {change.address: change.relocks for change in saved.plan.changes}["contacts.c0"] is True
    assert outcomes(apply(folder, store, plan=saved)) == {"deleted": 1, "unchanged": 2}
    fault = Once(None)
    assert (apply(folder, store, plan=saved, fault=fault).exit_code, fault.requests) == (0, [])
    assert alive(store) == ["p0@x.org", "p1@x.org"]
    assert planned(folder, store) == {"contacts.c0": "as-declared", "contacts.c1": "as-declared"}


def test_a_saved_plan_does_not_delete_what_somebody_changed_since(tmp_path: Path) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=people(0, 1))
    apply(folder, store)
    folder.write(contacts=people(0))
    path = tmp_path / "plan.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store))
        folder.open().plan().save(path)
        saved = folder.open().load_plan(path)
    upstream_id = folder.locked_ids()["contacts.c1"]
    mutate(store, kind="update", records=[{"upstream_id": upstream_id, "data": {"LastName": "Needed"}}])
    with pytest.raises(StalePlanError, match="stale"):
        apply(folder, store, plan=saved)
    assert len(stored(store)) == 2


@pytest.mark.parametrize("key", [None, "a-digest-key-of-at-least-32-characters"])
def test_a_saved_plan_whose_set_is_gone_does_not_delete_what_somebody_changed_since(
    tmp_path: Path, key: str | None
) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    if key is not None:
        folder.environ["SYNCSPEC_DIGEST_KEY"] = key
    records = {"m": {"Email": "m@x.org", "Title": "x"}}
    folder.write(contacts=people(0), more=manifest("more", records, lifecycle={"on_remove": "delete"}))
    apply(folder, store)
    (folder.root / "more.yaml").unlink()
    path = tmp_path / "plan.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store))
        folder.open().plan().save(path)
        saved = folder.open().load_plan(path)
    upstream_id = folder.locked_ids()["more.m"]
    mutate(store, kind="update", records=[{"upstream_id": upstream_id, "data": {"Title": "CHANGED"}}])
    with pytest.raises(StalePlanError) as caught:
        apply(folder, store, plan=saved)
    changed = "updated_at" if key is None else "Title, updated_at"
    assert f"its row changed upstream: {changed}" in "".join(each.detail for each in caught.value.diagnostics)
    assert len(stored(store)) == 2
