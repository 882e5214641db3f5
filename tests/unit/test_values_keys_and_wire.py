"""Match keys, digests, what is sent, and what is known of providers."""

from __future__ import annotations

import pytest

from syncspec.keys import key_digest, loose_key_of, match_key
from syncspec.providers import provider
from syncspec.records import Compare, FieldRule, FieldRules, FieldType, Json
from syncspec.values import digest, to_wire

NONE = FieldRules()
FOLD = FieldRules(fields={"Email": FieldRule(compare=Compare.CASEFOLD)})


@pytest.mark.parametrize("value", [None, "", "  ", "\t\u00a0"])
def test_a_record_that_lacks_a_key_value_has_no_key(value: Json) -> None:
    assert match_key({"Email": value, "Name": "x"}, ["Email", "Name"], NONE) is None
    assert match_key({"Name": "x"}, ["Email", "Name"], NONE) is None
    assert match_key({"Name": "x"}, [], NONE) is None
    assert loose_key_of(["Email"], NONE)({"Email": value}) is None


def test_zero_and_false_are_key_values() -> None:
    assert match_key({"A": 0}, ["A"], NONE) is not None
    assert match_key({"A": False}, ["A"], NONE) is not None
    assert match_key({"A": 0}, ["A"], NONE) != match_key({"A": False}, ["A"], NONE)


def test_keys_of_several_fields_cannot_be_confused() -> None:
    def strict(**data: Json) -> str:
        key = match_key(data, list(data), NONE)
        assert key is not None
        return key.strict

    assert strict(A='x"],["B","ty', B="z") != strict(A="x", B='y"],["B","tz')
    assert strict(A="x") != strict(B="x")


def test_the_order_of_match_on_makes_no_difference() -> None:
    data: dict[str, Json] = {"A": "x", "B": "y"}
    assert match_key(data, ["A", "B"], NONE) == match_key(data, ["B", "A"], NONE)


def test_the_field_s_rule_decides_the_strict_key_and_the_loose_key_is_wider() -> None:
    small, large = {"Email": "paul@x.org"}, {"Email": " PAUL@X.org"}
    assert match_key(small, ["Email"], FOLD) == match_key(large, ["Email"], FOLD)
    one, other = match_key(small, ["Email"], NONE), match_key(large, ["Email"], NONE)
    assert one is not None
    assert other is not None
    assert one.strict != other.strict
    assert one.loose == other.loose


def test_untyped_numbers_are_loosely_their_texts_and_postal_codes_are_not() -> None:
    def loose(value: Json, rules: FieldRules = NONE) -> str | None:
        return loose_key_of(["A"], rules)({"A": value})

    assert loose("5.0") == loose(5)
    assert loose("02134") != loose(2134)
    text = FieldRules(fields={"A": FieldRule(type=FieldType.TEXT)})
    assert loose("1.1", text) != loose("1.10", text)


def test_ids_that_differ_in_case_only_stay_apart_loosely() -> None:
    rules = FieldRules(fields={"A": FieldRule(type=FieldType.ID)})
    loose = loose_key_of(["A"], rules)
    assert loose({"A": "0018b000021BldZ"}) != loose({"A": "0018b000021Bldz"})
    assert loose({"A": "0018b000021BldZ"}) == loose({"A": "0018b000021BldZAAS"})


def test_loose_key_of_agrees_with_match_key() -> None:
    data: dict[str, Json] = {"Email": " Paul@X.org", "N": 5.0}
    key = match_key(data, ["N", "Email"], FOLD)
    assert key is not None
    assert loose_key_of(["Email", "N"], FOLD)(data) == key.loose


def test_digests_tell_kinds_apart_and_equal_numbers_not() -> None:
    assert digest(1) == digest(1.0)
    assert len({digest(value) for value in (1, True, "1", None, "", [1], {"a": 1}, [[1]])}) == 8
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2.0], "a": 1})


def test_a_keyed_digest_is_another_one_and_depends_on_the_key() -> None:
    assert len({digest("x"), digest("x", key=b"a"), digest("x", key=b"b")}) == 3


def test_digests_are_16_hex_digits_and_stay_what_they_are() -> None:
    assert digest("Paul") == "9880e1f971637e17"
    assert int(key_digest("key \ud800"), 16) >= 0
    assert len(key_digest("key")) == 16


def test_null_is_sent_in_the_provider_s_form() -> None:
    assert to_wire({"A": None}, NONE, provider("salesforce")) == {"A": None}
    assert to_wire({"A": None}, NONE, provider("hubspot")) == {"A": ""}


def test_a_multi_select_is_sent_in_the_provider_s_shape() -> None:
    rules = FieldRules(fields={"M": FieldRule(type=FieldType.MULTI, separator="|")})
    data: dict[str, Json] = {"M": ["a", 1, True], "L": ["x"]}
    assert to_wire(data, rules, provider("salesforce")) == {"M": "a|1|true", "L": ["x"]}
    assert to_wire(data, rules, provider("airtable")) == data


def test_all_else_is_sent_as_declared() -> None:
    data: dict[str, Json] = {"A": " Paul ", "B": 2500.0, "C": {"d": [None]}, "D": "0018b000021BldZ", "E": ""}
    assert to_wire(data, FOLD, provider("hubspot")) == data


@pytest.mark.parametrize(
    ("name", "limit"), [("salesforce", 200), ("hubspot", 100), ("airtable", 10), ("stripe", 1), ("acme", 100)]
)
def test_providers_have_their_limits(name: str, limit: int) -> None:
    assert provider(name).max_records == limit
    assert provider(name).name == name


def test_only_hubspot_stores_scalars_as_text() -> None:
    assert [
        name for name in ("salesforce", "hubspot", "airtable", "stripe", "x") if provider(name).scalars_as_text
    ] == ["hubspot"]


def test_salesforce_ids_are_known_as_ids() -> None:
    assert provider("salesforce").fields["AccountId"].type is FieldType.ID
