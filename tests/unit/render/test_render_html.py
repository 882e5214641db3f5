"""The HTML page as a file: what stands in it before any script runs, and what it may load."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import pairwise

from support.pages import read_html
from support.plans import change, every_action, large_plan, plan_of, small_plan, small_report, step

from syncspec.apply.report import Report
from syncspec.planning.plan import Action
from syncspec.render.html import plan_html, report_html
from syncspec.render.html.rows import FieldEntry
from syncspec.render.steps import Reading, Step


def test_the_page_may_load_nothing_and_run_only_its_own_script_and_style() -> None:
    reading = read_html(plan_html(small_plan()))
    (policy,) = [
        attributes["content"]
        for tag, attributes in reading.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    digests = {
        name: base64.b64encode(hashlib.sha256(reading.data[name].encode()).digest()).decode()
        for name in ("script", "style")
    }
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digests['style']}'; script-src 'sha256-{digests['script']}'; "
        "base-uri 'none'; form-action 'none'"
    )


def test_no_element_refers_to_another_file() -> None:
    for page in (plan_html(small_plan()), report_html(small_report(), project="p", environment=None)):
        for _, attributes in read_html(page).elements:
            assert not {"src", "action", "style", "srcset", "formaction"} & set(attributes)
            assert not any(name.startswith("on") for name in attributes)
            assert attributes.get("href", "#").startswith("#")
        assert "http://" not in page
        assert "https://" not in page


def test_summary_and_what_needs_an_eye_stand_in_the_file_itself() -> None:
    reading = read_html(plan_html(small_plan()))
    text = reading.text
    assert "Plan: 1 to create, 1 to adopt, 1 to update, 1 to delete, 1 to move, 1 drifted, 2 blocked" in text
    for address in ("rabban", "feyd", "yueh", "piter", "mapes", "gurney"):
        assert f"contacts.{address}" in reading.codes
    assert "contacts.paul" not in reading.codes
    assert "A declared field is in no upstream record" in text
    assert "3f9a1c77b2e4" in reading.codes
    assert "syncspec apply -e sandbox" in reading.codes


def test_every_landmark_and_control_has_a_name() -> None:
    reading = read_html(plan_html(small_plan()))
    names = {attributes.get("id") for _, attributes in reading.elements}
    for tag, attributes in reading.elements:
        if tag == "section":
            assert attributes["aria-labelledby"] in names
    assert {"header", "nav", "main", "footer"} <= set(reading.tags)
    assert reading.tags.count("h1") == 1
    headings = [int(tag[1]) for tag in reading.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(headings))
    controls = [place for place, tag in enumerate(reading.tags) if tag in ("input", "select")]
    assert all(reading.tags[place - 1] == "label" for place in controls)
    assert len(controls) == 4
    assert [dict(each) for tag, each in reading.elements if each.get("role") == "status"] == [
        {"id": "count", "role": "status", "aria-live": "polite"}
    ]


def test_the_data_holds_every_change_but_the_unchanged_and_what_needs_an_eye_first() -> None:
    data = json.loads(read_html(plan_html(small_plan())).data["data"])
    addresses = [row[3] for row in data["rows"]]
    assert (addresses[0], addresses[-1]) == ("contacts.rabban", "contacts.gurney")
    assert sorted(addresses) == sorted(each.address for each in every_action() if each.action is not Action.UNCHANGED)
    assert data["uncounted"] == "1 unchanged record not listed."
    assert [kind["kind"] for kind in data["kinds"] if kind["used"]] == [
        *("create", "adopt", "update", "delete", "move", "drift", "blocked", "unknown")
    ]


def test_drift_of_thousands_is_told_in_short_above_the_list_and_last_in_it() -> None:
    drifted = [change(f"a.d{place:04}", Action.DRIFT) for place in range(3000)]
    reading = read_html(plan_html(plan_of(*drifted, change("b.new", Action.CREATE), change("b.gone", Action.DELETE))))
    assert len([each for each in reading.codes if each.startswith("a.d")]) == 10
    rows = [row[3] for row in json.loads(reading.data["data"])["rows"]]
    assert (rows[:2], len(rows)) == (["b.gone", "b.new"], 3002)


def test_of_thousands_that_need_an_eye_the_page_shows_some_and_counts_the_rest() -> None:
    changes = [change(f"set.r{place:05}", Action.BLOCKED, code="not-readable") for place in range(3000)]
    changes[1234] = replace(changes[1234], code="duplicate")
    reading = read_html(plan_html(plan_of(*changes)))
    assert "set.r01234" in reading.codes
    assert sum(code.startswith("set.r") for code in reading.codes) == 100
    assert "and 2,900 more, in the list of all changes" in reading.text
    assert "2,999 in set (not readable), 1 in set (duplicate)" in reading.text
    assert len(json.loads(reading.data["data"])["rows"]) == 3000


def test_a_record_of_thousands_of_fields_and_huge_values_stays_small() -> None:
    fields = tuple(step(f"f{place}", "x" * 100_000, "y" * 100_000) for place in range(1000))
    page = plan_html(plan_of(change("set.a", Action.DRIFT, fields=fields)))
    assert len(page) < 2_000_000
    assert "and 800 more" in page


def test_the_difference_of_two_values_is_marked() -> None:
    entry = FieldEntry.of(Step("Email", Reading.CHANGED, before='"a@old.org"', after='"a@new.org"'))
    assert (entry.before, entry.after) == (('"a@', "old", '.org"'), ('"a@', "new", '.org"'))
    same_ends = FieldEntry.of(Step("N", Reading.APART, before="11", after="111"))
    assert ("".join(same_ends.before), "".join(same_ends.after)) == ("11", "111")


def test_a_report_shows_what_went_wrong_and_lists_every_record() -> None:
    reading = read_html(report_html(small_report(), project="arrakis", environment="sandbox"))
    assert "Error: Salesforce validation error: `Invalid email`" in reading.text
    assert "it may be one of 003X, 003Y" in reading.text
    assert "contacts.r-created" not in reading.codes
    rows = json.loads(reading.data["data"])["rows"]
    assert len(rows) == len(small_report().records) - 1
    assert "syncspec runs -e sandbox 20260101T120000-ab12" in reading.text


def test_an_empty_plan_and_an_empty_report_are_pages_too() -> None:
    assert "No changes. No records are declared." in read_html(plan_html(plan_of(batches=()))).text
    empty = report_html(Report(run="r1", records=()), project="p", environment=None)
    assert "Done: no records." in read_html(empty).text


def test_equal_plans_are_equal_bytes() -> None:
    assert plan_html(large_plan()) == plan_html(large_plan())
