"""The wire of the embedded upstream: names, shapes and refusals."""

from __future__ import annotations

import pytest

from syncspec.upstream.protocol import AwaitConsumers, MutationKind, MutationRequest

pytestmark = pytest.mark.anyio

SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"
WHERE = {"sync_id": SYNC, "collection_id": "salesforce:contact"}
ONE = [{"data": {"LastName": "A"}}]


async def test_an_answer_to_a_create_has_the_documented_fields(upstream):
    async with upstream() as opened:
        answer = (await opened.post(kind="create", records=ONE)).json()
    record = answer["records"][0]
    assert set(answer) == {"records"}
    assert (record["sync_id"], record["collection_id"]) == (SYNC, "salesforce:contact")
    assert record["data"] == {"LastName": "A"}
    assert record["deleted"] is False
    assert record["upstream_updated_at"].endswith("Z")


async def test_records_may_be_called_data_and_a_collection_filter_collection(upstream):
    async with upstream() as opened:
        created = await opened.post(kind="create", data=ONE)
        listed = await opened.http.get("/v1/records", params={"collection": "salesforce:contact"})
        other = await opened.http.get("/v1/records", params={"collection": "salesforce:lead"})
        provider = await opened.http.get("/v1/records", params={"provider": "hubspot"})
    assert created.status_code == 200
    assert [len(answer.json()["records"]) for answer in (listed, other, provider)] == [1, 0, 0]


async def test_a_page_holds_a_hundred_records_unless_asked_otherwise(upstream):
    async with upstream() as opened:
        for _ in range(3):
            await opened.create(*({"n": n} for n in range(50)))
        lengths = [
            len((await opened.http.get("/v1/records", params=WHERE | extra)).json()["records"])
            for extra in ({}, {"limit": "7"}, {"limit": "1000"})
        ]
    assert lengths == [100, 7, 150]


async def test_a_list_that_cannot_be_given_is_refused_with_a_summary(upstream):
    limits = [{"limit": limit} for limit in ("0", "1001", "-1", "ten", "9" * 5000, "²")]
    cursors = [{"after_cursor": cursor} for cursor in ("!", "x", "LTE", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5", "\u0661")]
    async with upstream() as opened:
        for params in limits + cursors:
            answer = await opened.http.get("/v1/records", params=WHERE | params)
            assert (answer.status_code, list(answer.json())) == (400, ["summary"]), params


async def test_without_the_token_every_route_answers_401_in_its_own_shape(upstream):
    async with upstream() as opened:
        for header in ("", "Bearer wrong", "Basic contract-token-7f3a", "contract-token-7f3a", "Bearer"):
            opened.http.headers["authorization"] = header
            write = await opened.post(kind="create", records=ONE)
            reads = [await opened.http.get(path) for path in ("/v1/records", "/v1/syncs", f"/v1/syncs/{SYNC}")]
            assert write.status_code == 401, header
            assert set(write.json()) == {"error", "docs"}
            assert [(read.status_code, list(read.json())) for read in reads] == [(401, ["summary"])] * 3
        assert await opened.listed() == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", "not JSON"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "must be an object"),
        (b"{}", '"kind"'),
        (b'{"kind":"upsert"}', '"kind"'),
        (b'{"kind":["create"]}', '"kind"'),
        (b'{"kind":"create","sync_id":"s","collection_id":"contact","records":[{"data":{}}]}', "provider:name"),
        (b'{"kind":"create","sync_id":7,"collection_id":"a:b","records":[{"data":{}}]}', '"sync_id"'),
        (b'{"kind":"create","sync_id":"s","collection_id":"a:b"}', '"records"'),
        (b'{"kind":"create","sync_id":"s","collection_id":"a:b","records":[]}', '"records"'),
        (b'{"kind":"create","sync_id":"s","collection_id":"a:b","records":{}}', '"records"'),
        (b'{"kind":"create","sync_id":"s","collection_id":"a:b","records":[{"data":{}},1]}', "records[1].data"),
        (b'{"kind":"create","sync_id":"s","collection_id":"a:b","records":[{"data":[]}]}', "records[0].data"),
        (b'{"kind":"update","sync_id":"s","collection_id":"a:b","records":[{"data":{}}]}', "upstream_id"),
        (b'{"kind":"delete","sync_id":"s","collection_id":"a:b","upstream_ids":[""]}', "upstream_ids[0]"),
        (
            b'{"kind":"create","sync_id":"s","collection_id":"a:b","records":[{"data":{}}],"await_consumer_ids":"x"}',
            "await_consumer_ids",
        ),
    ],
)
async def test_a_malformed_mutation_is_refused_with_the_place_of_the_mistake(upstream, body, words):
    async with upstream() as opened:
        answer = await opened.http.post("/v1/mutations/run", content=body)
        everything = await opened.http.get("/v1/records")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Error: ")
    assert words in answer.json()["error"]
    assert answer.json()["docs"] == []
    assert everything.json()["records"] == []


async def test_more_records_than_the_provider_takes_are_refused(upstream):
    async with upstream() as opened:
        for collection, most in (("salesforce:contact", 200), ("hubspot:company", 100), ("stripe:customer", 1)):
            full = await opened.post(kind="create", collection_id=collection, records=[{"data": {}}] * most)
            over = await opened.post(kind="create", collection_id=collection, records=[{"data": {}}] * (most + 1))
            assert (full.status_code, over.status_code) == (200, 400), collection


async def test_consumers_that_are_waited_for_do_not_change_the_answer(upstream):
    request = MutationRequest(
        kind=MutationKind.CREATE,
        sync_id=SYNC,
        collection_id="salesforce:contact",
        records=({"LastName": "A"},),
        await_consumers=AwaitConsumers(ids=("wh-1",), timeout_ms=100),
    )
    async with upstream() as opened:
        answer = await opened.connection.run(request)
    assert (answer.status, len(answer.records)) == (200, 1)


async def test_a_path_or_method_that_does_not_exist_is_told_as_json(upstream):
    async with upstream() as opened:
        missing, method = await opened.http.get("/v2/nothing"), await opened.http.get("/v1/mutations/run")
    assert (missing.status_code, method.status_code) == (404, 405)
    assert "summary" in missing.json()


async def test_an_error_answer_reaches_the_caller_as_text(upstream, new):
    async with upstream() as opened:
        answer = await opened.connection.run(new({"Email": "nobody"}))
    assert (answer.status, answer.text) == (400, "Error: Salesforce validation error: `Invalid email`")
