"""What a reader and a writer may rely on, whatever stands behind them."""

from __future__ import annotations

import anyio
import pytest

from syncspec.errors import UpstreamError
from syncspec.upstream.protocol import Answered, MutationKind, MutationRequest

pytestmark = pytest.mark.anyio

SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"


async def test_a_create_answers_each_record_with_an_id_in_the_order_of_the_request(upstream):
    async with upstream() as opened:
        ids = await opened.create({"LastName": "Atreides"}, {"LastName": "Idaho"}, {"LastName": "Halleck"})
        rows = await opened.listed()
    assert len(set(ids)) == 3
    assert [(row.upstream_id, row.data["LastName"], row.deleted) for row in rows] == [
        (ids[0], "Atreides", False),
        (ids[1], "Idaho", False),
        (ids[2], "Halleck", False),
    ]


async def test_values_come_back_as_they_were_sent(upstream):
    data = {
        "text": 'Zoë 漢字 \U0001f600 \u2028 "quoted" \\ \x01',
        "large": 2**63 - 1,
        "fraction": 0.1,
        "yes": True,
        "nothing": None,
        "nested": {"list": [1, [2, {"deep": []}]]},
        "": "empty name",
    }
    async with upstream() as opened:
        await opened.create(data, collection="other:thing")
        rows = await opened.listed("other:thing")
    assert rows[0].data == data


async def test_a_collection_that_holds_nothing_is_one_empty_page(upstream):
    async with upstream() as opened:
        pages = [page async for page in opened.connection.pages(SYNC, "salesforce:lead")]
    assert [(page.records, page.cursor) for page in pages] == [((), None)]


async def test_a_long_list_is_read_to_its_end_without_a_gap_or_a_repetition(upstream):
    async with upstream() as opened:
        ids = []
        for start in range(0, 2500, 500):
            ids += await opened.create(*({"n": n} for n in range(start, start + 500)), collection="other:thing")
        rows = await opened.listed("other:thing")
    assert [row.upstream_id for row in rows] == ids
    assert [row.data["n"] for row in rows] == list(range(2500))


async def test_collections_and_syncs_do_not_show_in_each_other(upstream):
    async with upstream() as opened:
        await opened.create({"LastName": "Atreides"})
        await opened.create({"Name": "House"}, collection="salesforce:account")
        await opened.post(kind="create", sync_id="another", records=[{"data": {"LastName": "Corrino"}}])
        contacts, accounts = await opened.listed(), await opened.listed("salesforce:account")
    assert [row.data for row in contacts] == [{"LastName": "Atreides"}]
    assert [row.data for row in accounts] == [{"Name": "House"}]


async def test_an_update_moves_a_record_to_the_end_and_keeps_what_was_not_sent(upstream):
    async with upstream() as opened:
        first, second = await opened.create({"LastName": "A", "Title": "Duke"}, {"LastName": "B"})
        answer = await opened.post(kind="update", records=[{"upstream_id": first, "data": {"LastName": "C"}}])
        rows = await opened.listed()
    assert answer.status_code == 200
    assert [row.upstream_id for row in rows] == [second, first]
    assert rows[1].data == {"LastName": "C", "Title": "Duke"}


async def test_a_delete_leaves_a_tombstone_at_the_end(upstream):
    async with upstream() as opened:
        first, second = await opened.create({"LastName": "A"}, {"LastName": "B"})
        answer = await opened.post(kind="delete", upstream_ids=[first])
        rows = await opened.listed()
        again = await opened.post(kind="delete", upstream_ids=[first])
        update = await opened.post(kind="update", records=[{"upstream_id": first, "data": {}}])
    assert answer.json()["records"][0]["deleted"] is True
    assert [(row.upstream_id, row.deleted) for row in rows] == [(second, False), (first, True)]
    assert (again.status_code, update.status_code) == (400, 400)


async def test_an_update_request_changes_what_it_names_and_answers_whole_records(upstream):
    async with upstream() as opened:
        ids = await opened.create({"LastName": "Atreides", "Phone": "1"}, {"LastName": "Idaho"})
        request = MutationRequest(
            kind=MutationKind.UPDATE,
            sync_id=SYNC,
            collection_id="salesforce:contact",
            records=({"Phone": "2"}, {"LastName": "Halleck"}),
            upstream_ids=tuple(ids),
        )
        answer = await opened.connection.run(request)
        rows = {row.upstream_id: row for row in await opened.listed()}
    assert (answer.status, answer.readable) == (200, True)
    assert {row.upstream_id: row.data for row in answer.records} == {
        upstream_id: rows[upstream_id].data for upstream_id in ids
    }
    assert (rows[ids[0]].data["LastName"], rows[ids[0]].data["Phone"]) == ("Atreides", "2")
    assert rows[ids[1]].data["LastName"] == "Halleck"
    assert all(row.updated_at is not None and row.created_at is not None for row in rows.values())


async def test_a_delete_request_leaves_tombstones_of_what_it_names(upstream):
    async with upstream() as opened:
        ids = await opened.create({"LastName": "Atreides"}, {"LastName": "Idaho"})
        request = MutationRequest(
            kind=MutationKind.DELETE, sync_id=SYNC, collection_id="salesforce:contact", upstream_ids=(ids[0],)
        )
        answer = await opened.connection.run(request)
        rows = {row.upstream_id: row.deleted for row in await opened.listed()}
    assert (answer.status, [row.upstream_id for row in answer.records]) == (200, [ids[0]])
    assert rows == {ids[0]: True, ids[1]: False}


