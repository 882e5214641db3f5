"""All that is known of one record, and the rule that decides what happens to it. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from syncspec.lockfile import LockEntry
from syncspec.planning.plan import Change, Reference
from syncspec.records import DesiredRecord, ObservedRecord

__all__ = ["Attempt", "Explanation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to send the record. Times are RFC 3339."""

    attempt: str
    kind: str
    state: str
    intended_at: str
    horizon: str
    upstream_id: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One address from every side; None where that side knows nothing of it.

    `observed` are the rows that may be this record: its locked ID, its match key, its marker. Values of sensitive
    fields are taken out. `references`: what its values refer to, with the IDs that are known.
    """

    address: str
    desired: DesiredRecord | None
    entry: LockEntry | None
    attempts: tuple[Attempt, ...]
    observed: tuple[ObservedRecord, ...]
    change: Change | None
    references: tuple[Reference, ...] = ()
