"""Input that is made to hurt: bounded, refused, and never a traceback."""

from __future__ import annotations

import pytest

from syncspec.diagnostics import Diagnostic
from syncspec.manifests.reader import Limits, read

SMALL = Limits(max_nodes=1000, max_alias_nodes=100, max_alias_characters=1000, max_documents=10, max_diagnostics=5)


def errors_of(text: str | bytes, limits: Limits = SMALL) -> list[Diagnostic]:
    return read(text if isinstance(text, bytes) else text.encode(), file="m.yaml", limits=limits)[1]


def codes_of(text: str | bytes, limits: Limits = SMALL) -> list[str]:
    return [item.code for item in errors_of(text, limits)]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "[{a: "])
def test_nesting_is_bounded(opening: str) -> None:
    found = errors_of(opening * 100_000)
    assert [item.code for item in found] == ["too-deep"]
    assert found[0].source is not None


@pytest.mark.parametrize("opening", ["{", "? ", "{[", "{{"])
def test_nesting_in_keys_is_bounded(opening: str) -> None:
    assert "too-deep" in codes_of(opening * 100_000)


def test_depth_at_the_limit_is_read() -> None:
    assert codes_of("[" * 64 + "]" * 64) == []
    assert codes_of("[" * 65 + "]" * 65) == ["too-deep"]


def test_depth_counts_what_aliases_stand_for() -> None:
    chain = "a0: &a0 []\n" + "".join(f"a{number}: &a{number} [*a{number - 1}]\n" for number in range(1, 100))
    assert codes_of(chain, Limits()) == ["too-deep"]
    assert codes_of("a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 30 + "*a" + "]" * 30, Limits()) == ["too-deep"]
    assert codes_of("a: &a " + "[" * 40 + "]" * 40 + "\nb: " + "[" * 23 + "*a" + "]" * 23, Limits()) == []


def test_aliases_of_aliases_are_bounded() -> None:
    lines = ["a0: &a0 x"] + [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 60)]
    found = errors_of("\n".join(lines), Limits())
    assert [item.code for item in found] == ["alias-expansion"]


def test_characters_behind_aliases_are_bounded() -> None:
    assert codes_of(f"a: &a {'x' * 400}\nb: [*a, *a]\n") == []
    assert codes_of(f"a: &a {'x' * 400}\nb: [*a, *a, *a]\n") == ["alias-expansion"]
    assert codes_of(f"a: &a [{'x' * 400}]\nb: [*a, *a, *a]\n") == ["alias-expansion"]


def test_nodes_behind_aliases_are_counted_exactly() -> None:
    nine = "a: &a [1, 2, 3, 4, 5, 6, 7, 8]\n"
    assert codes_of(nine + "b: [" + "*a, " * 11 + "]") == []
    assert codes_of(nine + "b: [" + "*a, " * 12 + "]") == ["alias-expansion"]
    assert codes_of(nine + "b: &b [*a, *a, *a]\nc: [*b, *b]") == []
    assert codes_of(nine + "b: &b [*a, *a, *a]\nc: [*b, *b, *b]") == ["alias-expansion"]


def test_alias_limit_is_for_the_whole_file() -> None:
    document = "a: &a [1, 2, 3, 4, 5, 6, 7, 8]\nb: [" + "*a, " * 8 + "]\n"
    assert codes_of(document) == []
    assert codes_of(f"{document}---\n{document}") == ["alias-expansion"]


@pytest.mark.parametrize("text", ["a: &a [*a]", "a: &a {b: {c: *a}}", "&a [&b [*a, *b]]", "&a {*a : 1}"])
def test_alias_inside_its_own_anchor_is_refused(text: str) -> None:
    assert set(codes_of(text)) == {"recursive-alias"}


@pytest.mark.parametrize(
    "text",
    ["[" + "a," * 2000, "[" + "{}," * 2000, "[" + "a: b," * 2000, "".join(f"k{n}: v\n" for n in range(2000))],
)
def test_number_of_values_is_bounded(text: str) -> None:
    assert codes_of(text) == ["too-many-values"]


def test_number_of_documents_is_bounded() -> None:
    assert codes_of("--- a\n" * 10) == []
    assert codes_of("--- a\n" * 11) == ["too-many-documents"]
    assert codes_of("---\n" * 1000) == ["too-many-documents"]


def test_tag_directives_are_bounded_before_the_library_compares_them_all() -> None:
    text = "".join(f"%TAG !t{number}! tag:example.org,2024:\n" for number in range(100_000)) + "---\na: 1\n"
    assert codes_of(text) == ["yaml-directive"]


def test_diagnostics_are_bounded_and_the_rest_is_counted() -> None:
    found = errors_of("a: 1\n" * 100)
    assert [item.code for item in found] == ["duplicate-key"] * 5 + ["more-errors"]
    assert found[-1].detail == "94 more were found in m.yaml."


def test_error_that_ends_reading_is_shown_whatever_came_before() -> None:
    assert codes_of("a: 1\n" * 100 + "b: '") == ["duplicate-key"] * 5 + ["yaml-unclosed-quote", "more-errors"]


def test_file_of_control_characters_gives_few_diagnostics() -> None:
    assert codes_of(b"abcd" + b"\x00" * 1_000_000) == ["control-character"] * 5


def test_large_file_is_refused_before_it_is_decoded() -> None:
    documents, found = read(b"\xff" * 100, file="m.yaml", limits=Limits(max_bytes=99))
    assert documents == []
    assert [item.code for item in found] == ["file-too-large"]
    assert found[0].detail == "It holds 100 bytes or more; at most 99 are read. It was not read."


def test_very_long_scalars_are_read() -> None:
    text = "x" * 1_000_000
    for written in (text, f'"{text}"', f"'{text}'", f"|-\n {text}"):
        documents, found = read(f"a: {written}".encode(), file="m.yaml")
        assert found == []
        assert documents[0].value == {"a": text}


def test_very_long_key_is_refused_with_a_reason() -> None:
    assert codes_of("x" * 2000 + ": 1") == ["yaml-long-key"]


@pytest.mark.parametrize(
    "text",
    [
        *("&", "*", "!", "|", ">", "%", "@", "`", "-", "?", ":", ",", "]", "}", "'", '"', "[", "{", "---", "...", "\t"),
        *("%YAML", "%YAML 1", "%YAML 1." + "9" * 5000, "%TAG", "%TAG !", "!<", "!<>", "!a!b", "&a", "*a", "&a *a"),
        *(
            "- - - -",
            "? ? ?",
            ": : :",
            "[]: []",
            "{}: {}",
            '"\\',
            '"\\x',
            '"\\u12',
            "|9",
            ">-9\n a",
            "a: |\n\tb",
            "--- >",
        ),
        *(
            "a: b\n  - c",
            "a:\n- b\n c",
            "[a]b",
            "{a}b",
            "'a'b: c",
            "&a &b c",
            "!a !b c",
            "a\n---b",
            "---a: b",
            "{? a: b}",
        ),
        *("a: !!str\n", "!!map", "!!seq", "!unset", "&a !unset", "!unset &a", "*a : *a", "<<: *a", "? <<\n: 1", "- <<"),
    ],
)
def test_odd_text_gives_documents_or_findings_and_never_a_traceback(text: str) -> None:
    documents, found = read(text.encode(), file="m.yaml")
    for item in found:
        assert item.source is not None
        assert item.source.line >= 1
        assert item.source.column >= 1
        assert item.detail
        assert item.hint
    for document in documents:
        document.diagnostic(code="x", summary="S", path=("a", "b", 0))