async def test_an_update_of_a_deleted_record_is_refused_whole(upstream):
    async with upstream() as opened:
        ids = await opened.create({"LastName": "Atreides"}, {"LastName": "Idaho"})
        await opened.post(kind="delete", upstream_ids=[ids[1]])
        request = MutationRequest(
            kind=MutationKind.UPDATE,
            sync_id=SYNC,
            collection_id="salesforce:contact",
            records=({"LastName": "X"}, {"LastName": "Y"}),
            upstream_ids=tuple(ids),
        )
        answer = await opened.connection.run(request)
        rows = [row.data["LastName"] for row in await opened.listed() if not row.deleted]
    assert (answer.status, rows) == (400, ["Atreides"])


async def test_an_id_is_never_given_twice_even_after_a_delete(upstream):
    async with upstream() as opened:
        ids = await opened.create({"LastName": "A"})
        await opened.post(kind="delete", upstream_ids=ids)
        later = await opened.create({"LastName": "A"})
        other = await opened.create({"Name": "A"}, collection="salesforce:account")
    assert len({*ids, *later, *other}) == 3


async def test_reading_on_from_a_cursor_shows_exactly_what_changed_since(upstream):
    async with upstream() as opened:
        first, _ = await opened.create({"LastName": "A"}, {"LastName": "B"})
        last = [page.cursor async for page in opened.connection.pages(SYNC, "salesforce:contact")][-1]
        await opened.post(kind="update", records=[{"upstream_id": first, "data": {"LastName": "C"}}])
        third = await opened.create({"LastName": "D"})
        rows = await opened.listed(after=last)
    assert [row.upstream_id for row in rows] == [first, *third]


async def test_a_refused_batch_changes_nothing(upstream):
    async with upstream() as opened:
        existing = await opened.create({"LastName": "A"})
        body = [{"upstream_id": existing[0], "data": {"LastName": "B"}}, {"upstream_id": "nobody", "data": {}}]
        answer = await opened.post(kind="update", records=body)
        rows = await opened.listed()
    assert answer.status_code == 400
    assert [row.data for row in rows] == [{"LastName": "A"}]


async def test_parallel_creates_lose_and_repeat_nothing(upstream, new):
    async with upstream() as opened:
        results: list[Answered] = []

        async def send(start: int) -> None:
            results.append(await opened.connection.run(new(*({"n": start + n} for n in range(20)))))

        async with anyio.create_task_group() as tasks:
            for start in range(0, 400, 20):
                tasks.start_soon(send, start)
        rows = await opened.listed()
    given = {record.upstream_id: record.data["n"] for result in results for record in result.records}
    assert len(given) == 400
    assert {row.upstream_id: row.data["n"] for row in rows} == given


async def test_a_sync_is_described_as_complete_and_healthy(upstream):
    async with upstream() as opened:
        await opened.create({"LastName": "A"})
        told = await opened.connection.describe(SYNC)
    assert told is not None
    assert (told.sync_id, told.provider, told.collection_ids) == (SYNC, "salesforce", ())
    assert (told.healthy, told.backfilled, told.polling_seconds) == (True, True, 0.0)


async def test_a_sync_whose_id_has_signs_of_a_url_is_described(upstream):
    async with upstream() as opened:
        told = await opened.connection.describe("a/b?c=1#d e%2F")
    assert told is not None
    assert told.sync_id == "a/b?c=1#d e%2F"


async def test_data_that_is_nested_too_deeply_is_refused_whole(upstream):
    deep = '{"a":' * 900 + "1" + "}" * 900
    where = f'"sync_id":"{SYNC}","collection_id":"salesforce:contact"'
    async with upstream() as opened:
        content = f'{{"kind":"create",{where},"records":[{{"data":{{}}}},{{"data":{deep}}}]}}'
        answer = await opened.http.post("/v1/mutations/run", content=content)
        rows = await opened.listed()
    assert (answer.status_code, rows) == (400, [])


async def test_where_syncs_are_given_no_others_exist(upstream, new):
    async with upstream(syncs={"crm-main": "salesforce"}) as opened:
        with pytest.raises(UpstreamError) as caught:
            await opened.connection.describe("crm-mian")
        refused = await opened.connection.run(new({"LastName": "A"}))
        with pytest.raises(UpstreamError, match="nothing is there"):
            await opened.listed()
        foreign = await opened.post(
            kind="create", sync_id="crm-main", collection_id="hubspot:contact", records=[{"data": {}}]
        )
    assert 'there is no sync "crm-mian"; the endpoint knows: crm-main' in str(caught.value)
    assert caught.value.diagnostics[0].hint == 'did you mean "crm-main"?'
    assert (refused.status, foreign.status_code) == (404, 400)


async def test_records_outlive_the_connection(upstream, tmp_path):
    path = tmp_path / "kept.sqlite3"
    async with upstream(path=path) as opened:
        first = await opened.create({"LastName": "A"})
    async with upstream(path=path) as opened:
        second = await opened.create({"LastName": "B"})
        rows = await opened.listed()
    assert [row.upstream_id for row in rows] == first + second
