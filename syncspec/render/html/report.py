"""A report as a page."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Severity
from syncspec.render.html.page import Group, Matrix, MatrixRow, Page, page_html
from syncspec.render.html.plan import MOST_FINDINGS
from syncspec.render.html.rows import Entry, Kind, Rows
from syncspec.render.redaction import HIDDEN, redacted_report
from syncspec.render.review import samples
from syncspec.render.terminal import clipped, visible
from syncspec.render.values import counted
from syncspec.render.words import FAILURES, OUTCOMES, outcome_line, place_title

__all__ = ["report_html"]

_LONGEST_TEXT = 2000
_MOST_ENTRIES = 100
_MOST_ERRORS = 3

_KINDS = {outcome: Kind(outcome.value, mark.words) for outcome, mark in OUTCOMES.items()}


def report_html(report: Report, *, project: str, environment: str | None, redact: bool = False) -> str:
    """The report as one HTML file, the same for equal reports; `redact` hides the errors' wording."""
    shown = redacted_report(report) if redact else report
    findings = sorted(shown.diagnostics, key=lambda item: list(Severity).index(item.severity))
    env = f" -e {shlex.quote(environment)}" if environment is not None else ""
    title = place_title(project, environment)
    return page_html(
        Page(
            kind="report",
            title=f"syncspec report: {title}",
            heading=title,
            summary=outcome_line(report),
            redacted=redact,
            hidden=HIDDEN,
            facts=(("Run", report.run), ("Requests", f"{report.requests:,}")),
            matrix=_matrix(shown),
            eye=tuple(_eye(shown)),
            findings=findings[:MOST_FINDINGS],
            more_findings=max(0, len(findings) - MOST_FINDINGS),
            rows=_rows(shown),
            rows_name="records",
            kinds_name="Outcome",
            without_script=f"syncspec runs{env} {shlex.quote(report.run)}",
            footer=f"The same as text: syncspec runs{env} {shlex.quote(report.run)}",
        )
    )


def _matrix(report: Report) -> Matrix:
    counts: dict[str, Counter[RecordOutcome]] = {}
    for record in report.records:
        counts.setdefault(record.address.partition(".")[0], Counter())[record.outcome] += 1
    outcomes = [outcome for outcome in OUTCOMES if any(numbers[outcome] for numbers in counts.values())]
    return Matrix(
        columns=[(outcome.value, OUTCOMES[outcome].words) for outcome in outcomes],
        rows=[MatrixRow(name=name, numbers=[counts[name][outcome] for outcome in outcomes]) for name in sorted(counts)],
    )


def _eye(report: Report) -> Iterator[Group]:
    for outcome in OUTCOMES:
        records = [record for record in report.records if record.outcome is outcome]
        if outcome not in FAILURES or not records:
            continue
        errors = Counter(record.error or "" for record in records)
        kinds: dict[str, int] = {}
        for place, record in enumerate(records):
            kinds.setdefault(record.error or "", place)
        first = tuple(kinds[error] for error, _ in reversed(errors.most_common()))
        told = "; ".join(
            f"{number:,} times: {clipped(error, 200)}" for error, number in errors.most_common(_MOST_ERRORS)
        )
        yield Group(
            title=OUTCOMES[outcome].words.capitalize(),
            count=len(records),
            entries=[_entry(records[place]) for place in samples(len(records), _MOST_ENTRIES, first=first)],
            told=told if len(records) > _MOST_ENTRIES else "",
        )


def _rows(report: Report) -> Rows:
    """All records but the unchanged, those that need an eye first."""
    unchanged = report.summary[RecordOutcome.UNCHANGED]
    told = f"{counted(unchanged, 'unchanged record')} not listed." if unchanged else ""
    rows = Rows(tuple(_KINDS.values()), told)
    for record in sorted(report.records, key=lambda record: record.outcome not in FAILURES):
        if record.outcome is not RecordOutcome.UNCHANGED:
            rows.add(_entry(record))
    return rows


def _entry(record: RecordReport) -> Entry:
    parts = [record.error] if record.error else []
    parts += [f"it may be one of {', '.join(record.candidates)}"] if record.candidates else []
    return Entry(
        kind=_KINDS[record.outcome],
        set_name=record.address.partition(".")[0],
        address=record.address,
        upstream_id=record.upstream_id or "",
        reason=clipped(visible("; ".join(parts)), _LONGEST_TEXT),
        place=str(record.source) if record.source is not None else "",
    )
