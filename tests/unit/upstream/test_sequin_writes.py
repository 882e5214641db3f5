"""A mutation is sent at most once, and the caller learns whether it may have been sent."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket

import pytest

from syncspec.records import AwaitConsumers
from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream.protocol import Answered, MutationKind, MutationRequest, NoAnswer, NotSent
from syncspec.upstream.sequin import exchange
from syncspec.upstream.sequin.client import open_connection

pytestmark = pytest.mark.anyio

TOKEN = "unit-token-0e5d"
REQUEST = MutationRequest(
    kind=MutationKind.CREATE,
    sync_id="s",
    collection_id="salesforce:contact",
    records=({"LastName": "A"}, {"LastName": "B"}),
)
ROWS = [{"upstream_id": "003A", "data": {"LastName": "A"}}, {"upstream_id": "003B", "data": {"LastName": "B"}}]


async def test_a_whole_answer_gives_every_record_in_its_order(hostile, reply):
    async with hostile(reply(200, {"records": ROWS})) as server:
        result = await server.connection.run(REQUEST)
    assert isinstance(result, Answered)
    assert result.readable
    assert [(record.upstream_id, record.data) for record in result.records] == [
        ("003A", {"LastName": "A"}),
        ("003B", {"LastName": "B"}),
    ]


async def test_the_request_carries_the_token_and_the_documented_body(hostile, reply):
    async with hostile(reply(200, {"records": ROWS})) as server:
        await server.connection.run(REQUEST)
        (request,) = server.seen
    assert (request.method, request.path) == ("POST", "/v1/mutations/run")
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert request.headers["user-agent"].startswith("syncspec/")
    assert request.headers["accept-encoding"] == "identity"
    assert json.loads(request.body) == {
        "kind": "create",
        "sync_id": "s",
        "collection_id": "salesforce:contact",
        "records": [{"data": {"LastName": "A"}}, {"data": {"LastName": "B"}}],
    }


async def test_a_path_in_the_base_url_is_kept(hostile, reply):
    async with hostile(reply(200, {"records": ROWS})) as server:
        settings = UpstreamSettings(name="crm", base_url=server.url + "/gateway/", token=Secret(TOKEN))
        async with open_connection(settings) as connection:
            await connection.run(REQUEST)
        assert server.seen[0].path == "/gateway/v1/mutations/run"


async def test_a_refused_connection_was_not_sent():
    with socket.socket() as taken:
        # Bound and not listening: nobody else gets the port, and every connection is refused.
        taken.bind(("127.0.0.1", 0))
        settings = UpstreamSettings(name="crm", base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        async with open_connection(settings) as connection:
            result = await connection.run(REQUEST)
    assert isinstance(result, NotSent)
    assert "the connection could not be made" in result.reason


@pytest.mark.parametrize(
    "url", ["http://", "ftp://127.0.0.1", "crm.example", "", "http://127.0.0.1:99999", "http://a b"]
)
async def test_a_url_that_cannot_be_used_was_not_sent(url):
    async with open_connection(UpstreamSettings(name="crm", base_url=url)) as connection:
        assert isinstance(await connection.run(REQUEST), NotSent | NoAnswer)


async def test_a_server_that_speaks_no_tls_was_sent_nothing(hostile, reply):
    async with hostile(reply(200, {"records": ROWS})) as server:
        url = server.url.replace("http:", "https:")
        settings = UpstreamSettings(name="crm", base_url=url, token=Secret(TOKEN), request_timeout=0.3)
        async with open_connection(settings) as connection:
            result = await connection.run(REQUEST)
        assert server.seen == []
    assert isinstance(result, NotSent)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-len", id="half a head"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", id="half a body"),
        pytest.param(b'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{"rec', id="half a chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", id="no chunk"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}", id="two lengths"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\n{}", id="negative length"),
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n", id="not HTTP"),
        pytest.param(b"\x00\xff" * 300, id="garbage"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 300_000 + b"\r\n\r\n", id="endless header"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n", id="only an interim answer"),
    ],
)
async def test_an_answer_that_is_not_whole_is_no_answer_and_nothing_is_sent_again(hostile, answer):
    async with hostile(answer) as server:
        result = await server.connection.run(REQUEST)
        assert len(server.seen) == 1
    assert isinstance(result, NoAnswer), result
    assert TOKEN not in result.reason


async def test_a_connection_that_was_closed_while_it_was_idle_is_not_used_again(hostile, reply):
    async def once(request, writer):
        writer.write(reply(200, {"records": ROWS}))

    async with hostile(once) as server:
        results = [await server.connection.run(REQUEST) for _ in range(3)]
        assert len(server.seen) == 3
    assert all(isinstance(result, Answered) for result in results)


async def test_a_kept_connection_that_breaks_under_a_request_is_no_answer(hostile, reply):
    async def one_answer(request, writer):
        if len(server.seen) % 2:
            writer.write(reply(200, {"records": ROWS}))
            return True
        return False

    async with hostile(one_answer) as server:
        first = await server.connection.run(REQUEST)
        second = await server.connection.run(REQUEST)
        assert len(server.seen) == 2
    assert isinstance(first, Answered)
    assert isinstance(second, NoAnswer)


async def test_a_dripping_answer_is_given_up_after_the_whole_time(hostile):
    async def drip(request, writer):
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with hostile(drip, seconds=0.3) as server:
        result = await server.connection.run(REQUEST)
    assert isinstance(result, NoAnswer)
    assert "0.3 seconds" in result.reason


async def test_a_silent_server_is_given_up_and_the_request_may_have_arrived(hostile):
    async def silent(request, writer):
        await asyncio.Event().wait()

    async with hostile(silent, seconds=0.2) as server:
        assert isinstance(await server.connection.run(REQUEST), NoAnswer)


async def test_waiting_for_consumers_makes_the_time_longer(hostile, reply, monkeypatch):
    times = []
    original = exchange.Endpoint.exchange

    async def noted(self, method, path, *, timeout, **rest):  # noqa: ASYNC109
        times.append(timeout)
        return await original(self, method, path, timeout=timeout, **rest)

    monkeypatch.setattr(exchange.Endpoint, "exchange", noted)
    async with hostile(reply(200, {"records": ROWS}), seconds=10.0) as server:
        for consumers in (None, AwaitConsumers(ids=("a",)), AwaitConsumers(ids=("a",), timeout_ms=500)):
            await server.connection.run(
                MutationRequest(
                    kind=MutationKind.CREATE, sync_id="s", collection_id="a:b", records=({},), await_consumers=consumers
                )
            )
    assert times == [10.0, 40.0, 10.5]


async def test_cancellation_passes_through(hostile):
    arrived = asyncio.Event()

    async def silent(request, writer):
        arrived.set()
        await asyncio.Event().wait()

    async with hostile(silent) as server:
        task = asyncio.create_task(server.connection.run(REQUEST))
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_an_answer_without_end_is_no_answer(hostile, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 1000)
    async with hostile(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 5000) as server:
        result = await server.connection.run(REQUEST)
    assert isinstance(result, NoAnswer)
    assert "too large" in result.reason


async def test_a_packed_answer_is_unpacked_and_never_beyond_the_limit(hostile, reply, monkeypatch):
    monkeypatch.setattr(exchange, "MAX_ANSWER_BYTES", 100_000)
    packed = gzip.compress(json.dumps({"records": ROWS}).encode())
    bomb = gzip.compress(b" " * 10_000_000)
    async with hostile(reply(200, packed, {"content-encoding": "gzip"})) as server:
        small = await server.connection.run(REQUEST)
    async with hostile(reply(200, bomb, {"content-encoding": "gzip"})) as server:
        large = await server.connection.run(REQUEST)
    async with hostile(reply(200, b"...", {"content-encoding": "gzip, gzip, br"})) as server:
        odd = await server.connection.run(REQUEST)
    assert isinstance(small, Answered)
    assert len(small.records) == 2
    assert isinstance(large, NoAnswer)
    assert isinstance(odd, Answered)
    assert not odd.readable


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_an_answer_and_the_token_goes_nowhere_else(hostile, reply, status):
    async with hostile(reply(200, {"records": ROWS})) as elsewhere:
        answer = reply(status, "", {"location": elsewhere.url + "/v1/mutations/run?secret=1"})
        async with hostile(answer) as server:
            result = await server.connection.run(REQUEST)
            assert len(server.seen) == 1
        assert elsewhere.seen == []
    assert isinstance(result, Answered)
    assert (result.status, result.text) == (status, "redirected to 127.0.0.1")


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        pytest.param("<html>welcome</html>", [], id="HTML"),
        pytest.param("", [], id="empty"),
        pytest.param("null", [], id="null"),
        pytest.param("{}", [], id="no records"),
        pytest.param('{"records":{}}', [], id="records are an object"),
        pytest.param('{"records":[1,"x",null]}', [], id="no objects"),
        pytest.param('{"records":[{"data":{}},{"upstream_id":"X"}]}', ["X"], id="one without an ID"),
        pytest.param('{"records":[{"upstream_id":""},{"upstream_id":null},{"upstream_id":true}]}', [], id="no IDs"),
        pytest.param('{"data":[{"upstream_id":"X"}]}', ["X"], id="another name"),
        pytest.param('[{"upstream_id":"X"}]', ["X"], id="a bare list"),
        pytest.param('{"records":[{"upstream_id":"X"}', [], id="cut off"),
        pytest.param("[" * 100_000 + "]" * 100_000, [], id="too deep"),
    ],
)
async def test_a_success_that_is_not_as_described_is_unreadable_and_keeps_its_ids(hostile, reply, body, ids):
    async with hostile(reply(200, body)) as server:
        result = await server.connection.run(REQUEST)
    assert isinstance(result, Answered)
    assert not result.readable
    assert [record.upstream_id for record in result.records] == ids


@pytest.mark.parametrize("status", [202, 204])
async def test_a_success_without_a_body_is_unreadable(hostile, reply, status):
    async with hostile(reply(status)) as server:
        result = await server.connection.run(REQUEST)
    assert (result.status, result.readable, result.records) == (status, False, ())


@pytest.mark.parametrize(
    ("body", "upstream_id", "data"),
    [
        ('{"records":[{"upstream_id":512}]}', "512", {}),
        ('{"records":[{"upstream_id":123456789012345678901234567890}]}', "123456789012345678901234567890", {}),
        ('{"records":[{"upstream_id":"X","data":null}]}', "X", {}),
        ('{"records":[{"upstream_id":"X","data":{"n":NaN,"m":1e999}}]}', "X", {"n": "NaN", "m": "1e999"}),
        ('{"records":[{"upstream_id":"X","data":{"n":"\\ud800!"}}]}', "X", {"n": "\ufffd!"}),
        (b'{"records":[{"upstream_id":"X","data":{"n":"\xff"}}]}', "X", {"n": "\ufffd"}),
        ('{"records":[{"upstream_id":"Y","upstream_id":"X","data":{}}]}', "X", {}),
        ('\ufeff{"records":[{"upstream_id":"X"}]}', "X", {}),
    ],
)
async def test_odd_json_does_not_hide_an_id(hostile, reply, body, upstream_id, data):
    async with hostile(reply(200, body)) as server:
        result = await server.connection.run(REQUEST)
    assert [(record.upstream_id, record.data) for record in result.records] == [(upstream_id, data)]
    assert result.readable


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 422, 429, 500, 501, 502, 503, 504, 599])
async def test_an_error_is_an_answer_with_its_own_words_and_is_never_sent_again(hostile, reply, status):
    async with hostile(reply(status, {"error": "Error: no", "docs": []})) as server:
        result = await server.connection.run(REQUEST)
        assert len(server.seen) == 1
        assert server.naps == []
    assert (result.status, result.text, result.records, result.readable) == (status, "Error: no", (), True)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (
            {"summary": "Invalid", "validation_errors": {"name": ["is taken", "is long"]}},
            "Invalid (name: is taken, is long)",
        ),
        ({"summary": "Invalid", "validation_errors": 7}, "Invalid"),
        ("plain\r\n\twords", "plain words"),
        ("\x1b[2J\x1b]0;owned\x07", "\\u{1b}[2J\\u{1b}]0;owned\\u{7}"),
        ({"error": "a\u202eb\u200bc"}, "a\\u{202e}b\\u{200b}c"),
        ({"error": f"bad header Bearer {TOKEN}"}, "bad header Bearer ***"),
        (f"<p>{TOKEN}</p>", "<p>***</p>"),
    ],
)
async def test_an_error_is_shown_on_one_harmless_line_without_the_token(hostile, reply, body, text):
    async with hostile(reply(422, body)) as server:
        result = await server.connection.run(REQUEST)
    assert result.text == text


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"records": [{"upstream_id": "A", "data": {"SSN__c": "078-05-1120"}}]}, ""),
        ('{"records":[{"upstream_id":"A","data":{"SSN__c":"078-05', ""),
        ("<html>please sign in</html>", "<html>please sign in</html>"),
        ({"error": "queued"}, "queued"),
    ],
)
async def test_the_text_of_a_success_never_holds_a_records_values(hostile, reply, body, text):
    async with hostile(reply(200, body)) as server:
        result = await server.connection.run(REQUEST)
    assert result.text == text


async def test_a_long_error_is_cut(hostile, reply):
    async with hostile(reply(400, "x" * 100_000)) as server:
        result = await server.connection.run(REQUEST)
    assert len(result.text) == 500


async def test_cookies_are_not_sent_back(hostile, reply):
    async with hostile(reply(200, {"records": ROWS}, {"set-cookie": "session=1; Path=/"})) as server:
        await server.connection.run(REQUEST)
        await server.connection.run(REQUEST)
        assert "cookie" not in server.seen[1].headers


async def test_a_proxy_of_the_environment_does_not_see_plain_requests(hostile, reply, monkeypatch):
    async with hostile(reply(200, {"records": ROWS})) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        async with hostile(reply(200, {"records": ROWS})) as server:
            await server.connection.run(REQUEST)
            assert len(server.seen) == 1
        assert proxy.seen == []


async def test_a_proxy_that_opens_a_tunnel_sees_no_token_and_a_refusal_was_not_sent(hostile, reply, monkeypatch):
    async with hostile(reply(403, "no")) as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        settings = UpstreamSettings(name="crm", base_url="https://crm.invalid", token=Secret(TOKEN))
        async with open_connection(settings) as connection:
            result = await connection.run(REQUEST)
        assert [request.method for request in proxy.seen] == ["CONNECT"]
        assert "authorization" not in proxy.seen[0].headers
    assert isinstance(result, NotSent)


async def test_a_tunnel_that_breaks_was_not_sent(hostile, monkeypatch):
    async with hostile(b"HTTP/1.1 2") as proxy:
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.url)
        settings = UpstreamSettings(name="crm", base_url="https://crm.invalid", token=Secret(TOKEN))
        async with open_connection(settings) as connection:
            assert isinstance(await connection.run(REQUEST), NotSent)
