"""Answers that are lost, late, partial, out of order or refusals: what is sent again, and what never is."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.responses import Response
from support.pipeline import STORE, Folder, Wrapped, contacts, manifest, served, served_folder, stored

from syncspec.project.results import AppliedReport
from syncspec.upstream.embedded.answers import DroppedAnswer
from syncspec.upstream.embedded.faults import ConnectionDroppedError

RECORDS = 9
BATCH = 3


class Quiet:
    async def before(self, mutation: Any) -> Response | None:
        return None

    async def after(self, mutation: Any) -> Response | None:
        return None


class Once(Quiet):
    """Does something else with the n-th request, counted from 1, before or after its commit."""

    def __init__(self, number: int, act: Callable[[], Response | None], *, committed: bool) -> None:
        self._left, self._act, self._committed = number, act, committed
        self.requests = 0

    async def before(self, mutation: Any) -> Response | None:
        self.requests += 1
        return self._act() if not self._committed and self.requests == self._left else None

    async def after(self, mutation: Any) -> Response | None:
        return self._act() if self._committed and self.requests == self._left else None


def drop() -> Response:
    raise ConnectionDroppedError


class Always(Once):
    """Does something else with every request, before its commit."""

    def __init__(self, act: Callable[[], Response | None]) -> None:
        super().__init__(0, act, committed=False)

    async def before(self, mutation: Any) -> Response | None:
        self.requests += 1
        return self._act()


class Cut(Response):
    """An answer whose connection closes in the middle of its body."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body[:20], "more_body": True})


def project(root: Path, **upstream: Any) -> Folder:
    folder = served_folder(root / "project", **{"concurrency": 1, **upstream})
    folder.write(contacts=manifest("contacts", contacts(RECORDS), max_records=BATCH))
    return folder


def apply(folder: Folder, store: Path, *, fault: Any = None, wrap: Any = None, **options: Any) -> AppliedReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, fault=fault, wrap=wrap))
        return folder.open().apply(**options)


def duplicates(store: Path) -> list[str]:
    emails = Counter(row["data"]["Email"].strip().lower() for row in stored(store))
    return [email for email, count in emails.items() if count > 1]


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


BODY = b'{"records":[{"upstream_id":"003A","data":{}},{"upstream_id":"003B","da'

LOST = {
    "504": lambda: Response('{"error":"Error: Salesforce API timed out","docs":[]}', 504),
    "500 after a consumer's wait": lambda: Response('{"error":"timed out waiting for consumers"}', 500),
    "502 of a proxy": lambda: Response("<html>Bad Gateway</html>", 502),
    "dropped": drop,
    "cut body": lambda: Cut(b'{"records":[{"upstream_id":"x"}]}'),
    "cut JSON": lambda: Response(BODY, 200),
    "empty 200": lambda: Response(b"", 200),
    "200 of another service": lambda: Response("<html>Sign in</html>", 200),
    "redirect": lambda: Response(b"", 307, {"location": "/v1/mutations/run"}),
    "408": lambda: Response("{}", 408),
    "400": lambda: Response('{"error":"Error: Salesforce validation error: `Invalid email`"}', 400),
    "429": lambda: Response("{}", 429, {"retry-after": "1"}),
    "413": lambda: Response("{}", 413),
    "no answer at all": DroppedAnswer,
    "204": lambda: Response(b"", 204),
    "299 without records": lambda: Response(b'{"ok":true}', 299),
}


ANSWERED_2XX = {"cut JSON", "empty 200", "200 of another service", "204", "299 without records"}


@pytest.mark.parametrize("answer", LOST)
def test_a_batch_without_a_whole_answer_is_found_by_its_keys_in_the_same_run(tmp_path: Path, answer: str) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    fault = Once(2, LOST[answer], committed=True)
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code, fault.requests) == ({"created": RECORDS}, 0, 3)
    assert folder.locked_ids() == ids_upstream(store)
    assert folder.pending() == []


@pytest.mark.parametrize("answer", LOST)
def test_a_batch_without_a_whole_answer_is_unknown_and_not_sent_again_before_its_horizon(
    tmp_path: Path, answer: str
) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    fault = Once(2, LOST[answer], committed=False)
    report = apply(folder, store, fault=fault)
    assert (outcomes(report), report.exit_code, fault.requests) == ({"created": 6, "unknown": BATCH}, 4, 3)
    assert len(stored(store)) == RECORDS - BATCH
    assert len(folder.pending()) == BATCH

    lockfile, again = folder.lockfile.read_bytes(), Once(1, drop, committed=False)
    second = apply(folder, store, fault=again)
    assert (outcomes(second), second.exit_code, again.requests) == ({"unchanged": 6, "unknown": BATCH}, 4, 0)
    assert folder.lockfile.read_bytes() == lockfile
    assert duplicates(store) == []


