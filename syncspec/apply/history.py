"""Past runs, from the journal."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from syncspec.apply.failed_batches import FailedBatch, failed_batches_path, read_failed_batches
from syncspec.apply.journal import Journal, lockfile_of
from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.errors import UsageError
from syncspec.settings import LoadedProject

__all__ = ["PastRun", "RunSummary", "named_run", "packed", "past_run", "past_runs", "run_report", "unpacked"]


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
    told = {"records": records, "requests": report.requests, "interrupted": report.interrupted}
    return orjson.dumps({**told, "diagnostics": report.diagnostics})


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


def unpacked(run: str, content: bytes) -> Report:
    """The report that the journal kept."""
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
    return Report(
        run=run,
        records=records,
        requests=value["requests"],
        interrupted=value["interrupted"],
        # Reports of earlier versions were kept without.
        diagnostics=tuple(_diagnostic(item) for item in value.get("diagnostics", ())),
    )


def _diagnostic(item: dict[str, Any]) -> Diagnostic:
    source = Source(**item["source"]) if item["source"] else None
    return Diagnostic(**{**item, "severity": Severity(item["severity"]), "source": source})


def past_runs(project: LoadedProject) -> list[RunSummary]:
    """This project's runs in this environment, the newest first. Raises StateError."""
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    if journal is None:
        return []
    with journal:
        return [_summary(row) for row in journal.runs()]


def _summary(row: sqlite3.Row) -> RunSummary:
    report = unpacked(row["run"], row["report"]) if row["report"] else None
    return RunSummary(
        run=row["run"],
        command=row["command"],
        owner=row["owner"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        exit_code=row["exit_code"],
        summary=report.summary if report else dict.fromkeys(RecordOutcome, 0),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRun:
    """One past run: its report, and what is kept of the batches that failed, in the file `failed_path`.

    `report` is None for a run that has not ended, or died.
    """

    run: str
    report: Report | None
    failed: tuple[FailedBatch, ...]
    failed_path: Path


def past_run(project: LoadedProject, run: str) -> PastRun:
    """One past run; `run` may be a unique beginning of its name. Raises UsageError where there is no such run."""
    journal = Journal.open_for_reading(project.state_dir, lockfile_of(project))
    rows: list[sqlite3.Row] = []
    if journal is not None:
        with journal:
            rows = journal.runs()
    row = named_run(rows, run)
    name, content = row["run"], row["report"]
    return PastRun(
        run=name,
        report=unpacked(name, content) if content is not None else None,
        failed=read_failed_batches(project.state_dir, name),
        failed_path=failed_batches_path(project.state_dir, name),
    )


def named_run(rows: Iterable[sqlite3.Row], run: str) -> sqlite3.Row:
    """The one run whose name begins like that. Raises UsageError."""
    found = [row for row in rows if row["run"].startswith(run)]
    if len(found) != 1:
        detail = f'{len(found)} runs begin with "{run}".' if found else f'No run begins with "{run}".'
        raise UsageError("No such run", detail=detail, hint="list them with: syncspec runs")
    return found[0]


def run_report(past: PastRun) -> Report:
    """A past run's report. Raises UsageError where it recorded none."""
    if past.report is None:
        kept = (
            f"; {len(past.failed)} failed batches are kept: syncspec runs {past.run} --requests" if past.failed else ""
        )
        raise UsageError(
            "The run left no report",
            detail=f"{past.run} has not ended, or died before it could write one.",
            hint=f"the next apply reports what is not settled{kept}",
        )
    return past.report
