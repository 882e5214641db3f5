"""A list is read whole or not at all, and a sync is described only as far as it is told."""

from __future__ import annotations

import itertools

import pytest

from syncspec.errors import UpstreamError
from syncspec.upstream.sequin import exchange
from syncspec.upstream.sequin.listing import MAX_IDLE_PAGES, Walk

pytestmark = pytest.mark.anyio

TOKEN = "unit-token-0e5d"


def row(upstream_id, **more):
    return {"upstream_id": upstream_id, "data": {"LastName": str(upstream_id)}} | more


def paged(reply, pages):
    """Answer with pages by the cursor that is asked for: {cursor: (rows, next cursor)}."""

    async def answer(request, writer):
        rows, cursor = pages[request.query.get("after_cursor")]
        writer.write(reply(200, {"records": rows, "cursor": cursor}))
        return True

    return answer


async def ids(server):
    return [record.upstream_id for record in await server.listed()]


@pytest.mark.parametrize(
    "pages",
    [
        pytest.param({None: ([row("A"), row("B")], None)}, id="no cursor"),
        pytest.param({None: ([row("A"), row("B")], "")}, id="empty cursor"),
        pytest.param({None: ([row("A")], "1"), "1": ([row("B")], "1")}, id="unchanged cursor"),
        pytest.param({None: ([row("A")], "1"), "1": ([row("B")], "2"), "2": ([], "2")}, id="empty last page"),
        pytest.param({None: ([row("A")], 1), "1": ([row("B")], 2), "2": ([], 2)}, id="cursors are numbers"),
        pytest.param({None: ([], "1"), "1": ([row("A"), row("B")], "2"), "2": ([], None)}, id="empty first page"),
        pytest.param({None: ([row("A")], "a/b +&="), "a/b +&=": ([row("B")], None)}, id="cursor with signs"),
    ],
)
async def test_a_list_is_read_to_its_end(hostile, reply, pages):
    async with hostile(paged(reply, pages)) as server:
        assert await ids(server) == ["A", "B"]


async def test_a_list_is_asked_for_by_sync_and_collection(hostile, reply):
    async with hostile(paged(reply, {None: ([], None)})) as server:
        await server.listed("my sync", "salesforce:contact")
        (request,) = server.seen
    assert (request.method, request.path) == ("GET", "/v1/records")
    assert request.query == {"sync_id": "my sync", "collection_id": "salesforce:contact", "limit": "1000"}


async def test_a_server_that_ignores_the_limit_is_read_whole(hostile, reply):
    pages = {None: ([row(str(n)) for n in range(5000)], None)}
    async with hostile(paged(reply, pages)) as server:
        assert len(await server.listed()) == 5000


async def test_a_server_that_refuses_our_limit_is_asked_without_one(hostile, reply):
    async def answer(request, writer):
        if "limit" in request.query:
            writer.write(reply(422, {"summary": "limit is too large"}))
        else:
            last = "after_cursor" in request.query
            writer.write(reply(200, {"records": [row("B" if last else "A")], "cursor": None if last else "1"}))
        return True

    async with hostile(answer) as server:
        assert await ids(server) == ["A", "B"]
        assert len(server.seen) == 3


async def test_pages_that_are_too_large_are_asked_for_in_smaller_ones(hostile, reply, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 20_000)
    rows = [row(str(n), data={"text": "x" * 500}) for n in range(60)]

    async def answer(request, writer):
        start = int(request.query.get("after_cursor", "0"))
        page = rows[start : start + int(request.query["limit"])]
        writer.write(reply(200, {"records": page, "cursor": start + len(page)}))

    async with hostile(answer) as server:
        assert await ids(server) == [str(n) for n in range(60)]


async def test_rows_that_belong_elsewhere_are_left_out(hostile, reply):
    rows = [
        row("A", sync_id="s", collection_id="salesforce:contact"),
        row("B", sync_id="other", collection_id="salesforce:contact"),
        row("C", sync_id="s", collection_id="salesforce:lead"),
        row("D", sync_id="s", collection_id="hubspot:contact"),
        row("E", collection_id="contact"),
        row("F"),
    ]
    async with hostile(paged(reply, {None: (rows, None)})) as server:
        assert await ids(server) == ["A", "E", "F"]


