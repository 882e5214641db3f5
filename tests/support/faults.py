"""Faults of an embedded upstream that tests of several kinds share."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response


class Refuse:
    """Answers every request of that kind with a refusal that has this body, and changes nothing."""

    def __init__(self, body: str, *, kind: str, status: int = 422) -> None:
        self._body, self._kind, self._status = body, kind, status

    async def before(self, mutation: Any) -> Response | None:
        return Response(self._body, self._status) if mutation.kind.value == self._kind else None

    async def after(self, mutation: Any) -> Response | None:
        return None
