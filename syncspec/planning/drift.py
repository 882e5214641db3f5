"""The part of a plan that tells what became different upstream."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.rules import Rule

__all__ = ["drift_of"]

_DRIFT = frozenset(
    rule.value
    for rule in (
        Rule.DRIFTED,
        Rule.DRIFT_REFUSED,
        Rule.RESTORED,
        Rule.CONFLICT,
        Rule.DELETED_UPSTREAM,
        Rule.NOT_VISIBLE,
        Rule.GONE,
    )
)


def drift_of(plan: Plan, locked: Collection[str]) -> Plan:
    """The plan without the requests and without what the author changed; `locked` are the addresses with an entry.

    What is as declared stays in it, so that it can be counted.
    """
    kept = tuple(change for change in plan.changes if change.code in _DRIFT or _stays(change, locked))
    return replace(plan, changes=kept, batches=())


def _stays(change: Change, locked: Collection[str]) -> bool:
    """Unchanged, or locked and nevertheless to be created anew or found anew: its record is deleted upstream."""
    if change.action in (Action.CREATE, Action.ADOPT):
        return change.address in locked
    return change.action is Action.UNCHANGED
