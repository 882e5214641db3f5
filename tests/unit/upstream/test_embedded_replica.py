"""The replica's lag and the rebuilding of streams, in the store and through the routes."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from support.builders import NOW

from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.faults.plain import Plain
from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.store import Filter, Store
from syncspec.upstream.embedded.streams import Cursor, read_cursor, stream_id
from syncspec.upstream.embedded.transport import in_process

WHERE = {"sync_id": "s", "collection_id": "hubspot:contact"}


def mutation(kind, **body):
    return parse_mutation(json.dumps({"kind": kind} | WHERE | body).encode())


def creating(*records):
    return mutation("create", records=[{"data": data} for data in records])


def updating(upstream_id, **data):
    return mutation("update", records=[{"upstream_id": upstream_id, "data": data}])


def after(seconds):
    return NOW + timedelta(seconds=seconds)


def keep(existing, sent):
    return {**existing, **sent}


class Shown:
    """A store, and what its lists show so many seconds after the start."""

    def __init__(self, path=None):
        self.store = Store.open(path, seed=7, now=lambda: NOW)

    def apply(self, mutation, *, at, lag=None):
        delay = None if lag is None else (lag if callable(lag) else lambda position: lag)
        return [json.loads(body) for body in self.store.apply(mutation, keep, at=after(at), lag=delay)]

    def rows(self, seconds, *, from_position=0, limit=1000):
        page = self.store.page(Filter(), after=from_position, limit=limit, as_of=after(seconds))
        return [json.loads(body) for body in page.bodies]

    def data(self, seconds, **options):
        return [row["data"] for row in self.rows(seconds, **options)]

    def hidden(self):
        return self.store._connection.execute("SELECT count(*) FROM versions").fetchone()[0]


@pytest.fixture
def shown():
    opened = Shown()
    yield opened
    opened.store.close()


def test_a_new_record_shows_only_after_the_lag(shown):
    shown.apply(creating({"n": 1}), at=0, lag=5)
    assert shown.data(4.9) == []
    assert shown.data(5) == [{"n": 1}]


def test_an_updated_record_shows_its_old_version_at_its_old_place_until_the_lag_is_over(shown):
    first, _ = shown.apply(creating({"n": 1}, {"n": 2}), at=0)
    shown.apply(updating(first["upstream_id"], n=3), at=10, lag=5)
    assert shown.data(14) == [{"n": 1}, {"n": 2}]
    assert shown.data(15) == [{"n": 2}, {"n": 3}]


def test_a_deleted_record_stays_alive_in_lists_until_the_lag_is_over(shown):
    (row,) = shown.apply(creating({"n": 1}), at=0)
    shown.apply(mutation("delete", upstream_ids=[row["upstream_id"]]), at=1, lag=5)
    assert [row["deleted"] for row in shown.rows(5)] == [False]
    assert [row["deleted"] for row in shown.rows(6)] == [True]


def test_a_row_with_an_earlier_position_can_show_after_a_later_one_was_read(shown):
    shown.apply(creating({"n": 1}, {"n": 2}), at=0, lag=lambda position: 9 if position == 1 else 1)
    assert shown.data(2) == [{"n": 2}]
    assert shown.data(10, from_position=2) == []
    assert shown.data(10) == [{"n": 1}, {"n": 2}]


def test_a_version_that_arrives_after_a_newer_one_is_never_shown(shown):
    (row,) = shown.apply(creating({"n": 0}), at=0)
    shown.apply(updating(row["upstream_id"], n=1), at=1, lag=20)
    shown.apply(updating(row["upstream_id"], n=2), at=2, lag=3)
    assert [shown.data(seconds) for seconds in (4, 5, 30)] == [[{"n": 0}], [{"n": 2}], [{"n": 2}]]


def test_pages_of_a_lagging_list_meet_without_a_gap_or_a_repetition(shown):
    rows = shown.apply(creating(*({"n": n} for n in range(20))), at=0)
    for number in (3, 11, 4):
        shown.apply(updating(rows[number]["upstream_id"], n=100 + number), at=1, lag=lambda position: position % 5)
    for seconds in (0, 2, 3, 9):
        whole, paged, position = shown.rows(seconds), [], 0
        while page := shown.rows(seconds, from_position=position, limit=3):
            paged += page
            position = page[-1]["updated_idx"]
        assert paged == whole
        assert len(whole) == 20


def test_what_lists_show_takes_no_room_and_a_change_without_lag_shows_at_once(shown):
    (row,) = shown.apply(creating({"n": 1}), at=0, lag=5)
    assert shown.hidden() == 1
    shown.apply(updating(row["upstream_id"], n=2), at=3)
    assert shown.data(3) == [{"n": 2}]
    shown.apply(creating({"n": 3}), at=3, lag=1)
    shown.apply(creating({"n": 4}), at=10)
    assert shown.hidden() == 1
    assert shown.data(10) == [{"n": 2}, {"n": 3}, {"n": 4}]


def test_what_is_hidden_is_still_hidden_when_the_store_is_opened_again(tmp_path):
    first = Shown(tmp_path / "store")
    first.apply(creating({"n": 1}), at=0, lag=5)
    first.store.close()
    second = Shown(tmp_path / "store")
    assert (second.data(4), second.data(5)) == ([], [{"n": 1}])
    second.store.close()


def test_a_reader_that_asks_for_no_moment_sees_everything(shown):
    shown.apply(creating({"n": 1}), at=0, lag=5)
    assert len(shown.store.page(Filter(), after=0, limit=10).bodies) == 1


def test_a_rebuilt_stream_has_another_id_other_positions_and_no_tombstones(shown):
    gone, left = shown.apply(creating({"n": 1}, {"n": 2}), at=0)
    shown.apply(mutation("delete", upstream_ids=[gone["upstream_id"]]), at=1)
    shown.store.rebuild(at=after(2))
    (row,) = shown.rows(2)
    assert row == {**left, "stream_id": stream_id(7, "s", 1), "updated_idx": 4}
    assert row["stream_id"] != left["stream_id"]
    assert shown.apply(creating({"n": 3}), at=3)[0]["stream_id"] == row["stream_id"]


def test_a_rebuilt_stream_of_many_rows_keeps_all_of_them_in_order(shown):
    for start in range(0, 3000, 100):
        shown.apply(creating(*({"n": n} for n in range(start, start + 100))), at=0)
    shown.store.rebuild(at=after(1))
    numbers, position = [], 0
    while page := shown.rows(1, from_position=position):
        numbers += [row["data"]["n"] for row in page]
        position = page[-1]["updated_idx"]
    assert numbers == list(range(3000))


def test_a_rebuilt_stream_can_fill_up_slowly_and_the_store_tells_until_when(shown):
    shown.apply(creating({"n": 1}, {"n": 2}), at=0)
    shown.store.rebuild(at=after(10), fill=lambda position: position * 1.0)
    assert shown.store.complete_at() == after(14)
    assert [shown.data(seconds) for seconds in (12, 13, 14)] == [[], [{"n": 1}], [{"n": 1}, {"n": 2}]]


def test_cursors_are_text_that_reads_back():
    for cursor in (Cursor(position=5), Cursor(position=5, epoch=2), Cursor(turn=3)):
        assert read_cursor(str(cursor)) == cursor
    assert read_cursor(None) == Cursor()


class Reading(Plain):
    """Reads every list in one way."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    async def listing(self, listing, honest):
        return await super().listing(replace(listing, **self.options), honest)


