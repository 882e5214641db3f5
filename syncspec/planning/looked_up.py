"""Finds the records that are only looked up: each by its strict key, and only where exactly one live row has it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from syncspec.deferred import IdOf
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.lookups import Lookup, Lookups
from syncspec.planning.state import PlanningState
from syncspec.planning.wording import ids_text
from syncspec.records import Absence

__all__ = ["LookedUp", "look_up"]


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What lookups came to: the IDs of those that were found, and why the others, by address, were not."""

    ids: dict[IdOf, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def look_up(state: PlanningState, addresses: Collection[str], *, needed: Collection[str] | None = None) -> LookedUp:
    """Find these lookups. What cannot be read tells nothing of its records.

    None or several matches are an error, but for a lookup that is not `needed`, which is a warning; None: all are.
    """
    found = LookedUp()
    for lookups in state.inputs.lookups:
        for lookup in lookups.records:
            if lookup.address in addresses:
                _find(state, lookups, lookup, found, needed=needed is None or lookup.address in needed)
    return found


def _find(state: PlanningState, lookups: Lookups, lookup: Lookup, found: LookedUp, *, needed: bool) -> None:
    rows = state.rows_of(lookups)
    if rows is None:
        found.missing[lookup.address] = f"its collection could not be read: {state.why_unreadable(lookups)}"
        return
    matches = sorted({row.upstream_id for row in rows.by_key(lookups, lookup.key.strict)})
    if len(matches) == 1:
        found.ids[IdOf(lookup.address, looked_up=True)] = matches[0]
        return
    collection = lookups.target.collection_id
    names = ", ".join(lookups.match_on)
    if matches:
        why = f"{len(matches)} records of {collection} match it: {ids_text(matches)}"
        hint = f"add a field to match_on that tells them apart, beside {names}"
    elif not rows.key_is_readable(lookups):
        why = f"no record of {collection} shows {names}"
        hint = "let the token read the fields, or correct match_on"
    else:
        alike = sorted({row.upstream_id for row in rows.by_loose_key(lookups, lookup.key.loose)})
        why = f"no record of {collection} matches it"
        hint = f"correct its {names}, or create it upstream"
        if alike:
            why, hint = f"{why}; {ids_text(alike)} looks like it", f"write {names} as upstream has it"
        elif rows.observation.absence is Absence.UNKNOWN:
            why = f"{why}, and the list is not complete: {rows.observation.reason}"
    found.missing[lookup.address] = why
    effect = "What refers to it is held back." if needed else "Nothing refers to it."
    found.diagnostics.append(
        Diagnostic(
            severity=Severity.ERROR if needed else Severity.WARNING,
            code="lookup",
            summary="A record that is looked up is not found" if not matches else "A lookup finds several records",
            detail=f"{lookup.address}: {why}. {effect}",
            source=lookup.source,
            address=lookup.address,
            hint=hint,
        )
    )
