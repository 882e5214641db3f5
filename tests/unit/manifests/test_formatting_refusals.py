"""What formatting refuses, and that it then gives nothing that could be written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from syncspec.manifests import formatting
from syncspec.manifests.formatting import format_manifest
from syncspec.manifests.layout import LayoutError
from syncspec.manifests.limits import Limits
from syncspec.manifests.reader import read

BAD = sorted((Path(__file__).parents[2] / "cases" / "yaml" / "bad").glob("*.yaml"))
SET = "kind: RecordSet\nspec:\n  records:\n    a: {data: {x: 1, y: [1.0]}}\n    b: {data: {x: !unset }}\n"


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_what_the_reader_refuses_is_reported_with_its_findings(path: Path) -> None:
    result = format_manifest(path.read_bytes(), file=path.name)
    assert result.content is None
    assert list(result.diagnostics) == read(path.read_bytes(), file=path.name)[1]


def test_a_file_that_is_too_large_is_refused() -> None:
    result = format_manifest(b"a: 1\n", file="m.yaml", limits=Limits(max_bytes=4))
    assert result.content is None
    assert [item.code for item in result.diagnostics] == ["file-too-large"]


@pytest.mark.parametrize(
    ("spoil", "place"),
    [
        (lambda text: text.replace("1.0", "1"), "spec.records.a.data.y.0"),
        (lambda text: text.replace("x: 1", "x: '1'"), "spec.records.a.data.x"),
        (lambda text: text.replace("x: 1,", "x: true,"), "spec.records.a.data.x"),
        (lambda text: text.replace("x: 1, y: [1.0]", "y: [1.0], x: 1"), "spec.records.a.data"),
        (lambda text: text.replace("!unset", "null"), "spec.records.b.data.x"),
        (lambda text: text.replace("!unset", "'!unset'"), "spec.records.b.data.x"),
        (lambda text: text.replace("[1.0]", "[1.0, 2]"), "spec.records.a.data.y"),
        (lambda text: text.replace("x: 1", "z: 1"), "spec.records.a.data"),
        (lambda text: text + "---\na: 1\n", "2 documents instead of 1"),
        (lambda text: "---\n" + "---\n" + text, "documents"),
        (lambda text: text + "  c\n", "would not be read"),
    ],
)
def test_a_result_with_another_meaning_is_refused(
    monkeypatch: pytest.MonkeyPatch, spoil: Callable[[str], str], place: str
) -> None:
    monkeypatch.setattr(formatting, "lay_out", lambda text, orders: spoil(text))
    result = format_manifest(SET.encode(), file="m.yaml")
    assert result.content is None
    (item,) = result.diagnostics
    assert (item.code, item.summary) == ("cannot-format", "The file cannot be formatted")
    assert place in item.detail
    assert "left as it is" in item.detail


def test_records_in_another_order_are_another_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    head, a, b = SET.partition("    a")[0], *SET.splitlines(keepends=True)[3:]
    monkeypatch.setattr(formatting, "lay_out", lambda text, orders: head + b + a)
    assert format_manifest(SET.encode(), file="m.yaml").content is None


def test_a_negative_zero_is_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formatting, "lay_out", lambda text, orders: text.replace("-0.0", "0.0"))
    assert format_manifest(b"a: -0.0\n", file="m.yaml").content is None


def test_what_the_layout_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(text: str, orders: object) -> str:
        raise LayoutError("There is no - where one should be.")

    monkeypatch.setattr(formatting, "lay_out", fail)
    (item,) = format_manifest(b"a: 1\n", file="m.yaml").diagnostics
    assert item.code == "cannot-format"
    assert "There is no -" in item.detail


def test_sensitive_fields_are_named_whatever_else_is_wrong() -> None:
    text = "spec:\n  fields: {SSN__c: {sensitive: true}, Email: {}}\n  records: {a: {data: {SSN__c: 078}}}\n"
    result = format_manifest(text.encode(), file="m.yaml")
    assert result.content is None
    assert result.sensitive == {"SSN__c"}
    project = "spec:\n  collections: {a:b: {fields: {X: {sensitive: true}}}}\n  environments:\n    live:\n"
    project += "      collections: {a:b: {fields: {Y: {sensitive: true}}}}\n"
    assert format_manifest(project.encode(), file="m.yaml").sensitive == {"X", "Y"}
