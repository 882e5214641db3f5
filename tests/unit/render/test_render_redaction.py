"""`redact` hides every value in every format, and keeps names, counts, actions and places."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from support.builders import desired, observed
from support.plans import every_action, large_plan, plan_of, small_report, step, uniform_updates

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.planning.plan import ObservationSummary, Plan
from syncspec.records import Absence
from syncspec.render.annotations import plan_annotations, report_annotations
from syncspec.render.html import plan_html, report_html
from syncspec.render.markdown import plan_markdown, report_markdown
from syncspec.render.plan_json import plan_json
from syncspec.render.plan_text import plan_text
from syncspec.render.redaction import redacted_diagnostics
from syncspec.render.report_json import report_json
from syncspec.render.report_text import report_text

SECRET = "canary-7f3a"
PLANS: dict[str, Callable[[Plan], str]] = {
    "text": lambda plan: plan_text(plan, redact=True),
    "full text": lambda plan: plan_text(plan, redact=True, full=True, color=True),
    "json": lambda plan: plan_json(plan, redact=True).decode(),
    "markdown": lambda plan: plan_markdown(plan, redact=True),
    "html": lambda plan: plan_html(plan, redact=True),
    "github": lambda plan: plan_annotations(plan, redact=True),
}
REPORTS = {
    "text": lambda report: report_text(report, redact=True),
    "json": lambda report: report_json(report, redact=True).decode(),
    "markdown": lambda report: report_markdown(report, project="p", environment=None, redact=True),
    "html": lambda report: report_html(report, project="p", environment=None, redact=True),
    "github": lambda report: report_annotations(report, redact=True),
}

FINDING = Diagnostic(
    severity=Severity.WARNING,
    code="x",
    summary="Something is odd",
    detail=f"It says {SECRET}",
    hint=f'quote it: "{SECRET}"',
    snippet=f"  Email: {SECRET}",
    address="contacts.paul",
    source=Source(file="m.yaml", line=7),
)


def telling_plan() -> Plan:
    """A canary wherever a value can stand."""
    fields = (step("Email", SECRET, [SECRET]), step("Meta", {"a": SECRET}, {SECRET: 1}), step("Gone", SECRET, None))
    changes = [
        replace(
            each,
            reason=f"it is {SECRET} upstream",
            fields=fields,
            desired=desired(each.address, Email=SECRET),
            observed=observed("003A", Email=SECRET),
        )
        for each in every_action()
    ]
    updates = [replace(each, fields=(step("Source", "Web", SECRET),), reason=SECRET) for each in uniform_updates(200)]
    updates[77] = replace(updates[77], fields=(step("Source", "Web", f"{SECRET}2"),))
    target = changes[0].target
    seen = ObservationSummary(target=target, readable=False, absence=Absence.UNKNOWN, reason=SECRET, live_rows=0)
    return plan_of(*changes, *updates, observations=(seen,), diagnostics=(FINDING,), environment="sandbox")


@pytest.mark.parametrize("format", PLANS)
def test_no_value_of_a_plan_is_printed_and_every_name_is(format: str) -> None:
    plan = telling_plan()
    text = PLANS[format](plan)
    assert SECRET not in text
    assert SECRET in plan_text(plan)
    names = ["contacts.rabban", "contacts.mapes", "Email", "leads.r0077"]
    assert [name for name in names if name not in text] == []


@pytest.mark.parametrize("format", [name for name in PLANS if name != "json"])
def test_an_outlier_among_hidden_values_is_still_named(format: str) -> None:
    assert "another value of Source" in PLANS[format](telling_plan())


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_the_reader_is_told_that_values_are_hidden(format: str) -> None:
    assert "Values are hidden." in PLANS[format](telling_plan())


def test_a_hidden_json_plan_keeps_actions_and_counts() -> None:
    plain, hidden = (json.loads(plan_json(telling_plan(), redact=redact)) for redact in (False, True))
    assert hidden["summary"] == plain["summary"]
    assert hidden["digest"] == plain["digest"]
    assert [
        [each["address"], each["action"], each["upstream_id"], each["source"], [one["path"] for one in each["fields"]]]
        for each in hidden["changes"]
    ] == [
        [each["address"], each["action"], each["upstream_id"], each["source"], [one["path"] for one in each["fields"]]]
        for each in plain["changes"]
    ]
    assert hidden["requests"] == plain["requests"]
    field = hidden["changes"][0]["fields"][0]
    hidden_field = {"path": "Email", "before": None, "after": None, "sensitive": True, "known_after_apply": False}
    assert field == hidden_field


@pytest.mark.parametrize("format", REPORTS)
def test_no_error_of_a_report_is_printed_and_every_name_is(format: str) -> None:
    plain = small_report()
    records = tuple(replace(each, error=f"Invalid email `{SECRET}`") for each in plain.records)
    report = replace(plain, records=records, diagnostics=(FINDING,))
    text = REPORTS[format](report)
    assert SECRET not in text
    assert "contacts.r-rejected" in text
    assert "1 created" in text or '"created": 1' in text


def test_findings_keep_summary_and_place() -> None:
    (hidden,) = redacted_diagnostics([FINDING])
    assert (hidden.summary, hidden.address, hidden.source) == (FINDING.summary, FINDING.address, FINDING.source)
    assert SECRET not in repr(hidden)


def test_errors_about_runs_and_options_stay_whole() -> None:
    locked = replace(FINDING, code="run-locked", detail="host-1 holds it", hint="wait")
    assert redacted_diagnostics([locked]) == (locked,)


@pytest.mark.parametrize("format", PLANS)
def test_sensitive_values_are_never_printed(format: str) -> None:
    plan = telling_plan()
    changes = tuple(
        replace(
            each,
            reason="quiet",
            fields=tuple(replace(one, sensitive=True) for one in each.fields),
        )
        for each in plan.changes
    )
    hidden = replace(plan, changes=changes, observations=(), diagnostics=())
    for text in (
        plan_text(hidden, full=True),
        plan_json(hidden).decode(),
        plan_markdown(hidden),
        plan_html(hidden),
        plan_annotations(hidden),
        PLANS[format](hidden),
    ):
        assert SECRET not in text


def test_a_large_plan_is_hidden_as_well() -> None:
    for render in PLANS.values():
        text = render(large_plan())
        assert "Partner" not in text
        assert "005B" not in text
