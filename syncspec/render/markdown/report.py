"""A report as a comment on a pull request: the counts, what went wrong, and the new IDs, folded."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.render.markdown.findings import finding_parts
from syncspec.render.markdown.inline import code, html_code, marker_value, prose
from syncspec.render.markdown.layout import Details, Document, Listing, render
from syncspec.render.markdown.matrix import matrix
from syncspec.render.redaction import redacted_report
from syncspec.render.review import samples
from syncspec.render.values import counted
from syncspec.render.words import FAILURES, OUTCOMES, outcome_counts, outcome_line

__all__ = ["report_markdown"]

_MANY = 20
_MOST_ERRORS = 5
_WHOLE = 60
_SAMPLES = 10


def report_markdown(report: Report, *, project: str, environment: str | None, redact: bool = False) -> str:
    """The report as Markdown of less than 65,536 characters; `redact` hides the errors' wording."""
    shown = redacted_report(report) if redact else report
    pieces = _Pieces(report=shown, project=project, environment=environment)
    open_findings, folded_findings = finding_parts(shown.diagnostics)
    return render(
        Document(
            head=pieces.head(redacted=redact),
            matrix=pieces.matrix(),
            eye=tuple(pieces.eye()),
            findings=open_findings,
            details=(*pieces.sets(), *folded_findings),
            more_details=lambda number: f"… and {counted(number, 'more folded part')} for which there is no room.\n",
            foot=pieces.foot(),
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pieces:
    """The parts of one report's comment."""

    report: Report
    project: str
    environment: str | None

    def head(self, *, redacted: bool) -> tuple[str, ...]:
        names = f"project={marker_value(self.project)} env={marker_value(self.environment or '')}"
        place = code(self.project) + (f" ({code(self.environment)})" if self.environment is not None else "")
        hidden = " Values are hidden." if redacted else ""
        told = f"**{outcome_line(self.report)}** Run {code(self.report.run)}.{hidden}"
        return (f"<!-- syncspec:report {names} -->", f"## syncspec apply: {place}", "", told, "")

    def matrix(self) -> Listing:
        """The number of records per set and outcome; of outcomes that occur."""
        counts: dict[str, Counter[RecordOutcome]] = {}
        for record in self.report.records:
            counts.setdefault(record.address.partition(".")[0], Counter())[record.outcome] += 1
        outcomes = [outcome for outcome in OUTCOMES if any(numbers[outcome] for numbers in counts.values())]
        return matrix(
            [OUTCOMES[outcome].words for outcome in outcomes],
            {name: [counts[name][outcome] for outcome in outcomes] for name in sorted(counts)},
            first=[name for name in sorted(counts) if not FAILURES.isdisjoint(counts[name])],
        )

    def eye(self) -> Iterator[Listing]:
        title: tuple[str, ...] = ("### Needs an eye", "")
        for outcome in OUTCOMES:
            records = [record for record in self.report.records if record.outcome is outcome]
            if outcome in FAILURES and records:
                yield self._failures(OUTCOMES[outcome].words, records, title)
                title = ()

    def _failures(self, words: str, records: Sequence[RecordReport], title: tuple[str, ...]) -> Listing:
        errors = Counter(record.error or "" for record in records)
        told: tuple[str, ...] = ()
        if len(records) > _MANY:
            parts = [f"- {number:,} times: {prose(error)}" for error, number in errors.most_common(_MOST_ERRORS)]
            parts += ["- …"] if len(errors) > _MOST_ERRORS else []
            told = (*parts, "", "Such as:", "")
        kinds: dict[str, int] = {}
        for place, record in enumerate(records):
            kinds.setdefault(record.error or "", place)
        return Listing(
            head=(*title, f"**{words.capitalize()} ({len(records):,})**", "", *told),
            count=len(records),
            row=lambda place: _entry(records[place]),
            more=lambda number: f"- … and {number:,} more: {words}",
            first=tuple(kinds[error] for error, _ in reversed(errors.most_common())),
            foot=("",),
        )

    def sets(self) -> Iterator[Details]:
        """What was written, folded; `unchanged` records are only counted."""
        found: dict[str, list[RecordReport]] = {}
        for record in self.report.records:
            if record.outcome not in FAILURES and record.outcome is not RecordOutcome.UNCHANGED:
                found.setdefault(record.address.partition(".")[0], []).append(record)
        for name in sorted(found):
            records = found[name]
            numbers = Counter(record.outcome for record in records)
            shown = [records[place] for place in samples(len(records), _SAMPLES)]
            yield Details(
                summary=f"{html_code(name)}: {outcome_counts(numbers.items())}",
                weight=len(records),
                whole=_table(records) if len(records) <= _WHOLE else None,
                digest=(_table(shown, beyond=len(records) - len(shown)),),
            )

    def foot(self) -> tuple[str, ...]:
        env = f" -e {shlex.quote(self.environment)}" if self.environment is not None else ""
        command = code(f"syncspec runs{env} {shlex.quote(self.report.run)}")
        return ("---", "", f"{counted(self.report.requests, 'request')} sent. See all of it with {command}.")


def _entry(record: RecordReport) -> str:
    known = f" {code(record.upstream_id)}" if record.upstream_id else ""
    told = f": {prose(record.error)}" if record.error else ""
    place = f" ({code(str(record.source))})" if record.source else ""
    candidates = ", ".join(map(code, record.candidates[:_SAMPLES]))
    more = f" and {len(record.candidates) - _SAMPLES:,} more" if len(record.candidates) > _SAMPLES else ""
    maybe = f"\n  - it may be one of {candidates}{more}" if candidates else ""
    return f"- {code(record.address)}{known}{told}{place}{maybe}"


def _table(records: Sequence[RecordReport], *, beyond: int = 0) -> Listing:
    return Listing(
        head=("| | record | upstream ID |", "|---|---|---|"),
        count=len(records),
        row=lambda place: _row(records[place]),
        more=lambda number: f"| … | and {number:,} more | |",
        beyond=beyond,
        foot=("",),
    )


def _row(record: RecordReport) -> str:
    known = code(record.upstream_id) if record.upstream_id else ""
    return f"| {OUTCOMES[record.outcome].words} | {code(record.address)} | {known} |"
