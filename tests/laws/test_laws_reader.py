"""Laws of reading: what is written reads back, places point at it, and nothing that is read hurts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

import yaml
from hypothesis import assume, given
from hypothesis import strategies as st

from syncspec.manifests.reader import Document, Value, read
from syncspec.manifests.scalars import Doubt, resolve

ALPHABET = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
TEXT = st.text(ALPHABET, max_size=20) | st.sampled_from(
    ["02134", "yes", "null", "1_000", "a: b", "- x", "#", " ", "é\u2028"]
)
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=30,
)
YAML_1_1_NUMBERS = [
    expression
    for start in "0123456789+-."
    for tag, expression in yaml.SafeLoader.yaml_implicit_resolvers[start]
    if tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
]


def the_document(text: str) -> Document:
    documents, found = read(text.encode(), file="m.yaml")
    assert found == []
    assert len(documents) == 1
    return documents[0]


def same(left: object, right: object) -> bool:
    """Equal, and of the same types all the way down, with keys in the same order."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return left == right and math.copysign(1, left) == math.copysign(1, right)
    return type(left) is type(right) and left == right


def paths(value: Value, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Value]]:
    yield path, value
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in children:
        yield from paths(child, (*path, step))


@given(VALUES, st.sampled_from([None, 0, 2]), st.sampled_from(["\n", "\r\n", "\r"]))
def test_json_reads_back_whatever_its_layout(value: Value, indent: int | None, line_end: str) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent).replace("\n", line_end)
    assert same(the_document(text).value, value)


@given(VALUES, st.sampled_from(["'", '"']), st.booleans(), st.integers(10, 200))
def test_quoted_yaml_reads_back(value: Value, style: str, flow: bool, width: int) -> None:
    text = yaml.dump(
        value, Dumper=yaml.SafeDumper, default_style=style, default_flow_style=flow, width=width, sort_keys=False
    )
    assume(same(yaml.safe_load(text), value))  # the dumper folds some runs of spaces into a backslash
    assert same(the_document(text).value, value)


@given(VALUES, st.booleans())
def test_plain_yaml_reads_back_or_is_refused_but_never_changes(value: Value, flow: bool) -> None:
    text = yaml.dump(value, Dumper=yaml.SafeDumper, default_flow_style=flow, sort_keys=False)
    documents, found = read(text.encode(), file="m.yaml")
    assert found or same(documents[0].value, value)
    assert {item.code for item in found} <= {"ambiguous-number", "inexact-number", "non-string-key", "merge-key"}


@given(VALUES, st.sampled_from([None, 1]))
def test_places_point_at_the_text(value: Value, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    document, lines, decoder = the_document(text), text.split("\n"), json.JSONDecoder()
    starts = [sum(len(line) + 1 for line in lines[:number]) for number in range(len(lines))]
    for path, there in paths(value):
        place = document.value_source(path)
        assert same(decoder.raw_decode(text, starts[place.line - 1] + place.column - 1)[0], there)
        key = document.key_source(path)
        written = path[-1] if path and isinstance(path[-1], str) else there
        assert same(decoder.raw_decode(text, starts[key.line - 1] + key.column - 1)[0], written)


@given(st.text("0123456789+-._eExXobBnaif:", max_size=12))
def test_plain_scalar_is_text_or_a_number_that_prints_as_written(text: str) -> None:
    value = resolve(text)
    if isinstance(value, Doubt):
        assert value.text == text
    elif value is not None:
        assert str(value) == text
    number_to_1_1 = any(expression.match(text) for expression in YAML_1_1_NUMBERS) and ":" not in text
    if number_to_1_1:
        assert not isinstance(value, str)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    documents, found = read(content, file="m.yaml")
    assert all(item.is_error and item.source for item in found)
    assert all(document.file == "m.yaml" for document in documents)


@given(
    st.lists(
        st.sampled_from([*"ab1[]{},:?&*!|>'\"%@`# \n\t-.$~<\\", "  ", ": ", "- ", "${", "\r\n", "é", "😀"]),
        max_size=40,
    )
)
def test_any_text_is_read_or_refused_at_a_place_inside_it(parts: list[str]) -> None:
    text = "".join(parts)
    lines = text.replace("\r\n", "\n").split("\n")
    documents, found = read(text.encode(), file="m.yaml")
    for item in found:
        assert item.source is not None
        assert 1 <= item.source.line <= len(lines)
        assert 1 <= item.source.column <= len(lines[item.source.line - 1]) + 1
        assert item.length >= 1
    for document in documents:
        for path, _ in paths(document.value):
            assert document.diagnostic(code="x", summary="S", path=path).source == document.value_source(path)