async def test_rows_keep_their_tombstones_times_and_numeric_ids(hostile, reply):
    rows = [
        row(512, deleted=True, upstream_created_at="2024-01-01T00:00:00Z", upstream_updated_at="2024-01-02T00:00:00Z"),
        row("B", deleted="true"),
        row("C", deleted="false"),
        {"upstream_id": "D", "deleted": None},
    ]
    async with hostile(paged(reply, {None: (rows, None)})) as server:
        read = await server.listed()
    assert [(record.upstream_id, record.deleted) for record in read] == [
        ("512", True),
        ("B", True),
        ("C", False),
        ("D", False),
    ]
    assert (read[0].created_at, read[0].updated_at) == ("2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z")
    assert read[3].data == {}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("<html>", "not a JSON object"),
        ("", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("{}", 'no list "records"'),
        ('{"records":null}', 'no list "records"'),
        ('{"records":{"a":1}}', 'no list "records"'),
        ('{"data":[]}', 'no list "records"'),
        ('{"records":[7]}', "not an object"),
        ('{"records":[{"data":{}}]}', 'no "upstream_id"'),
        ('{"records":[{"upstream_id":"X","data":[1]}]}', '"data" of record X'),
        ('{"records":[{"upstream_id":"X","deleted":"perhaps"}]}', '"deleted" of record X'),
        ('{"records":[],"cursor":{"a":1}}', "cursor"),
        ('{"records":[],"cursor":true}', "cursor"),
        ('{"records":[{"upstream_id":"A","stream_id":"1"},{"upstream_id":"B","stream_id":"2"}]}', "rebuilt"),
    ],
)
async def test_a_page_that_cannot_be_read_for_sure_makes_the_list_unreadable(hostile, reply, body, words):
    async with hostile(reply(200, body)) as server:
        with pytest.raises(UpstreamError, match="could not be read") as caught:
            await server.listed()
    assert words in str(caught.value)


async def test_a_list_that_is_rebuilt_between_pages_is_unreadable(hostile, reply):
    pages = {None: ([row("A", stream_id="1")], "1"), "1": ([row("B", stream_id="2")], "2")}
    async with hostile(paged(reply, pages)) as server:
        with pytest.raises(UpstreamError, match="rebuilt"):
            await server.listed()


async def test_cursors_that_run_in_a_circle_end_in_an_error(hostile, reply):
    pages = {None: ([row("A")], "a"), "a": ([row("B")], "b"), "b": ([row("C")], "c"), "c": ([row("D")], "a")}
    async with hostile(paged(reply, pages)) as server:
        with pytest.raises(UpstreamError, match="circle"):
            await server.listed()


@pytest.mark.parametrize("lead", [0, 1, 5])
@pytest.mark.parametrize("length", [2, 3, 7, 100])
def test_a_circle_of_any_length_is_found(lead, length):
    walk = Walk(None)
    cursors = itertools.chain(
        (f"lead {n}" for n in range(lead)), itertools.cycle([f"circle {n}" for n in range(length)])
    )
    steps = itertools.islice(cursors, 4 * (lead + length) + 4)
    with pytest.raises(ValueError, match="circle"):
        all(walk.advance(cursor, [str(n)]) for n, cursor in enumerate(steps))


@pytest.mark.parametrize("page", [[], ["A", "B"]])
def test_a_list_that_stands_still_ends_in_an_error(page):
    walk = Walk(None)
    with pytest.raises(ValueError, match="no new record"):
        all(walk.advance(str(n), page) for n in range(MAX_IDLE_PAGES + 2))


def test_pages_that_are_empty_for_a_while_are_no_end():
    walk = Walk(None)
    for n in range(MAX_IDLE_PAGES - 1):
        assert walk.advance(str(n), [])
    assert walk.advance("on", ["A"])
    assert not walk.advance("on", [])


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
async def test_a_read_is_tried_again_after_a_passing_failure(hostile, reply, status):
    async def answer(request, writer):
        if len(server.seen) < 3:
            writer.write(reply(status, {"summary": "later"}))
        else:
            writer.write(reply(200, {"records": [row("A")]}))

    async with hostile(answer) as server:
        assert await ids(server) == ["A"]
        assert len(server.naps) == 2


async def test_a_read_is_tried_again_after_a_broken_connection(hostile, reply):
    async def answer(request, writer):
        if len(server.seen) == 1:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{")
        else:
            writer.write(reply(200, {"records": [row("A")]}))

    async with hostile(answer) as server:
        assert await ids(server) == ["A"]


async def test_reads_are_given_up_in_the_end_with_the_reason(hostile, reply):
    async with hostile(reply(503, {"summary": "maintenance"})) as server:
        with pytest.raises(UpstreamError) as caught:
            await server.listed()
        assert len(server.seen) == 4
    assert "HTTP 503: maintenance (4 attempts)" in str(caught.value)


async def test_a_rate_limit_is_waited_for_as_long_as_it_asks(hostile, reply):
    async def answer(request, writer):
        if len(server.seen) == 1:
            writer.write(reply(429, "", {"retry-after": "Sun, 10 Nov 2024 12:00:40 GMT"}))
        else:
            writer.write(reply(200, {"records": []}))

    async with hostile(answer) as server:
        await server.listed()
        assert server.naps == [40.0]


async def test_a_rate_limit_of_an_hour_is_told_and_not_slept_through(hostile, reply):
    async with hostile(reply(429, "slow down", {"retry-after": "3600"})) as server:
        with pytest.raises(UpstreamError, match="3600 seconds"):
            await server.listed()
        assert server.naps == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "was refused"),
        (401, "the token was refused"),
        (403, "may not read"),
        (404, "nothing is there"),
        (418, "418"),
    ],
)
async def test_a_read_that_is_refused_says_why_and_is_not_tried_again(hostile, reply, status, words):
    async with hostile(reply(status, {"summary": f"no {TOKEN}"})) as server:
        with pytest.raises(UpstreamError) as caught:
            await server.listed()
        assert len([request for request in server.seen if "limit" in request.query]) == 1
    assert words in str(caught.value)
    assert TOKEN not in repr(caught.value.diagnostics)


