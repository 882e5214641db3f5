"""Cold runs: without the journal of earlier runs nobody knows what a killed one left in flight."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from syncspec.apply.clock import Moment, remaining, rfc3339
from syncspec.apply.state import State
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.planning.plan import Action, Plan
from syncspec.settings import LoadedProject, StateBackend

__all__ = ["cold_warning", "seconds_until_warm"]


def seconds_until_warm(loaded: LoadedProject, state: State, plan: Plan, *, began: Moment) -> tuple[float, str]:
    """How long after a reading that began then its creations may rest on absence, and the upstream that asks for it.

    Not longer than an earlier run's request may take to show: its upstream's settle time, or twice the sync's pace.
    """
    waits = _waits(loaded, state, plan)
    if state.cold_since is None or not waits:
        return 0.0, ""
    seconds, upstream = max(waits)
    since = state.cold_since
    return remaining(since.wall + timedelta(seconds=seconds), since=since, now=began), upstream


def _waits(loaded: LoadedProject, state: State, plan: Plan) -> list[tuple[float, str]]:
    """The settle time of each upstream in which something is created without being sure that nobody did so before."""
    polling = {seen.target.place: seen.polling_seconds or 0.0 for seen in plan.observations}
    found: dict[str, float] = {}
    for change in plan.changes:
        settings = loaded.upstreams[change.target.upstream] if change.desired is not None else None
        if change.action is Action.CREATE and settings is not None and not settings.unique and settings.settle:
            seconds = max(settings.settle, 2 * polling.get(change.target.place, 0.0))
            found[settings.name] = max(seconds, found.get(settings.name, 0.0))
    return [(seconds, name) for name, seconds in found.items()]


def cold_warning(loaded: LoadedProject, state: State, plan: Plan, *, began: Moment) -> Iterator[Diagnostic]:
    """Say that apply will wait before it creates; `began` is when the plan's reading did."""
    if seconds_until_warm(loaded, state, plan, began=began)[0] > 0:
        seconds, upstream = max(_waits(loaded, state, plan))
        yield Diagnostic(
            severity=Severity.NOTE,
            code="cold-run",
            summary="Earlier runs are not known here",
            detail=(
                f"{_unknown_runs(loaded, state)}, so a run that was killed elsewhere "
                f"may have left requests in flight. apply waits up to {seconds:g} seconds, the settle time of "
                f"{upstream}, before it creates."
            ),
            hint=f"where no run came before, --no-prior-run skips the wait{_other_way(loaded)}",
        )


def _unknown_runs(loaded: LoadedProject, state: State) -> str:
    if loaded.state.backend is StateBackend.GIT and state.cold_since is not None:
        return f"The state that this project's runs share knows nothing from before {rfc3339(state.cold_since.wall)}"
    return f"The journal of this project's runs is not in {loaded.state_dir}"


def _other_way(loaded: LoadedProject) -> str:
    return "; state: {backend: git} shares the journal" if loaded.state.backend is StateBackend.LOCAL else ""
