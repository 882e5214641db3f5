"""Carry out one plan under a run lock that is held: show it, check it, ask, send it, follow it up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from syncspec.apply.clock import Clock
from syncspec.apply.run import Run
from syncspec.errors import NotConfirmedError, UpstreamError
from syncspec.planning.plan import Plan
from syncspec.planning.selection import Selection
from syncspec.project.follow_up import follow_up
from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.project.sight import Sight, within
from syncspec.project.waves import Waves
from syncspec.settings import LoadedProject
from syncspec.upstream.protocol import Connection

__all__ = ["Carrying", "Confirm"]

Confirm: TypeAlias = Callable[[ReviewablePlan], bool]
"""Asked with the plan before anything is done; False ends the apply with NotConfirmedError."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """What is to be done in one run, whoever asked for it.

    `on_plan` gets the plan first, then `check` raises what refuses it; `confirm` is asked where there is anything to
    do, and the plan is made once more after it.
    """

    project: LoadedProject
    selection: Selection
    sight: Sight
    check: Callable[[Plan], None]
    on_plan: Callable[[ReviewablePlan], None] | None
    confirm: Confirm | None
    clock: Clock
    wait_settled: bool

    async def out(self, run: Run, connections: Mapping[str, Connection]) -> AppliedReport:
        """Do it. Raises what `check` does, StalePlanError, NotConfirmedError and UpstreamError; nothing was sent."""
        chosen = self.selection.narrowed
        made = await self.sight.plan(chosen)
        reviewable = ReviewablePlan(plan=made, project=self.project, selection=self.selection, state=run.state)
        if self.on_plan is not None:
            self.on_plan(reviewable)
        self.check(made)
        _check_readable(made)
        if self.confirm is not None and not made.is_empty:
            if not self.confirm(reviewable):
                raise NotConfirmedError("Not confirmed", detail="The plan was not approved. Nothing was sent.")
            made = within(made, await self.sight.plan(chosen))
        made = await self.sight.warmed_up(made, chosen)
        run.begin(made, connections=connections)
        await run.send(made)
        waves = Waves(run, made, self.sight)
        await follow_up(run, made, self.sight.look_again, waves, clock=self.clock, wait_settled=self.wait_settled)
        return AppliedReport(report=await run.finish(made), plan=made)


def _check_readable(plan: Plan) -> None:
    """Refuse to apply where nothing at all could be read: there is nothing to decide from."""
    if plan.observations and not any(seen.readable for seen in plan.observations):
        told = "; ".join(
            f"{seen.target.collection_id} of {seen.target.upstream}: {seen.reason}" for seen in plan.observations
        )
        raise UpstreamError(
            "The upstream cannot be read",
            detail=f"{told}. Nothing was sent.",
            hint="syncspec doctor checks URL, token and sync",
        )
