"""What clients get where something goes wrong."""

from __future__ import annotations

import math
import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import TypeVar, assert_never

import anyio
import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from syncspec.records import Json
from syncspec.upstream.embedded.answers import DroppedAnswer, mutation_error, read_error, records
from syncspec.upstream.embedded.faults.models import MutationRule, ReadRule, Rule
from syncspec.upstream.embedded.faults.schedule import Hit
from syncspec.upstream.embedded.faults.terms import MutationFault, ReadFault, RetryAfterForm
from syncspec.upstream.embedded.mutations import Mutation
from syncspec.upstream.embedded.refusals import RefusedError

__all__ = ["Sleep", "mutation_answer", "read_answer"]

Sleep = Callable[[float], Awaitable[None]]
T = TypeVar("T")
R = TypeVar("R", bound=Rule)

ENDLESS_SECONDS = 3600.0
"""How long `no_answer` holds a connection, unless told otherwise."""

_PAGE = b"<html><body>Sign in to continue</body></html>"


class _NoAnswer(DroppedAnswer):
    """Keeps the client waiting, then closes the connection; ends early where the client goes away."""

    def __init__(self, seconds: float, sleep: Sleep) -> None:
        super().__init__()
        self._seconds = seconds
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_cancel_once_gone, receive, tasks.cancel_scope)
            await self._sleep(self._seconds)
            tasks.cancel_scope.cancel()
        await super().__call__(scope, receive, send)


async def _cancel_once_gone(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


class _Truncated(Response):
    """Announces a whole body and sends its beginning; the connection closes then."""

    def __init__(self, whole: bytes, draw: random.Random) -> None:
        super().__init__(whole, media_type="application/json")
        self._sent = whole[: draw.randrange(1, len(whole))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self._sent, "more_body": True})


def mutation_answer(
    hit: Hit[MutationRule], mutation: Mutation, bodies: Sequence[bytes], *, now: datetime, sleep: Sleep
) -> Response:
    """Answer a mutation that was hit. `bodies`: the records that were stored by now."""
    rule, draw = hit.rule, hit.draw
    match rule.fault:
        case MutationFault.TIMEOUT:
            return mutation_error(504, f"{mutation.provider.capitalize()} API timed out")
        case MutationFault.ERROR:
            return mutation_error(rule.status or 500, _message(rule, mutation.collection_id))
        case MutationFault.RATE_LIMITED:
            return _rate_limited(hit, mutation_error(429, "Too many requests"), now)
        case MutationFault.CONSUMER_TIMEOUT:
            return mutation_error(500, "timed out waiting for consumers")
        case MutationFault.DROPPED_CONNECTION:
            return DroppedAnswer()
        case MutationFault.NO_ANSWER:
            return _no_answer(hit, sleep)
        case MutationFault.TRUNCATED_BODY:
            return _Truncated(bytes(records(bodies).body), draw)
        case MutationFault.UNREADABLE_BODY:
            return _unreadable()
        case MutationFault.IDS_ONLY | MutationFault.ECHO:
            shown = [orjson.dumps(row) for row in _shown(rule.fault, mutation, bodies)]
            return records(_shuffled(shown, draw) if rule.shuffled else shown)
        case MutationFault.OUT_OF_ORDER:
            return records(_shuffled(bodies, draw))
        case MutationFault.LATENCY:
            return records(bodies)
        case _:
            assert_never(rule.fault)


async def read_answer(
    hit: Hit[ReadRule], honest: Callable[[], Awaitable[Response]], *, now: datetime, sleep: Sleep
) -> Response:
    """Answer a read that was hit; `honest` gives the answer that is sent, or spoilt on the way."""
    rule = hit.rule
    match rule.fault:
        case ReadFault.ERROR:
            return read_error(rule.status or 500, _message(rule, None))
        case ReadFault.RATE_LIMITED:
            return _rate_limited(hit, read_error(429, "Too many requests"), now)
        case ReadFault.DROPPED_CONNECTION:
            return DroppedAnswer()
        case ReadFault.NO_ANSWER:
            return _no_answer(hit, sleep)
        case ReadFault.TRUNCATED_BODY:
            return _Truncated(bytes((await honest()).body), hit.draw)
        case ReadFault.UNREADABLE_BODY:
            return _unreadable()
        case ReadFault.LATENCY | ReadFault.EMPTY_PAGE | ReadFault.DUPLICATED_ROWS | ReadFault.STREAM_RESET:
            return await honest()
        case _:
            assert_never(rule.fault)


def _message(rule: Rule, collection_id: str | None) -> str:
    """What an error says: what the rule says, in the provider's name where it refuses a mutation."""
    status = rule.status or 500
    if collection_id is not None and status in (400, 409, 422):
        return RefusedError.by_provider(collection_id, rule.message or "Invalid value").message
    if rule.message is not None:
        return rule.message
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"HTTP {status}"


def _rate_limited(hit: Hit[R], answer: Response, now: datetime) -> Response:
    wanted = hit.rule.retry_after_seconds
    if wanted is not None:
        seconds = math.ceil(hit.amount(wanted))
        if hit.rule.retry_after_form is RetryAfterForm.DATE:
            moment = (now + timedelta(seconds=seconds)).astimezone(UTC)
            answer.headers["retry-after"] = format_datetime(moment, usegmt=True)
        else:
            answer.headers["retry-after"] = str(seconds)
    return answer


def _no_answer(hit: Hit[R], sleep: Sleep) -> Response:
    wanted = hit.rule.seconds
    return _NoAnswer(ENDLESS_SECONDS if wanted is None else hit.amount(wanted), sleep)


def _unreadable() -> Response:
    return Response(_PAGE, media_type="text/html")


def _shown(fault: MutationFault, mutation: Mutation, bodies: Sequence[bytes]) -> list[dict[str, Json]]:
    ids: list[Json] = [orjson.loads(body)["upstream_id"] for body in bodies]
    if fault is MutationFault.IDS_ONLY:
        return [{"upstream_id": upstream_id} for upstream_id in ids]
    return [{"upstream_id": each, "data": item.data} for each, item in zip(ids, mutation.items, strict=True)]


def _shuffled(items: Sequence[T], draw: random.Random) -> list[T]:
    """Another order, wherever there is one: a draw may give the same again, and then they are turned round."""
    shuffled = draw.sample(items, len(items))
    return shuffled[::-1] if shuffled == list(items) else shuffled