@pytest.mark.anyio
@pytest.mark.parametrize(("restart", "status"), [(False, 400), (True, 200)])
async def test_an_old_cursor_is_refused_or_starts_anew(shown, restart, status):
    shown.apply(creating({"n": 1}, {"n": 2}), at=0)
    app = create_app(shown.store, faults=Reading(restart=restart))
    async with in_process(app) as transport, httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        old = (await client.get("/v1/records")).json()["cursor"]
        shown.store.rebuild(at=after(1))
        answer = await client.get("/v1/records", params={"after_cursor": old})
        assert answer.status_code == status
        if restart:
            assert len(answer.json()["records"]) == 2
            new = answer.json()["cursor"]
            assert (await client.get("/v1/records", params={"after_cursor": new})).json()["records"] == []


@pytest.mark.anyio
async def test_the_syncs_route_tells_that_a_rebuilt_list_is_not_whole_yet(shown):
    app = create_app(shown.store)
    async with in_process(app) as transport, httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        before = (await client.get("/v1/syncs/s")).json()
        shown.apply(creating({"n": 1}), at=0)
        shown.store.rebuild(at=after(0), fill=lambda position: 60.0)
        rebuilt = (await client.get("/v1/syncs/s")).json()
    assert before["initial_backfill_completed_at"] is not None
    assert rebuilt["initial_backfill_completed_at"] is None
    assert rebuilt["stream_id"] != before["stream_id"]


@pytest.mark.anyio
@pytest.mark.parametrize("offload", [True, False])
async def test_without_offloading_the_store_works_in_the_callers_thread(shown, monkeypatch, offload):
    threads = set()
    original = Store.apply

    def noted(self, *arguments, **options):
        threads.add(threading.get_ident())
        return original(self, *arguments, **options)

    monkeypatch.setattr(Store, "apply", noted)
    app = create_app(shown.store, offload=offload)
    async with in_process(app) as transport, httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        body = {"kind": "create", "records": [{"data": {}}]} | WHERE
        assert (await client.post("/v1/mutations/run", json=body)).status_code == 200
    assert (threads == {threading.get_ident()}) is not offload


def test_an_application_takes_one_kind_of_faults(shown):
    with pytest.raises(ValueError, match="not both"):
        create_app(shown.store, fault=object(), faults=Plain())
