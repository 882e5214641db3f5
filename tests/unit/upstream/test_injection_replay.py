"""The same seed and the same requests give the same faults, whatever else is going on."""

from __future__ import annotations

import sqlite3
import time

import anyio
import anyio.lowlevel
import httpx
import pytest
from support.faulty import faulty, spec_of

from syncspec.errors import UsageError
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.faults.injection import Faults
from syncspec.upstream.embedded.store import Filter, Store
from syncspec.upstream.embedded.transport import in_process

pytestmark = pytest.mark.anyio

EVERYTHING = {
    "replica_lag_seconds": {"min": 0, "max": 5},
    "mutations": [
        {"fault": "timeout", "commit": "late", "late_seconds": {"min": 1, "max": 9}, "probability": 0.2},
        {"fault": "error", "commit": "part", "part": {"share": 0.5, "random": True}, "probability": 0.2},
        {"fault": "truncated_body", "probability": 0.2},
        {"fault": "out_of_order", "delay_seconds": {"min": 0, "max": 2}, "probability": 0.2},
    ],
    "reads": [
        {"fault": "duplicated_rows", "probability": 0.2},
        {"fault": "stream_reset", "refill_seconds": {"min": 0, "max": 4}, "old_cursors": "restart", "probability": 0.1},
        {"fault": "error", "probability": 0.2},
    ],
}


async def story(seed: int, rounds: int = 40) -> tuple[list[object], dict[str, int], list[str]]:
    """What a client sees that sends the same in every story."""
    seen: list[object] = []
    async with faulty(EVERYTHING, seed=seed) as upstream:
        for number in range(rounds):
            for answer in (
                await upstream.create(*(f"{number}.{each}" for each in range(4))),
                await upstream.get(limit=10),
            ):
                seen.append(None if answer is None else (answer.status_code, answer.text))
            upstream.wait(0.7)
        return seen, dict(upstream.faults.counts), upstream.lines


async def test_the_same_seed_and_requests_give_the_same_answers_counts_and_lines():
    first, second, other = await story(1), await story(1), await story(2)
    assert first == second
    assert first != other
    assert len(first[1]) == 8
    assert sum(first[1].values()) == len(first[2])


async def test_requests_of_one_rule_change_nothing_for_another():
    def rules(first):
        return [
            {"fault": "error", "commit": "none", "collection_id": "salesforce:lead", "probability": first},
            {"fault": "error", "commit": "none", "collection_id": "salesforce:contact", "probability": 0.5},
        ]

    told = []
    for leads, probability in ((0, 0.5), (3, 0.5), (3, 1.0)):
        async with faulty(mutations=rules(probability)) as upstream:
            codes = []
            for _ in range(30):
                for _ in range(leads):
                    await upstream.create("x", collection_id="salesforce:lead")
                codes.append((await upstream.create("x")).status_code)
            told.append(codes)
    assert told[0] == told[1] == told[2]
    assert set(told[0]) == {200, 500}


async def test_a_seed_from_outside_wins_over_the_files_and_one_is_drawn_where_there_is_none():
    assert Faults(spec_of(seed=5)).seed == 5
    assert Faults(spec_of(seed=5), seed=6).seed == 6
    assert Faults(spec_of(seed=5), seed=0).seed == 0
    assert Faults(spec_of()).seed != Faults(spec_of()).seed


async def test_faults_go_on_where_they_were_when_the_upstream_is_opened_again(tmp_path):
    late = {"fault": "timeout", "commit": "late", "late_seconds": 30, "requests": [2]}
    async with faulty(mutations=[late], path=tmp_path / "store") as first:
        await first.create("a")
        await first.create("b")
    first.wait(30)
    again = Store.open(tmp_path / "store", now=first.clock.now)
    app = create_app(again, faults=first.faults, offload=False)
    async with in_process(app) as transport, httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        rows = (await client.get("/v1/records")).json()["records"]
    again.close()
    assert [row["data"] for row in rows] == [{"LastName": "a"}, {"LastName": "b"}]


async def test_what_the_store_cannot_take_when_it_is_due_stays_due(monkeypatch):
    async with faulty(mutations=[{"fault": "timeout", "commit": "late", "late_seconds": 5}]) as upstream:
        await upstream.create("a")
        upstream.wait(5)
        with monkeypatch.context() as patch:
            patch.setattr(Store, "apply", full)
            assert (await upstream.get()).status_code == 503
            assert upstream.faults.waiting == 1
        assert await upstream.listed() == ["a"]


def full(*arguments, **options):
    raise sqlite3.OperationalError("database or disk is full")


async def test_what_is_due_is_committed_also_when_no_request_comes():
    store = Store.open(None)
    faults = Faults(spec_of(mutations=[{"fault": "timeout", "commit": "late", "late_seconds": 0.05}]))
    app = create_app(store, faults=faults)
    body = {"kind": "create", "sync_id": "s", "collection_id": "salesforce:contact", "records": [{"data": {}}]}
    async with (
        in_process(app) as transport,
        httpx.AsyncClient(transport=transport, base_url="http://x") as client,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(faults.watch)
        for _ in range(2):
            assert (await client.post("/v1/mutations/run", json=body)).status_code == 504
        deadline = time.monotonic() + 60
        while len(store.page(Filter(), after=0, limit=9).bodies) < 2:
            assert time.monotonic() < deadline
            await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    assert faults.waiting == 0
    store.close()


async def test_rules_that_were_built_in_python_are_checked_too():
    with pytest.raises(UsageError, match=r"mutations\.0\.fault: The fault timeout does not tell"):
        Faults(spec_of(mutations=[{"fault": "timeout"}]))
