"""How many requests a run sends: what a refused batch costs, and that nothing else costs any."""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from support.pipeline import STORE, Folder, contacts, manifest, served, served_folder, stored

from syncspec.project.results import AppliedReport

RECORDS = 64


class Strict:
    """Refuses every request that holds a bad record, and changes nothing then."""

    def __init__(self, bad: Collection[int], *, status: int = 400) -> None:
        self.sizes: list[int] = []
        self._bad = {f"p{number}@x.org" for number in bad}
        self._status = status

    async def before(self, mutation: Any) -> Response | None:
        self.sizes.append(len(mutation.items))
        found = sorted({item.data["Email"] for item in mutation.items} & self._bad)
        if not found:
            return None
        return JSONResponse({"error": f"Invalid email: `{found[0]}`"}, self._status)

    async def after(self, mutation: Any) -> Response | None:
        return None


class Partly(Strict):
    """The same, but the records of a refused batch that stand before the first bad one are stored all the same."""

    async def before(self, mutation: Any) -> Response | None:
        answer = await super().before(mutation)
        if answer is None or len(mutation.items) == 1:
            return answer
        first = next(number for number, item in enumerate(mutation.items) if item.data["Email"] in self._bad)
        if not first:
            return answer
        # The request is shortened to what is stored, and refused once that is committed.
        self._answer: Response | None = answer
        object.__setattr__(mutation, "items", mutation.items[:first])
        return None

    async def after(self, mutation: Any) -> Response | None:
        answer, self._answer = getattr(self, "_answer", None), None
        return answer


def project(root: Path, *, per_batch: int = RECORDS, **upstream: Any) -> Folder:
    folder = served_folder(root / "project", **{"concurrency": 1, **upstream})
    # Records are sent in the order of their addresses.
    people = {name_of(number): data for number, data in enumerate(contacts(RECORDS).values())}
    folder.write(contacts=manifest("contacts", people, max_records=per_batch))
    return folder


def name_of(number: int) -> str:
    return f"c{number:02}"


def apply(folder: Folder, store: Path, fault: Any, **options: Any) -> AppliedReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, fault=fault))
        return folder.open().apply(**options)


def check_rejections(report: AppliedReport, bad: Collection[int], folder: Folder, store: Path) -> None:
    """Each bad record is rejected with its own message at its line of the manifest; all others were created once."""
    lines = (folder.root / "contacts.yaml").read_text(encoding="utf-8").splitlines()
    rejected = {record.address: record for record in report.records if record.outcome == "rejected"}
    assert rejected.keys() == {f"contacts.{name_of(number)}" for number in bad}
    for number in bad:
        record = rejected[f"contacts.{name_of(number)}"]
        assert f"Invalid email: `p{number}@x.org`" in str(record.error)
        assert record.source is not None
        assert f'"{name_of(number)}"' in lines[(record.source.line or 0) - 1]
    good = sorted(f"p{number}@x.org" for number in range(RECORDS) if number not in bad)
    assert sorted(row["data"]["Email"] for row in stored(store)) == good
    assert len(folder.locked_ids()) == len(good)
    assert folder.pending() == []
    assert report.exit_code == (3 if bad else 0)


@pytest.mark.parametrize("per_batch", [1, 7, 10, 63, 64, 200])
@pytest.mark.parametrize("atomic", [True, False])
def test_without_faults_every_batch_is_one_request(tmp_path: Path, per_batch: int, atomic: bool) -> None:
    folder, fault = project(tmp_path, per_batch=per_batch, atomic_batches=atomic), Strict([])
    report = apply(folder, tmp_path / STORE, fault)
    assert len(fault.sizes) == report.report.requests == math.ceil(RECORDS / per_batch)
    check_rejections(report, [], folder, tmp_path / STORE)
    assert apply(folder, tmp_path / STORE, fault).report.requests == 0


