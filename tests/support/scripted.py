"""An upstream that gives the answers that a test scripts, and keeps every request."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from syncspec.records import ObservedRecord
from syncspec.upstream.protocol import Answered, MutationRequest, Page, SendResult, SyncInfo

Answer = SendResult | Callable[[MutationRequest], SendResult | Awaitable[SendResult]]


def created(request: MutationRequest, *, first: int = 1) -> Answered:
    """A 200 with one new record per record of the request, in order."""
    rows = tuple(
        ObservedRecord(upstream_id=f"ID{first + number}", data=data) for number, data in enumerate(request.records)
    )
    return Answered(status=200, records=rows)


def refused(status: int, text: str = "no", **more: Any) -> Answered:
    return Answered(status=status, text=text, **more)


class ScriptedConnection:
    """Answers the n-th request with the n-th answer, and creates everything when the script is over."""

    def __init__(self, *answers: Answer, rows: tuple[ObservedRecord, ...] = ()) -> None:
        self.requests: list[MutationRequest] = []
        self.rows = rows
        self._answers = list(answers)

    async def run(self, request: MutationRequest) -> SendResult:
        self.requests.append(request)
        answer: Answer = self._answers.pop(0) if self._answers else self._create
        if callable(answer):
            result = answer(request)
            return await result if isinstance(result, Awaitable) else result
        return answer

    def _create(self, request: MutationRequest) -> Answered:
        return created(request, first=1000 * len(self.requests))

    async def describe(self, sync_id: str) -> SyncInfo | None:
        return SyncInfo(sync_id=sync_id, backfilled=True, healthy=True)

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> AsyncIterator[Page]:
        yield Page(records=self.rows, cursor="1")
