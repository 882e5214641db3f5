"""syncspec with one of its safeguards taken out, to see whether the simulated world notices."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncspec.apply import reconcile
from syncspec.apply.attempts import AttemptTable
from syncspec.apply.clock import Moment
from syncspec.apply.executor import Executor
from syncspec.apply.journal import Journal
from syncspec.apply.states import AttemptState
from syncspec.planning import locked
from syncspec.project import sight
from syncspec.records import Absence
from syncspec.upstream import observe

__all__ = ["MUTANTS", "Mutant", "no_epoch_check"]

Mutant = Callable[[pytest.MonkeyPatch], None]


def no_write_ahead(patch: pytest.MonkeyPatch) -> None:
    """Intents are lost with the process that wrote them, as if they were written after the answer."""

    def forgotten(self: AttemptTable, *, now: Any) -> int:
        return self._db.execute(
            "DELETE FROM attempts WHERE lockfile = ? AND state = 'intended'", (self._lockfile,)
        ).rowcount

    patch.setattr(AttemptTable, "orphan", forgotten)


def no_creation_proof(patch: pytest.MonkeyPatch) -> None:
    """What is found upstream is not taken for what was sent: it counts as absent."""
    patch.setattr(reconcile, "_matches", lambda case: ([], ""))


def no_duplicate_check(patch: pytest.MonkeyPatch) -> None:
    """Of several records that match, the first is taken for ours, and no plan tells of the others."""
    original = reconcile._matches

    def first(case: Any) -> Any:
        rows, proof = original(case)
        return rows[:1], proof

    patch.setattr(reconcile, "_matches", first)
    patch.setattr(reconcile, "_judge_watched", lambda case: None)
    patch.setattr(locked, "_find_duplicates", lambda *_: None)


def no_horizon(patch: pytest.MonkeyPatch) -> None:
    """Absence is believed at once."""
    patch.setattr(reconcile._Case, "is_over", property(lambda case: True))


def incomplete_list_believed(patch: pytest.MonkeyPatch) -> None:
    """A list that the sync itself says is not complete, or that broke off, is read as absence."""
    original = observe.freshness
    patch.setattr(observe, "freshness", lambda *args: (Absence.PROVED, original(*args)[1]))


def no_read_back(patch: pytest.MonkeyPatch) -> None:
    """What is unknown is sent again without a look upstream."""
    patch.setattr(reconcile, "_judge_create", lambda case: case.settled(AttemptState.NOT_APPLIED, "?", absent=True))


def no_epoch_check(patch: pytest.MonkeyPatch) -> None:
    """A run whose lock was taken away goes on sending."""
    patch.setattr(Journal, "_check_epochs", lambda self, epochs: None)


def no_not_after(patch: pytest.MonkeyPatch) -> None:
    """A process that wakes up sends what it intended long ago."""
    original = Executor._intend

    def endless(self: Executor, delivery: Any) -> Any:
        intended = original(self, delivery)
        return intended and replace(intended, not_after=intended.not_after + timedelta(days=9))

    patch.setattr(Executor, "_intend", endless)


def no_cold_wait(patch: pytest.MonkeyPatch) -> None:
    """A run that knows nothing of earlier ones believes absence at once."""
    patch.setattr(sight, "seconds_until_warm", lambda *args, **options: (0.0, ""))


def no_uptime(patch: pytest.MonkeyPatch) -> None:
    """A wall clock that steps forward ends every wait."""
    patch.setattr(Moment, "has_reached", lambda self, horizon, *, since: self.wall >= horizon)


MUTANTS: dict[str, Mutant] = {
    each.__name__: each
    for each in (
        no_write_ahead,
        no_creation_proof,
        no_duplicate_check,
        no_horizon,
        incomplete_list_believed,
        no_read_back,
        no_not_after,
        no_cold_wait,
        no_uptime,
    )
}
