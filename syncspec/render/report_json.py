"""A report and the list of past runs as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from syncspec.apply.failed_batches import FailedBatch
from syncspec.apply.history import RunSummary
from syncspec.apply.report import INTERRUPTED, RecordReport, Report
from syncspec.diagnostics import Diagnostic
from syncspec.render.diagnostics import diagnostic_json, source_json
from syncspec.render.failed_batches import failed_json
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.redaction import redacted_diagnostics, redacted_report

__all__ = ["failure_json", "report_json", "runs_json"]


def report_json(report: Report, *, redact: bool = False, failed: Sequence[FailedBatch] | None = None) -> bytes:
    """The report as its one JSON document. `redact` hides the errors' wording, which may quote values.

    `failed` are the batches that failed, where they are known.
    """
    if redact:
        report = redacted_report(report)
    document: dict[str, object] = {
        "format_version": FORMAT_VERSION,
        "run": report.run,
        "exit_code": report.exit_code,
        "interrupted": report.interrupted,
        "summary": {outcome.value: number for outcome, number in report.summary.items()},
        "records": [_record(record) for record in report.records],
        "diagnostics": [diagnostic_json(item) for item in report.diagnostics],
        "error": None,
    }
    if failed is not None:
        document["failed_batches"] = [failed_json(batch, requests=False, redact=redact) for batch in failed]
    return json_bytes(document)


def failure_json(
    diagnostics: Sequence[Diagnostic],
    *,
    exit_code: int,
    run: str | None = None,
    records: Iterable[RecordReport] = (),
    redact: bool = False,
) -> bytes:
    """The report of an apply that ended with an error, or before it began: the first of `diagnostics` says why.

    `run` and `records` are what is known of a run that held the run lock.
    """
    told = Report(run=run or "", records=tuple(records))
    if redact:
        told, diagnostics = redacted_report(told), redacted_diagnostics(diagnostics)
    found = [diagnostic_json(item) for item in diagnostics]
    return json_bytes(
        {
            "format_version": FORMAT_VERSION,
            "run": run,
            "exit_code": exit_code,
            "interrupted": exit_code == INTERRUPTED,
            "summary": {outcome.value: number for outcome, number in told.summary.items()},
            "records": [_record(record) for record in told.records],
            "diagnostics": found,
            "error": found[0] if found else None,
        }
    )


def _record(record: RecordReport) -> dict[str, object]:
    return {
        "address": record.address,
        "outcome": record.outcome.value,
        "upstream_id": record.upstream_id,
        "error": record.error,
        "source": source_json(record.source),
    }


def runs_json(runs: Iterable[RunSummary]) -> bytes:
    """Past runs as one JSON document, in the order given."""
    return json_bytes(
        {
            "format_version": FORMAT_VERSION,
            "runs": [
                {
                    "run": run.run,
                    "command": run.command,
                    "owner": run.owner,
                    "started_at": run.started_at,
                    "finished_at": run.finished_at,
                    "exit_code": run.exit_code,
                    "summary": {outcome.value: number for outcome, number in run.summary.items()},
                }
                for run in runs
            ],
        }
    )
