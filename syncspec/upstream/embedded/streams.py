"""Streams and cursors of the embedded upstream."""

from __future__ import annotations

import base64
import binascii
import uuid

from syncspec.upstream.embedded.refusals import RefusedError

__all__ = ["cursor", "position", "stream_id"]

LARGEST_POSITION = 2**62


def stream_id(seed: int, sync_id: str) -> str:
    """Give the ID of a sync's stream, the same for the whole life of a store."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"syncspec:{seed}:{sync_id}"))


def cursor(at: int) -> str:
    """Give the cursor that points after a position; opaque to whoever reads it."""
    return base64.urlsafe_b64encode(str(at).encode()).decode().rstrip("=")


def position(text: str) -> int:
    """Read a cursor. Raises RefusedError where it is none of ours."""
    try:
        digits = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
    except (ValueError, binascii.Error) as error:
        raise RefusedError(400, "after_cursor is not a cursor of this endpoint") from error
    if not digits.isdigit() or len(digits) > 19 or int(digits) > LARGEST_POSITION:
        raise RefusedError(400, "after_cursor is not a cursor of this endpoint")
    return int(digits)
