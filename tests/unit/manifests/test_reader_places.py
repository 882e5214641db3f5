from __future__ import annotations

import pytest

from syncspec.diagnostics import Severity
from syncspec.errors import ManifestError
from syncspec.manifests.reader import UNSET, Document, document_from, read

TEXT = """\
# comment
apiVersion: x
spec:
  match_on: [Email, "Name"]
  records:
    paul:
      data: {FirstName: Paul, Age: 15, Note: }
    "duncan":
      data:
        - a
        - b: 1
        -
  empty:
"""


def document(text: str = TEXT) -> Document:
    documents, found = read(text.encode(), file="m.yaml")
    assert found == []
    return documents[0]


def key(path: tuple[str | int, ...], text: str = TEXT) -> tuple[int, int]:
    source = document(text).key_source(path)
    return source.line, source.column


def value(path: tuple[str | int, ...], text: str = TEXT) -> tuple[int, int]:
    source = document(text).value_source(path)
    return source.line, source.column


def test_document_itself_stands_at_its_first_key() -> None:
    assert key(()) == value(()) == (2, 1)


def test_key_and_value_have_places_of_their_own() -> None:
    assert key(("apiVersion",)) == (2, 1)
    assert value(("apiVersion",)) == (2, 13)
    assert key(("spec", "records", "duncan")) == (8, 5)
    assert value(("spec", "records", "duncan")) == (9, 7)
    assert key(("spec", "records", "paul", "data", "Age")) == (7, 31)
    assert value(("spec", "records", "paul", "data", "Age")) == (7, 36)


def test_list_items_have_places() -> None:
    assert key(("spec", "match_on", 0)) == value(("spec", "match_on", 0)) == (4, 14)
    assert value(("spec", "match_on", 1)) == (4, 21)
    assert value(("spec", "records", "duncan", "data", 1, "b")) == (11, 14)


def test_value_that_is_not_written_stands_at_its_key() -> None:
    assert value(("spec", "empty")) == (13, 3)
    assert value(("spec", "records", "paul", "data", "Note")) == (7, 40)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("spec", "nothing"), (3, 1)),
        (("nothing", "at", "all"), (2, 1)),
        (("spec", "match_on", 2), (4, 3)),
        (("spec", "match_on", -1), (4, 3)),
        (("spec", "match_on", "Email"), (4, 3)),
        (("spec", 0), (3, 1)),
        (("apiVersion", "x"), (2, 1)),
        (("spec", "records", "paul", "upstream_id"), (6, 5)),
        (("spec", "match_on", 0, "x"), (4, 14)),
    ],
)
def test_path_that_does_not_exist_stands_at_its_nearest_ancestors_key(
    path: tuple[str | int, ...], place: tuple[int, int]
) -> None:
    assert key(path) == value(path) == place


def test_columns_count_characters() -> None:
    assert value(("😀é",), "😀é: \tx\n") == (1, 6)
    assert value(("a", "😀"), "a: {😀: 😀}") == (1, 8)


def test_byte_order_mark_is_not_counted() -> None:
    assert key(("a",), "\ufeffa: 1") == (1, 1)


def test_content_of_an_alias_stands_at_its_anchor() -> None:
    text = "a: &x\n  b: 1\nc: *x\n"
    assert value(("c",), text) == (3, 4)
    assert key(("c", "b"), text) == (2, 3)


def test_duplicates_and_refused_keys_do_not_shift_places() -> None:
    documents, found = read(b"a: 1\na: {q: 1}\n[x]: 2\n<<: {r: 1}\n1: 3\nb: 4\n", file="m.yaml")
    assert [item.code for item in found] == ["duplicate-key", "non-string-key", "merge-key", "non-string-key"]
    assert str(documents[0].key_source(("b",))) == "m.yaml:6:1"
    assert str(documents[0].value_source(("1",))) == "m.yaml:5:4"


def test_places_in_large_mappings_are_right() -> None:
    text = "records:\n" + "".join(f"  r{number}:\n    data: {number}\n" for number in range(100))
    read_document = document(text)
    assert str(read_document.key_source(("records", "r99"))) == "m.yaml:200:3"
    assert str(read_document.value_source(("records", "r50", "data"))) == "m.yaml:103:11"


def test_key_sources_lists_every_key_of_a_mapping() -> None:
    sources = {name: (place.line, place.column) for name, place in document().key_sources(("spec", "records"))}
    assert sources == {"paul": (6, 5), "duncan": (8, 5)}


@pytest.mark.parametrize("path", [("nothing",), ("apiVersion",), ("spec", "match_on"), ("apiVersion", "x")])
def test_key_sources_of_what_is_no_mapping_are_none(path: tuple[str, ...]) -> None:
    assert list(document().key_sources(path)) == []


