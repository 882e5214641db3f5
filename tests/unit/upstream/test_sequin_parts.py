"""The parts of the client: wire form, translation of failures, what is told of a sync, texts for people."""

from __future__ import annotations

import inspect
import json
import logging
import ssl
from datetime import UTC, datetime

import anyio
import httpx
import pytest

from syncspec.errors import UpstreamError
from syncspec.records import AwaitConsumers
from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream import connect, registry
from syncspec.upstream.protocol import ConnectContext, MutationKind, MutationRequest, NoAnswer
from syncspec.upstream.sequin.client import open_connection, retry_after
from syncspec.upstream.sequin.excerpt import clean, without
from syncspec.upstream.sequin.failures import ERRORS, Progress, translate
from syncspec.upstream.sequin.syncs import polling_seconds, sync_info
from syncspec.upstream.sequin.wire import mutation_body

NOW = datetime(2024, 11, 10, 12, 0, 0, tzinfo=UTC)


def create(**more):
    fields = {"sync_id": "s", "collection_id": "salesforce:contact", "records": ({"LastName": "A"},)}
    return MutationRequest(kind=MutationKind.CREATE, **(fields | more))


def test_a_create_has_exactly_the_documented_keys():
    assert mutation_body(create()) == (
        b'{"kind":"create","sync_id":"s","collection_id":"salesforce:contact","records":[{"data":{"LastName":"A"}}]}'
    )


def test_consumers_are_named_only_where_they_are_declared():
    named = json.loads(mutation_body(create(await_consumers=AwaitConsumers(ids=("a", "b")))))
    timed = json.loads(mutation_body(create(await_consumers=AwaitConsumers(ids=("a",), timeout_ms=500))))
    assert (named["await_consumer_ids"], "await_consumers_timeout" in named) == (["a", "b"], False)
    assert timed["await_consumers_timeout"] == 500


def test_values_keep_their_exact_form_on_the_wire():
    data = {
        "big": 10**30,
        "small": -(10**30),
        "zero": 0,
        "text": "é\u2028\U0001f600",
        "null": None,
        "list": [1.5, True],
    }
    assert json.loads(mutation_body(create(records=(data,))))["records"] == [{"data": data}]


def test_an_update_names_each_record_with_what_changes():
    request = MutationRequest(
        kind=MutationKind.UPDATE,
        sync_id="s",
        collection_id="a:b",
        records=({"A": 1}, {"B": None}),
        upstream_ids=("id-1", "id-2"),
    )
    assert json.loads(mutation_body(request)) == {
        "kind": "update",
        "sync_id": "s",
        "collection_id": "a:b",
        "records": [{"upstream_id": "id-1", "data": {"A": 1}}, {"upstream_id": "id-2", "data": {"B": None}}],
    }


def test_an_update_without_an_id_for_each_record_is_never_written():
    with pytest.raises(ValueError, match="zip"):
        mutation_body(MutationRequest(kind=MutationKind.UPDATE, sync_id="s", collection_id="a:b", records=({}, {})))


def test_a_delete_names_ids_and_nothing_else():
    request = MutationRequest(
        kind=MutationKind.DELETE,
        sync_id="s",
        collection_id="a:b",
        upstream_ids=("id-1", "id-2"),
        await_consumers=AwaitConsumers(ids=("a",)),
    )
    assert json.loads(mutation_body(request)) == {
        "kind": "delete",
        "sync_id": "s",
        "collection_id": "a:b",
        "upstream_ids": ["id-1", "id-2"],
        "await_consumer_ids": ["a"],
    }


def httpx_errors():
    return [
        value
        for value in vars(httpx).values()
        if inspect.isclass(value) and issubclass(value, Exception) and not issubclass(value, Warning)
    ]


def test_every_error_of_the_http_library_is_translated():
    assert len(httpx_errors()) > 20
    assert [error.__name__ for error in httpx_errors() if error not in ERRORS] == []


