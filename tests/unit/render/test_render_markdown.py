"""Markdown for pull requests: it fits, it says what is left out, and what needs an eye stands open."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support.pages import read_markdown
from support.plans import change, hazards, large_plan, plan_of, small_plan, small_report, step, uniform_updates

from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.planning.plan import Action, Change, Plan
from syncspec.render.markdown import plan_markdown, report_markdown
from syncspec.render.markdown.inline import code, html_code, marker_value, prose

COMMENT = 65_536


def sizes(text: str) -> tuple[int, int]:
    """The length in characters, and in UTF-16 units."""
    return len(text), len(text.encode("utf-16-le")) // 2


def open_part(text: str) -> str:
    """What is seen without opening anything."""
    return re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)


def test_the_first_line_is_a_marker_that_a_bot_can_find() -> None:
    first = plan_markdown(small_plan()).split("\n")[0]
    assert first == "<!-- syncspec:plan project=arrakis env=sandbox -->"
    assert plan_markdown(small_plan(environment=None)).startswith("<!-- syncspec:plan project=arrakis env= -->\n")
    report = report_markdown(small_report(), project="arrakis", environment="sandbox")
    assert report.startswith("<!-- syncspec:report project=arrakis env=sandbox -->\n")


def drifted(number: int) -> list[Change]:
    """Uniform drift of records that nothing is written to."""
    fields = (step("Title", "Duke " * 20, "Lord"),)
    return [
        change(f"leads.d{place:05}", Action.DRIFT, fields=fields, reason="changed upstream") for place in range(number)
    ]


@pytest.mark.parametrize("number", [3, 300, 8000])
def test_drift_of_thousands_leaves_all_that_is_written_in_the_open_and_above_it(number: int) -> None:
    written = [
        *uniform_updates(500),
        change("leads.new", Action.CREATE, fields=(step("Name", None, "Chani"),)),
        change("leads.gone", Action.DELETE, upstream_id="003D"),
        change("leads.known", Action.ADOPT, upstream_id="003A"),
        change("leads.back", Action.UPDATE, code="drift-restored", fields=(step("Name", "a", "b"),)),
    ]
    odd = change("leads.odd", Action.UPDATE, fields=(step("LeadSource", "Web", None),))
    text = open_part(plan_markdown(plan_of(*drifted(number), *written, odd)))
    above, heading, below = text.partition("### Left as it is")
    assert heading
    for address in ("gone", "known", "back", "odd", "new"):
        assert f"`leads.{address}`" in above
    assert "update" in above
    assert "`leads.d0" not in above
    shown, left_out = shown_and_left_out(below, "Drifted")
    assert (shown > 2, shown + left_out) == (True, number)
    assert "unlike the rest" in above


def test_drift_gets_little_room_where_what_is_written_needs_much() -> None:
    plan = plan_of(*drifted(8000), *many_failures().changes)
    text = plan_markdown(plan)
    assert max(sizes(text)) < COMMENT
    assert 0 < len(text.partition("### Left as it is")[2].partition("<details>")[0]) < 7000


@pytest.mark.parametrize("name", ["a --> b", "--", "a\nb", 'x" y', "é", "<!--", "\ud800"])
def test_a_marker_holds_no_sign_that_could_end_it(name: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._~%-]*", marker_value(name))
    assert "--" not in marker_value(name)
    assert marker_value(name) != marker_value(name + "x")


def test_what_needs_an_eye_is_never_folded() -> None:
    shown = open_part(plan_markdown(small_plan()))
    for address in ("rabban", "feyd", "yueh", "piter", "mapes", "gurney"):
        assert f"`contacts.{address}`" in shown
    assert "`accounts.atreides`" in shown
    assert "A declared field is in no upstream record" in shown
    assert "Locked records are no longer declared" not in shown


def test_the_matrix_counts_every_set_and_action() -> None:
    lines = plan_markdown(small_plan()).split("\n")
    assert "| set | create | adopt | update | delete | move | drift | blocked | unknown | unchanged |" in lines
    assert "| `contacts` |  | 1 | 1 | 1 | 1 | 1 | 2 | 1 | 1 |" in lines
    assert "| **all** | **1** | **1** | **1** | **1** | **1** | **1** | **2** | **1** | **1** |" in lines


def test_the_footer_tells_digest_and_command() -> None:
    last = plan_markdown(small_plan()).splitlines()[-1]
    assert last.startswith("Plan `3f9a1c77b2e4`. Apply with `syncspec apply -e sandbox`")


def test_a_plan_without_changes_is_short() -> None:
    text = plan_markdown(plan_of(batches=()))
    assert "No changes. No records are declared." in text
    assert read_markdown(text).tags.count("table") == 0


def test_of_thousands_the_use_of_fields_and_samples_from_all_over_are_shown() -> None:
    text = plan_markdown(large_plan())
    assert "**4,812 to update, 1 of them above**" in text
    assert '| `LeadSource` | 4,811 | 4,811: `"Web"` → `"Partner"` |' in text
    assert re.findall(r"\| update \| `leads\.r(\d+)`", text) == ["0000", "1203", "2406", "3608", "4811"]
    assert "| … | and 4,806 more | |" in text


def test_sixty_updates_are_all_shown_in_the_table_of_their_set() -> None:
    changes = [
        replace(each, fields=(step(f"Field{place}", "a" * 50, "b" * 50),))
        for place, each in enumerate(uniform_updates(60))
    ]
    assert plan_markdown(plan_of(*changes)).count("| update | `leads.") == 60


def many_sets(number: int) -> Plan:
    return plan_of(*(change(f"set-{place:05}.r", Action.CREATE) for place in range(number)))


def long_names() -> Plan:
    fields = tuple(step("😀" * 300 + str(place), "|" * 900, "`" * 900) for place in range(300))
    return plan_of(
        *(
            change(f"s{place}.{'x' * 5000}{place}", action, reason="@|`" * 5000, fields=fields)
            for place, action in enumerate([*Action] * 20)
        ),
        environment="e" * 70_000,
        digest="d",
    )


def many_failures() -> Plan:
    found = [
        change(f"set.r{place:05}", Action.DELETE, upstream_id=f"{place:018}", reason=f"reason {place} " * 20)
        for place in range(5000)
    ]
    found += [
        change(f"set.s{place:05}", Action.BLOCKED, code=f"rule-{place % 7}", reason="😀" * 200)
        for place in range(20_000)
    ]
    return plan_of(*found)


def many_findings() -> Plan:
    item = Diagnostic(severity=Severity.WARNING, code="x", summary="Summary", detail="detail " * 500)
    return plan_of(*hazards(), diagnostics=(*[item] * 3000, *[replace(item, severity=Severity.NOTE)] * 3000))


@pytest.mark.parametrize(
    "plan",
    [many_sets(1), many_sets(100), many_sets(5000), long_names(), many_failures(), many_findings(), large_plan()],
    ids=["one", "hundred", "sets", "names", "failures", "findings", "large"],
)
def test_a_plan_of_any_size_fits_a_comment(plan: Plan) -> None:
    text = plan_markdown(plan)
    assert max(sizes(text)) < COMMENT
    read_markdown(text)
    assert text.endswith("\n")


def shown_and_left_out(text: str, title: str) -> tuple[int, int]:
    part = text.partition(f"**{title} (")[2].partition("\n**")[0]
    more = re.search(r"^- … and ([\d,]+) more", part, re.MULTILINE)
    return len(re.findall(r"^- `", part, re.MULTILINE)), int(more[1].replace(",", "")) if more else 0


def test_what_does_not_fit_is_counted() -> None:
    text = plan_markdown(many_failures())
    for title, number in (("To delete", 5000), ("Blocked", 20_000)):
        shown, left_out = shown_and_left_out(text, title)
        assert shown > 20
        assert shown + left_out == number


def test_of_many_sets_those_that_need_an_eye_stay_in_the_matrix() -> None:
    plan = plan_of(*many_sets(5000).changes, *hazards())
    text = plan_markdown(plan)
    assert "| `contacts` |" in text
    (left_out,) = re.findall(r"\| … and ([\d,]+) more sets \|", text)
    matrix = text.partition("### Needs an eye")[0]
    assert matrix.count("| `set-") + int(left_out.replace(",", "")) == 5000
    assert "**5,000**" in matrix
    assert "more folded parts for which there is no room" in text


def test_rare_reasons_are_shown_where_not_all_fit() -> None:
    changes = [change(f"set.r{place:05}", Action.BLOCKED, code="not-readable") for place in range(20_000)]
    changes[12_345] = replace(changes[12_345], code="duplicate")
    text = plan_markdown(plan_of(*changes))
    assert "`set.r12345`" in open_part(text)
    assert "19,999 in `set` (`not-readable`), 1 in `set` (`duplicate`)" in text


def test_a_long_value_is_cut_around_what_differs() -> None:
    long = "same " * 1000
    plan = plan_of(change("set.a", Action.UPDATE, fields=(step("Text", f"{long}old end", f"{long}new end"),)))
    assert 'same old end"` → `' in plan_markdown(plan)


def report_of(number: int, error: str = "Error: no") -> Report:
    records = [
        RecordReport(address=f"set.r{place:05}", outcome=RecordOutcome.CREATED, upstream_id=f"{place:018}")
        for place in range(number)
    ]
    records += [
        RecordReport(
            address=f"set.s{place:05}",
            outcome=RecordOutcome.REJECTED,
            error=error,
            source=Source(file="m.yaml", line=place + 1),
        )
        for place in range(number)
    ]
    return Report(run="r1", records=tuple(records))


@pytest.mark.parametrize("report", [small_report(), report_of(5000), report_of(3000, "😀|`" * 3000)])
def test_a_report_of_any_size_fits_a_comment(report: Report) -> None:
    text = report_markdown(report, project="p" * 70_000, environment="e" * 70_000)
    assert max(sizes(text)) < COMMENT
    read_markdown(text)


def test_a_report_tells_what_went_wrong_in_the_open_and_the_new_ids_folded() -> None:
    text = report_markdown(small_report(), project="arrakis", environment=None)
    shown = open_part(text)
    assert (
        "**Done: 1 created, 1 adopted, 1 updated, 1 deleted, 1 rejected, 1 unknown, 1 not attempted, 1 unchanged.**"
        in shown
    )
    for outcome in ("rejected", "unknown", "not-attempted"):
        assert f"- `contacts.r-{outcome}`" in shown
    assert "it may be one of `003X`, `003Y`" in shown
    assert "| created | `contacts.r-created` | `0030` |" in text
    assert "`contacts.r-created`" not in shown
    assert "syncspec runs 20260101T120000-ab12" in shown


def test_equal_errors_of_thousands_are_told_once_with_their_number() -> None:
    text = report_markdown(report_of(5000), project="p", environment=None)
    assert "- 5,000 times: Error: no" in text
    shown, left_out = shown_and_left_out(text, "Rejected")
    assert shown + left_out == 5000


@pytest.mark.parametrize("text", ["a", "a b", '"Duke"', "x@y.org", "#1", "www.x.org", "é", "<b>", "a_b*c"])
def test_plain_text_is_a_code_span(text: str) -> None:
    assert code(text) == f"`{text}`"


@pytest.mark.parametrize("text", ["`", "a|b", "a\\b", " a", "a ", "www.x.org|", "paul@x.org|", "http://x.org|", ""])
def test_what_no_span_can_hold_is_an_element_of_the_same_text(text: str) -> None:
    reading = read_markdown(f"| a |\n|---|\n| {code(text)} |\n")
    assert [shown.replace("\u200b", "") for shown in reading.codes] == [text.replace("\\", "\\") or "(empty)"]
    assert "a" not in reading.tags
    assert read_markdown(f"<p>\n{html_code(text)}\n</p>").codes == reading.codes


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the manifest changed Phone", "the manifest changed Phone"),
        ('Email is "Paul X" upstream', 'Email is `"Paul X"` upstream'),
        ("ask @org/team about #12, or GH-12", "ask `@org/team` about `#12,` or `GH-12`"),
        ("see http://x.org and *this*", "see `http://x.org` and `*this*`"),
        ("a deadbeef00deadbeef 1234567 facade", "a `deadbeef00deadbeef 1234567` facade"),
        (":smile: www.x.org", "`:smile: www.x.org`"),
    ],
)
def test_a_sentence_keeps_its_words_and_codes_the_rest(text: str, shown: str) -> None:
    assert prose(text) == shown


def test_equal_plans_are_equal_bytes() -> None:
    assert plan_markdown(large_plan()) == plan_markdown(large_plan())