def test_places_in_the_second_document_are_those_of_the_file() -> None:
    documents, _ = read(b"a: 1\n---\nb:\n  - c\n", file="m.yaml")
    assert str(documents[1].value_source(("b", 0))) == "m.yaml:4:5"


def test_diagnostic_shows_the_line_and_underlines_the_value() -> None:
    found = document().diagnostic(
        code="x", summary="S", detail="D", path=("spec", "match_on", 1), hint="h", address="a.b"
    )
    assert found.severity is Severity.ERROR
    assert str(found.source) == "m.yaml:4:21"
    assert (found.snippet, found.length) == ('  match_on: [Email, "Name"]', 6)
    assert (found.code, found.summary, found.detail, found.hint, found.address) == ("x", "S", "D", "h", "a.b")


@pytest.mark.parametrize(
    ("text", "path", "at", "length"),
    [
        ("Email: a@b.org # c", ("Email",), "key", 5),
        ("Email: a@b.org # c", ("Email",), "value", 7),
        ("Email: two words # c", ("Email",), "value", 9),
        ("Email: 'it''s' # c", ("Email",), "value", 7),
        ('Email: "a\\"b" # c', ("Email",), "value", 6),
        ("'E': 15 # c", ("E",), "key", 3),
        ("E: 15 # c", ("E",), "value", 2),
        ("E: {a: 1}", ("E",), "value", 1),
        ("E: |\n  text", ("E",), "value", 1),
        ("{a: 15, b: true}", ("a",), "value", 2),
        ("E: true", ("E", "missing"), "value", 1),
        ("Email: a\n  b", ("Email",), "value", 1),
        ("Long: !!str 12", ("Long",), "value", 5),
    ],
)
def test_underlined_length_is_that_of_the_text(text: str, path: tuple[str, ...], at: str, length: int) -> None:
    found = document(text).diagnostic(code="x", summary="S", path=path, at="key" if at == "key" else "value")
    assert found.length == length


def test_shift_points_into_a_plain_or_quoted_value() -> None:
    plain = document("Email: a${x}").diagnostic(code="x", summary="S", path=("Email",), shift=1)
    assert (plain.source and plain.source.column, plain.length) == (9, 4)
    quoted = document('Email: "a${x}"').diagnostic(code="x", summary="S", path=("Email",), shift=1)
    assert (quoted.source and quoted.source.column, quoted.length) == (10, 4)
    escaped = document('Email: "\\x61${x}"').diagnostic(code="x", summary="S", path=("Email",), shift=1)
    assert (escaped.source and escaped.source.column) == 8


def test_long_line_is_cut_and_a_place_beyond_the_cut_has_no_snippet() -> None:
    text = "{a: 1, b: " + "x" * 1000 + ", c: 1}"
    near = document(text).diagnostic(code="x", summary="S", path=("b",))
    assert near.snippet is not None
    assert len(near.snippet) == 240
    assert near.length < 240
    far = document(text).diagnostic(code="x", summary="S", path=("c",))
    assert far.snippet is None
    assert far.length == 1


def test_document_from_python_has_places_without_lines() -> None:
    made = document_from({"a": {"b": (1, None, 2.5, True, UNSET)}})
    assert made.value == {"a": {"b": [1, None, 2.5, True, UNSET]}}
    assert str(made.key_source(("a", "b"))) == "<python>:1:1"
    assert [(name, str(place)) for name, place in made.key_sources(("a",))] == [("b", "<python>:1:1")]
    found = made.diagnostic(code="x", summary="S", path=("a", "b", 0), shift=3)
    assert (found.snippet, str(found.source)) == (None, "<python>:1:1")


def test_document_from_python_is_a_copy() -> None:
    original = {"a": [1]}
    made = document_from(original)
    original["a"].append(2)
    assert made.value == {"a": [1]}


@pytest.mark.parametrize(
    ("given", "detail"),
    [
        (float("nan"), "At the value itself: the number is not finite."),
        ({"a": [float("inf")]}, "At a.0: the number is not finite."),
        ({"a": {1: 2}}, "At a: the key 1 is not text."),
        ({"a": "\ud800"}, "At a: the text holds half a surrogate pair, which UTF-8 cannot carry."),
        ({"a": 2**53 + 1}, "At a: the number has more digits than JSON keeps; pass it as text."),
        ({"a": b"x"}, "At a: bytes is not a JSON type."),
        ({"a": {1, 2}}, "At a: set is not a JSON type."),
    ],
)
def test_document_from_what_json_cannot_hold_is_refused(given: object, detail: str) -> None:
    with pytest.raises(ManifestError) as caught:
        document_from(given)
    assert caught.value.diagnostics[0].detail == detail


def test_document_from_a_value_inside_itself_is_refused() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(ManifestError, match="nested more than 64 levels"):
        document_from(loop)
