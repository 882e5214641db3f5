"""Which values of an upstream were taken into manifests."""

from __future__ import annotations

from dataclasses import dataclass

from syncspec.manifests.imported import EditedFile
from syncspec.records import Json

__all__ = ["Accepted", "AcceptedField"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedField:
    """One field of a record: what was declared, and what the upstream shows and is declared now."""

    address: str
    field: str
    before: Json
    after: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What was accepted, or would be where `written` is False. `settled` are addresses with nothing to accept."""

    written: bool
    files: tuple[EditedFile, ...] = ()
    fields: tuple[AcceptedField, ...] = ()
    settled: tuple[str, ...] = ()
