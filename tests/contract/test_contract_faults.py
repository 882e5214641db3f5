"""What a writer says when the answer is lost, and what the upstream then holds."""

from __future__ import annotations

import anyio
import pytest
from starlette.responses import Response

from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.protocol import Answered, NoAnswer

pytestmark = pytest.mark.anyio


class Quiet:
    async def before(self, mutation):
        return None

    async def after(self, mutation):
        return None


class DropBefore(Quiet):
    async def before(self, mutation):
        raise ConnectionDroppedError


class DropAfter(Quiet):
    async def after(self, mutation):
        raise ConnectionDroppedError


class TimeOutAfter(Quiet):
    async def after(self, mutation):
        return Response('{"error":"Error: Salesforce API timed out","docs":[]}', 504)


class TooManyBefore(Quiet):
    async def before(self, mutation):
        return Response("{}", 429, {"retry-after": "7"})


class Held(Quiet):
    """Holds a mutation until it is released, and tells when it was stored."""

    def __init__(self):
        self.release, self.stored = anyio.Event(), anyio.Event()

    async def before(self, mutation):
        await self.release.wait()

    async def after(self, mutation):
        self.stored.set()


async def test_a_connection_that_drops_before_the_commit_leaves_the_outcome_unknown(upstream, new):
    async with upstream(fault=DropBefore()) as opened:
        result = await opened.connection.run(new({"LastName": "A"}))
        rows = await opened.listed()
    assert isinstance(result, NoAnswer)
    assert rows == []


async def test_a_connection_that_drops_after_the_commit_leaves_the_outcome_unknown(upstream, new):
    async with upstream(fault=DropAfter()) as opened:
        result = await opened.connection.run(new({"LastName": "A"}))
        rows = await opened.listed()
    assert isinstance(result, NoAnswer)
    assert [row.data for row in rows] == [{"LastName": "A"}]


async def test_a_gateway_time_out_after_the_commit_is_an_answer_and_the_record_is_there(upstream, new):
    async with upstream(fault=TimeOutAfter()) as opened:
        result = await opened.connection.run(new({"LastName": "A"}))
        rows = await opened.listed()
    assert isinstance(result, Answered)
    assert (result.status, result.text, result.records) == (504, "Error: Salesforce API timed out", ())
    assert len(rows) == 1


async def test_a_rate_limit_tells_how_long_to_wait(upstream, new):
    async with upstream(fault=TooManyBefore()) as opened:
        result = await opened.connection.run(new({"LastName": "A"}))
        rows = await opened.listed()
    assert (result.status, result.retry_after) == (429, 7.0)
    assert rows == []


async def test_a_request_that_we_gave_up_on_may_still_land(upstream, new):
    fault = Held()
    async with upstream(fault=fault, seconds=0.2) as opened:
        result = await opened.connection.run(new({"LastName": "A"}))
        fault.release.set()
        await fault.stored.wait()
        rows = await opened.listed()
    assert isinstance(result, NoAnswer)
    assert [row.data for row in rows] == [{"LastName": "A"}]
