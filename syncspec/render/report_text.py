"""A report as text: what needs an eye first, then new IDs, then the numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncspec.apply.history import RunSummary
from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.render.redaction import redacted_report
from syncspec.render.terminal import Painter, Style, visible
from syncspec.render.words import OUTCOMES, outcome_counts, outcome_line

__all__ = ["report_text", "runs_text"]

_SHOWN = 20
"""Records of one outcome that are listed; of more the first ones, and how many there are."""


def report_text(report: Report, *, color: bool = False, full: bool = False, redact: bool = False) -> str:
    """The report without its diagnostics. `full` lists every record whose outcome is not `unchanged`.

    `redact` hides the errors' wording, which may quote values.
    """
    if redact:
        report = redacted_report(report)
    paint = Painter(color=color)
    lines: list[str] = []
    for outcome in OUTCOMES:
        records = [record for record in report.records if record.outcome is outcome]
        if outcome is not RecordOutcome.UNCHANGED:
            lines += _records(outcome, records, paint, full=full)
    if lines:
        lines.append("")
    lines.append(paint(outcome_line(report), Style.STRONG) + f" Run {visible(report.run)}.")
    return "\n".join(lines) + "\n"


def _records(outcome: RecordOutcome, records: Sequence[RecordReport], paint: Painter, *, full: bool) -> Iterator[str]:
    mark = OUTCOMES[outcome]
    words = mark.words
    # What failed is told in full: each may have a reason of its own.
    shown = len(records) if full or outcome in (RecordOutcome.REJECTED, RecordOutcome.UNKNOWN) else _SHOWN
    for record in records[:shown]:
        known = f"  {visible(record.upstream_id)}" if record.upstream_id else ""
        yield f"  {paint(f'{mark.symbol} {visible(record.address)}', mark.style)}{known}"
        if record.error:
            place = f" ({visible(str(record.source))})" if record.source else ""
            yield f"      {words}{place}: {visible(record.error)}"
        if record.candidates:
            yield f"      it may be one of: {', '.join(map(visible, record.candidates))}"
    if len(records) > shown:
        yield f"  … and {len(records) - shown:,} more {words} (--full shows all)"


def runs_text(runs: Sequence[RunSummary], *, color: bool = False) -> str:
    """Past runs, one a line, in the order given."""
    paint = Painter(color=color)
    if not runs:
        return "No runs yet.\n"
    return "".join(_run_line(run, paint) for run in runs)


def _run_line(run: RunSummary, paint: Painter) -> str:
    if run.exit_code is None:
        result = paint("did not end, or is still running", Style.WARNING)
    else:
        told = outcome_counts(run.summary.items()) or "no records"
        result = f"{paint(f'exit {run.exit_code}', Style.FAINT if run.exit_code == 0 else Style.WARNING)}  {told}"
    return f"{paint(visible(run.run), Style.STRONG)}  {visible(run.started_at)}  {visible(run.command)}  {result}\n"
