"""What upstream IDs are known to be: declared and locked records, looked up ones, or such as a run may have made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncspec.apply.clock import Clock, Moment
from syncspec.apply.reconcile import visible_matches
from syncspec.apply.state import State, reading_of
from syncspec.deferred import IdOf
from syncspec.errors import StateError
from syncspec.lookups import Lookups
from syncspec.planning.looked_up import look_up
from syncspec.planning.state import PlanningState
from syncspec.project.outlook import inputs_of
from syncspec.records import Observation
from syncspec.settings import LoadedProject
from syncspec.upstream.observe import Wanted, observe
from syncspec.upstream.protocol import Connection, MutationKind
from syncspec.values import short_id

__all__ = ["in_doubt", "known_ids"]


async def known_ids(
    loaded: LoadedProject,
    state: State,
    lookups: Sequence[Lookups],
    seen: Observation,
    connection: Connection,
    clock: Clock,
) -> dict[str, IdOf]:
    """Short IDs in one upstream, with what each is the ID of; a declared record comes before one that is looked up.

    What `lookups` find is read, but for the collection that was `seen` already; one that cannot be read, or a lookup
    that finds nothing, makes no reference. Raises UpstreamError where the upstream cannot be used at all.
    """
    observations = {seen.target.place: seen}
    for each in lookups:
        place = each.target.place
        if place not in observations:
            same = [other for other in lookups if other.target.place == place]
            wanted = Wanted(
                lenses=tuple(other.lens for other in same),
                loose=frozenset(lookup.key.loose for other in same for lookup in other.records),
            )
            observations[place] = await observe(
                connection, each.target, wanted, settings=loaded.upstreams[each.target.upstream], now=clock.now
            )
    inputs = inputs_of(replace(loaded, lookups=tuple(lookups)), state, None, list(observations.values()))
    addresses = {lookup.address for each in lookups for lookup in each.records}
    found = look_up(PlanningState(inputs), addresses)
    known = {short_id(upstream_id): reference for reference, upstream_id in found.ids.items()}
    declared = {record.address for each in loaded.sets for record in each.records}
    for entry in state.lockfile.entries.values():
        if entry.target.endpoint == seen.target.endpoint and entry.address in declared:
            known[short_id(entry.upstream_id)] = IdOf(entry.address)
    return known


def in_doubt(loaded: LoadedProject, state: State, seen: Observation, *, began: Moment, clock: Clock) -> dict[str, str]:
    """Short IDs of rows that an open attempt may have made, with its address. Raises StateError where any may be."""
    reading = reading_of(loaded, state, [seen], began=began, clock=clock)
    creations = [
        attempt
        for attempt in state.open_attempts
        if attempt.target.place == seen.target.place and attempt.kind == MutationKind.CREATE
    ]
    for attempt in creations:
        if attempt.key is None and attempt.marker is None:
            raise StateError(
                "An unknown outcome is in the way",
                detail=f"{attempt.address} was sent, and nothing tells which record it became. Nothing was written.",
                hint=f"settle it first: syncspec resolve {attempt.address}",
            )
    return {short_id(row.upstream_id): attempt.address for attempt, row in visible_matches(creations, reading)}
