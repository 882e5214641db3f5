"""What an apply sees while it holds the run lock: each look reads, records what it settles, and plans."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from syncspec.apply.clock import Clock, moment_of
from syncspec.apply.reconcile import Reconciled
from syncspec.apply.run import Run
from syncspec.errors import StalePlanError
from syncspec.planning.diff import plan as make_plan
from syncspec.planning.inputs import Planner, Selects
from syncspec.planning.narrowing import steps_beyond
from syncspec.planning.needed import with_needed
from syncspec.planning.notes import listed
from syncspec.planning.plan import Plan
from syncspec.planning.wanted import Touches
from syncspec.project.approval import Approval
from syncspec.project.cold import seconds_until_warm
from syncspec.project.outlook import Lists, plan_from
from syncspec.project.reading import OnRows
from syncspec.settings import LoadedProject
from syncspec.upstream.protocol import Connection

__all__ = ["Sight", "within"]


class Sight:
    """One run's eyes on its upstreams. `planner` and `touches`: what is planned instead of what is declared."""

    def __init__(
        self,
        loaded: LoadedProject,
        run: Run,
        connections: Mapping[str, Connection],
        *,
        clock: Clock,
        on_rows: OnRows | None,
        planner: Planner = make_plan,
        touches: Touches | None = None,
        approval: Approval | None = None,
    ) -> None:
        """Every plan is narrowed to what an `approval` covers."""
        self._planner, self._touches = planner, touches
        self._loaded, self._run = loaded, run
        self._clock, self._approval = clock, approval
        self._lists = Lists(loaded, connections, clock=clock, on_rows=on_rows, touches=touches)
        self._began = moment_of(clock)

    async def plan(self, selected: Selects | None) -> Plan:
        """Look, record what that settles, and plan the selected addresses (None: all) with what they need.

        Raises StalePlanError where a saved plan does not hold.
        """
        if self._planner is make_plan:
            selected = with_needed(self._loaded.sets, self._run.state.lockfile, selected)
        _, made = await self._look(selected)
        return made if self._approval is None else self._approval.held(made, self._run.state)

    async def warmed_up(self, plan: Plan, selected: Selects | None) -> Plan:
        """The plan, made anew once its creations may rest on absence where earlier runs are not known.

        Raises StalePlanError where there would be more to do by then.
        """
        while True:
            seconds, upstream = seconds_until_warm(self._loaded, self._run.state, plan, began=self._began)
            if seconds <= 0:
                return plan
            reason = "earlier runs are not known here, so creating waits for what one of them may have in flight"
            if not await self._run.pause(seconds, upstream=upstream, reason=reason):
                return plan
            plan = within(plan, await self.plan(selected))

    async def look_again(self, addresses: Collection[str]) -> tuple[Reconciled, Plan]:
        """Look at the collections of these addresses, and plan them alone."""

        reconciled, made = await self._look(_only(addresses))
        if self._approval is not None:
            made = self._approval.limited(made, self._run.state)
        return reconciled, made

    async def plan_on(self, addresses: Collection[str], *, not_done: Mapping[str, str]) -> Plan:
        """Plan these addresses from what was read last and what is locked by now.

        A collection is read again only for keys that could not be looked for before. `not_done` says of addresses
        that this run was to write why it did not.
        """
        state, began = self._run.state, self._began
        chosen = _only(addresses)
        observations = await self._lists.look_for_keys(state, chosen, began=began, not_done=not_done)
        return plan_from(
            self._loaded, state, chosen, observations, began=began, planner=self._planner, not_done=not_done
        )

    async def _look(self, selected: Selects | None) -> tuple[Reconciled, Plan]:
        began = self._began = moment_of(self._clock)
        run = self._run
        observations = await self._lists.observe(run.state, selected, began=began)
        reconciled = run.reconcile(observations, began=began)
        made = plan_from(self._loaded, run.state, selected, observations, began=began, planner=self._planner)
        return reconciled, made


def _only(addresses: Collection[str]) -> Selects:
    return lambda _, address: address in addresses


def within(approved: Plan, now: Plan) -> Plan:
    """The plan that is made now, where the approved one covers it. Raises StalePlanError."""
    beyond = steps_beyond(approved, now)
    if beyond:
        raise StalePlanError(
            "The plan is stale",
            detail=f"Upstream changed meanwhile, so that other steps are due for {listed(beyond)}. Nothing was sent.",
            hint="plan again, and look at what changed",
        )
    return now
