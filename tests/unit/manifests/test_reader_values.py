from __future__ import annotations

import gc

import pytest
import yaml

from syncspec.diagnostics import Severity
from syncspec.manifests.reader import UNSET, Limits, Value, read


def value_of(text: str | bytes) -> Value:
    documents, found = read(text if isinstance(text, bytes) else text.encode(), file="m.yaml")
    assert found == []
    assert len(documents) == 1
    return documents[0].value


def codes_of(text: str | bytes) -> list[str]:
    return [item.code for item in read(text if isinstance(text, bytes) else text.encode(), file="m.yaml")[1]]


def test_values_keep_their_order_and_types() -> None:
    value = value_of("b: 1\na: [x, 2.5, true, null, {}]\nc:\n")
    assert value == {"b": 1, "a": ["x", 2.5, True, None, {}], "c": None}
    assert isinstance(value, dict)
    assert list(value) == ["b", "a", "c"]


def test_dates_stay_text() -> None:
    assert value_of("[2024-01-01, 2024-01-01T10:00:00Z, 10:30]") == ["2024-01-01", "2024-01-01T10:00:00Z", "10:30"]


def test_quotes_make_text_of_everything() -> None:
    assert value_of("""["02134", '1', "true", "", "~", ".nan"]""") == ["02134", "1", "true", "", "~", ".nan"]


def test_explicit_tags_say_what_is_meant() -> None:
    text = "a: !!str 02134\nb: !!int 0x1F\nc: !!float 1e3\nd: !!bool TRUE\ne: !!null ~\nf: ! 12\ng: !!int '3'\n"
    assert value_of(text) == {"a": "02134", "b": 31, "c": 1000.0, "d": True, "e": None, "f": "12", "g": 3}


def test_unset_is_a_value_of_its_own() -> None:
    value = value_of("a: !unset\nb: !unset ''\n")
    assert isinstance(value, dict)
    assert value["a"] is UNSET
    assert value["b"] is UNSET


def test_aliases_stand_for_their_anchors_content() -> None:
    assert value_of("a: &a {x: [1]}\nb: *a\nc: &c v\nd: [*c, *a]\n") == {
        "a": {"x": [1]},
        "b": {"x": [1]},
        "c": "v",
        "d": ["v", {"x": [1]}],
    }


@pytest.mark.parametrize("text", ["", "# only a comment\n", "---\n", "---\n...\n---\n# nothing\n", "\ufeff", " \n\n"])
def test_file_without_content_has_no_documents(text: str) -> None:
    assert read(text.encode(), file="m.yaml") == ([], [])


def test_documents_are_numbered_as_they_stand_in_the_file() -> None:
    documents, found = read(b"---\n---\na: 1\n---\nnull\n---\nb: 2\n", file="m.yaml")
    assert found == []
    assert [(document.index, document.value) for document in documents] == [(1, {"a": 1}), (2, None), (3, {"b": 2})]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_line_ends_do_not_matter(line_end: str) -> None:
    assert value_of(line_end.join(["a: 1", "b: |", "  x", "  y", ""])) == {"a": 1, "b": "x\ny\n"}


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
def test_line_breaks_of_yaml_1_1_are_plain_characters(character: str) -> None:
    documents, found = read(f'a: x{character}y\nb: "p{character}q"\n{character}c: 01\n'.encode(), file="m.yaml")
    assert documents[0].value == {"a": f"x{character}y", "b": f"p{character}q", f"{character}c": "01"}
    assert [(item.code, str(item.source)) for item in found] == [("ambiguous-number", "m.yaml:3:5")]


def test_stand_ins_for_line_breaks_spare_characters_that_the_file_uses() -> None:
    assert value_of('"\ue000\u2028\ue001\u2029\ue002\x85"') == "\ue000\u2028\ue001\u2029\ue002\x85"


def test_first_of_two_equal_keys_is_kept() -> None:
    documents, found = read(b"a: 1\na: {b: [2]}\nc: 3\n", file="m.yaml")
    assert documents[0].value == {"a": 1, "c": 3}
    assert [item.code for item in found] == ["duplicate-key"]


def test_refused_value_stands_as_its_text_so_that_checking_can_go_on() -> None:
    documents, found = read(b"a: 02134\nb: .nan\nc: !foo x\n1: y\n", file="m.yaml")
    assert documents[0].value == {"a": "02134", "b": ".nan", "c": "x", "1": "y"}
    assert [item.code for item in found] == [
        "ambiguous-number",
        "not-finite-number",
        "unknown-tag",
        "non-string-key",
    ]


