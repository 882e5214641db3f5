"""One apply with a person at the keyboard, or none: shows, asks, tells how it goes, and stops on signals."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import anyio

from syncspec.apply.events import Event, RecordFinished, RunFinished, RunStarted
from syncspec.apply.run import Run
from syncspec.cli.events import EventsFile
from syncspec.cli.invocation import Invocation
from syncspec.cli.progress import View, watch
from syncspec.cli.question import ask_for_yes
from syncspec.cli.report_file import ReportFile
from syncspec.project.core import AsyncProject
from syncspec.project.loop import run_to_end
from syncspec.project.reading import single_error
from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.render.plan_text import summary_line

__all__ = ["Applying"]

Act = Callable[..., Awaitable[AppliedReport]]


class Applying:
    """An apply under way. Signals before the first request cancel it; later ones stop the run."""

    def __init__(
        self, invocation: Invocation, *, full: bool, report_file: ReportFile, events: EventsFile | None = None
    ) -> None:
        self._invocation, self._report_file, self._events = invocation, report_file, events
        self._screen = invocation.screen
        self._full = full
        self._run: Run | None = None
        self._sending = False
        self._signals = 0
        self._command = _command_line(sys.argv[1:])

    def run(self, project: AsyncProject, *, ask: bool, **options: Any) -> AppliedReport | None:
        """Apply; None where it was interrupted before anything was sent. Raises what `AsyncProject.apply` raises."""
        return self.supervise(project.apply, ask=ask, **options)

    def supervise(self, act: Act, *, ask: bool, **options: Any) -> AppliedReport | None:
        """Do what is carried out as an apply is: `act` takes the same options and raises the same."""
        with watch(self._screen) as view:
            return run_to_end(functools.partial(self._supervised, act, view, ask=ask, **options))

    async def _supervised(self, act: Act, view: View, *, ask: bool, **options: Any) -> AppliedReport | None:
        report: AppliedReport | None = None
        with single_error():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._heed_signals, tasks.cancel_scope)
                report = await act(
                    on_plan=functools.partial(self._show_plan, view, ask=ask),
                    confirm=functools.partial(self._confirm, view) if ask else None,
                    on_event=functools.partial(self._event, view),
                    on_rows=view.rows,
                    on_run=self._hold,
                    lock_timeout=self._invocation.lock_timeout,
                    command=self._command,
                    **options,
                )
                tasks.cancel_scope.cancel()
        return report

    async def _heed_signals(self, scope: anyio.CancelScope) -> None:
        with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
            async for _ in received:
                self._signals += 1
                if self._run is None or not self._sending:
                    self._warn("Nothing was sent.")
                    scope.cancel()
                elif self._signals == 1:
                    self._warn("Finishing what is in flight; press Ctrl-C again to stop at once.")
                    self._run.request_stop()
                else:
                    self._warn("Stopping now; what is in flight is recorded as unknown.")
                    self._run.stop_now()

    def _warn(self, line: str) -> None:
        self._screen.tell(f"\n{line}\n", event="signal", level="warning")

    def _hold(self, run: Run) -> None:
        self._run = run
        self._report_file.run = run.run_id
        if self._events is not None:
            self._events.open_run(run.run_id, command=self._command)
        if self._screen.log is not None:
            self._screen.log.run = run.run_id

    def _event(self, view: View, event: Event) -> None:
        if self._events is not None:
            self._events.write(event)
        if isinstance(event, RunStarted):
            self._sending = True
        elif isinstance(event, RecordFinished):
            self._report_file.records[event.record.address] = event.record
        elif isinstance(event, RunFinished):
            view.pause()
        view.event(event)

    def _show_plan(self, view: View, plan: ReviewablePlan, *, ask: bool) -> None:
        view.pause()
        self._invocation.show(plan.diagnostics)
        render = functools.partial(plan.render, "text", full=self._full, redact=self._invocation.redact)
        if self._invocation.format == "text":
            self._invocation.write(render(color=self._screen.result_color) + "\n")
        elif ask:
            self._screen.tell(render(color=self._screen.color) + "\n", event="plan")

    def _confirm(self, view: View, plan: ReviewablePlan) -> bool:
        view.pause()
        return ask_for_yes(self._screen, f"{summary_line(plan.plan)} Apply this?")


def _command_line(arguments: Sequence[str]) -> str:
    """What was typed, as the journal keeps it: the values of variables may be secrets."""
    shown = ["syncspec"]
    after_var = False
    for argument in arguments:
        if after_var or argument.startswith("--var="):
            name = argument.removeprefix("--var=").partition("=")[0]
            shown.append(f"{'' if after_var else '--var='}{name}=***")
        else:
            shown.append(argument)
        after_var = argument == "--var"
    return " ".join(shown)
