"""The exit code of a report: it follows from what the report itself says, in every document that tells it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from syncspec.apply.history import packed, unpacked
from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Diagnostic, Severity
from syncspec.project.formats import render_report
from syncspec.render.report_json import failure_json, report_json

SCHEMA = Draft202012Validator(
    json.loads((Path(__file__).parents[3] / "schemas" / "report.v1.schema.json").read_text(encoding="utf-8"))
)
RECORDS = st.lists(st.sampled_from(RecordOutcome), max_size=12).map(
    lambda outcomes: tuple(
        RecordReport(address=f"c.r{number}", outcome=outcome) for number, outcome in enumerate(outcomes)
    )
)
FINDINGS = st.lists(st.sampled_from(Severity), max_size=3).map(
    lambda weights: tuple(Diagnostic(severity=weight, code="state", summary="s", detail="d") for weight in weights)
)
REPORTS = st.builds(
    Report, run=st.just("r"), records=RECORDS, interrupted=st.booleans(), diagnostics=FINDINGS, requests=st.just(1)
)


def exit_code_of(told: dict[str, Any]) -> int:
    """The exit code by what a document says, and by nothing else: 130 before 4 before 3."""
    summary = told["summary"]
    errors = [found for found in told["diagnostics"] if found["severity"] == "error"]
    if told["interrupted"]:
        return 130
    if summary["unknown"]:
        return 4
    return 3 if summary["rejected"] or summary["not_attempted"] or errors else 0


@given(REPORTS, st.booleans())
def test_the_exit_code_always_agrees_with_the_summary(report: Report, redact: bool) -> None:
    told = json.loads(report_json(report, redact=redact))
    SCHEMA.validate(told)
    assert told["exit_code"] == report.exit_code == exit_code_of(told)
    assert sum(told["summary"].values()) == len(told["records"])
    for outcome in RecordOutcome:
        assert told["summary"][outcome] == sum(record["outcome"] == outcome for record in told["records"])


@given(REPORTS)
def test_text_and_markdown_tell_of_the_same_numbers(report: Report) -> None:
    last = render_report(report, "text", project="p", environment=None).splitlines()[-1]
    markdown = render_report(report, "markdown", project="p", environment=None)
    for outcome, number in report.summary.items():
        words = f"{number} {outcome.value.replace('_', ' ')}"
        assert not number or words in last
        assert not number or words in markdown
    assert last.startswith("Interrupted") is (report.exit_code == 130)


@given(REPORTS)
def test_a_report_that_the_journal_kept_is_the_same(report: Report) -> None:
    assert unpacked("r", packed(report)) == report


@given(st.sampled_from([1, 5, 6, 7, 64, 130]), FINDINGS, RECORDS, st.sampled_from([None, "r"]), st.booleans())
def test_the_report_of_a_failure_holds_its_exit_code_and_its_error(
    code: int, findings: tuple[Diagnostic, ...], records: tuple[RecordReport, ...], run: str | None, redact: bool
) -> None:
    told = json.loads(failure_json(findings, exit_code=code, run=run, records=records, redact=redact))
    SCHEMA.validate(told)
    assert (told["exit_code"], told["interrupted"], told["run"]) == (code, code == 130, run)
    assert told["error"] == (told["diagnostics"][0] if findings else None)
    assert len(told["records"]) == len(records)
