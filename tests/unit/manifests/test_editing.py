"""Edits of YAML text change what they say and leave every other character as it is."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncspec.manifests.editing import Addition, Edit, EditError, Replacement, appended, edited
from syncspec.manifests.reader import read

TEXT = """\
# The head.
apiVersion: syncspec/v1
spec:
  records:
    paul: # me
      data: &d
        Bio: |  # note
          hello
          you

        Empty:
        Flow: {a: 1, b: [x]}
        List:
          - a   # first
          - b
        Quoted: "x
          y"  # folded
    # end of paul
    duncan:
      data: {Age: 1}
    leto:
      data: {}
  other: {}
# The end.
"""
PAUL = ("spec", "records", "paul", "data")


def changed(*edits: Edit, text: str = TEXT) -> list[str]:
    """The lines that an edit takes away and adds."""
    after = edited(text.encode(), edits, document=0, file="x.yaml").decode()
    lines = difflib.unified_diff(text.splitlines(), after.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def test_a_record_is_added_behind_the_others() -> None:
    lines = changed(Addition(path=("spec", "records"), entries={"new": {"data": {"Zip": "02134"}}}))
    assert lines == ["+    new:", "+      data:", '+        Zip: "02134"']


@pytest.mark.parametrize(
    ("path", "value", "lines"),
    [
        ("Bio", "new", ["-        Bio: |  # note", "-          hello", "-          you", "+        Bio: new  # note"]),
        ("Empty", "x", ["-        Empty:", "+        Empty: x"]),
        (
            "Flow",
            {"a": 1, "b": ["y, z"]},
            ["-        Flow: {a: 1, b: [x]}", '+        Flow: {a: 1, b: ["y, z"]}'],
        ),
        ("List", ["a", "c"], ["-          - b", "+          - c"]),
        ("Quoted", None, ['-        Quoted: "x', '-          y"  # folded', "+        Quoted: null  # folded"]),
    ],
)
def test_exactly_the_scalars_that_differ_are_replaced(path: str, value: Any, lines: list[str]) -> None:
    assert changed(Replacement(path=(*PAUL, path), value=value)) == lines


def test_keys_are_added_in_braces_and_out_of_them() -> None:
    records = ("spec", "records")
    assert changed(Addition(path=(*records, "duncan", "data"), entries={"Zip": "1, 2"})) == [
        "-      data: {Age: 1}",
        '+      data: {Age: 1, Zip: "1, 2"}',
    ]
    assert changed(Addition(path=(*records, "leto", "data"), entries={"Zip": "1"})) == [
        "-      data: {}",
        "+      data:",
        '+        Zip: "1"',
    ]


def test_a_list_with_comments_is_not_replaced() -> None:
    with pytest.raises(EditError, match="Comments stand in it"):
        changed(Replacement(path=(*PAUL, "List"), value=["a"]))


def test_a_value_that_others_refer_to_is_not_changed_for_them() -> None:
    text = "a: &x 3\nb: *x\n"
    with pytest.raises(EditError, match="Something else would change"):
        changed(Replacement(path=("a",), value=4), text=text)
    assert changed(Replacement(path=("b",), value=4), text=text) == ["-b: *x", "+b: 4"]
    assert changed(Replacement(path=("a",), value=4), text="a: &x 3\n") == ["-a: &x 3", "+a: &x 4"]


def test_what_stands_behind_an_anchor_or_a_merge_is_refused() -> None:
    with pytest.raises(EditError):
        changed(Addition(path=("b",), entries={"k": 1}), text="a: &x {j: 1}\nb: *x\n")
    with pytest.raises(EditError):
        changed(Replacement(path=("b", "j"), value=2), text="a: &x\n  j: 1\nb: *x\n")


@pytest.mark.parametrize("text", ["a:\n  b: 1", "a:\r\n  b: 1\r\n", "\ufeffa:\n  b: 1\n", '{"a": {"b": 1}}'])
def test_line_breaks_and_marks_of_a_file_stay(text: str) -> None:
    after = edited(text.encode(), [Addition(path=("a",), entries={"c": {"d": 2}})], document=0, file="x").decode()
    assert after.startswith(text.rstrip("}\r\n"))
    assert ("\r\n" in after) == ("\r\n" in text)
    assert "\n\n" not in after
    assert read(after.encode(), file="x")[0][0].value == {"a": {"b": 1, "c": {"d": 2}}}


def test_other_documents_of_the_file_stay() -> None:
    text = "a: 1\n---\na: 2\n---\na: 3\n"
    after = edited(text.encode(), [Replacement(path=("a",), value="x")], document=1, file="x")
    assert after == b"a: 1\n---\na: x\n---\na: 3\n"


@pytest.mark.parametrize(
    ("text", "start"), [("", ""), ("a: 1", "a: 1\n---\n"), ("a: 1\n# end\n", "a: 1\n# end\n---\n")]
)
def test_a_document_is_appended(text: str, start: str) -> None:
    assert appended(text.encode(), ["b: 2"], {"b": 2}, file="x").decode() == f"{start}b: 2\n"


def test_a_file_that_cannot_be_read_is_not_edited() -> None:
    with pytest.raises(EditError, match="cannot be read"):
        edited(b"a: [\n", [Replacement(path=("a",), value=1)], document=0, file="x")
    with pytest.raises(EditError, match="Nothing stands there"):
        edited(b"a: 1\n", [Replacement(path=("b",), value=1)], document=0, file="x")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)
PATHS = st.sampled_from(["Bio", "Empty", "Flow", "Quoted"])


@given(st.dictionaries(PATHS, VALUES, max_size=4), VALUES)
def test_any_values_are_put_in_place_and_nothing_else_changes(values: dict[str, Any], new: Any) -> None:
    edits = [Replacement(path=(*PAUL, name), value=value) for name, value in values.items()]
    after = edited(TEXT.encode(), [*edits, Addition(path=PAUL, entries={"New": new})], document=0, file="x")
    (document,), found = read(after, file="x")
    (before,), _ = read(TEXT.encode(), file="x")
    assert found == []
    expected: Any = before.value
    expected["spec"]["records"]["paul"]["data"] = {**expected["spec"]["records"]["paul"]["data"], **values, "New": new}
    assert document.value == expected
    comments = ["# The head.", "# me", "# note", "# first", "# folded", "# end of paul", "# The end."]
    assert [each for each in comments if each not in after.decode()] == []