async def test_a_redirected_read_names_the_host_and_goes_nowhere(hostile, reply):
    async with hostile(reply(302, "", {"location": "https://user:pw@elsewhere.example/path?token=x"})) as server:
        with pytest.raises(UpstreamError) as caught:
            await server.listed()
    assert "redirected to elsewhere.example; a redirect is never followed" in str(caught.value)
    assert "pw" not in str(caught.value)


def routed(reply, routes):
    async def answer(request, writer):
        writer.write(reply(*routes.get(request.path, (404, {"summary": "Not found"}))))

    return answer


async def test_a_sync_is_described_by_what_it_tells(hostile, reply):
    sync = {
        "id": "s",
        "provider": "salesforce",
        "name": "Main",
        "status": "active",
        "health": {"status": "healthy"},
        "collection_ids": ["salesforce:contact", 7],
        "max_age_days": 90,
        "sync_frequency": "4h",
        "initial_backfill_completed_at": "2024-01-01T00:00:00Z",
    }
    for body in (sync, {"data": sync}):
        async with hostile(routed(reply, {"/v1/syncs/s": (200, body)})) as server:
            told = await server.connection.describe("s")
        assert (told.name, told.healthy, told.backfilled) == ("Main", True, True)
        assert (told.max_age_days, told.polling_seconds) == (90, 14400.0)
        assert told.collection_ids == ("salesforce:contact",)


async def test_without_syncs_routes_nothing_is_told(hostile, reply):
    for status in (404, 405, 501):
        routes = {"/v1/syncs/s": (status, ""), "/v1/syncs": (status, "")}
        async with hostile(routed(reply, routes)) as server:
            assert await server.connection.describe("s") is None


async def test_an_object_that_is_no_sync_tells_nothing(hostile, reply):
    async with hostile(reply(200, {"ok": True})) as server:
        assert await server.connection.describe("s") is None


async def test_a_sync_that_only_the_list_shows_is_found_there(hostile, reply):
    routes = {"/v1/syncs": (200, {"data": [{"id": "other"}, {"id": "s", "name": "Main"}]})}
    async with hostile(routed(reply, routes)) as server:
        told = await server.connection.describe("s")
    assert told.name == "Main"
    assert (told.healthy, told.backfilled, told.polling_seconds, told.max_age_days) == (None, None, None, None)


async def test_a_sync_that_does_not_exist_is_an_error_with_the_known_ones(hostile, reply):
    async with hostile(routed(reply, {"/v1/syncs": (200, {"data": [{"id": "main"}, {"id": "test"}]})})) as server:
        with pytest.raises(UpstreamError, match='there is no sync "mian"; the endpoint knows: main, test') as caught:
            await server.connection.describe("mian")
    assert caught.value.diagnostics[0].hint == 'did you mean "main"?'


async def test_an_answer_about_another_sync_is_an_error(hostile, reply):
    async with hostile(routed(reply, {"/v1/syncs/alias": (200, {"id": "70a3"})})) as server:
        with pytest.raises(UpstreamError, match='about the sync "70a3"'):
            await server.connection.describe("alias")


@pytest.mark.parametrize("answer", [(200, "<html>"), (200, "[]"), (401, {}), (403, {}), (302, ""), (503, "")])
async def test_a_sync_that_cannot_be_read_is_an_error(hostile, reply, answer):
    async with hostile(routed(reply, {"/v1/syncs/s": answer})) as server:
        with pytest.raises(UpstreamError):
            await server.connection.describe("s")


async def test_a_sync_id_stays_inside_its_part_of_the_path(hostile, reply):
    async with hostile(reply(200, {"id": "../x?y=1#z"})) as server:
        await server.connection.describe("../x?y=1#z")
        assert server.seen[0].query == {}
        assert server.seen[0].path == "/v1/syncs/..%2Fx%3Fy%3D1%23z"
