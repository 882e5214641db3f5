"""Faults of mutations: what the client gets, what is stored, what is counted."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime

import orjson
import pytest
from support.builders import NOW
from support.faulty import CONTACT, SYNC, faulty

pytestmark = pytest.mark.anyio

ABC = ("a", "b", "c")
STORED = {"all": ["a", "b", "c"], "none": [], "part": ["a"], "late": []}
WORDS = {"all": "committed", "none": "not committed", "part": "committed in part", "late": "committed late"}


def rule(fault, commit=None, **more):
    """One rule for every mutation."""
    given = {"fault": fault} | ({"commit": commit} if commit else {}) | more
    return {"mutations": [given | ({"late_seconds": 20} if commit == "late" else {})]}


@pytest.mark.parametrize("commit", STORED)
@pytest.mark.parametrize(
    ("fault", "more", "status", "text"),
    [
        ("timeout", {}, 504, "Error: Salesforce API timed out"),
        ("error", {}, 500, "Error: Internal Server Error"),
        ("error", {"status": 503, "message": "down"}, 503, "Error: down"),
        ("error", {"status": 400}, 400, "Error: Salesforce validation error: `Invalid value`"),
        ("error", {"status": 400, "message": "Bad"}, 400, "Error: Salesforce validation error: `Bad`"),
        ("error", {"status": 401}, 401, "Error: Unauthorized"),
        ("error", {"status": 403}, 403, "Error: Forbidden"),
        ("error", {"status": 599}, 599, "Error: HTTP 599"),
        ("rate_limited", {}, 429, "Error: Too many requests"),
    ],
)
async def test_an_error_says_what_the_rule_says_and_stores_what_the_rule_says(commit, fault, more, status, text):
    async with faulty(rule(fault, commit, **more)) as upstream:
        answer = await upstream.create(*ABC)
        assert (answer.status_code, answer.json()) == (status, {"error": text, "docs": []})
        assert upstream.stored() == await upstream.listed() == STORED[commit]
        assert upstream.faults.counts == {f"{fault.replace('_', ' ')}, {WORDS[commit]}": 1}


@pytest.mark.parametrize("commit", STORED)
@pytest.mark.parametrize("fault", ["dropped_connection", "no_answer"])
async def test_a_lost_answer_tells_nothing_of_what_is_stored(commit, fault):
    async with faulty(rule(fault, commit)) as upstream:
        assert await upstream.create(*ABC) is None
        assert upstream.stored() == STORED[commit]


async def test_no_answer_holds_the_connection_for_the_time_that_the_rule_says():
    async with faulty(rule("no_answer", "all", seconds=90)) as upstream:
        await upstream.create("a")
        assert upstream.clock.slept == [90]
    async with faulty(rule("no_answer", "all")) as upstream:
        await upstream.create("a")
        assert upstream.clock.slept == [3600]


@pytest.mark.parametrize("commit", ["all", "part"])
async def test_a_truncated_body_is_the_beginning_of_the_true_answer(commit, monkeypatch):
    sent = []
    async with faulty(rule("truncated_body", commit)) as upstream:
        original = upstream.http._transport._app

        async def noted(scope, receive, send):
            async def noting(message):
                sent.append(message)
                await send(message)

            await original(scope, receive, noting)

        upstream.http._transport._app = noted
        assert await upstream.create(*ABC) is None
        assert upstream.stored() == STORED[commit]
        (start, body) = sent
        announced = int(dict(start["headers"])[b"content-length"])
        assert (start["status"], body["more_body"]) == (200, True)
        assert b'{"records":[{"id":"rec_1"'.startswith(body["body"][:25])
        assert 0 < len(body["body"]) < announced


@pytest.mark.parametrize("commit", STORED)
async def test_an_unreadable_body_comes_with_a_success(commit):
    async with faulty(rule("unreadable_body", commit)) as upstream:
        answer = await upstream.create(*ABC)
        assert answer.status_code == 200
        with pytest.raises(ValueError, match="Expecting value"):
            answer.json()
        assert upstream.stored() == STORED[commit]


async def test_a_consumer_that_takes_too_long_is_a_500_after_all_was_stored():
    async with faulty(rule("consumer_timeout")) as upstream:
        answer = await upstream.create(*ABC, await_consumer_ids=["wh-1"], await_consumers_timeout=5)
        assert (answer.status_code, answer.json()["error"]) == (500, "Error: timed out waiting for consumers")
        assert upstream.stored() == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("form", "read"),
    [
        ("seconds", lambda value: float(value)),
        ("date", lambda value: (parsedate_to_datetime(value) - NOW).total_seconds()),
    ],
)
async def test_a_rate_limit_asks_for_a_pause_in_either_form(form, read):
    limited = rule("rate_limited", "part", retry_after_seconds=7.2, retry_after_form=form)
    async with faulty(limited) as upstream:
        answer = await upstream.create(*ABC)
        assert read(answer.headers["retry-after"]) == 8
        assert upstream.stored() == ["a"]


async def test_ids_only_and_echo_show_the_true_ids():
    for fault, data in (("ids_only", None), ("echo", {"LastName": "a"})):
        async with faulty(rule(fault)) as upstream:
            answer = await upstream.create("a")
            (row,) = await upstream.rows()
            expected = {"upstream_id": row["upstream_id"]} | ({"data": data} if data else {})
            assert answer.json() == {"records": [expected]}


async def test_an_echo_shows_what_was_sent_and_not_what_was_stored():
    async with faulty(rule("echo")) as upstream:
        body = {"collection_id": "hubspot:contact", "kind": "create", "records": [{"data": {"email": " A@X.org "}}]}
        answer = await upstream.post(**body)
        (row,) = await upstream.rows()
        assert answer.json()["records"][0]["data"] == {"email": " A@X.org "}
        assert row["data"] == {"email": "a@x.org"}


@pytest.mark.parametrize("seed", range(5))
async def test_out_of_order_is_never_the_order_of_the_request(seed):
    async with faulty(rule("out_of_order"), seed=seed) as upstream:
        answer = await upstream.create("a", "b")
        assert [row["data"]["LastName"] for row in answer.json()["records"]] == ["b", "a"]
        assert upstream.stored() == ["a", "b"]
        one = await upstream.create("c")
        assert [row["data"]["LastName"] for row in one.json()["records"]] == ["c"]


async def test_ids_only_can_be_out_of_order_too():
    async with faulty(rule("ids_only", shuffled=True)) as upstream:
        answer = await upstream.create("a", "b")
        ids = [row["upstream_id"] for row in await upstream.rows()]
        assert [row["upstream_id"] for row in answer.json()["records"]] == ids[::-1]


async def test_latency_delays_the_true_answer_and_the_commit():
    async with faulty(rule("latency", delay_seconds=3)) as upstream:
        answer = await upstream.create("a")
        assert answer.json()["records"][0]["upstream_created_at"] == "2026-01-01T00:00:03.000000Z"
        assert upstream.faults.counts == {"latency, committed": 1}


@pytest.mark.parametrize(
    ("part", "stored"),
    [
        ({"records": 2}, ["a", "b"]),
        ({"records": 9}, ["a", "b", "c", "d"]),
        ({"records": 0}, []),
        ({"share": 0.75}, ["a", "b", "c"]),
        ({}, ["a", "b"]),
    ],
)
async def test_the_part_that_is_stored_is_as_large_as_the_rule_says(part, stored):
    async with faulty(rule("error", "part", part=part)) as upstream:
        await upstream.create("a", "b", "c", "d")
        assert upstream.stored() == stored


async def test_a_part_that_is_drawn_keeps_the_order_and_differs_between_requests():
    async with faulty(rule("error", "part", status=400, part={"records": 3, "random": True})) as upstream:
        drawn = set()
        for request in range(10):
            names = [f"{request}{letter}" for letter in "abcdef"]
            await upstream.create(*names)
            stored = [name[1] for name in upstream.stored() if name.startswith(str(request))]
            assert (len(stored), sorted(stored)) == (3, stored)
            drawn.add("".join(stored))
        assert len(drawn) > 3
        assert (
            upstream.lines[0] == "error, committed in part: create of 6 records of salesforce:contact, 3 of them stored"
        )


async def test_updates_and_deletes_can_be_stored_in_part():
    async with faulty(
        mutations=[{"fault": "timeout", "commit": "part", "kind": kind} for kind in ("update", "delete")]
    ) as up:
        ids = [row["upstream_id"] for row in (await up.create(*ABC)).json()["records"]]
        await up.post(kind="update", records=[{"upstream_id": each, "data": {"LastName": "x"}} for each in ids])
        assert up.stored() == ["b", "c", "x"]
        await up.post(kind="delete", upstream_ids=ids[::-1])
        assert up.stored() == ["b", "x"]
        assert up.faults.counts == {"timeout, committed in part": 2}


async def test_a_late_commit_happens_when_it_is_due_and_as_if_at_that_time():
    async with faulty(rule("timeout", "late", times=1)) as upstream:
        assert (await upstream.create("late")).status_code == 504
        upstream.wait(19)
        assert await upstream.listed() == []
        assert upstream.faults.waiting == 1
        upstream.wait(30)
        await upstream.create("prompt")
        rows = await upstream.rows()
        assert [row["data"]["LastName"] for row in rows] == ["late", "prompt"]
        assert rows[0]["upstream_created_at"] == "2026-01-01T00:00:20.000000Z"
        assert upstream.faults.waiting == 0


async def test_late_commits_happen_in_the_order_in_which_they_are_due():
    late = {"fault": "dropped_connection", "commit": "late"}
    rules = [late | {"late_seconds": seconds, "requests": [number]} for number, seconds in enumerate((30, 10, 20), 1)]
    async with faulty(mutations=rules) as upstream:
        for name in ABC:
            await upstream.create(name)
        upstream.wait(60)
        await upstream.faults.settle()
        assert upstream.stored() == ["b", "c", "a"]


async def test_a_late_commit_that_is_refused_when_it_is_due_is_told_and_gone():
    late = {"fault": "timeout", "commit": "late", "late_seconds": 5, "kind": "update"}
    async with faulty(mutations=[late]) as upstream:
        (row,) = (await upstream.create("a")).json()["records"]
        await upstream.post(kind="update", records=[{"upstream_id": row["upstream_id"], "data": {"LastName": "b"}}])
        await upstream.post(kind="delete", upstream_ids=[row["upstream_id"]])
        upstream.wait(5)
        assert await upstream.listed() == []
        assert upstream.faults.counts == {"timeout, committed late": 1, "late commit refused": 1}
        assert upstream.faults.waiting == 0


async def test_a_mutation_that_is_refused_anyway_gets_its_true_refusal():
    async with faulty(rule("timeout", "all")) as upstream:
        answer = await upstream.post(kind="delete", upstream_ids=["003nothing"])
        assert answer.status_code == 400
        assert "was never there" in answer.json()["error"]
        assert upstream.faults.counts == {}


async def test_rules_apply_to_what_they_name_only():
    rules = [
        {"fault": "error", "commit": "none", "status": 501, "collection_id": "hubspot:contact"},
        {"fault": "error", "commit": "none", "status": 502, "sync_id": "sync-2"},
        {"fault": "error", "commit": "none", "status": 503, "kind": "delete"},
    ]
    async with faulty(mutations=rules) as upstream:
        answers = [
            await upstream.create("a"),
            await upstream.create("a", collection_id="hubspot:contact"),
            await upstream.create("a", sync_id="sync-2"),
            await upstream.post(kind="delete", upstream_ids=["x"]),
        ]
        assert [answer.status_code for answer in answers] == [200, 501, 502, 503]


async def test_the_first_rule_that_hits_decides_and_the_others_count_on():
    rules = [
        {"fault": "error", "commit": "none", "status": 501, "requests": [2, 3]},
        {"fault": "error", "commit": "none", "status": 502, "every": 2},
        {"fault": "error", "commit": "none", "status": 503, "times": 1},
    ]
    async with faulty(mutations=rules) as upstream:
        codes = [(await upstream.create("a")).status_code for _ in range(6)]
        assert codes == [503, 501, 501, 502, 200, 502]


async def test_a_rule_can_hold_for_a_while_only():
    outage = {"fault": "error", "commit": "none", "status": 401, "during": {"from_seconds": 10, "to_seconds": 20}}
    async with faulty(mutations=[outage]) as upstream:
        codes = []
        for _ in range(4):
            codes.append((await upstream.create("a")).status_code)
            upstream.wait(8)
        assert codes == [200, 200, 401, 200]


async def test_a_range_draws_anew_for_each_request():
    async with faulty(rule("latency", delay_seconds={"min": 1, "max": 2})) as upstream:
        for _ in range(5):
            await upstream.create("a")
        assert len(set(upstream.clock.slept)) == 5
        assert all(1 <= seconds <= 2 for seconds in upstream.clock.slept)


async def test_the_lag_is_counted_once_for_each_commit_also_of_late_ones():
    late = {"fault": "timeout", "commit": "late", "late_seconds": 10, "times": 1}
    async with faulty(mutations=[late], replica_lag_seconds=5) as upstream:
        await upstream.create("late")
        await upstream.create("prompt")
        upstream.wait(14.9)
        assert await upstream.listed() == ["prompt"]
        upstream.wait(0.1)
        assert await upstream.listed() == ["prompt", "late"]
        assert upstream.faults.counts == {"timeout, committed late": 1, "replica lag": 2}


async def test_a_range_of_lags_lets_an_earlier_row_show_after_a_later_one_was_read():
    async with faulty(replica_lag_seconds={"min": 1, "max": 9}) as upstream:
        for number in range(20):
            await upstream.create(str(number))
        upstream.wait(5)
        seen = await upstream.rows()
        upstream.wait(5)
        missed = {row["updated_idx"] for row in await upstream.rows()} - {row["updated_idx"] for row in seen}
        assert min(missed) < max(row["updated_idx"] for row in seen)


async def test_the_store_says_what_it_was_asked_for():
    async with faulty(rule("timeout", "all")) as upstream:
        await upstream.create("a")
        (row,) = await upstream.rows()
        assert (row["sync_id"], row["collection_id"]) == (SYNC, CONTACT)
        assert orjson.dumps(row["data"]) == b'{"LastName":"a"}'
        assert upstream.clock.now() - NOW == timedelta(0)
