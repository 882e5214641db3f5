"""Laws of comparison: sameness is an equivalence, and equal keys are loosely equal."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from syncspec.keys import loose_key_of, match_key
from syncspec.records import Compare, FieldRule, FieldRules, FieldType, Json
from syncspec.values import canonical, digest, equal, loosely_equal, short_id, widest

WORDS = st.sampled_from(
    [
        *("", " ", "Paul", "paul ", "PAUL", "é", "e\u0301", "ß", "ss", "ﬁ", "\u0345", "ǰ", "İ", "a;b", "b; a", ";"),
        *("5", "5.0", "-0", "02134", "1e3", "true", "True", "0018b000021BldZ", "0018b000021BldZAAS"),
        *("2024-01-05", "2024-01-05T10:00:00Z", "2024-01-05T11:00:00+01:00", "2024-01-05T10:00:00"),
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | WORDS
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
RULES = st.builds(
    FieldRule,
    type=st.none() | st.sampled_from(FieldType),
    compare=st.none() | st.sampled_from(Compare),
    scale=st.none() | st.integers(0, 6),
)


@given(VALUES, VALUES, RULES, st.booleans())
def test_equality_is_the_equality_of_canonical_forms_both_ways(a: Json, b: Json, rule: FieldRule, text: bool) -> None:
    same = canonical(a, rule, scalars_as_text=text) == canonical(b, rule, scalars_as_text=text)
    assert equal(a, b, rule, scalars_as_text=text) is same
    assert equal(b, a, rule, scalars_as_text=text) is same
    assert equal(a, a, rule, scalars_as_text=text)


@given(WORDS, WORDS, WORDS, RULES)
def test_equality_is_transitive(a: Json, b: Json, c: Json, rule: FieldRule) -> None:
    if equal(a, b, rule) and equal(b, c, rule):
        assert equal(a, c, rule)


@given(st.text() | WORDS, st.sampled_from([None, Compare.TRIM, Compare.CASEFOLD]))
def test_a_canonical_text_is_canonical_already(text: str, compare: Compare | None) -> None:
    rule = FieldRule(type=FieldType.TEXT, compare=compare)
    once = canonical(text, rule)
    assert canonical(once[1:], rule) == once


@given(st.text() | WORDS)
def test_texts_that_unicode_calls_the_same_are_the_same(text: str) -> None:
    rule = FieldRule(type=FieldType.TEXT)
    assert equal(text, unicodedata.normalize("NFD", text), rule)


@given(st.integers(-(10**30), 10**30))
def test_a_number_equals_its_text_in_numeric_fields_only(number: int) -> None:
    assert equal(number, str(number), FieldRule(type=FieldType.INTEGER))
    assert equal(number, f" {number}.0 ", FieldRule(type=FieldType.DECIMAL, scale=2))
    assert not equal(number, str(number), FieldRule())


@given(st.dictionaries(st.sampled_from("AB"), SCALARS), st.dictionaries(st.sampled_from("AB"), SCALARS), RULES, RULES)
def test_equal_strict_keys_are_equal_loosely(
    one: dict[str, Json], other: dict[str, Json], a: FieldRule, b: FieldRule
) -> None:
    rules = FieldRules(fields={"A": a, "B": b})
    first, second = match_key(one, ["A", "B"], rules), match_key(other, ["A", "B"], rules)
    assert (first.loose if first else None) == loose_key_of(["A", "B"], rules)(one)
    if first is not None and second is not None and first.strict == second.strict:
        assert first.loose == second.loose


@given(WORDS, WORDS, RULES)
def test_equal_forms_have_equal_wide_forms(a: str, b: str, rule: FieldRule) -> None:
    if equal(a, b, rule):
        assert widest(canonical(a, rule)) == widest(canonical(b, rule))


@given(VALUES, VALUES)
def test_loose_sameness_goes_both_ways_and_holds_of_itself(a: Json, b: Json) -> None:
    assert loosely_equal(a, a)
    assert loosely_equal(a, b) is loosely_equal(b, a)
    if equal(a, b, FieldRule()):
        assert loosely_equal(a, b)


@given(VALUES)
def test_a_digest_depends_on_the_value_alone(value: Json) -> None:
    assert digest(value) == digest(value)
    assert digest(value) != digest([value])


@given(st.text(alphabet="abcXYZ019", min_size=15, max_size=18))
def test_shortening_an_id_twice_changes_nothing_more(text: str) -> None:
    assert short_id(short_id(text)) == short_id(text)
