"""A report and the list of past runs as JSON."""

from __future__ import annotations

from collections.abc import Iterable

from syncspec.apply.history import RunSummary
from syncspec.apply.report import Report
from syncspec.render.diagnostics import source_json
from syncspec.render.json_bytes import FORMAT_VERSION, json_bytes
from syncspec.render.redaction import redacted_report

__all__ = ["report_json", "runs_json"]


def report_json(report: Report, *, redact: bool = False) -> bytes:
    """The report as its one JSON document. `redact` hides the errors' wording, which may quote values."""
    if redact:
        report = redacted_report(report)
    return json_bytes(
        {
            "format_version": FORMAT_VERSION,
            "run": report.run,
            "summary": {outcome.value: number for outcome, number in report.summary.items()},
            "records": [
                {
                    "address": record.address,
                    "outcome": record.outcome.value,
                    "upstream_id": record.upstream_id,
                    "error": record.error,
                    "source": source_json(record.source),
                }
                for record in report.records
            ],
        }
    )


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
