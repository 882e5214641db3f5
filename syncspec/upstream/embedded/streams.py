"""Streams and cursors of the embedded upstream."""

from __future__ import annotations

import base64
import binascii
import uuid
from dataclasses import dataclass

from syncspec.upstream.embedded.refusals import RefusedError

__all__ = ["Cursor", "read_cursor", "stream_id"]

LARGEST_NUMBER = 2**62


def stream_id(seed: int, sync_id: str, epoch: int = 0) -> str:
    """Give the ID of a sync's stream, the same until the store's streams are started anew."""
    again = f":{epoch}" if epoch else ""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"syncspec:{seed}:{sync_id}{again}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor:
    """Where a list goes on: after a position of the streams of one epoch.

    `turn` tells cursors apart that point to the same place; it is 0 but after an empty page.
    """

    position: int = 0
    epoch: int = 0
    turn: int = 0

    def __str__(self) -> str:
        """The text that clients are given; opaque to them."""
        numbers = (self.position, self.epoch, self.turn) if self.epoch or self.turn else (self.position,)
        return base64.urlsafe_b64encode(".".join(map(str, numbers)).encode()).decode().rstrip("=")


def read_cursor(text: str | None) -> Cursor:
    """Read a cursor; none at all is the beginning. Raises RefusedError where it is none of ours."""
    if not text:
        return Cursor()
    try:
        parts = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii").split(".")
    except (ValueError, binascii.Error) as error:
        raise RefusedError(400, "after_cursor is not a cursor of this endpoint") from error
    numbers = [int(part) for part in parts if part.isdigit() and len(part) <= 19]
    if len(numbers) != len(parts) or len(parts) not in (1, 3) or max(numbers) > LARGEST_NUMBER:
        raise RefusedError(400, "after_cursor is not a cursor of this endpoint")
    position, epoch, turn = numbers if len(numbers) == 3 else (numbers[0], 0, 0)
    return Cursor(position=position, epoch=epoch, turn=turn)