def test_only_failures_before_the_first_byte_count_as_not_sent():
    unsent = {error.__name__ for error, meaning in ERRORS.items() if not meaning.sent}
    assert unsent == {
        "ConnectError",
        "ConnectTimeout",
        "InvalidURL",
        "PoolTimeout",
        "ProxyError",
        "UnsupportedProtocol",
    }


OTHERS = [
    OSError("x"),
    ssl.SSLError("x"),
    anyio.BrokenResourceError(),
    anyio.EndOfStream(),
    ValueError("x"),
    EOFError(),
]


@pytest.mark.anyio
async def test_a_failure_of_any_kind_after_the_head_began_may_have_been_sent():
    progress = Progress(traced=True)
    await progress.trace("http11.send_request_headers.started", {"request": httpx.Request("POST", "http://x")})
    for error in [*OTHERS, httpx.ReadError("x"), httpx.ConnectError("x"), httpx.LocalProtocolError("x")]:
        assert translate(error, progress).sent, error


def test_a_failure_before_the_head_began_was_not_sent_where_the_transport_tells():
    for error in [*OTHERS, httpx.ReadError("x"), httpx.ConnectError("x")]:
        assert not translate(error, Progress(traced=True)).sent, error


def test_a_failure_of_a_transport_that_tells_nothing_may_have_been_sent():
    for error in [*OTHERS, httpx.ReadError("x"), httpx.WriteTimeout("x")]:
        assert translate(error, Progress(traced=False)).sent, error
    assert not translate(httpx.ConnectError("x"), Progress(traced=False)).sent


@pytest.mark.anyio
@pytest.mark.parametrize("error", [*OTHERS, RuntimeError("x"), KeyError("x"), RecursionError()], ids=repr)
async def test_run_raises_nothing_whatever_the_transport_does(error):
    class Broken(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            raise error

    settings = UpstreamSettings(name="crm", base_url="http://x.invalid")
    async with open_connection(settings, transport=Broken()) as connection:
        assert isinstance(await connection.run(create()), NoAnswer)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("99999999999999999999", 3600.0),
        ("9" * 6000, 3600.0),
        ("Sun, 10 Nov 2024 12:01:00 GMT", 60.0),
        ("Sun, 10 Nov 2024 12:01:00 -0000", 60.0),
        ("Sun, 10 Nov 2024 11:00:00 GMT", 0.0),
        ("Sun, 10 Nov 2034 11:00:00 GMT", 3600.0),
        ("-5", None),
        ("1.5", None),
        ("٧", None),
        ("soon", None),
        ("", None),
        ("Sun, 99 Nov 2024 99:99:99 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_bounded(value, seconds):
    assert retry_after(value, NOW) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("continuous", 0.0), ("4h", 14400.0), ("15m", 900.0), ("1d", 86400.0), ("30 sec", 30.0), ("1.5h", 5400.0)],
)
def test_a_polling_period_is_read_in_seconds(text, seconds):
    assert polling_seconds(text) == seconds


@pytest.mark.parametrize("value", [None, 4, True, "", "daily", "4", "h", "-4h", "4y", ["4h"], "9" * 5000 + "h"])
def test_a_polling_period_that_is_not_understood_is_not_told(value):
    assert polling_seconds(value) is None


@pytest.mark.parametrize(
    ("sync", "healthy"),
    [
        ({}, None),
        ({"health": None}, None),
        ({"health": "healthy"}, True),
        ({"health": {"status": "OK"}}, True),
        ({"health": {"status": "unhealthy"}}, False),
        ({"health": "degraded"}, False),
        ({"health": False}, False),
        ({"health": {"status": "purple"}}, None),
        ({"status": "active"}, True),
        ({"status": "needs_reauth"}, None),
        ({"status": "paused", "health": {"status": "healthy"}}, False),
        ({"status": 7, "health": [1]}, None),
    ],
)
def test_a_sync_is_healthy_only_where_it_says_so_and_nothing_says_otherwise(sync, healthy):
    assert sync_info("s", sync).healthy is healthy


