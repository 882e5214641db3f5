"""Plans that were saved and read back, and what a plan made later makes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncspec.lockfile import DigestKeys
from syncspec.planning.binding import Ground, bind, settings_of
from syncspec.planning.plan import Plan
from syncspec.planning.selection import Selection
from syncspec.planning.staleness import Approved, Held, changed_settings, hold
from syncspec.project.unpacking import unpacked
from syncspec.render.saved_documents import SavedBody, SavedHeader
from syncspec.render.saved_plan import saved_plan_bytes


def printed(plan: Plan, ground: Ground) -> bytes:
    """The plan's file."""
    key_id = DigestKeys(shared=ground.key).best_id if ground.key is not None else None
    bindings = {change.address: bind(change, ground) for change in plan.changes}
    return saved_plan_bytes(plan, Selection(), bindings, settings_of(plan, ground), key_id)


def read_back(content: bytes) -> Approved:
    first, second = content.splitlines()
    return unpacked(SavedHeader.model_validate_json(first), SavedBody.model_validate(json.loads(second)))[0]


def ground(world: Any) -> Ground:
    """What a plan of a planning world rests on."""
    attempts: dict[str, list[Any]] = {}
    for attempt in world.attempts:
        attempts.setdefault(attempt.address, []).append(attempt)
    keys = world.options.get("digest_keys", DigestKeys())
    return Ground(
        sets={each.name: each for each in world.sets},
        entries={entry.address: entry for entry in world.entries},
        attempts=attempts,
        upstreams={"crm": world.settings},
        key=keys.shared,
    )


@dataclass
class Saved:
    """The plan that a world had when it was saved; the world may then be changed."""

    world: Any
    approved: Approved

    @classmethod
    def of(cls, world: Any) -> Saved:
        return cls(world, read_back(printed(world.plan(), ground(world))))

    def held(self) -> Held:
        return hold(self.approved, self.world.plan(), ground(self.world))

    def settings(self) -> list[tuple[str, str]]:
        return changed_settings(self.approved, self.world.sets, {"crm": self.world.settings})

    def causes(self, address: str = "contacts.paul") -> tuple[str, ...]:
        """Why the step of an address is stale; nothing where it is not."""
        return next((stale.causes for stale in self.held().stale if stale.change.address == address), ())

    def due(self) -> dict[str, str]:
        """What would be done, by address."""
        sent = {change.address for batch in self.held().plan.batches for change in batch.changes}
        done = {
            each.address: each.action.value for each in self.held().plan.changes if each.action.value != "unchanged"
        }
        assert sent <= set(done)
        return done


def lines(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """A saved plan's two documents."""
    first, second = path.read_bytes().splitlines()
    return json.loads(first), json.loads(second)
