"""What the syncs routes tell of a sync, read tolerantly: what is missing or unknown is not told, never made up."""

from __future__ import annotations

import re

from syncspec.records import Json
from syncspec.upstream.protocol import SyncInfo
from syncspec.upstream.sequin.excerpt import clean
from syncspec.upstream.sequin.wire import identifier, is_object

__all__ = ["describes_a_sync", "find_sync", "known_syncs", "polling_seconds", "sync_info"]

_FIELDS = frozenset({"id", "provider", "status", "health", "sync_frequency", "initial_backfill_completed_at"})

_GOOD = frozenset({"active", "connected", "good", "green", "healthy", "live", "ok", "okay", "running", "up"})
_BAD = frozenset(
    {
        "broken", "canceled", "cancelled", "critical", "degraded", "deleted", "disabled", "disconnected", "down",
        "error", "errored", "erroring", "expired", "failed", "failing", "inactive", "invalid", "paused", "red",
        "revoked", "stalled", "stopped", "suspended", "unauthorized", "unhealthy",
    }
)  # fmt: skip
_BACKFILLING = frozenset({"backfill", "backfilling", "initial_backfill", "initializing", "pending"})

_UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_FREQUENCY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(s|m|h|d|w)[a-z]*", re.IGNORECASE)


def describes_a_sync(value: dict[str, Json]) -> bool:
    """Whether an object has anything of a sync; an endpoint without the route may answer it with something else."""
    return not _FIELDS.isdisjoint(value)


def sync_info(sync_id: str, value: dict[str, Json]) -> SyncInfo:
    """Read one sync. `healthy` is False as soon as status or health says something bad,
    and None where the health, or else the status, is a word that we do not know."""
    status, health = _text(value.get("status")), _health(value.get("health"))
    words = {_word(status), _word(health)}
    healthy = False if words & _BAD else (True if _word(health if health is not None else status) in _GOOD else None)
    backfilled = _backfilled(value)
    if backfilled is not False and words & _BACKFILLING:
        backfilled = False
    days = value.get("max_age_days")
    collections = value.get("collection_ids")
    return SyncInfo(
        sync_id=sync_id,
        provider=_text(value.get("provider")),
        name=_text(value.get("name")),
        status=status,
        healthy=healthy,
        health=health,
        backfilled=backfilled,
        max_age_days=days if isinstance(days, int) and not isinstance(days, bool) else None,
        polling_seconds=polling_seconds(value.get("sync_frequency")),
        stream_id=identifier(value.get("stream_id")),
        collection_ids=tuple(c for c in collections if isinstance(c, str)) if isinstance(collections, list) else (),
    )


def known_syncs(body: Json) -> list[dict[str, Json]] | None:
    """Give the syncs of a list answer, None where it is no such answer."""
    items = body.get("data") if is_object(body) else None
    return [item for item in items if is_object(item)] if isinstance(items, list) else None


def find_sync(sync_id: str, syncs: list[dict[str, Json]]) -> dict[str, Json] | None:
    """The sync with that ID, where it is among them."""
    return next((sync for sync in syncs if identifier(sync.get("id")) == sync_id), None)


def polling_seconds(value: Json) -> float | None:
    """Read `sync_frequency`: `continuous` is 0, `4h` is 14400; None where it says neither."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if text.lower() in ("continuous", "realtime", "real-time"):
        return 0.0
    found = _FREQUENCY.fullmatch(text)
    return float(found[1]) * _UNIT_SECONDS[found[2].lower()] if found else None


def _backfilled(value: dict[str, Json]) -> bool | None:
    """A time means done and null not yet; a key that is missing tells nothing."""
    if "initial_backfill_completed_at" not in value:
        return None
    completed = value["initial_backfill_completed_at"]
    return bool(completed.strip()) if isinstance(completed, str) else bool(completed)


def _health(value: Json) -> str | None:
    if is_object(value):
        return _text(value.get("status")) or _text(value.get("state"))
    if isinstance(value, bool):
        return "healthy" if value else "unhealthy"
    return _text(value)


def _text(value: Json) -> str | None:
    return clean(value, 200) or None if isinstance(value, str) else None


def _word(text: str | None) -> str:
    return (text or "").strip().lower().replace("-", "_").replace(" ", "_")
