"""Laws of formatting: once is enough, nothing is said differently, and every comment stays beside what it is about."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from support.yaml_texts import any_yaml, record_sets

from syncspec.manifests.formatting import format_manifest
from syncspec.manifests.reader import Document, read

COMMENT = re.compile(r"#c\d+\.")
NO_WORD = re.compile(r"[-:]|[|>][0-9+-]*")
"""Marks of list items and values, which may move to another line, and heads of block texts, which may be rewritten."""

PIECES = [
    *"ab1[]{},:?&*!|>'\"%@`# \n\t-.$~<\\",
    "  ",
    ": ",
    "- ",
    "? ",
    "\n  ",
    "\n    ",
    "\n- ",
    "\n  - ",
    "a: ",
    "b: ",
]
PIECES += ["\nc: ", "\n  d: ", "\n\n", " # x", "\n# y", "|\n", "|+\n", ">-\n", "|2\n", "&x ", "*x", "!unset", "!!str "]
PIECES += [
    "---\n",
    "...\n",
    "${",
    "\r\n",
    "é",
    "😀",
    "\u2028",
    "[a, b]",
    "{a: 1}",
    "text",
    "\\\n",
    "%YAML 1.2\n",
    "!!map ",
]


def formatted(text: str) -> bytes:
    """The canonical form of a text that the reader takes; other texts are not looked at."""
    assume(not read(text.encode(), file="m.yaml")[1])
    result = format_manifest(text.encode(), file="m.yaml")
    assert result.diagnostics == ()
    assert result.content is not None
    return result.content


def shape(value: object, *, ordered: bool = True) -> object:
    """A value with the types in it and the order of its keys, so that equality misses nothing."""
    if isinstance(value, dict):
        pairs = [(key, shape(inner, ordered=ordered)) for key, inner in value.items()]
        return ("dict", pairs if ordered else sorted(pairs, key=lambda pair: pair[0]))
    if isinstance(value, list):
        return ("list", [shape(inner, ordered=ordered) for inner in value])
    return (type(value).__name__, repr(value))


def meaning(content: bytes, *, ordered: bool = True) -> list[tuple[int, object]]:
    documents, found = read(content, file="m.yaml")
    assert found == []
    return [(document.index, shape(document.value, ordered=ordered)) for document in documents]


def lines_of(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")


def words_before_comments(text: str) -> dict[str, str]:
    """Of every comment the last word before it on its line, "" where it has a line of its own."""
    found: dict[str, str] = {}
    for line in lines_of(text):
        for match in COMMENT.finditer(line):
            words = line[: match.start()].split()
            word = words[-1] if words else ""
            if "?" not in words and not NO_WORD.fullmatch(word):
                found[match[0]] = word
    return found


def words_below_comments(text: str) -> dict[str, str]:
    """Of every comment that stands right above what it is about, and as far in, the first word of that."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in lines_of(text):
        indent = len(line) - len(line.lstrip())
        if line.lstrip().startswith("#c"):
            above.append((indent, line.split()[0]))
            continue
        if line.strip() and not line.lstrip().startswith(":"):
            word = next((word.rstrip(":") for word in line.split() if word != "?"), "")
            found.update((comment, word) for column, comment in above if column == indent)
        above.clear()
    return found


@given(any_yaml())
def test_formatting_changes_no_value_and_no_order_of_keys_that_are_the_authors(text: str) -> None:
    assert meaning(formatted(text)) == meaning(text.encode())


@given(record_sets())
def test_formatting_a_set_changes_no_value(text: str) -> None:
    assert meaning(formatted(text), ordered=False) == meaning(text.encode(), ordered=False)


@given(any_yaml() | record_sets())
def test_formatting_twice_is_formatting_once(text: str) -> None:
    once = formatted(text)
    assert format_manifest(once, file="m.yaml").content == once


@given(any_yaml() | record_sets())
def test_formatting_keeps_every_comment_once(text: str) -> None:
    there = Counter(COMMENT.findall(text))
    assert Counter(COMMENT.findall(formatted(text).decode())) == there
    assert set(there.values()) <= {1}


@given(any_yaml() | record_sets())
def test_a_comment_at_the_end_of_a_line_stays_behind_the_same_word(text: str) -> None:
    before, after = words_before_comments(text), words_before_comments(formatted(text).decode())
    assert {comment: after.get(comment) for comment in before} == before


@given(any_yaml())
def test_a_comment_on_a_line_of_its_own_stays_above_the_same_word(text: str) -> None:
    before, after = words_below_comments(text), words_below_comments(formatted(text).decode())
    assert {comment: after.get(comment) for comment in before} == before


@given(record_sets(comments=False))
def test_records_and_data_keep_their_order_and_the_rest_gets_one(text: str) -> None:
    content = formatted(text)
    before, after = the_document(text.encode()), the_document(content)
    spec, new = before.value["spec"], after.value["spec"]
    assert "&" in text or list(after.value) == ["apiVersion", "kind", "metadata", "spec"]
    assert list(spec.get("records", {})) == list(new.get("records", {}))
    for name, record in spec.get("records", {}).items():
        assert shape(record.get("data")) == shape(new["records"][name].get("data"))
    assert shape(spec.get("defaults")) == shape(new.get("defaults"))


@given(any_yaml() | record_sets())
def test_the_result_is_tidy(text: str) -> None:
    content = formatted(text)
    assert not content.startswith(codecs.BOM_UTF8)
    assert b"\r" not in content
    assert content == b"" or content.endswith(b"\n")


@given(any_yaml() | record_sets())
def test_another_yaml_library_reads_the_same_before_and_after(text: str) -> None:
    content = formatted(text)
    try:
        before = witness(text.encode())
    except YAMLError:
        assume(False)
    assert witness(content) == before


@given(st.lists(st.sampled_from(PIECES), max_size=14))
@settings(max_examples=1000)
def test_any_text_that_is_read_keeps_its_meaning_and_settles_at_once(pieces: list[str]) -> None:
    text = "".join(pieces)
    content = formatted(text)
    assert meaning(content) == meaning(text.encode())
    assert format_manifest(content, file="m.yaml").content == content


@pytest.mark.parametrize("with_library", [True, False], ids=["libyaml", "pyyaml"])
def test_both_parsers_of_the_yaml_library_give_the_same_form(
    monkeypatch: pytest.MonkeyPatch, with_library: bool
) -> None:
    monkeypatch.setattr(yaml, "__with_libyaml__", with_library)

    @given(any_yaml() | record_sets())
    @settings(max_examples=30)
    def holds(text: str) -> None:
        content = formatted(text)
        assert meaning(content, ordered=False) == meaning(text.encode(), ordered=False)

    holds()


def the_document(content: bytes) -> Any:
    documents, found = read(content, file="m.yaml")
    assert found == []
    (document,) = documents
    assert isinstance(document, Document)
    return document


def witness(content: bytes) -> list[object]:
    """What ruamel.yaml makes of a text: tags and texts of all nodes, mappings without their order."""
    library = YAML(typ="safe", pure=True)
    return [node_shape(node) for node in library.compose_all(content.decode("utf-8-sig"))]


def node_shape(node: Any) -> object:
    match node:
        case ScalarNode():
            return (str(node.tag), node.value)
        case SequenceNode():
            return (str(node.tag), [node_shape(each) for each in node.value])
        case MappingNode():
            pairs = [(node_shape(key), node_shape(value)) for key, value in node.value]
            return (str(node.tag), sorted(pairs, key=repr))
        case _:
            return None
