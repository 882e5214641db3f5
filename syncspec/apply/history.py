"""Past runs, from the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import orjson

from syncspec.apply.journal import Journal, lockfile_of
from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Source
from syncspec.errors import UsageError
from syncspec.settings import LoadedProject

__all__ = ["RunSummary", "named_run", "packed", "past_runs", "run_report"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One run. `exit_code` and `finished_at` are None for a run that has not ended, or died. Times are RFC 3339."""

    run: str
    command: str
    owner: str
    started_at: str
    finished_at: str | None
    exit_code: int | None
    summary: Mapping[RecordOutcome, int]


def packed(report: Report) -> bytes:
    """A report as the journal keeps it."""
    records = [_packed_record(record) for record in report.records]
    return orjson.dumps({"records": records, "requests": report.requests, "interrupted": report.interrupted})


def _packed_record(record: RecordReport) -> dict[str, object]:
    """What is known of one record; names that say nothing are left out."""
    packed_record: dict[str, object] = {"address": record.address, "outcome": record.outcome.value}
    if record.upstream_id:
        packed_record["upstream_id"] = record.upstream_id
    if record.error:
        packed_record["error"] = record.error
    if record.source:
        packed_record["source"] = record.source
    if record.candidates:
        packed_record["candidates"] = record.candidates
    return packed_record


def _unpacked(run: str, content: bytes) -> Report:
    value = orjson.loads(content)
    records = tuple(
        RecordReport(
            address=item["address"],
            outcome=RecordOutcome(item["outcome"]),
            upstream_id=item.get("upstream_id"),
            error=item.get("error"),
            source=Source(**item["source"]) if "source" in item else None,
            candidates=tuple(item.get("candidates", ())),
        )
        for item in value["records"]
    )
    return Report(run=run, records=records, requests=value["requests"], interrupted=value["interrupted"])


def past_runs(project: LoadedProject) -> list[RunSummary]:
    """This project's runs in this environment, the newest first. Raises StateError."""
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    if journal is None:
        return []
    with journal:
        return [_summary(row) for row in journal.runs()]


def _summary(row: sqlite3.Row) -> RunSummary:
    report = _unpacked(row["run"], row["report"]) if row["report"] else None
    return RunSummary(
        run=row["run"],
        command=row["command"],
        owner=row["owner"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        exit_code=row["exit_code"],
        summary=report.summary if report else dict.fromkeys(RecordOutcome, 0),
    )


def run_report(project: LoadedProject, run: str) -> Report:
    """One past run's report; `run` may be a unique beginning of its name.

    Raises UsageError where there is no such run, or it recorded no report.
    """
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    rows: list[sqlite3.Row] = []
    if journal is not None:
        with journal:
            rows = journal.runs()
    row = named_run(rows, run)
    if row["report"] is None:
        detail = f"{row['run']} has not ended, or died before it could write one."
        raise UsageError("The run left no report", detail=detail, hint="the next apply reports what is not settled")
    return _unpacked(row["run"], row["report"])


def named_run(rows: Iterable[sqlite3.Row], run: str) -> sqlite3.Row:
    """The one run whose name begins like that. Raises UsageError."""
    found = [row for row in rows if row["run"].startswith(run)]
    if len(found) != 1:
        detail = f'{len(found)} runs begin with "{run}".' if found else f'No run begins with "{run}".'
        raise UsageError("No such run", detail=detail, hint="list them with: syncspec runs")
    return found[0]