def test_document_before_broken_syntax_is_kept_and_the_broken_one_is_not() -> None:
    documents, found = read(b"a: 1\n---\nb: 2\nc: [\n", file="m.yaml")
    assert [document.value for document in documents] == [{"a": 1}]
    assert [item.code for item in found] == ["yaml-unclosed-bracket"]


def test_findings_before_broken_syntax_are_kept() -> None:
    assert codes_of("a: 01\nb: 02\nc: '") == ["ambiguous-number", "ambiguous-number", "yaml-unclosed-quote"]


def test_everything_reported_is_an_error() -> None:
    found = read(b"%YAML 1.1\n---\na: 01\n1: 2\n", file="m.yaml")[1]
    assert [item.severity for item in found] == [Severity.ERROR] * 3


def test_garbage_collection_is_as_it_was_before() -> None:
    assert gc.isenabled()
    read(b"a: 1", file="m.yaml")
    assert gc.isenabled()
    read(b"a: '", file="m.yaml")
    assert gc.isenabled()
    gc.disable()
    try:
        read(b"a: 1", file="m.yaml")
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"a: 1\nb: \xe9\n", "The byte 0xE9 here, number 9 of the file, is not part of any character."),
        (b"a: \xed\xa0\x80\n", "The byte 0xED here, number 4 of the file, is not part of any character."),
        (b"a: \xc3", "The byte 0xC3 here, number 4 of the file, is not part of any character."),
        ("a: 1".encode("utf-16"), "It begins as UTF-16 does."),
        ("a: 1".encode("utf-32"), "It begins as UTF-32 does."),
        ("a: 1".encode("utf-16-le"), "It begins with zero bytes, as UTF-16 and UTF-32 files do."),
    ],
)
def test_file_that_is_not_utf8_is_refused_with_what_it_looks_like(content: bytes, detail: str) -> None:
    documents, found = read(content, file="m.yaml")
    assert documents == []
    assert [(item.code, item.detail, item.hint) for item in found] == [("not-utf8", detail, "save the file as UTF-8")]


def test_byte_that_is_not_utf8_is_shown_at_its_character() -> None:
    found = read("é: 1\n😀é".encode() + b"\xff\n", file="m.yaml")[1]
    assert str(found[0].source) == "m.yaml:2:3"


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\ufffe", "\uffff"])
def test_control_character_is_refused_and_never_printed(character: str) -> None:
    documents, found = read(f"a: 1\nbcd: x{character}y\n".encode(), file="m.yaml")
    assert documents == []
    assert [(item.code, str(item.source)) for item in found] == [("control-character", "m.yaml:2:7")]
    assert found[0].snippet == "bcd: x\ufffdy"
    assert character not in repr(found)


def test_escaped_control_character_in_a_key_is_never_printed() -> None:
    found = read(b'"\\e[31m": 1\n"\\e[31m": 2\n', file="m.yaml")[1]
    assert found[0].detail == '"\\u001B[31m" is already in this mapping, at line 1, column 1.'


@pytest.mark.parametrize(
    "text",
    [
        "a: [1, 02]\nb: '",
        "a: &a [*a]",
        "a: *b",
        "1: x",
        "%YAML 1.1\n---\na",
        '"\\ud800"',
        '"\\U00110000"',
        "a: ${x",
        "a: [${x}]",
    ],
)
def test_parser_without_libyaml_finds_the_same(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = codes_of(text)
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    assert codes_of(text) == expected


def test_parser_without_libyaml_gives_the_same_places(monkeypatch: pytest.MonkeyPatch) -> None:
    text = 'a: {b: 1, c: [x, &y 2]}\r\n😀: "q"\r\n? z\r\n: *y\r\n'.encode()
    first = read(text, file="m.yaml")[0][0]
    monkeypatch.setattr(yaml, "__with_libyaml__", False)
    second = read(text, file="m.yaml")[0][0]
    assert first.value == second.value
    for path in [("a",), ("a", "b"), ("a", "c"), ("a", "c", 0), ("a", "c", 1), ("😀",), ("z",)]:
        assert first.key_source(path) == second.key_source(path)
        assert first.value_source(path) == second.value_source(path)


def test_limits_may_be_set() -> None:
    assert [item.code for item in read(b"abc", file="m.yaml", limits=Limits(max_bytes=2))[1]] == ["file-too-large"]
