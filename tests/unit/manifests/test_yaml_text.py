"""Values written as YAML read back as they were."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from syncspec.manifests.formatting import first_difference, format_manifest
from syncspec.manifests.reader import read
from syncspec.manifests.scalars import UNSET
from syncspec.manifests.yaml_text import Expression, UnwritableError, entry_lines, literal, one_line

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "a\nb",
    "a\n",
    "a\n\nb\n\n",
    "\n",
    "\na",
    " a\nb",
    "a \nb",
    "a\r\nb",
    "a\tb",
    "a\u2028b\u2029c\u0085d",
    "\ufeffx",
    "\x00\x07\x1b[31m",
    "\ufffe\U000e0001",
    "yes",
    "No",
    "on",
    "y",
    "null",
    "~",
    "",
    " ",
    " x ",
    "02134",
    "+1555",
    "1.10",
    "1_000",
    "1e3",
    "0x1F",
    "0o7",
    "12:30:45",
    "2024-01-05",
    "2024-01-05T10:00:00Z",
    ".inf",
    "- x",
    "? x",
    "x: y",
    "x:",
    "x #y",
    "#x",
    "&a",
    "*a",
    "!t",
    "%x",
    "@x",
    "`x",
    "---",
    "...",
    "<<",
    "{a}",
    "[a]",
    "a, b",
    "https://x.org/?a=b&c=d",
    "paul@arrakis.org",
    'O\'Hara "x" \\',
    "é ü 漢字 \U0001f600",
]

TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(HOSTILE)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def read_back(lines: list[str]) -> Any:
    (document,), found = read(("\n".join(lines) + "\n").encode(), file="x.yaml")
    assert found == []
    return document.value


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_reads_back_here_and_by_yaml_1_1(text: str) -> None:
    lines = entry_lines(text, text, 0)
    assert read_back(lines) == {text: text}
    assert yaml.safe_load("\n".join(lines) + "\n") == {text: text}


@given(VALUES)
def test_every_value_reads_back_as_it_was(value: Any) -> None:
    lines = entry_lines("top", {"key": value}, 0)
    assert first_difference({"top": {"key": value}}, read_back(lines), None) is None
    again = read_back(["top:", *entry_lines("key", [value, {"a": value}], 2)])
    assert first_difference({"top": {"key": [value, {"a": value}]}}, again, None) is None
    inside = read_back([f"top: {one_line({'key': value})}"])
    assert first_difference({"top": {"key": value}}, inside, None) is None


@given(VALUES)
def test_what_is_written_is_canonical_already(value: Any) -> None:
    content = ("\n".join(entry_lines("top", {"key": value}, 0)) + "\n").encode()
    assert format_manifest(content, file="x.yaml").content == content


@pytest.mark.parametrize("key", ["k" * 1000, "\x00" * 166, "\U000e0001" * 99])
def test_the_longest_key_reads_back(key: str) -> None:
    assert literal({key: 1}) == {key: 1}
    assert read_back(entry_lines("top", {key: 1}, 0)) == {"top": {key: 1}}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("Paul Atreides", "key: Paul Atreides"),
        ("02134", 'key: "02134"'),
        ("yes", 'key: "yes"'),
        (True, "key: true"),
        (None, "key: null"),
        (UNSET, "key: !unset"),
        (2500, "key: 2500"),
        ("a\nb", "key: |-\n  a\n  b"),
        ([], "key: []"),
        ([1, "x"], "key:\n  - 1\n  - x"),
        ([{"a": 1, "b": 2}], "key:\n  - a: 1\n    b: 2"),
        ("\u2028", 'key: "\\u2028"'),
    ],
)
def test_values_look_as_people_write_them(value: Any, written: str) -> None:
    assert "\n".join(entry_lines("key", value, 0)) == written


def test_an_unset_default_reads_back_in_braces_too() -> None:
    assert read_back([f"key: {one_line({'a': UNSET, 'b': [UNSET, 1], 'c': UNSET})}"]) == {
        "key": {"a": UNSET, "b": [UNSET, 1], "c": UNSET}
    }


def test_what_only_looks_like_an_expression_is_told_from_one() -> None:
    assert literal("${var.x} $${y} $") == "$${var.x} $$${y} $"
    assert literal([{"a": "${b}"}]) == [{"a": "$${b}"}]
    assert literal(Expression("${record.a.b.upstream_id}")) == "${record.a.b.upstream_id}"


@pytest.mark.parametrize(
    "value", ["\ud800", 2**53 + 1, {"${x}": 1}, [["\udfff"]], {"\ud800": 1}, {"k" * 1001: 1}, {"\x00" * 200: 1}]
)
def test_what_no_manifest_can_hold_is_refused(value: Any) -> None:
    with pytest.raises(UnwritableError):
        literal(value)
