"""Small worlds to plan in: one upstream, a few sets, locks and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from syncspec.diagnostics import Source
from syncspec.keys import key_digest, match_key
from syncspec.lockfile import FieldDigests, LockEntry, Lockfile, OpenAttempt, Origin
from syncspec.planning.diff import plan
from syncspec.planning.inputs import PlanningInput
from syncspec.planning.plan import Change, Plan
from syncspec.records import (
    Absence,
    Compare,
    Data,
    DesiredRecord,
    DesiredSet,
    FieldRule,
    FieldRules,
    Lifecycle,
    Observation,
    ObservedRecord,
    Target,
)
from syncspec.settings import UpstreamSettings
from syncspec.values import digest

CRM = Target(upstream="crm", endpoint="e0", sync_id="s1", collection_id="salesforce:contact")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LONG_AGO = "2026-01-01T00:00:00Z"
EMAIL_RULES = FieldRules(fields={"Email": FieldRule(compare=Compare.CASEFOLD)})


def record(
    address: str,
    data: Data,
    *,
    rules: FieldRules = EMAIL_RULES,
    match_on: Sequence[str] = ("Email",),
    marker: str | None = None,
    upstream_id: str | None = None,
    line: int = 1,
    **lifecycle: Any,
) -> DesiredRecord:
    return DesiredRecord(
        address=address,
        data=data,
        source=Source(file="people.yaml", line=line),
        key=match_key(data, match_on, rules) if match_on else None,
        marker=marker,
        upstream_id=upstream_id,
        lifecycle=Lifecycle(**lifecycle),
    )


def record_set(*records: DesiredRecord, name: str = "contacts", **options: Any) -> DesiredSet:
    return DesiredSet(
        **{
            "name": name,
            "target": CRM,
            "source": Source(file="people.yaml"),
            "records": tuple(records),
            "rules": EMAIL_RULES,
            "match_on": ("Email",),
            "max_records": 200,
            **options,
        }
    )


def row(upstream_id: str, data: Data, **options: Any) -> ObservedRecord:
    return ObservedRecord(upstream_id=upstream_id, data=data, **options)


def seen(*rows: ObservedRecord, target: Target = CRM, **options: Any) -> Observation:
    live = [each for each in rows if not each.deleted]
    return Observation(
        **{
            "target": target,
            "observed_at": NOW,
            "rows": tuple(sorted(rows, key=lambda each: each.upstream_id)),
            "live_rows": len(live),
            "keyed_rows": len(live),
            "fields": frozenset().union(*(each.data for each in live)),
            **options,
        }
    )


def unreadable(target: Target = CRM) -> Observation:
    return Observation(
        target=target, observed_at=NOW, readable=False, absence=Absence.UNKNOWN, reason="the list broke off: HTTP 500"
    )


def locked(address: str, upstream_id: str, sent: Data, *, seen_data: Data | None = None, **options: Any) -> LockEntry:
    """An entry whose fields were sent, and seen where `seen_data` shows them."""
    shown = sent if seen_data is None else seen_data
    return LockEntry(
        **{
            "address": address,
            "target": CRM,
            "upstream_id": upstream_id,
            "origin": Origin.CREATED,
            "locked_at": LONG_AGO,
            "fields": {
                name: FieldDigests(sent=digest(value), seen=digest(shown[name]) if name in shown else None)
                for name, value in sent.items()
            },
            **options,
        }
    )


def attempt(address: str, *, key: DesiredRecord | None = None, **options: Any) -> OpenAttempt:
    return OpenAttempt(
        **{
            "attempt": f"run-1/{address}",
            "address": address,
            "target": CRM,
            "kind": "create",
            "state": "unknown",
            "horizon": "2026-03-01T13:00:00Z",
            "key": key_digest(key.key.strict) if key and key.key else None,
            "loose_key": key_digest(key.key.loose) if key and key.key else None,
            **options,
        }
    )


@dataclass
class World:
    sets: list[DesiredSet] = field(default_factory=list)
    entries: list[LockEntry] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    attempts: list[OpenAttempt] = field(default_factory=list)
    settings: UpstreamSettings = field(default_factory=lambda: UpstreamSettings(name="crm", settle=300.0))
    options: dict[str, Any] = field(default_factory=dict)

    def plan(self) -> Plan:
        return plan(
            PlanningInput(
                **{
                    "project": "arrakis",
                    "environment": None,
                    "sets": self.sets,
                    "lockfile": Lockfile(project="arrakis", entries={each.address: each for each in self.entries}),
                    "observations": self.observations,
                    "upstreams": {"crm": self.settings},
                    "open_attempts": self.attempts,
                    **self.options,
                }
            )
        )

    def change(self, address: str = "contacts.paul") -> Change:
        return next(change for change in self.plan().changes if change.address == address)

    def codes(self) -> list[str]:
        return [diagnostic.code for diagnostic in self.plan().diagnostics]


def one(
    desired: DesiredRecord,
    *rows: ObservedRecord,
    entries: Sequence[LockEntry] = (),
    attempts: Sequence[OpenAttempt] = (),
    observation: Observation | None = None,
    **options: Any,
) -> World:
    """A world with a single declared record."""
    return World(
        sets=[record_set(desired, **options)],
        entries=list(entries),
        observations=[observation or seen(*rows)],
        attempts=list(attempts),
    )


def with_settings(world: World, **settings: Any) -> World:
    world.settings = replace(world.settings, **settings)
    return world
