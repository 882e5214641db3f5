"""Every outcome of a run on its way to the journal, the report and whoever listens, in this order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from syncspec.apply.attempts import AttemptOutcome, Intended
from syncspec.apply.clock import Clock
from syncspec.apply.delivery import Delivery
from syncspec.apply.events import OnEvent, RecordFinished
from syncspec.apply.journal import Journal, LockLostError
from syncspec.apply.mapping import SentRecord
from syncspec.apply.report import DONE, RecordOutcome, RecordReport
from syncspec.diagnostics import Diagnostic, Source
from syncspec.errors import StateError
from syncspec.planning.plan import Change
from syncspec.records import ObservedRecord
from syncspec.upstream.protocol import MutationKind

__all__ = ["STOPPED_FIRST", "Ledger"]

STOPPED_FIRST = "the run was interrupted before it was sent"
"""Why a record was not attempted where nothing else says so."""

_FAILED = {
    RecordOutcome.REJECTED: "it was rejected",
    RecordOutcome.UNKNOWN: "its outcome is unknown",
    RecordOutcome.NOT_ATTEMPTED: "it was not attempted",
}


class Ledger:
    """`reports` by address and `diagnostics` grow as outcomes are recorded; `halted` says why sending stopped.

    `sources` are the places at which addresses are declared.
    """

    def __init__(
        self,
        *,
        run: str,
        journal: Journal,
        clock: Clock,
        on_event: OnEvent,
        sources: Mapping[str, Source] | None = None,
    ) -> None:
        self._sources = sources or {}
        self.reports: dict[str, RecordReport] = {}
        self.diagnostics: list[Diagnostic] = []
        self.halted: str | None = None
        self._run, self._journal, self._clock, self._on_event = run, journal, clock, on_event

    def record(
        self, intended: Intended, outcomes: Sequence[AttemptOutcome], rows: Sequence[ObservedRecord] = ()
    ) -> bool:
        """Commit outcomes. Where the disk refuses: False, sending stops, and every ID that is not on disk is said."""
        try:
            self._journal.answer(intended, outcomes, returned=rows, now=self._clock.now())
        except StateError as error:
            self.halt(error, rows)
            return False
        return True

    def halt(self, error: StateError, rows: Sequence[ObservedRecord] = ()) -> None:
        """Send nothing more in this run."""
        first = error.diagnostics[0]
        self.halted = self.halted or (
            "the run lock was taken away" if isinstance(error, LockLostError) else first.summary
        )
        ids = ", ".join(row.upstream_id for row in rows)
        detail = f"{first.detail} The upstream answered with these IDs, which are not recorded: {ids}."
        self.diagnostics.append(replace(first, detail=detail) if ids else first)

    def report(
        self,
        address: str,
        outcome: RecordOutcome,
        *,
        upstream_id: str | None = None,
        error: str | None = None,
        candidates: Sequence[str] = (),
    ) -> None:
        """Say what became of one record; `candidates` are IDs that may be its own."""
        self.take(
            RecordReport(
                address=address,
                outcome=outcome,
                upstream_id=upstream_id,
                error=error,
                source=self._sources.get(address),
                candidates=tuple(candidates),
            )
        )

    def take(self, report: RecordReport) -> None:
        """Keep and tell a report that is made already."""
        self.reports[report.address] = report
        self._on_event(RecordFinished(run=self._run, record=report))

    def report_all(
        self, delivery: Delivery, outcome: RecordOutcome, message: str, rows: Sequence[ObservedRecord] = ()
    ) -> None:
        """Say the same of every record of a request; `rows` are those of its answer."""
        # A creation may have any of the IDs; what is changed has its own.
        candidates = tuple(row.upstream_id for row in rows) if delivery.kind is MutationKind.CREATE else ()
        for record in delivery.records:
            self.report(record.address, outcome, error=message, candidates=candidates)

    def without_held(self, delivery: Delivery) -> Delivery:
        """The delivery without records that wait for one which did not succeed; of these it is reported why."""
        causes = {record.address: self._cause(record) for record in delivery.records if record.after}
        held = {address: cause for address, cause in causes.items() if cause is not None}
        for address, cause in held.items():
            self.report(address, RecordOutcome.NOT_ATTEMPTED, error=cause)
        if not held:
            return delivery
        return replace(delivery, records=tuple(each for each in delivery.records if each.address not in held))

    def _cause(self, record: SentRecord) -> str | None:
        """Why a record is not sent: one that it comes after was not done in this run."""
        for address in record.after:
            report = self.reports.get(address)
            if report is not None and report.outcome not in DONE:
                what = report.outcome.replace("_", " ")
                return f"it comes after {address}, whose own step is {what}" + (
                    f": {report.error}" if report.error else ""
                )
        return None

    @property
    def not_done(self) -> dict[str, str]:
        """Why records are not as this run was to make them, by address."""
        return {
            address: f"{_FAILED[report.outcome]}{f': {report.error}' if report.error else ''}"
            for address, report in self.reports.items()
            if report.outcome in _FAILED
        }

    def leave_changes(self, changes: Iterable[Change]) -> None:
        """Report changes that were not carried out, each with its reason, unless sending had stopped before."""
        for change in changes:
            if change.address not in self.reports:
                self.report(change.address, RecordOutcome.NOT_ATTEMPTED, error=self.halted or change.reason)

    def leave(self, delivery: Delivery, reason: str) -> None:
        """Report records that were not sent in this run, unless an outcome is known already."""
        for record in delivery.records:
            if record.address not in self.reports:
                self.report(record.address, RecordOutcome.NOT_ATTEMPTED, error=reason)
