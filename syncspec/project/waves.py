"""What waits for other records of the same plan: planned again when they are done, and sent wave after wave."""

from __future__ import annotations

from dataclasses import replace

from syncspec.apply.run import Run
from syncspec.planning.narrowing import steps_beyond
from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.rules import Rule
from syncspec.project.sight import Sight

__all__ = ["Waves"]

_CHANGED = "since the plan was approved another step became due for it; plan again, and look at what changed"


class Waves:
    """The changes of one approved plan that are left for later.

    Whatever is sent of them stays within that plan. What is held back, since a parent was rejected or is not known, is
    sent where the parent heals in the same run, and else reported as not attempted, with the cause.
    """

    def __init__(self, run: Run, plan: Plan, sight: Sight) -> None:
        self._run, self._plan, self._sight = run, plan, sight
        self._left = {change.address: change for change in plan.changes if change.waits_for}

    async def advance(self) -> None:
        """Send what can be sent by now, until nothing more of what is left can be.

        Raises UpstreamError where a list cannot be read that is needed for a key, StateError, LockLostError.
        """
        run = self._run
        while self._left and not run.is_stopped and not run.is_halted:
            run.refresh()
            made = await self._planned()
            ready = [change for change in made.changes if _is_ready(change)]
            for change in made.changes:
                if change.address in self._left:
                    self._left[change.address] = change
            for change in ready:
                del self._left[change.address]
            if not ready:
                return
            await run.carry_on(made, ready)

    async def _planned(self) -> Plan:
        """The plan of what is left; a step that was not approved is given up."""
        while True:
            made = await self._sight.plan_on(self._left, not_done=self._run.ledger.not_done)
            beyond = steps_beyond(self._plan, made)
            if not beyond:
                return made
            self._run.ledger.leave_changes(replace(self._left.pop(address), reason=_CHANGED) for address in beyond)

    def close(self) -> None:
        """Report what is left as not attempted, with the cause."""
        self._run.ledger.leave_changes(self._left.values())
        self._run.ledger.leave_changes(change for change in self._plan.changes if change.is_sent)


def _is_ready(change: Change) -> bool:
    """Whether its step is known, and no other record is in its way."""
    held_back = change.action is Action.BLOCKED and change.code == Rule.REFERENCE_BLOCKED.value
    return not change.waits_for and not held_back
