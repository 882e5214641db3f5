"""What a plan is made from: all of the declared, the locked, the observed and the unsettled."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from syncspec.lockfile import DigestKeys, LockEntry, Lockfile, OpenAttempt
from syncspec.lookups import Lookups
from syncspec.planning.plan import Plan
from syncspec.records import DesiredSet, Observation
from syncspec.settings import UpstreamSettings

__all__ = ["Planner", "PlanningInput", "Selects"]

Selects = Callable[[DesiredSet | None, str], bool]
"""Whether an address of a set is planned in this run; without a set, one that no manifest declares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningInput:
    """The whole project's state at one moment.

    `sets` are all declared sets, also those that are not selected: what is declared anywhere decides what may be
    moved or adopted. `observations` hold at most one per place; a place without one counts as not read.
    `digest_keys` key the digests of sensitive fields. `attempts_elsewhere` and `entries_elsewhere` belong to other
    environments or projects that share the state folder: the same collection may be theirs too. `absent` are attempts
    whose record was proved absent after it was sent, `rejected` those that the upstream rejected; `doubts` says of open
    ones why their absence proves nothing. `lookups` are records that are only read. `not_done` says of addresses that
    this run was to write why it did not: what refers to them is not planned as if it could be. `sets_elsewhere` are
    the names of sets that are declared for other environments only.
    """

    project: str
    environment: str | None
    sets: Sequence[DesiredSet]
    lockfile: Lockfile
    observations: Sequence[Observation]
    upstreams: Mapping[str, UpstreamSettings]
    open_attempts: Sequence[OpenAttempt] = ()
    attempts_elsewhere: Sequence[OpenAttempt] = ()
    entries_elsewhere: Sequence[LockEntry] = ()
    absent: Sequence[OpenAttempt] = ()
    rejected: Sequence[OpenAttempt] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
    selected: Selects | None = None
    lookups: Sequence[Lookups] = ()
    not_done: Mapping[str, str] = field(default_factory=dict)
    sets_elsewhere: Collection[str] = ()
    digest_keys: DigestKeys = field(default_factory=DigestKeys)

    def is_elsewhere(self, set_name: str) -> bool:
        """Whether a set of this name is declared, and for other environments only."""
        return self.environment is not None and set_name in self.sets_elsewhere

    def selects(self, record_set: DesiredSet | None, address: str) -> bool:
        return self.selected is None or self.selected(record_set, address)


Planner = Callable[[PlanningInput], Plan]
"""Decides what is to be done: what is declared, or something else that somebody asked for."""
