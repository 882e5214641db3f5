"""Telling events to whoever listens, at no risk to what is told."""

from __future__ import annotations

from syncspec.apply.events import Event, OnEvent
from syncspec.diagnostics import Diagnostic, Severity

__all__ = ["Listener"]


class Listener:
    """Tells events to `on_event`; one that fails is told no more, and keeps no outcome from being recorded."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self.failures: list[Diagnostic] = []
        self._on_event = on_event

    def tell(self, event: Event) -> None:
        if self.failures or self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as error:  # noqa: BLE001 - whatever a listener raises must not touch what is in flight
            self.failures.append(
                Diagnostic(
                    severity=Severity.WARNING,
                    code="listener",
                    summary="Progress is not told any more",
                    detail=f"The listener failed: {type(error).__name__}: {error}. The run went on without it.",
                )
            )
