"""The plan: one change per address, and the mutation requests that would carry it out. Values only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncspec.diagnostics import Diagnostic, Source
from syncspec.records import Absence, AwaitConsumers, DesiredRecord, Json, ObservedRecord, Target

__all__ = [
    "Action",
    "Batch",
    "Change",
    "FieldChange",
    "ObservationSummary",
    "Plan",
    "Reference",
    "Resend",
]


class Action(StrEnum):
    """What a plan does with one address."""

    CREATE = "create"
    ADOPT = "adopt"
    UPDATE = "update"
    DELETE = "delete"
    MOVE = "move"
    UNCHANGED = "unchanged"
    DRIFT = "drift"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"


WRITES = frozenset({Action.CREATE, Action.UPDATE, Action.DELETE})
"""Actions that send a mutation request."""

LOCKS = frozenset({Action.ADOPT, Action.MOVE})
"""Actions that only change the lockfile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field, from what is upstream (`before`) to what is declared (`after`).

    Values of sensitive fields are None on both sides. `known_after_apply`: the value holds the ID of a record that is
    created first, so that `after` cannot be told yet.
    """

    path: str
    before: Json = None
    after: Json = None
    sensitive: bool = False
    known_after_apply: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A record that a change's values refer to, and its ID; None where that is known only after apply."""

    address: str
    upstream_id: str | None = None
    looked_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resend:
    """A change that was sent before and then proved not to have been made, so that it is sent once more.

    `attempt` is the one before, `absences` the number of such proofs, `fields` those that it sent; `alone`: it goes in
    a request of its own, since the one that it was in was refused.
    """

    attempt: str
    absences: int
    alone: bool = False
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One address's planned step.

    `reason` is for people only and never steers apply. `code` names the rule that decided (stable, kebab-case).
    `upstream_id` is the known or matched ID; `upstream_ids` all of them where a duplicate blocks.
    `moved_from` is the former address of a move. `desired` None: the address is not declared.
    `observed` is the matched row: the baseline of an adoption, and what an update changes. `fields` of an update are
    those that it sends; an adoption sends its own only where it `rewrites` them. `resend`: what was sent before.
    `after` are addresses whose own steps come first, each of which must succeed. `relocks`: what the lock entry says of
    its record's removal is written anew, `drops`: the entry is dropped; neither sends anything. `waits_for` are records
    of this plan that come first: it is planned once more when they are done. `wave` counts how many come one after the
    other. `references`: what its values refer to; `refers_to` are the records that a locked record refers to when the
    step is done, whether that is still declared or not. `alone`: it goes in a request of its own.
    """

    address: str
    action: Action
    code: str
    reason: str
    target: Target
    upstream_id: str | None = None
    upstream_ids: tuple[str, ...] = ()
    absence: Absence | None = None
    moved_from: str | None = None
    fields: tuple[FieldChange, ...] = ()
    source: Source | None = None
    desired: DesiredRecord | None = None
    observed: ObservedRecord | None = None
    resend: Resend | None = None
    rewrites: bool = False
    alone: bool = False
    after: tuple[str, ...] = ()
    relocks: bool = False
    drops: bool = False
    waits_for: tuple[str, ...] = ()
    wave: int = 0
    references: tuple[Reference, ...] = ()
    refers_to: tuple[str, ...] | None = None

    @property
    def set_name(self) -> str:
        return self.address.partition(".")[0]

    @property
    def is_sent(self) -> bool:
        """Whether a mutation request belongs to it."""
        return self.action in WRITES or self.rewrites

    @property
    def is_kept(self) -> bool:
        """Whether apply changes its lock entry without a request."""
        return self.action in LOCKS or self.relocks or self.drops


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A slice of one collection's changes of one kind within one wave: becomes exactly one mutation request.

    `size` is the length of its JSON body in bytes.
    """

    wave: int
    kind: str
    target: Target
    changes: tuple[Change, ...]
    size: int
    await_consumers: AwaitConsumers | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationSummary:
    """What a plan keeps of an observation: enough to judge it, nothing that changes between equal reads.

    `cursor` is where the list ended, `stream` which one it was, `polling_seconds` how often the sync asks the
    provider; they are kept with every intent and printed nowhere.
    """

    target: Target
    readable: bool
    absence: Absence
    reason: str
    live_rows: int
    cursor: str | None = None
    stream: str | None = None
    polling_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An ordered set of changes. `changes` are sorted by address; `digest` covers all that decides what apply does."""

    project: str
    environment: str | None
    changes: tuple[Change, ...]
    batches: tuple[Batch, ...]
    observations: tuple[ObservationSummary, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    digest: str = ""

    @property
    def summary(self) -> Mapping[Action, int]:
        """The number of changes per action; every action is present."""
        counted = Counter(change.action for change in self.changes)
        return {action: counted[action] for action in Action}

    @property
    def is_empty(self) -> bool:
        """Whether apply would neither send a request nor change the lockfile."""
        return not any(change.is_sent or change.is_kept for change in self.changes)
