"""Faults of reads: pages that fail, repeat or are empty, streams that start anew, syncs that tell something else."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest
from support.builders import NOW
from support.faulty import SYNC, faulty

from syncspec.errors import UpstreamError
from syncspec.settings import UpstreamSettings
from syncspec.upstream.sequin.client import open_connection

pytestmark = pytest.mark.anyio

SYNC_PATH = f"/v1/syncs/{SYNC}"


@pytest.mark.parametrize("path", ["/v1/records", "/v1/syncs", SYNC_PATH])
@pytest.mark.parametrize(
    ("options", "status", "summary"),
    [
        ({}, 500, "Internal Server Error"),
        ({"status": 401}, 401, "Unauthorized"),
        ({"status": 403, "message": "not yours"}, 403, "not yours"),
    ],
)
async def test_a_read_that_fails_has_the_shape_of_its_route(path, options, status, summary):
    async with faulty(reads=[{"fault": "error", "times": 1} | options]) as upstream:
        failed = await upstream.get(path)
        assert (failed.status_code, failed.json()) == (status, {"summary": summary})
        assert (await upstream.get(path)).status_code == 200
        named = "read" if path == "/v1/records" else "syncs"
        assert upstream.faults.counts == {f"{named} error": 1}


@pytest.mark.parametrize("path", ["/v1/records", SYNC_PATH])
@pytest.mark.parametrize("fault", ["dropped_connection", "no_answer", "truncated_body"])
async def test_a_read_can_be_lost(path, fault):
    async with faulty(reads=[{"fault": fault}]) as upstream:
        assert await upstream.get(path) is None


async def test_a_read_can_be_limited_until_a_date():
    limited = {"fault": "rate_limited", "retry_after_seconds": 30, "retry_after_form": "date"}
    async with faulty(reads=[limited]) as upstream:
        answer = await upstream.get()
        assert answer.status_code == 429
        assert (parsedate_to_datetime(answer.headers["retry-after"]) - NOW).total_seconds() == 30


async def test_a_read_can_bring_another_services_page():
    async with faulty(reads=[{"fault": "unreadable_body"}]) as upstream:
        answer = await upstream.get()
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


async def test_a_slow_read_is_true():
    async with faulty(reads=[{"fault": "latency", "delay_seconds": 4}]) as upstream:
        await upstream.create("a")
        assert await upstream.listed() == ["a"]
        assert upstream.clock.slept == [4, 4]


async def test_a_rule_for_one_route_leaves_the_other_alone():
    rules = [
        {"fault": "error", "status": 501, "route": "syncs"},
        {"fault": "error", "status": 502, "route": "records", "collection_id": "salesforce:lead"},
        {"fault": "error", "status": 503, "sync_id": "sync-2"},
    ]
    async with faulty(reads=rules) as upstream:
        codes = [
            (await upstream.get("/v1/syncs")).status_code,
            (await upstream.get(collection_id="salesforce:lead")).status_code,
            (await upstream.get(collection_id="salesforce:contact")).status_code,
            (await upstream.get(sync_id="sync-2")).status_code,
        ]
        assert codes == [501, 502, 200, 503]


async def test_an_empty_page_leads_to_the_same_place_with_a_new_cursor():
    async with faulty(reads=[{"fault": "empty_page", "requests": [1, 3, 4]}]) as upstream:
        await upstream.create("a", "b", "c")
        first = (await upstream.get(limit=2)).json()
        assert first["records"] == []
        second = (await upstream.get(limit=2, after_cursor=first["cursor"])).json()
        cursors = [first["cursor"], second["cursor"]]
        names = [row["data"]["LastName"] for row in second["records"]]
        while (page := (await upstream.get(limit=2, after_cursor=cursors[-1])).json())["cursor"] != cursors[-1]:
            cursors.append(page["cursor"])
            names += [row["data"]["LastName"] for row in page["records"]]
        assert names == ["a", "b", "c"]
        assert len(set(cursors)) == len(cursors) == 5
        assert upstream.faults.counts == {"read empty page": 3}


async def test_duplicated_rows_come_again_on_the_same_page():
    async with faulty(reads=[{"fault": "duplicated_rows", "share": 0.5, "times": 1}]) as upstream:
        await upstream.create("a", "b", "c", "d")
        names = await upstream.listed(limit=4)
        assert names[:4] == ["a", "b", "c", "d"]
        assert len(names[4:]) == 2
        assert set(names[4:]) < set(names)


async def test_the_page_of_an_empty_list_has_no_rows_to_duplicate():
    async with faulty(reads=[{"fault": "duplicated_rows"}]) as upstream:
        assert (await upstream.get()).json() == {"records": [], "cursor": None}


async def test_a_stream_that_was_reset_refuses_cursors_from_before():
    async with faulty(reads=[{"fault": "stream_reset", "requests": [2]}]) as upstream:
        await upstream.create("a", "b")
        before = (await upstream.get(limit=1)).json()
        refused = await upstream.get(limit=1, after_cursor=before["cursor"])
        assert (refused.status_code, refused.json()["summary"]) == (
            400,
            "after_cursor belongs to a stream that is gone",
        )
        after = (await upstream.get()).json()
        assert after["records"][0]["stream_id"] != before["records"][0]["stream_id"]
        assert (await upstream.get(SYNC_PATH)).json()["stream_id"] == after["records"][0]["stream_id"]


async def test_a_stream_that_was_reset_can_read_cursors_from_before_as_the_beginning():
    async with faulty(reads=[{"fault": "stream_reset", "requests": [2], "old_cursors": "restart"}]) as upstream:
        await upstream.create("a", "b")
        before = (await upstream.get(limit=1)).json()
        again = (await upstream.get(after_cursor=before["cursor"])).json()
        assert [row["data"]["LastName"] for row in again["records"]] == ["a", "b"]


async def test_a_list_that_is_reset_while_it_is_read_is_an_error_for_the_client():
    async with faulty(reads=[{"fault": "stream_reset", "requests": [2], "old_cursors": "restart"}]) as upstream:
        for _ in range(6):
            await upstream.create(*(str(number) for number in range(200)))
        settings = UpstreamSettings(name="crm", base_url="http://embedded.invalid")
        async with open_connection(settings, transport=upstream.http._transport) as connection:
            with pytest.raises(UpstreamError, match="rebuilt while it was read"):
                _ = [page async for page in connection.pages(SYNC, "salesforce:contact")]
            assert len([page async for page in connection.pages(SYNC, "salesforce:contact")]) == 3


async def test_a_stream_that_was_reset_can_fill_up_slowly_and_the_sync_says_so():
    refill = {"fault": "stream_reset", "requests": [1], "refill_seconds": {"min": 10, "max": 20}}
    async with faulty(reads=[refill]) as upstream:
        await upstream.create(*(str(number) for number in range(30)))
        counts, complete = [], []
        for _ in range(5):
            counts.append(len(await upstream.listed()))
            complete.append((await upstream.get(SYNC_PATH)).json()["initial_backfill_completed_at"])
            upstream.wait(5.5)
        assert counts[:2] == [0, 0]
        assert 0 < counts[2] < 30
        assert counts[4] == 30
        assert complete[:3] == [None, None, None]
        assert complete[4] is not None


async def test_an_empty_page_after_a_reset_of_an_empty_list_can_be_followed():
    rules = [{"fault": "stream_reset", "requests": [1]}, {"fault": "empty_page", "requests": [2]}]
    async with faulty(reads=rules) as upstream:
        await upstream.get()
        assert await upstream.listed() == []
        assert upstream.faults.counts == {"read stream reset": 1, "read empty page": 1}


async def test_the_syncs_routes_tell_what_the_file_says():
    said = {"status": "paused", "health": "bad", "backfilling": True, "max_age_days": 90, "sync_frequency": "4h"}
    async with faulty(syncs=said) as upstream:
        await upstream.create("a")
        one = (await upstream.get(SYNC_PATH)).json()
        (listed,) = (await upstream.get("/v1/syncs")).json()["data"]
        assert one == listed
        expected = {"status": "paused", "health": {"status": "bad"}, "initial_backfill_completed_at": None}
        expected |= {"max_age_days": 90, "sync_frequency": "4h", "provider": "salesforce", "id": SYNC}
        assert {key: one[key] for key in expected} == expected
        assert upstream.faults.counts == {"syncs told otherwise": 2}


async def test_the_syncs_routes_tell_the_truth_outside_the_time():
    async with faulty(syncs={"health": "unhealthy", "during": {"to_seconds": 60}}) as upstream:
        assert (await upstream.get(SYNC_PATH)).json()["health"] == {"status": "unhealthy"}
        upstream.wait(60)
        assert (await upstream.get(SYNC_PATH)).json()["health"] == {"status": "healthy"}


async def test_the_syncs_routes_can_be_missing():
    async with faulty(syncs={"missing": True}) as upstream:
        for path in ("/v1/syncs", SYNC_PATH):
            answer = await upstream.get(path)
            assert (answer.status_code, answer.json()) == (404, {"summary": "Not found"})
        assert (await upstream.get()).status_code == 200
