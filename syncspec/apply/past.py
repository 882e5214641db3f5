"""What one past run did, record by record, as far as undoing it is concerned."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable

from syncspec.apply.history import named_run
from syncspec.apply.journal import Journal, lockfile_of
from syncspec.apply.rows import unpacked_sent
from syncspec.apply.states import OPEN_STATES, AttemptState
from syncspec.errors import UsageError
from syncspec.planning.undoing import PastStep
from syncspec.records import Data, Target
from syncspec.settings import LoadedProject
from syncspec.upstream.protocol import MutationKind

__all__ = ["past_steps"]

_LOCKED_ONLY = frozenset({AttemptState.WATCHED, AttemptState.CLOSED})


def past_steps(project: LoadedProject, run: str) -> tuple[str, tuple[PastStep, ...]]:
    """A run's whole name and its steps that took effect or may have, one per record; several updates are one step.

    `run` may be a unique beginning of its name. Raises UsageError where there is no such run, StateError.
    """
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    if journal is None:
        detail = "This machine's journal knows no runs of this project."
        raise UsageError("No such run", detail=detail, hint="undo a run on the machine that it ran on")
    with journal:
        name = named_run(journal.runs(), run)["run"]
        return name, tuple(_steps(journal.attempts.of_run(name)))


def _steps(rows: Iterable[sqlite3.Row]) -> Iterable[PastStep]:
    found: dict[tuple[str, ...], PastStep] = {}
    for row in rows:
        state = AttemptState(row["state"])
        if state is not AttemptState.APPLIED and state not in _LOCKED_ONLY | OPEN_STATES:
            continue
        step = _step(row, None if state in _LOCKED_ONLY else MutationKind(row["kind"]))
        name = (*step.target.place, step.upstream_id or f"of {step.address}")
        found[name] = _after(found[name], step) if name in found else step
    return found.values()


def _step(row: sqlite3.Row, kind: MutationKind | None) -> PastStep:
    before: Data = json.loads(row["overwritten"]) if row["overwritten"] else {}
    return PastStep(
        address=row["address"],
        kind=kind,
        target=Target(
            upstream=row["upstream"],
            endpoint=row["endpoint"],
            sync_id=row["sync_id"],
            collection_id=row["collection_id"],
        ),
        upstream_id=row["upstream_id"],
        sent=unpacked_sent(row["sent"]),
        before=before,
    )


def _after(first: PastStep, then: PastStep) -> PastStep:
    """Two steps with one record: what was created and then changed was created; what was there first counts."""
    return PastStep(
        address=then.address,
        kind=then.kind if then.kind is MutationKind.DELETE else first.kind,
        target=then.target,
        upstream_id=then.upstream_id,
        sent={**first.sent, **then.sent},
        before={**then.before, **first.before},
    )
