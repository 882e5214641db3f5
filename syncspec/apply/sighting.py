"""What reconciling looks at, and what it finds out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from syncspec.apply.attempts import Settlement
from syncspec.apply.clock import Moment
from syncspec.apply.entries import EntryMaker
from syncspec.lockfile import LockEntry
from syncspec.records import Declared, Observation

__all__ = ["Place", "Reading", "Reconciled"]

Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What the upstream shows and what is known besides. `began` is the moment before the first page was asked for.

    `holders` gives the addresses that hold an ID of a place, in this lockfile and in others that are known.
    `unique` are the names of upstreams that refuse a second record with the same match key.
    """

    observations: Mapping[Place, Observation]
    began: Moment
    declared: Mapping[str, Declared]
    locked: Mapping[str, LockEntry]
    holders: Callable[[Place, str], Collection[str]]
    entries: EntryMaker
    unique: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """`settlements` of attempts of which something new is known; `doubts`: by attempt, why its absence proves nothing.

    An attempt that has neither was not read, or its horizon has not passed.
    """

    settlements: tuple[Settlement, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
