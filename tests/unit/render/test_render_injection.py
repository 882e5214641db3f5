"""Texts that try to leave their place, in every position and every format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.pages import Reading, read_html, read_markdown
from support.plans import HOSTILE, hostile_findings, hostile_plan, hostile_report

from syncspec.render.annotations import plan_annotations, report_annotations
from syncspec.render.diagnostics import diagnostics_document, diagnostics_text, github_annotations
from syncspec.render.html import plan_html, report_html
from syncspec.render.markdown import plan_markdown, report_markdown
from syncspec.render.plan_json import plan_json
from syncspec.render.plan_text import plan_text
from syncspec.render.report_json import report_json
from syncspec.render.report_text import report_text
from syncspec.render.terminal import visible

SCHEMAS = Path(__file__).parents[3] / "schemas"
COMMAND = re.compile(r"^\s*::|##\w*\[", re.MULTILINE)
"""What the runners of GitHub and Azure act on."""

COLOR = re.compile(r"\x1b\[[0-9;]*m")
every_text = pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:24]))


@every_text
@pytest.mark.parametrize("full", [False, True])
def test_text_holds_nothing_that_acts(text: str, full: bool) -> None:
    plan, report = hostile_plan(text), hostile_report(text)
    for render in (
        lambda color: plan_text(plan, color=color, full=full),
        lambda color: report_text(report, color=color, full=full),
        lambda color: diagnostics_text(hostile_findings(text), color=color),
    ):
        plain = render(False)
        assert all(letter == "\n" or visible(letter) == letter for letter in plain)
        assert not COMMAND.search(plain)
        assert COLOR.sub("", render(True)) == plain


def test_text_has_as_many_lines_as_a_harmless_plan() -> None:
    harmless = plan_text(hostile_plan("harmless"), full=True).count("\n")
    for text in HOSTILE:
        if text:
            assert plan_text(hostile_plan(text), full=True).count("\n") == harmless


@pytest.mark.parametrize("text", ["::error::x", "  ::x", "##[error]x", "a ##vso[task]x", "###[group]x"])
def test_a_command_of_a_runner_stays_readable(text: str) -> None:
    assert not COMMAND.search(visible(text))
    assert visible(text).replace("\\x3a", ":").replace("\\x23", "#") == text


@pytest.mark.parametrize("text", ["a::b", "std::vector", "# a", "## b [c]", ":x"])
def test_what_is_no_command_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


@every_text
def test_json_says_what_the_plan_says_and_fits_its_schema(text: str) -> None:
    for content, name in (
        (plan_json(hostile_plan(text)), "plan"),
        (report_json(hostile_report(text)), "report"),
        (plan_json(hostile_plan(text), redact=True), "plan"),
    ):
        assert not COMMAND.search(content.decode())
        schema = json.loads((SCHEMAS / f"{name}.v1.schema.json").read_text(encoding="utf-8"))
        Draft202012Validator(schema).validate(json.loads(content))
    document = json.loads(plan_json(hostile_plan(text)))
    assert document["environment"] == text
    assert document["changes"][0]["fields"][0]["before"] == text
    assert not COMMAND.search(diagnostics_document(hostile_findings(text)).decode())


MARKDOWN_TAGS = {"h2", "h3", "p", "strong", "ul", "li", "hr", "br", "code", "details", "summary"}
MARKDOWN_TAGS |= {"table", "thead", "tbody", "tr", "th", "td"}
LIVE = re.compile(r"@\w|#\d|GH-\d|://|www\.\w|:\w+:|\b(?=[a-f]*\d)[0-9a-f]{7,40}\b|\[\^|\$\$")
"""What a forge turns into mentions, references, links or pictures in text outside of code."""


def shape(reading: Reading) -> list[str]:
    return [tag for tag in reading.tags if tag not in ("code", "br")]


@pytest.mark.parametrize(
    "render",
    [
        lambda text: plan_markdown(hostile_plan(text)),
        lambda text: report_markdown(hostile_report(text), project=text, environment=text),
    ],
    ids=["plan", "report"],
)
@every_text
def test_markdown_stays_text_in_its_place(render: Callable[[str], str], text: str) -> None:
    content = render(text)
    assert not COMMAND.search(content)
    reading = read_markdown(content)
    assert set(reading.tags) <= MARKDOWN_TAGS
    assert all(set(attributes) <= ({"open"} if tag == "details" else {"align"}) for tag, attributes in reading.elements)
    assert [found for found in (LIVE.search(part) for part in reading.texts) if found] == []
    assert reading.tags.count("details") == len(re.findall(r"\n<details(?: open)?>", content))
    assert len(reading.comments) == 1
    if text:
        assert shape(reading) == shape(read_markdown(render("harmless")))


def test_the_reader_of_these_tests_sees_an_injection() -> None:
    reading = read_markdown("@a [x](http://y) <img src=x> www.evil.example\n")
    assert {"a", "img"} <= set(reading.tags)
    assert LIVE.search(reading.text)


def rows_of(reading: Reading) -> Any:
    return json.loads(reading.data["data"])


@pytest.mark.parametrize(
    "render",
    [
        lambda text: plan_html(hostile_plan(text)),
        lambda text: report_html(hostile_report(text), project=text, environment=text),
    ],
    ids=["plan", "report"],
)
@every_text
def test_html_has_the_elements_of_a_harmless_page(render: Callable[[str], str], text: str) -> None:
    content = render(text)
    assert not COMMAND.search(content)
    reading = read_html(content)
    harmless = read_html(render("harmless"))
    named = [(tag, sorted(attributes)) for tag, attributes in reading.elements if tag != "mark"]
    if text:
        assert named == [(tag, sorted(attributes)) for tag, attributes in harmless.elements if tag != "mark"]
    assert reading.data["script"] == harmless.data["script"]
    assert reading.data["style"] == harmless.data["style"]
    assert len(rows_of(reading)["rows"]) == len(rows_of(harmless)["rows"])
    assert not re.search(r"[<>&]", reading.data["data"])
    assert reading.comments == []


@every_text
def test_annotations_are_lines_of_known_commands_with_known_properties(text: str) -> None:
    for content in (
        plan_annotations(hostile_plan(text), folder=text),
        report_annotations(hostile_report(text), folder=text),
        github_annotations(hostile_findings(text), folder=text),
    ):
        for line in content.removesuffix("\n").split("\n"):
            command = re.fullmatch(r"::(error|warning|notice) ([^:]*)::([^\r\n]*)", line)
            assert command, line
            names = [part.partition("=")[0] for part in command[2].split(",")]
            assert names in (["file", "line", "col", "endColumn", "title"], ["title"])
            assert all(letter.isprintable() or ord(letter) > 127 for letter in line)
