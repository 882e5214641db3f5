"""Plans and reports as annotations of GitHub Actions."""

from __future__ import annotations

from dataclasses import replace

from support.plans import FINDINGS, change, large_plan, plan_of, small_plan, small_report

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Severity
from syncspec.planning.plan import Action
from syncspec.render.annotations import plan_annotations, report_annotations


def levels(text: str) -> list[str]:
    return [line.split(" ")[0].strip(":") for line in text.splitlines()]


def test_a_change_is_annotated_at_the_line_that_causes_it() -> None:
    lines = plan_annotations(small_plan(), folder="crm").splitlines()
    assert (
        "::notice file=crm/m.yaml,line=3,col=1,endColumn=2,title=To update (sandbox)::contacts.paul: the manifest "
        'changed Phone and Title%0APhone: "+1 555 0100" -> "+1 555 0199"%0ATitle: "Duke" -> null'
    ) in lines
    assert (
        "::error file=crm/m.yaml,line=3,col=1,endColumn=2,title=Conflict (sandbox)::contacts.feyd: Email was "
        "changed here and upstream, to different values%0AEmail: "
        '"feyd@giedi.example" upstream, "feyd@harkonnen.example" declared'
    ) in lines
    deleted = "contacts.rabban: it is no longer declared, and on_remove is delete"
    assert f"::warning title=To delete (sandbox)::{deleted}" in lines


def test_what_stops_comes_before_what_needs_an_eye_and_that_before_the_rest() -> None:
    text = plan_annotations(small_plan())
    assert levels(text) == ["error"] * 3 + ["warning"] * 4 + ["notice"] * 4
    titles = [line.partition("title=")[2].partition("::")[0] for line in text.splitlines()]
    told = [*("Conflict", "Unknown", "Blocked", "To delete", "To adopt", "Drifted")]
    told += ["A declared field is in no upstream record", "syncspec plan", "To update", "To create", "To move"]
    assert titles == [title if title.startswith("A ") else f"{title} (sandbox)" for title in told]


def test_an_environment_is_named_only_where_there_is_one() -> None:
    assert "(" not in plan_annotations(small_plan(environment=None)).partition("title=To update")[2].partition("::")[0]


def test_of_each_level_there_are_ten_and_the_last_one_counts_the_rest() -> None:
    plan = large_plan()
    stops = [change(f"set.r{place:04}", Action.BLOCKED) for place in range(500)]
    text = plan_annotations(replace(plan, changes=(*plan.changes, *stops)))
    assert levels(text) == ["error"] * 10 + ["warning"] * 3 + ["notice"] * 10
    assert "::error title=491 more::491 more of this level are not shown here." in text
    # A summary, and 4,811 updates and 186 creations, of which eight are shown.
    assert "::notice title=4%2C989 more::" in text


def test_exactly_ten_are_all_shown() -> None:
    plan = plan_of(*(change(f"set.r{place:04}", Action.BLOCKED) for place in range(10)))
    assert "more" not in plan_annotations(plan)


def test_a_thousand_of_one_kind_hide_no_other_kind() -> None:
    many = [change(f"set.r{place:04}", Action.ADOPT) for place in range(1000)]
    text = plan_annotations(plan_of(*many, change("set.z", Action.DRIFT), diagnostics=FINDINGS))
    assert "title=Drifted::set.z" in text
    assert "title=A declared field is in no upstream record" in text


def test_a_plan_without_changes_says_so() -> None:
    assert plan_annotations(plan_of(batches=())) == (
        "::notice title=syncspec plan::No changes. No records are declared.\n"
    )


def test_a_report_annotates_failures_and_tells_the_numbers() -> None:
    lines = report_annotations(small_report(), folder="crm").splitlines()
    assert lines[0] == (
        "::error file=crm/m.yaml,line=14,col=5,endColumn=6,title=Unknown::contacts.r-unknown: the connection closed "
        "before an answer%0Ait may be one of: 003X, 003Y"
    )
    assert lines[1].startswith("::error file=crm/m.yaml,line=14,col=5,endColumn=6,title=Rejected::contacts.r-rejected")
    assert next(line for line in lines if "title=Not attempted" in line).startswith("::warning")
    assert any(line.startswith("::notice title=syncspec apply::Done: 1 created") for line in lines)
    assert not any("r-created" in line for line in lines)


def test_many_failures_are_counted() -> None:
    records = tuple(
        RecordReport(address=f"set.r{place:03}", outcome=RecordOutcome.REJECTED, error="no") for place in range(300)
    )
    text = report_annotations(Report(run="r1", records=records, diagnostics=FINDINGS))
    assert levels(text).count(Severity.ERROR.value) == 10
    assert "291 more" in text
