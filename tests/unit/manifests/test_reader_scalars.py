from __future__ import annotations

import pytest

from syncspec.manifests.scalars import UNSET, Doubt, DoubtKind, resolve


@pytest.mark.parametrize("text", ["", "~", "null", "Null", "NULL"])
def test_null_has_five_spellings(text: str) -> None:
    assert resolve(text) is None


@pytest.mark.parametrize("text", ["true", "True", "TRUE"])
def test_true_has_three_spellings(text: str) -> None:
    assert resolve(text) is True


@pytest.mark.parametrize("text", ["false", "False", "FALSE"])
def test_false_has_three_spellings(text: str) -> None:
    assert resolve(text) is False


@pytest.mark.parametrize(
    "text", ["yes", "no", "on", "off", "y", "n", "tRUE", "nULL", "Nan", "nan", "inf", "Infinity", "None", "<<", "="]
)
def test_words_of_other_versions_are_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("2024-01-01", "12:30:45", "190:20:30", "2024-01-01T00:00:00Z", "1.2.3", "10.0.0.1"),
        *("1-800", "+1-555", "+1 555", "1,000", "0xZZ", "0o8", "0b2", "1e", "e1", ".", "+", "--", "+.", "._5", "_1"),
        *("١٢", "1٢", "５", "1 ", "0X1F", "0B1", "-.nan", "+.nan", ".infinity"),
    ],
)
def test_text_that_only_begins_like_a_number_is_text(text: str) -> None:
    assert resolve(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [("0", 0), ("-5", -5), ("9007199254740992", 2**53), ("-9007199254740992", -(2**53)), ("10", 10)],
)
def test_whole_number_that_prints_as_written_is_a_number(text: str, value: int) -> None:
    assert resolve(text) == value
    assert type(resolve(text)) is int


@pytest.mark.parametrize(
    "text", ["0.0", "-0.0", "1.0", "1.5", "0.1", "0.30000000000000004", "1e+22", "5e-324", "1e-07"]
)
def test_fraction_that_prints_as_written_is_a_number(text: str) -> None:
    value = resolve(text)
    assert type(value) is float
    assert repr(value) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *[("02134", "2134"), ("+1555", "1555"), ("007", "7"), ("00", "0"), ("-0", "0"), ("-01", "-1")],
        *[("1_000", "1000"), ("1__0", "10"), ("1_", "1"), ("0x1F", "31"), ("-0x1f", "-31"), ("0x_F", "15")],
        *[("0o17", "15"), ("0b11", "3"), ("1.10", "1.1"), (".5", "0.5"), ("-.5", "-0.5"), ("5.", "5.0")],
        *[("1e3", "1000.0"), ("1E3", "1000.0"), ("1e22", "1e+22"), ("+1.5", "1.5"), ("1.5_0", "1.5"), ("+.5", "0.5")],
    ],
)
def test_number_that_would_print_differently_is_doubted(text: str, number: str) -> None:
    assert resolve(text) == Doubt(DoubtKind.NOT_AS_WRITTEN, text, number)


@pytest.mark.parametrize(
    "text",
    [
        *("9007199254740993", "-9007199254740993", "0x20000000000001", "1e400", "-1e400", "0." + "1" * 30),
        *("123456789.123456789", "1" * 33, "0" * 100_000, "9" * 10_000, "1." + "0" * 40, "1e" + "9" * 5_000),
    ],
)
def test_number_with_more_digits_than_json_keeps_is_doubted(text: str) -> None:
    assert resolve(text) == Doubt(DoubtKind.TOO_PRECISE, text)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN", ".inf", "-.inf", "+.Inf", ".INF"])
def test_number_that_is_not_finite_is_doubted(text: str) -> None:
    assert resolve(text) == Doubt(DoubtKind.NOT_FINITE, text)


def test_unset_says_its_name() -> None:
    assert repr(UNSET) == "UNSET"
