"""What a plan rests on and what it would send: the lists that were read, and the requests, gathered for people."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import assert_never

from syncspec.planning.plan import Action, Batch, ObservationSummary, Plan
from syncspec.records import Absence
from syncspec.render.values import counted, size_text

__all__ = ["RequestGroup", "observation_text", "observations_that_matter", "request_groups", "request_text"]


@dataclass(frozen=True, slots=True, order=True)
class RequestGroup:
    """The requests of one wave and kind to one collection."""

    wave: int
    upstream: str
    collection_id: str
    kind: str
    requests: int
    records: int
    bytes: int


def request_groups(plan: Plan) -> list[RequestGroup]:
    """Every request of the plan in exactly one group, in the order in which waves are sent."""
    groups: dict[tuple[int, str, str, str], list[Batch]] = defaultdict(list)
    for batch in plan.batches:
        groups[batch.wave, batch.target.upstream, batch.target.collection_id, batch.kind].append(batch)
    return sorted(
        RequestGroup(*key, len(batches), sum(len(each.changes) for each in batches), sum(each.size for each in batches))
        for key, batches in groups.items()
    )


def request_text(group: RequestGroup) -> str:
    """`2 requests to crm: create 300 records of salesforce:contact (38.2 kB)`."""
    return (
        f"{counted(group.requests, 'request')} to {group.upstream}: {group.kind} {counted(group.records, 'record')} "
        f"of {group.collection_id} ({size_text(group.bytes)})"
    )


def observations_that_matter(plan: Plan) -> list[ObservationSummary]:
    """Those by which it is known that what is to be created is not there yet, and those that could not be read."""
    created = {change.target.place for change in plan.changes if change.action is Action.CREATE}
    return [seen for seen in plan.observations if not seen.readable or seen.target.place in created]


def observation_text(seen: ObservationSummary) -> str:
    """What was read of one collection, and what a record's absence in it is worth."""
    where = f"{seen.target.collection_id} in {seen.target.upstream}"
    because = f": {seen.reason}" if seen.reason else ""
    if not seen.readable:
        return f"{where} could not be read{because}"
    rows = counted(seen.live_rows, "record")
    match seen.absence:
        case Absence.PROVED:
            return f"{where}: {rows}, the whole list{f' ({seen.reason})' if seen.reason else ''}"
        case Absence.ASSUMED:
            return f"{where}: {rows}, assumed to be the whole list{because}"
        case Absence.UNKNOWN:
            return f"{where}: {rows}, not the whole list{because}"
        case _ as unreachable:
            assert_never(unreachable)
