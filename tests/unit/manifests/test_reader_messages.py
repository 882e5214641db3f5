"""What the reader says, word for word, for the mistakes that authors make most."""

from __future__ import annotations

import pytest

from syncspec.manifests.reader import read


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "zip: 02134",
            (
                "ambiguous-number m.yaml:1:6 [zip: 02134] 5",
                "An unquoted value reads as a different number",
                "02134 is the number 2134 to YAML, and would not be sent as it is written.",
                'quote it: "02134"; or write 2134 where the number is meant',
            ),
        ),
        (
            "a: 9007199254740993",
            (
                "inexact-number m.yaml:1:4 [a: 9007199254740993] 16",
                "A number has more digits than JSON keeps",
                "9007199254740993 would be rounded on its way.",
                'quote it: "9007199254740993"',
            ),
        ),
        (
            "a: .nan",
            (
                "not-finite-number m.yaml:1:4 [a: .nan] 4",
                "A number must be finite",
                ".nan has no form in JSON.",
                'quote it: ".nan"; or write null to clear the field',
            ),
        ),
        (
            "name: a\nname: b",
            (
                "duplicate-key m.yaml:2:1 [name: b] 4",
                "Duplicate key",
                '"name" is already in this mapping, at line 1, column 1.',
                "remove or rename one of the two",
            ),
        ),
        (
            "007: a",
            (
                "non-string-key m.yaml:1:1 [007: a] 3",
                "A key must be text",
                "007 is a number to YAML.",
                'quote it: "007"',
            ),
        ),
        (
            "{Email: ${var.mail}}",
            (
                "unquoted-expression m.yaml:1:9 [{Email: ${var.mail}}] 1",
                "An expression is not quoted",
                "Between braces or brackets, or before a colon and a space, ${…} must stand in quotes: "
                "YAML takes its brace for a mapping.",
                'quote the value: "${…}"; or use block style, one key per line',
            ),
        ),
        (
            "a:\n\tb: 1",
            (
                "yaml-tab m.yaml:2:1 [\tb: 1] 1",
                "A tab stands where YAML wants spaces",
                "Lines are indented by spaces only.",
                "replace the tab by spaces",
            ),
        ),
        (
            'a: "text\nb: 1',
            (
                'yaml-unclosed-quote m.yaml:1:4 [a: "text] 5',
                "A quote is not closed",
                "The text that begins here has no closing quote.",
                "close it; inside single quotes write a quote twice, inside double quotes put a backslash before it",
            ),
        ),
        (
            "a: !Ref x",
            (
                "unknown-tag m.yaml:1:4 [a: !Ref x] 4",
                "Unknown tag",
                "!Ref is not a tag that syncspec knows.",
                "put text that begins with an exclamation mark in quotes, or take the tag away",
            ),
        ),
        (
            "<<: {a: 1}",
            (
                "merge-key m.yaml:1:1 [<<: {a: 1}] 2",
                "Merge keys are not supported",
                '"<<" was taken out of YAML in version 1.2.',
                "put what records share under spec.defaults, or write the fields out",
            ),
        ),
    ],
)
def test_message_says_what_is_wrong_and_one_way_out(text: str, message: tuple[str, str, str, str]) -> None:
    found = read(text.encode(), file="m.yaml")[1]
    assert len(found) == 1
    item = found[0]
    place = f"{item.code} {item.source} [{item.snippet}] {item.length}"
    assert (place, item.summary, item.detail, item.hint) == message


def test_whole_expression_is_not_mistaken_in_block_style() -> None:
    documents, found = read(b"a: ${var.x}\nb: {c: '${var.y}'}\n", file="m.yaml")
    assert found == []
    assert documents[0].value == {"a": "${var.x}", "b": {"c": "${var.y}"}}


def test_dollar_and_brace_apart_are_a_missing_comma() -> None:
    assert [item.code for item in read(b"[$ {a: 1}]", file="m.yaml")[1]] == ["yaml-unclosed-bracket"]


def test_long_values_are_cut_in_messages() -> None:
    found = read(b"a: " + b"1" * 10_000, file="m.yaml")[1]
    assert len(found[0].detail) < 100
    assert found[0].hint == f'quote it: "{"1" * 39}…"'
