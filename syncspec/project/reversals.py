"""What a project offers beside plan and apply: removing what we created, and undoing one run."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from syncspec.apply.clock import Clock
from syncspec.project.loop import run_alone
from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.project.reversal import carry_out, destruction, preview, undoing
from syncspec.settings import LoadedProject

if TYPE_CHECKING:
    from syncspec.apply.events import OnEvent

__all__ = ["AsyncReversals", "Reversals"]


class AsyncReversals(ABC):
    """The part of `AsyncProject` that takes things back. What is planned is shown and carried out as any plan is.

    `options` are those of `AsyncProject.apply` that tell how it is carried out: `on_plan`, `confirm`, `on_event`,
    `on_rows`, `on_run`, `allow`, `lock_timeout`, `wait_settled`.
    """

    clock: Clock

    @abstractmethod
    def load(self, *, resolve_env: bool = True) -> LoadedProject:
        """Read and check everything. Raises ManifestError with all problems at once."""

    async def plan_destroy(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
    ) -> ReviewablePlan:
        """What `destroy` would do; changes nothing."""
        chosen = {"include": include, "exclude": exclude, "labels": labels, "paths": paths}
        errand = await destruction(self.load(), **chosen, clock=self.clock)  # type: ignore[arg-type]
        return await preview(errand, clock=self.clock)

    async def destroy(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
        command: str = "syncspec.destroy",
        **options: Any,
    ) -> AppliedReport:
        """Delete all selected records that we created and that are not protected, children first.

        That they are declared still is no hindrance; the next apply then creates them again. What was adopted stays,
        unless `delete_adopted` is declared or locked of it. Raises what `AsyncProject.apply` raises.
        """
        chosen = {"include": include, "exclude": exclude, "labels": labels, "paths": paths}
        errand = await destruction(self.load(), **chosen, clock=self.clock)  # type: ignore[arg-type]
        return await carry_out(errand, clock=self.clock, command=command, **options)

    async def plan_undo(self, run: str) -> ReviewablePlan:
        """What `undo` would do; changes nothing."""
        return await preview(undoing(self.load(), run), clock=self.clock)

    async def undo(self, run: str, *, command: str = "syncspec.undo", **options: Any) -> AppliedReport:
        """Delete what a run created with proof, and put back what it overwrote, where that is unchanged since.

        `run` may be a unique beginning of its name. What cannot be taken back is in the plan as blocked, with the
        reason: deletions, values of sensitive fields, protected records, and whatever was changed since. Undoing twice
        does nothing. Raises UsageError where this machine's journal knows no such run, and what `AsyncProject.apply`
        raises.
        """
        return await carry_out(undoing(self.load(), run), clock=self.clock, command=command, **options)


class Reversals:
    """The same for callers without an event loop."""

    asynchronous: AsyncReversals

    def plan_destroy(
        self,
        *,
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
    ) -> ReviewablePlan:
        """What `destroy` would do: `AsyncProject.plan_destroy`."""
        call = self.asynchronous.plan_destroy
        return run_alone(call, include=include, exclude=exclude, labels=labels, paths=paths)

    def destroy(
        self,
        *,
        confirm: Callable[[ReviewablePlan], bool] | None = None,
        on_event: OnEvent | None = None,
        allow: Sequence[str] = (),
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        paths: Sequence[str | Path] = (),
        lock_timeout: float = 0.0,
        wait_settled: bool = False,
    ) -> AppliedReport:
        """Delete what we created: `AsyncProject.destroy`."""
        return run_alone(
            self.asynchronous.destroy,
            confirm=confirm,
            on_event=on_event,
            allow=allow,
            include=include,
            exclude=exclude,
            labels=labels,
            paths=paths,
            lock_timeout=lock_timeout,
            wait_settled=wait_settled,
        )

    def plan_undo(self, run: str) -> ReviewablePlan:
        """What `undo` would do: `AsyncProject.plan_undo`."""
        return run_alone(functools.partial(self.asynchronous.plan_undo, run))

    def undo(
        self,
        run: str,
        *,
        confirm: Callable[[ReviewablePlan], bool] | None = None,
        on_event: OnEvent | None = None,
        allow: Sequence[str] = (),
        lock_timeout: float = 0.0,
        wait_settled: bool = False,
    ) -> AppliedReport:
        """Take back what a run did: `AsyncProject.undo`."""
        return run_alone(
            functools.partial(self.asynchronous.undo, run),
            confirm=confirm,
            on_event=on_event,
            allow=allow,
            lock_timeout=lock_timeout,
            wait_settled=wait_settled,
        )