@pytest.mark.parametrize("answer", LOST)
def test_a_batch_that_a_whole_list_proves_absent_is_sent_once_more(tmp_path: Path, answer: str) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    fault = Once(2, LOST[answer], committed=False)
    report = apply(folder, store, fault=fault, wait_settled=True)
    if answer in ANSWERED_2XX:
        assert (outcomes(report), fault.requests) == ({"created": 6, "unknown": BATCH}, 3)
        assert {line["attempt_state"] for line in folder.pending()} == {"needs_person"}
        return
    refused = answer in ("400", "408", "413", "429")
    assert (outcomes(report), report.exit_code) == ({"created": RECORDS}, 0)
    assert fault.requests == 3 + (BATCH if refused else 1)
    assert folder.locked_ids() == ids_upstream(store)
    assert duplicates(store) == []


def test_a_record_that_is_absent_a_second_time_needs_a_person(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    fault = Always(LOST["504"])
    report = apply(folder, store, fault=fault, wait_settled=True)
    assert (outcomes(report), fault.requests) == ({"unknown": RECORDS}, 6)
    assert {line["attempt_state"] for line in folder.pending()} == {"needs_person"}
    folder.clock.moment = folder.clock.moment.replace(year=2030)  # type: ignore[attr-defined]
    again = apply(folder, store, wait_settled=True)
    assert (outcomes(again), again.report.requests) == ({"unknown": RECORDS}, 0)


def test_a_record_of_another_set_that_may_be_the_unknown_one_waits(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    apply(folder, store, fault=Once(1, LOST["504"], committed=False))
    folder.write(
        contacts=manifest("contacts", contacts(RECORDS - 1, start=1), max_records=BATCH),
        more=manifest("more", {"twin": {"LastName": "X", "Email": "P0@x.ORG "}}),
    )
    report = apply(folder, store)
    assert {record.address: record.outcome.value for record in report.records}["more.twin"] == "not_attempted"
    assert report.report.requests == 0


@pytest.mark.parametrize("status", [429, 503])
def test_one_record_that_is_refused_for_now_is_sent_again_only_where_that_is_safe(tmp_path: Path, status: int) -> None:
    folder, store = served_folder(tmp_path / "project"), tmp_path / STORE
    folder.write(contacts=manifest("contacts", contacts(1)))
    fault = Once(1, lambda: Response("{}", status, {"retry-after": "3"}), committed=False)
    report = apply(folder, store, fault=fault)
    if status == 429:
        assert (outcomes(report), fault.requests) == ({"created": 1}, 2)
        assert 3.0 in folder.clock.slept  # type: ignore[attr-defined]
    else:
        assert (outcomes(report), fault.requests) == ({"unknown": 1}, 1)
    assert duplicates(store) == []


class Shuffled(Wrapped):
    """Answers with the records in another order."""

    async def run(self, request: Any) -> Any:
        result = await self.inner.run(request)
        rows = list(result.records)
        random.Random(len(rows)).shuffle(rows)
        return replace(result, records=tuple(rows))


class Partial(Wrapped):
    """Leaves a record out of each answer, one field out of those that follow, and answers one twice."""

    async def run(self, request: Any) -> Any:
        result = await self.inner.run(request)
        _, *others = result.records
        bare = [replace(row, data={"Email": row.data["Email"]}) for row in others]
        return replace(result, records=(*bare, bare[0]))


class Anonymous(Wrapped):
    """Answers with IDs that nothing tells apart."""

    async def run(self, request: Any) -> Any:
        result = await self.inner.run(request)
        return replace(result, records=tuple(replace(row, data={}) for row in reversed(result.records)))


class Stale(Wrapped):
    """Answers with the IDs of records that exist already."""

    async def run(self, request: Any) -> Any:
        rows = [row async for page in self.inner.pages(request.sync_id, request.collection_id) for row in page.records]
        result = await self.inner.run(request)
        return replace(result, records=tuple(rows)) if rows else result


def ids_upstream(store: Path) -> dict[str, str]:
    return {f"contacts.c{row['data']['Email'][1:].partition('@')[0]}": row["upstream_id"] for row in stored(store)}


def test_records_that_are_answered_out_of_order_get_their_own_ids(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    assert outcomes(apply(folder, store, wrap=Shuffled)) == {"created": RECORDS}
    assert folder.locked_ids() == ids_upstream(store)


def test_a_record_that_is_left_out_of_an_answer_is_not_given_anothers_id(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    report = apply(folder, store, wrap=Partial)
    assert (outcomes(report), report.exit_code) == ({"created": RECORDS}, 0)
    assert folder.locked_ids() == ids_upstream(store)
    assert apply(folder, store).report.requests == 0


def test_ids_that_nothing_tells_apart_are_kept_as_candidates(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    report = apply(folder, store, wrap=BlindAndAnonymous)
    assert (outcomes(report), report.exit_code) == ({"unknown": RECORDS}, 4)
    made = {row["upstream_id"] for row in stored(store)}
    assert {candidate for record in report.records for candidate in record.candidates} == made
    assert {candidate for line in folder.pending() for candidate in line["candidates"]} == made
    assert folder.locked_ids() == {}
    again = apply(folder, store, wrap=BlindAndAnonymous, wait_settled=True)
    assert (again.report.requests, again.exit_code) == (0, 4)


def test_ids_that_the_answer_did_not_tell_apart_are_told_apart_by_the_list(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    assert outcomes(apply(folder, store, wrap=Anonymous)) == {"created": RECORDS}
    assert folder.locked_ids() == ids_upstream(store)
    assert folder.pending() == []


def test_an_answer_with_ids_of_other_addresses_locks_none_of_them(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    report = apply(folder, store, wrap=Stale)
    assert outcomes(report) == {"created": 3, "unknown": 6}
    assert folder.locked_ids().items() <= ids_upstream(store).items()
    assert apply(folder, store).report.requests == 0


class Lagging(Wrapped):
    """Lists nothing, however much is there: a replica that is behind."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        async for page in self.inner.pages(sync_id, collection_id, after=after):
            yield replace(page, records=())


class BlindAndAnonymous(Anonymous, Lagging):
    """Tells no IDs apart, neither in an answer nor in the list."""


def test_a_replica_that_is_behind_leads_to_no_second_creation(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    apply(folder, store, fault=Once(3, LOST["504"], committed=True), wrap=Lagging)
    for _ in range(2):
        report = apply(folder, store, wrap=Lagging)
        assert (report.report.requests, outcomes(report)) == (0, {"unchanged": 6, "unknown": 3})
    assert len(stored(store)) == RECORDS


def test_a_locked_record_is_not_created_anew_however_long_the_list_lacks_it(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    apply(folder, store)
    folder.clock.moment = folder.clock.moment.replace(year=2030)  # type: ignore[attr-defined]
    report = apply(folder, store, wrap=Lagging)
    assert (report.report.requests, outcomes(report), report.exit_code) == (0, {"not_attempted": RECORDS}, 3)
    assert len(stored(store)) == RECORDS


class Overtaking(Quiet):
    """Holds the first request until every other one is answered."""

    def __init__(self, others: int) -> None:
        self._others, self._seen = others, 0
        self._free = anyio.Event()

    async def after(self, mutation: Any) -> Response | None:
        self._seen += 1
        if self._seen == 1:
            await self._free.wait()
        elif self._seen == self._others + 1:
            self._free.set()
        return None


def test_answers_that_overtake_each_other_change_nothing(tmp_path: Path) -> None:
    folder, store = project(tmp_path, concurrency=3), tmp_path / STORE
    assert outcomes(apply(folder, store, fault=Overtaking(2))) == {"created": RECORDS}
    assert folder.locked_ids() == ids_upstream(store)


class Broken(Wrapped):
    """Fails in a way that no table foresees."""

    async def run(self, request: Any) -> Any:
        await self.inner.run(request)
        raise RuntimeError("a bug in an upstream package")


def test_an_upstream_that_raises_leaves_the_batch_unknown(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    with pytest.raises(BaseException):  # noqa: B017 - whatever it is, what matters is what the next run does
        apply(folder, store, wrap=Broken)
    assert len(folder.pending()) == BATCH
    report = apply(folder, store)
    assert outcomes(report) == {"unchanged": BATCH, "created": RECORDS - BATCH}
    assert folder.locked_ids() == ids_upstream(store)
