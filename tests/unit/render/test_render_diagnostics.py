"""Diagnostics as text, JSON and annotations."""

from __future__ import annotations

import json

import pytest

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.render.diagnostics import count_text, diagnostic_text, diagnostics_document, github_annotations
from syncspec.render.documents import DiagnosticDocument
from syncspec.render.terminal import display_width, visible


def finding(**changes: object) -> Diagnostic:
    values: dict[str, object] = {
        "severity": Severity.ERROR,
        "code": "unknown-field",
        "summary": "Unknown field",
        "detail": '"emial" is not a field of salesforce:contact.',
        "source": Source(file="manifests/people.yaml", line=14, column=5),
        "address": "contacts.paul",
        "snippet": "    emial: paul@arrakis.org",
        "length": 5,
        "hint": 'did you mean "Email"?',
    }
    return Diagnostic(**{**values, **changes})  # type: ignore[arg-type]


def test_a_diagnostic_has_place_line_underlining_detail_and_hint() -> None:
    assert diagnostic_text(finding()) == (
        "error: Unknown field\n"
        "  manifests/people.yaml:14:5 contacts.paul\n"
        "     14 |     emial: paul@arrakis.org\n"
        "        |     ^^^^^\n"
        '  "emial" is not a field of salesforce:contact.\n'
        '  hint: did you mean "Email"?\n'
    )


def test_a_diagnostic_may_be_a_summary_alone() -> None:
    bare = Diagnostic(severity=Severity.WARNING, code="x", summary="Something")
    assert diagnostic_text(bare) == "warning: Something\n"


def underlined(snippet: str, *, column: int, length: int) -> tuple[str, str]:
    """The characters of the shown line above the underlining, counted in columns."""
    text = diagnostic_text(finding(snippet=snippet, source=Source(file="f", line=1, column=column), length=length))
    line, caret = (each[10:] for each in text.splitlines()[2:4])
    columns = [letter for letter in line for _ in range(display_width(letter))]
    start, width = caret.index("^"), caret.count("^")
    return "".join(dict.fromkeys(columns[start : start + width])), line


@pytest.mark.parametrize(
    ("snippet", "column", "length", "marked"),
    [
        ("\tab: x", 2, 2, "ab"),
        ("名前: x", 1, 2, "名前"),
        ("名前: xyz", 5, 3, "xyz"),
        ("e\u0301q: xyz", 6, 3, "xyz"),
        ("😀😁: xyz", 5, 3, "xyz"),
        ("ab: xyz", 5, 99, "xyz"),
    ],
)
def test_the_underlining_stands_below_what_is_wrong(snippet: str, column: int, length: int, marked: str) -> None:
    assert underlined(snippet, column=column, length=length)[0] == marked


@pytest.mark.parametrize(("column", "length"), [(0, 0), (99, 1), (7, 5)])
def test_a_place_past_the_end_of_the_line_is_underlined_all_the_same(column: int, length: int) -> None:
    text = diagnostic_text(finding(snippet="ab: x", source=Source(file="f", line=1, column=column), length=length))
    assert text.splitlines()[3].count("^") >= 1


def test_a_very_long_line_is_cut_around_the_place() -> None:
    snippet = "x" * 5000 + "WRONG" + "y" * 5000
    text, line = underlined(snippet, column=5001, length=5)
    assert text == "WRONG"[0:1] + "RONG"
    assert line.startswith("…")
    assert line.endswith("…")
    assert len(line) < 130


def test_nothing_that_acts_on_a_terminal_is_printed() -> None:
    hostile = "a\x1b[2J\u202eb\x07\u200d\x9b1m\r\x00\ue000"
    text = diagnostic_text(
        finding(snippet=hostile, detail=hostile, address=hostile, hint=hostile, source=Source(file=hostile))
    )
    assert all(letter == "\n" or letter.isprintable() for letter in text)
    assert "\\x1b[2J\\u202eb\\x07" in text
    assert visible("one\ntwo") == "one\\ntwo"


def test_a_detail_cannot_look_like_a_diagnostic_of_its_own() -> None:
    text = diagnostic_text(finding(detail="x\nerror: All is lost"))
    assert not any(line.startswith("error: All") for line in text.splitlines())


def test_an_annotation_carries_place_and_message() -> None:
    assert github_annotations([finding()], folder="crm") == (
        "::error file=crm/manifests/people.yaml,line=14,col=5,endColumn=10,title=Unknown field::"
        'contacts.paul: "emial" is not a field of salesforce:contact.%0Ahint: did you mean "Email"?\n'
    )


def test_an_annotation_cannot_be_left_by_what_it_says() -> None:
    hostile = "a%0A\n::set-output name=x::y\r\n,b:c"
    text = github_annotations([finding(summary=hostile, detail=hostile, source=Source(file=hostile, line=1))])
    assert text.count("\n") == 1
    assert "%250A" in text
    properties = text.removeprefix("::error ").partition("::")[0]
    assert [pair.partition("=")[0] for pair in properties.split(",")] == ["file", "line", "col", "endColumn", "title"]


def test_errors_are_annotated_before_warnings_and_notes() -> None:
    found = [finding(severity=severity) for severity in (Severity.NOTE, Severity.WARNING, Severity.ERROR)]
    kinds = [line.split(" ")[0] for line in github_annotations(found).splitlines()]
    assert kinds == ["::error", "::warning", "::notice"]


def test_the_json_document_holds_every_diagnostic() -> None:
    document = json.loads(diagnostics_document([finding(), finding(source=None, hint=None, address=None)]))
    assert document["format_version"] == "1.0"
    assert [DiagnosticDocument.model_validate(each).code for each in document["diagnostics"]] == ["unknown-field"] * 2
    assert document["diagnostics"][1]["source"] is None


def test_counts_leave_notes_out() -> None:
    assert count_text([finding(), finding(severity=Severity.NOTE), finding(severity=Severity.WARNING)]) == (
        "1 error, 1 warning"
    )