@pytest.mark.parametrize("status", [400, 409, 422])
@pytest.mark.parametrize("bad", [[0], [63], [31], [31, 32], [5, 17, 40, 63], list(range(8))])
def test_an_atomic_refusal_is_bisected_to_its_bad_records(tmp_path: Path, bad: list[int], status: int) -> None:
    folder, fault = project(tmp_path, atomic_batches=True), Strict(bad, status=status)
    report = apply(folder, tmp_path / STORE, fault)
    check_rejections(report, bad, folder, tmp_path / STORE)
    # A bad record costs at most two requests per halving, on top of the first one.
    assert len(fault.sizes) <= 1 + 2 * len(bad) * math.ceil(math.log2(RECORDS))
    assert fault.sizes[0] == RECORDS


def test_one_bad_record_of_an_atomic_batch_costs_exactly_two_requests_per_halving(tmp_path: Path) -> None:
    folder, fault = project(tmp_path, atomic_batches=True), Strict([63])
    apply(folder, tmp_path / STORE, fault)
    assert fault.sizes == [64, 32, 32, 16, 16, 8, 8, 4, 4, 2, 2, 1, 1]


@pytest.mark.parametrize("bad", [[0], [20], [63], [31, 32], [5, 17, 40, 63]])
@pytest.mark.parametrize("refusing", [Strict, Partly])
def test_another_refusal_is_looked_up_first_and_what_is_absent_is_sent_singly_once(
    tmp_path: Path, bad: list[int], refusing: type[Strict]
) -> None:
    folder, store, fault = project(tmp_path), tmp_path / STORE, refusing(bad)
    report = apply(folder, store, fault, wait_settled=True)
    check_rejections(report, bad, folder, store)
    stored_at_once = min(bad) if refusing is Partly else 0
    # What was stored in spite of the refusal is found and costs no request; each other record costs one.
    assert fault.sizes == [RECORDS] + [1] * (RECORDS - stored_at_once)
    assert {record.outcome for record in report.records} == {"created", "rejected"}
    again = apply(folder, store, fault, wait_settled=True)
    assert {record.address for record in again.records if record.outcome == "rejected"} == {
        f"contacts.{name_of(number)}" for number in bad
    }


@pytest.mark.parametrize("atomic", [False, True])
def test_a_record_that_was_rejected_spoils_no_request_of_others_until_it_is_mended(
    tmp_path: Path, atomic: bool
) -> None:
    folder, store = project(tmp_path, atomic_batches=atomic), tmp_path / STORE
    apply(folder, store, Strict([20, 40]), wait_settled=True)
    people = {name_of(number): data for number, data in enumerate(contacts(RECORDS + 10).values())}
    folder.write(contacts=manifest("contacts", people, max_records=RECORDS))
    fault = Strict([20, 40])
    counts = {outcome.value: count for outcome, count in apply(folder, store, fault).summary.items() if count}
    assert counts == {"created": 10, "rejected": 2, "unchanged": RECORDS - 2}
    # An atomic upstream is bisected at once; elsewhere a refused batch would leave all of it unknown.
    assert (sorted(fault.sizes) == [1, 1, 10]) is not atomic
    people[name_of(20)]["LastName"] = people[name_of(40)]["LastName"] = "Mended"
    folder.write(contacts=manifest("contacts", people, max_records=RECORDS))
    mended = Strict([])
    assert (apply(folder, store, mended).exit_code, mended.sizes) == (0, [2])


def test_records_that_are_all_refused_alike_end_the_collection_after_ten(tmp_path: Path) -> None:
    class Alike(Strict):
        async def before(self, mutation: Any) -> Response | None:
            self.sizes.append(len(mutation.items))
            return JSONResponse({"error": "the field Email does not exist"}, 400)

    folder, store, fault = project(tmp_path, per_batch=1), tmp_path / STORE, Alike([])
    report = apply(folder, store, fault)
    assert (len(fault.sizes), stored(store)) == (10, [])
    counts = {outcome.value: count for outcome, count in report.summary.items() if count}
    assert counts == {"rejected": 10, "not_attempted": RECORDS - 10}
    assert apply(folder, store, Strict([])).exit_code == 0
    assert len(stored(store)) == RECORDS