@pytest.mark.parametrize(
    ("sync", "backfilled"),
    [
        ({}, None),
        ({"initial_backfill_completed_at": None}, False),
        ({"initial_backfill_completed_at": ""}, False),
        ({"initial_backfill_completed_at": "2024-01-01T00:00:00Z"}, True),
        ({"status": "backfilling"}, False),
        ({"status": "backfilling", "initial_backfill_completed_at": "2024-01-01T00:00:00Z"}, False),
    ],
)
def test_a_backfill_is_complete_only_where_a_time_is_told(sync, backfilled):
    assert sync_info("s", sync).backfilled is backfilled


def test_a_text_for_people_is_short_and_has_no_character_that_acts():
    assert clean("a\x00b\x1b[31m\u2066c\n\n d") == "a\\u{0}b\\u{1b}[31m\\u{2066}c d"
    assert clean("é漢\U0001f600") == "é漢\U0001f600"
    assert len(clean("\x00" * 10_000)) == 500
    assert len(clean("x" * 10_000_000, 20)) == 20


def test_a_token_is_taken_out_unless_it_is_an_ordinary_word():
    assert without("x secret-1 y secret-1", Secret("secret-1")) == "x *** y ***"
    assert without("test failed", Secret("test")) == "test failed"
    assert without("x", None) == "x"


@pytest.mark.anyio
@pytest.mark.parametrize("token", ["", " ", "a b", "a\nb", "a\x00b", "tökén"])
async def test_a_token_that_no_header_can_carry_is_refused_without_being_shown(token):
    with pytest.raises(UpstreamError, match="token") as caught:
        async with open_connection(UpstreamSettings(name="crm", base_url="http://x.invalid", token=Secret(token))):
            pass
    assert token.strip() == "" or token not in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize("url", ["http://user:pw-7f3a@x.invalid", "http://pw-7f3a@x.invalid", "http://[pw-7f3a"])
async def test_a_url_with_credentials_or_without_sense_is_refused(url):
    with pytest.raises(UpstreamError) as caught:
        async with open_connection(UpstreamSettings(name="crm", base_url=url)):
            pass
    assert "pw-7f3a" not in str(caught.value)


@pytest.mark.anyio
async def test_the_token_shows_up_in_no_log_and_no_text(hostile, reply, caplog):
    caplog.set_level(logging.DEBUG)
    token = "canary-9c41d7"
    for answer in (reply(200, "<html>"), reply(401, {"error": token}), b"", b"HTTP/1.1 " + token.encode()):
        async with hostile(answer, token=Secret(f" {token}\n")) as server:
            result = await server.connection.run(create())
            assert server.seen[0].headers["authorization"] == f"Bearer {token}"
            with pytest.raises(UpstreamError) as caught:
                await server.connection.describe("s")
            assert (
                token not in f"{result!r}{server.connection!r}{vars(server.connection)!r}{caught.value!r}{caught.value}"
            )
    assert "httpcore" in {record.name.partition(".")[0] for record in caplog.records}
    assert token not in caplog.text


@pytest.mark.anyio
async def test_a_broken_certificate_setting_is_told_without_a_traceback(monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    with pytest.raises(UpstreamError, match="cannot be set up"):
        async with open_connection(UpstreamSettings(name="crm", base_url="https://x.invalid")):
            pass


def test_both_types_of_upstream_are_registered():
    assert {"embedded", "sequin"} <= set(registry.types())


def test_an_unknown_type_of_upstream_names_the_nearest(tmp_path):
    with pytest.raises(UpstreamError, match="Unknown type") as caught:
        connect(UpstreamSettings(name="crm", type="sequine"), ConnectContext(state_dir=tmp_path))
    assert caught.value.diagnostics[0].hint == 'did you mean "sequin"?'


@pytest.mark.anyio
async def test_the_registry_connects_to_an_endpoint(hostile, reply, tmp_path):
    async with hostile(reply(200, {"records": [{"upstream_id": "A"}]})) as server:
        settings = UpstreamSettings(name="crm", type="sequin", base_url=server.url)
        async with connect(settings, ConnectContext(state_dir=tmp_path)) as connection:
            result = await connection.run(create())
    assert [record.upstream_id for record in result.records] == ["A"]
