"""Applying a saved plan: whether it is this project's, whether it still holds, and nothing beyond it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncspec._version import __version__
from syncspec.apply.state import State
from syncspec.diagnostics import Diagnostic, Severity, sorted_diagnostics
from syncspec.errors import StalePlanError, UsageError
from syncspec.lockfile import DigestKeys
from syncspec.manifests.collector import paused_collector
from syncspec.planning.notes import counted, listed
from syncspec.planning.plan import Plan
from syncspec.planning.staleness import Held, Stale, changed_settings, hold, limited
from syncspec.project.saved import SavedPlan
from syncspec.project.saving import ground_of
from syncspec.settings import LoadedProject

__all__ = ["Approval", "check_approved", "check_project"]

LEAST_DIGITS = 12
"""Plans print so many digits of their digest, and so many are needed to approve one."""

_SHOWN = 20
_PLAN_AGAIN = "plan again with syncspec plan -o FILE, with the same --var and --var-file, and review what changed"


def check_approved(approved: str | None, digest: str) -> None:
    """Make sure that a plan is the approved one, where one is: by its digest, or the first 12 digits or more of it.

    Raises StalePlanError.
    """
    if approved is not None and not (len(approved) >= LEAST_DIGITS and digest.startswith(approved)):
        raise StalePlanError(
            "The plan is stale",
            detail=f"What was approved is {approved[:LEAST_DIGITS]}, and what would be done now is "
            f"{digest[:LEAST_DIGITS]}: manifests, lockfile or upstream changed meanwhile. Nothing was sent.",
            hint="plan again, and look at what changed",
        )


def check_project(saved: SavedPlan, name: str) -> None:
    """Make sure that a saved plan is of the project of that name. Raises UsageError."""
    if saved.plan.project != name:
        raise UsageError(
            "The saved plan is of another project",
            detail=f'It is of "{saved.plan.project}", and this is "{name}". Nothing was sent.',
            hint="apply it in the folder of its own project, or with -C",
        )


class Approval:
    """A saved plan over one run: every plan that the run makes is narrowed to it."""

    def __init__(self, saved: SavedPlan, loaded: LoadedProject) -> None:
        """Raises UsageError where the plan is of another project or environment, StalePlanError where it is stale."""
        self._saved, self._loaded = saved, loaded
        self._check_whose()
        self._check_comparable()
        self._check_settings()

    def held(self, now: Plan, state: State) -> Plan:
        """What is planned now, by the saved selection, without what was not approved. Raises StalePlanError."""
        ground = ground_of(self._loaded, state)
        with paused_collector():
            held = hold(self._saved.approved, now, ground)
        if held.stale:
            steps = len(self._saved.approved.steps())
            told = f"{len(held.stale):,} of its {counted(steps, 'step')} cannot be done as approved"
            raise _stale(told, [_stale_step(each) for each in held.stale])
        return replace(held.plan, diagnostics=sorted_diagnostics([*held.plan.diagnostics, *self._notes(held)]))

    def limited(self, now: Plan, state: State) -> Plan:
        """What is planned in the course of the run, with everything blocked that was not approved."""
        return limited(self._saved.approved, now, ground_of(self._loaded, state))

    def _check_whose(self) -> None:
        plan, loaded = self._saved.plan, self._loaded
        check_project(self._saved, loaded.name)
        if plan.environment != loaded.environment:
            raise UsageError(
                "The saved plan is of another environment",
                detail=f"It is of {_named(plan.environment)}, and this run is for {_named(loaded.environment)}. "
                "Nothing was sent.",
                hint="leave -e and SYNCSPEC_ENV away: a saved plan knows its environment",
            )

    def _check_comparable(self) -> None:
        made_by, key_id = self._saved.made_by, self._saved.key_id
        if made_by.partition(".")[0] != __version__.partition(".")[0]:
            detail = f"syncspec {made_by} made it, and this is syncspec {__version__}, which may decide otherwise"
            raise _stale(detail, [])
        here = DigestKeys(shared=self._loaded.digest_key)
        if key_id is not None and key_id != here.best_id:
            what = "is not set here" if here.shared is None else "is another one here"
            raise _stale(f"SYNCSPEC_DIGEST_KEY {what}, so that its sensitive values cannot be compared", [])

    def _check_settings(self) -> None:
        """Before anything is read: a plan for another endpoint asks that one nothing."""
        changed = changed_settings(self._saved.approved, self._loaded.sets, self._loaded.upstreams)
        if changed:
            causes = [f"{each}: {name} changed" if name else f"{each} is not there any more" for each, name in changed]
            raise _stale("What it rests on is set otherwise by now", [_cause(each) for each in causes])

    def _notes(self, held: Held) -> list[Diagnostic]:
        steps, notes = len(self._saved.approved.steps()), []
        if held.done and len(held.done) == steps:
            told = f"All that it holds ({counted(steps, 'step')}) was done before, so nothing is sent."
            notes.append(_note("already-applied", "The saved plan is applied already", told))
        elif held.done:
            told = f"{len(held.done):,} of its {counted(steps, 'step')} were done before; the rest follows."
            notes.append(_note("partly-applied", "Part of the saved plan is applied already", told))
        if held.left_out:
            told = f"{listed(held.left_out)}: what is due by now was not in the saved plan, and is not done."
            notes.append(_note("not-in-saved-plan", "Some records need another plan", told))
        return notes


def _named(environment: str | None) -> str:
    return f'"{environment}"' if environment is not None else "none"


def _stale(detail: str, causes: Sequence[Diagnostic]) -> StalePlanError:
    """The error, with a bounded number of causes behind what it says."""
    summary = "The saved plan is stale"
    whole = _error(summary, f"{detail}. Nothing was sent.", hint=_PLAN_AGAIN)
    shown = [*causes[:_SHOWN]]
    more = len(causes) - len(shown)
    if more > 0:
        shown.append(_error("More changed", f"And {more:,} more."))
    return StalePlanError(summary, diagnostics=[whole, *shown])


def _cause(text: str) -> Diagnostic:
    return _error("A setting changed", f"{text}.")


def _stale_step(stale: Stale) -> Diagnostic:
    step = stale.change
    item = _error(f"A step is stale: {step.action.value}", f"{'; '.join(stale.causes)}.")
    return replace(item, address=step.address, source=step.source)


def _error(summary: str, detail: str, *, hint: str | None = None) -> Diagnostic:
    return Diagnostic(severity=Severity.ERROR, code=StalePlanError.code, summary=summary, detail=detail, hint=hint)


def _note(code: str, summary: str, detail: str) -> Diagnostic:
    return Diagnostic(severity=Severity.NOTE, code=code, summary=summary, detail=detail)
