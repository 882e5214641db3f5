"""Reports as text and JSON."""

from __future__ import annotations

import json

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Source
from syncspec.render.documents import ReportDocument
from syncspec.render.report_json import report_json
from syncspec.render.report_text import report_text


def record(number: int, outcome: RecordOutcome, **more: object) -> RecordReport:
    return RecordReport(address=f"set.r{number:03}", outcome=outcome, **more)  # type: ignore[arg-type]


def test_what_failed_is_told_with_place_and_reason() -> None:
    source = Source(file="m.yaml", line=3, column=5)
    rejected = record(1, RecordOutcome.REJECTED, error="Invalid\x1b email", source=source)
    unknown = record(2, RecordOutcome.UNKNOWN, error="no answer", candidates=("003A", "003B"))
    assert report_text(Report(run="r1", records=(rejected, unknown))) == (
        "  x set.r001\n"
        "      rejected (m.yaml:3:5): Invalid\\x1b email\n"
        "  ? set.r002\n"
        "      unknown: no answer\n"
        "      it may be one of: 003A, 003B\n"
        "\n"
        "Done: 1 rejected, 1 unknown. Run r1.\n"
    )


def test_created_records_are_cut_short_and_rejected_ones_are_not() -> None:
    records = tuple(record(number, RecordOutcome.CREATED, upstream_id="003A") for number in range(100))
    records += tuple(record(number, RecordOutcome.REJECTED, error="no") for number in range(100, 200))
    text = report_text(Report(run="r1", records=records))
    assert text.count("  + ") == 20
    assert "… and 80 more created (--full shows all)" in text
    assert text.count("  x ") == 100
    assert report_text(Report(run="r1", records=records), full=True).count("  + ") == 100


def test_an_interrupted_run_says_so() -> None:
    report = Report(run="r1", records=(record(1, RecordOutcome.CREATED),), interrupted=True)
    assert report_text(report).endswith("Interrupted: 1 created. Run r1.\n")


def test_the_json_report_fits_its_schema() -> None:
    records = tuple(record(number, outcome) for number, outcome in enumerate(RecordOutcome))
    document = json.loads(report_json(Report(run="r1", records=records)))
    assert ReportDocument.model_validate(document).model_dump(mode="json", exclude_unset=True) == document
    assert set(document["summary"].values()) == {1}
