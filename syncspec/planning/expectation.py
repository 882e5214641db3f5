"""What the lockfile lets expect of apply, before any upstream is asked."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from syncspec.lockfile import LockEntry
from syncspec.planning.removal import is_ours
from syncspec.records import OnRemove

__all__ = ["Effect", "effect_of_change", "effect_of_removal"]


class Effect(StrEnum):
    """What the lockfile of the newer side lets expect of apply; the upstream may make it something else.

    CREATE: nothing is locked, so that the record is created, or adopted where it exists. ATTACH: the address is locked
    already. RELEASE: an adopted record is no longer looked after, and stays. PROTECTED: the removal is refused.
    NOTHING: no request comes of it. UNKNOWN: the lockfile is not at hand.
    """

    CREATE = "create"
    ATTACH = "attach"
    UPDATE = "update"
    MOVE = "move"
    KEEP = "keep"
    DELETE = "delete"
    RELEASE = "release"
    PROTECTED = "protected"
    NOTHING = "nothing"
    UNKNOWN = "unknown"


def effect_of_removal(entry: LockEntry | None) -> Effect:
    """What the lock entry says of a record that is no longer declared; it outlives the declaration."""
    if entry is None:
        return Effect.NOTHING
    if entry.on_remove is OnRemove.KEEP:
        return Effect.KEEP
    if entry.protect:
        return Effect.PROTECTED
    return Effect.DELETE if is_ours(entry) else Effect.RELEASE


def effect_of_change(
    entries: Mapping[str, LockEntry] | None, entry: LockEntry | None, name: str, address: str, has_fields: bool
) -> Effect:
    """What is to be expected of a record that is declared in another way; `name` is its former address."""
    if entries is None:
        return Effect.UNKNOWN
    if entry is None:
        return Effect.CREATE
    if name != address and entry.address == name:
        return Effect.MOVE
    return Effect.UPDATE if has_fields else Effect.NOTHING
