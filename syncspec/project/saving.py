"""Saving a plan: what it rests on is gathered, and the file is written whole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from syncspec.apply.state import State
from syncspec.errors import PlanFileError
from syncspec.lockfile import DigestKeys, OpenAttempt
from syncspec.manifests.collector import paused_collector
from syncspec.planning.binding import Ground, bind, settings_of, unkeyed_sets
from syncspec.planning.notes import listed
from syncspec.project.results import ReviewablePlan
from syncspec.render.saved_plan import saved_plan_bytes
from syncspec.settings import LoadedProject
from syncspec.whole_file import write_whole

__all__ = ["MOST_BYTES", "ground_of", "save_plan"]

MOST_BYTES = 1 << 30
"""A saved plan is at most so large."""

_READ_AS_OTHERS = (".yaml", ".yml", ".lock")


def ground_of(loaded: LoadedProject, state: State) -> Ground:
    """What a plan of this project rests on beside the rows that were read."""
    attempts: dict[str, list[OpenAttempt]] = defaultdict(list)
    for attempt in sorted(state.open_attempts, key=lambda each: each.attempt):
        attempts[attempt.address].append(attempt)
    return Ground(
        sets={each.name: each for each in loaded.sets},
        entries=state.lockfile.entries,
        attempts=attempts,
        upstreams=loaded.upstreams,
        key=state.digest_keys.shared,
    )


def save_plan(plan: ReviewablePlan, path: Path) -> None:
    """Write the plan's file, mode 0600. Raises PlanFileError, and then leaves what was there."""
    ground = ground_of(plan.project, plan.state)
    _check_name(path)
    _check_keyed(unkeyed_sets(plan.plan, ground))
    with paused_collector():
        content = saved_plan_bytes(
            plan.plan,
            plan.selection,
            {change.address: bind(change, ground) for change in plan.plan.changes},
            settings_of(plan.plan, ground),
            DigestKeys(shared=ground.key).best_id if ground.key is not None else None,
        )
    if len(content) > MOST_BYTES:
        raise PlanFileError(
            "The plan is too large to be saved",
            detail=f"It has {len(content):,} bytes; {MOST_BYTES:,} are allowed. Nothing was written.",
            hint="plan parts of it with --target",
        )
    try:
        write_whole(path, content, mode=0o600)
    except OSError as error:
        raise PlanFileError(
            "The plan cannot be saved",
            detail=f"{path}: {error.strerror or error}. What was there is left as it is.",
            hint="name a file in a folder that exists and may be written",
        ) from error


def _check_name(path: Path) -> None:
    """A plan among the manifests must not be read as one of them."""
    if path.suffix.lower() in _READ_AS_OTHERS:
        raise PlanFileError(
            "A plan cannot have that name",
            detail=f"{path.name} would be read as a manifest or a lockfile. Nothing was written.",
            hint=f"give it another ending, such as {path.stem}.plan",
        )


def _check_keyed(unkeyed: Sequence[str]) -> None:
    """Without a key a short secret could be guessed from its digest."""
    if unkeyed:
        raise PlanFileError(
            "The plan cannot be saved without a digest key",
            detail=f"It rests on sensitive values of {listed(unkeyed)}, whose digests would tell too much without a "
            "key. Nothing was written.",
            hint="set SYNCSPEC_DIGEST_KEY, to the same value where the plan is made and where it is applied",
        )
