"""In which words changes are told: those of a plan, or those of what is declared on two sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from syncspec.planning.plan import Action, Plan
from syncspec.render.review import CONCERNS, Concern
from syncspec.render.words import ACTIONS, Mark, action_counts, summary_line

__all__ = ["DECLARED", "PLANNED", "Voice"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """The words for one kind of plan-like value, the same in every format.

    `names` are what columns and rows call an action, `actions` how it is counted; `sides` what stands on the left and
    on the right of a field. `tells_why`: a reason is there only where it is worth telling, in
    tables too, and quotes no value.
    """

    command: str
    actions: Mapping[Action, Mark]
    names: Mapping[Action, str]
    concerns: Mapping[Concern, str]
    sides: tuple[str, str]
    summary: Callable[[Plan], str]
    tells_why: bool = False

    def counts(self, summary: Mapping[Action, int]) -> str:
        """`3 to create, 2 unchanged`; nothing where all are zero."""
        return action_counts(summary, self.actions)


PLANNED = Voice(
    command="plan",
    actions=ACTIONS,
    names={action: action.value for action in ACTIONS},
    concerns=CONCERNS,
    sides=("Upstream", "Declared"),
    summary=summary_line,
)

_WORDS = {Action.CREATE: "added", Action.UPDATE: "changed", Action.MOVE: "renamed", Action.DELETE: "removed"}
_MARKS = {action: replace(ACTIONS[action], words=words) for action, words in _WORDS.items()}


def _declared_line(plan: Plan) -> str:
    told = action_counts(plan.summary, _MARKS)
    return f"Declared: {told}." if told else "No record is declared in another way."


DECLARED = Voice(
    command="changes",
    actions=_MARKS,
    names=_WORDS,
    concerns={**CONCERNS, Concern.DELETE: "Removed", Concern.PROTECTED: "Protected"},
    sides=("Before", "After"),
    summary=_declared_line,
    tells_why=True,
)
