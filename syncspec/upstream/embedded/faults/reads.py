"""True answers to reads, spoilt."""

from __future__ import annotations

import random
from dataclasses import replace

from syncspec.records import Json
from syncspec.upstream.embedded.faults.models import SyncsSpec
from syncspec.upstream.embedded.listing import Page

__all__ = ["emptied", "told", "with_duplicates"]

HALF = 0.5


def emptied(page: Page) -> Page:
    """The page without its rows, and with a new cursor to the place where it began."""
    return replace(page, bodies=(), cursor=str(replace(page.start, turn=page.start.turn + 1)))


def with_duplicates(page: Page, share: float | None, draw: random.Random) -> Page:
    """The page with a share of its rows, and at least one, a second time at its end."""
    count = len(page.bodies)
    if not count:
        return page
    again = sorted(draw.sample(range(count), max(1, int(count * (HALF if share is None else share)))))
    return replace(page, bodies=(*page.bodies, *(page.bodies[number] for number in again)))


def told(spec: SyncsSpec, answer: Json) -> Json:
    """An answer about all syncs, or about one, with what the file says in the place of the truth."""
    if not isinstance(answer, dict):
        return answer
    if isinstance(listed := answer.get("data"), list):
        return {**answer, "data": [told(spec, sync) for sync in listed]}
    changed = dict(answer)
    if spec.status is not None:
        changed["status"] = spec.status
    if spec.health is not None:
        changed["health"] = {"status": spec.health}
    if spec.backfilling:
        changed["initial_backfill_completed_at"] = None
    if spec.max_age_days is not None:
        changed["max_age_days"] = spec.max_age_days
    if spec.sync_frequency is not None:
        changed["sync_frequency"] = spec.sync_frequency
    return changed
