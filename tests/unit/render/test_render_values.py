"""Values as people read them: short, and different where they are different."""

from __future__ import annotations

import pytest

from syncspec.records import Json
from syncspec.render.values import common_start, step_texts, value_text


def test_values_are_lines_of_json() -> None:
    assert step_texts("a", None) == ('"a"', "null")
    assert step_texts({"b": 1, "a": [True]}, 1.5) == ('{"a": [true], "b": 1}', "1.5")


@pytest.mark.parametrize("length", [50, 101, 500, 5_000, 3_000_000])
def test_a_difference_is_shown_wherever_it_is(length: int) -> None:
    for before, after in (("x" * length + "old", "x" * length + "new"), (["x" * length, "old"], ["x" * length, "new"])):
        first, second = step_texts(before, after)
        assert "old" in first
        assert "new" in second
        assert max(len(first), len(second)) <= 100


def test_a_difference_in_length_alone_is_shown() -> None:
    first, second = step_texts("x" * 1000, "x" * 1001)
    assert first != second


@pytest.mark.parametrize(
    ("before", "after"),
    [("caf\u00e9", "cafe\u0301"), ("a b", "a\u00a0b"), ("\ufb01", "fi"), ("x" * 200 + "\u00e9", "x" * 200 + "e\u0301")],
)
def test_values_that_look_the_same_are_told_apart(before: str, after: str) -> None:
    first, second = step_texts(before, after)
    assert first != second
    assert "\\u" in first + second
    assert first.strip("…").isascii()


@pytest.mark.parametrize(("before", "after"), [(1, "1"), (1, 1.0), (True, "true"), (None, ""), ([], {})])
def test_values_of_another_kind_never_look_the_same(before: Json, after: Json) -> None:
    assert len(set(step_texts(before, after))) == 2


def test_the_longest_value_is_up_to_the_caller() -> None:
    assert len(value_text("x" * 5000, longest=1000)) == 1000
    assert value_text("x" * 50, longest=1000) == f'"{"x" * 50}"'


@pytest.mark.parametrize(
    ("first", "second", "length"), [("", "", 0), ("a", "", 0), ("abc", "abd", 2), ("abc", "abc", 3), ("ab", "abc", 2)]
)
def test_a_common_start_is_as_long_as_it_can_be(first: str, second: str, length: int) -> None:
    assert common_start(first, second) == length
