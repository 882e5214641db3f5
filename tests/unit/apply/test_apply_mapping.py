from __future__ import annotations

from dataclasses import replace
from typing import Any

from support.builders import desired, observed

from syncspec.apply.mapping import Mapped, SentRecord, map_answer
from syncspec.records import Compare, FieldRule, FieldRules

RULES = FieldRules()


def sent(
    address: str,
    *,
    marker_field: str | None = None,
    match_on: tuple[str, ...] = ("Email",),
    rules: FieldRules = RULES,
    **data: Any,
) -> SentRecord:
    record = desired(address, match_on=match_on, rules=rules, **data)
    wire = dict(record.data)
    if marker_field:
        record = replace(record, marker=f"p/{address}")
        wire[marker_field] = record.marker
    return SentRecord(desired=record, wire=wire, match_on=match_on, marker_field=marker_field, rules=rules)


def ids(mapped: Mapped) -> dict[str, str]:
    return {address: row.upstream_id for address, row in mapped.pairs.items()}


PAUL = sent("c.paul", Email="paul@x.org", Name="Paul")
DUNCAN = sent("c.duncan", Email="duncan@x.org", Name="Duncan")


def test_answers_out_of_order_are_mapped_by_key() -> None:
    mapped = map_answer([PAUL, DUNCAN], [observed("2", Email="duncan@x.org"), observed("1", Email="paul@x.org")])
    assert ids(mapped) == {"c.paul": "1", "c.duncan": "2"}
    assert mapped.unmapped == ()


def test_a_key_that_the_provider_lower_cased_is_mapped_by_its_loose_form() -> None:
    upper = sent("c.upper", Email="Paul@X.org")
    mapped = map_answer([upper, DUNCAN], [observed("1", Email="paul@x.org"), observed("2", Email="duncan@x.org")])
    assert ids(mapped) == {"c.upper": "1", "c.duncan": "2"}


def test_the_marker_beats_the_key() -> None:
    one = sent("c.one", marker_field="M", Email="a@x.org")
    two = sent("c.two", marker_field="M", Email="b@x.org")
    rows = [observed("1", Email="b@x.org", M="p/c.one"), observed("2", Email="a@x.org", M="p/c.two")]
    assert ids(map_answer([one, two], rows)) == {"c.one": "1", "c.two": "2"}


def test_the_last_one_on_both_sides_is_mapped_by_elimination() -> None:
    mapped = map_answer([PAUL, DUNCAN], [observed("9"), observed("2", Email="duncan@x.org")])
    assert ids(mapped) == {"c.paul": "9", "c.duncan": "2"}


def test_records_without_data_are_never_mapped_by_position() -> None:
    mapped = map_answer([PAUL, DUNCAN], [observed("1"), observed("2")])
    assert mapped.pairs == {}
    assert mapped.unmapped == ("c.duncan", "c.paul")
    assert [row.upstream_id for row in mapped.candidates] == ["1", "2"]


def test_a_missing_row_leaves_both_possible_records_unmapped() -> None:
    mapped = map_answer([PAUL, DUNCAN], [observed("1")])
    assert mapped.pairs == {}


def test_an_extra_row_forbids_elimination() -> None:
    mapped = map_answer([PAUL], [observed("1"), observed("2")])
    assert mapped.pairs == {}
    assert len(mapped.candidates) == 2


def test_two_rows_with_one_key_map_to_nothing() -> None:
    mapped = map_answer([PAUL], [observed("1", Email="paul@x.org"), observed("2", Email="paul@x.org")])
    assert mapped.pairs == {}


def test_identical_records_share_their_ids_out() -> None:
    twins = [sent("c.a", match_on=(), Name="Twin"), sent("c.b", match_on=(), Name="Twin")]
    mapped = map_answer(twins, [observed("2", Name="Twin"), observed("1", Name="Twin")])
    assert ids(mapped) == {"c.a": "1", "c.b": "2"}


def test_identical_records_with_a_row_missing_stay_unmapped() -> None:
    twins = [sent("c.a", match_on=(), Name="Twin"), sent("c.b", match_on=(), Name="Twin")]
    assert map_answer(twins, [observed("1", Name="Twin")]).pairs == {}


def test_a_row_that_shows_none_of_the_fields_equals_nobody() -> None:
    sets = [sent("c.a", match_on=(), Name="A"), sent("c.b", match_on=(), Name="B")]
    assert map_answer(sets, [observed("1", Other=1), observed("2", Other=1)]).pairs == {}


def test_an_id_that_another_address_holds_is_no_proof_of_a_creation() -> None:
    mapped = map_answer([PAUL], [observed("1", Email="paul@x.org")], taken={"1"})
    assert mapped.pairs == {}
    assert [row.upstream_id for row in mapped.candidates] == ["1"]


def test_a_row_that_is_already_deleted_maps_to_nothing() -> None:
    mapped = map_answer([PAUL], [observed("1", Email="paul@x.org", deleted=True)])
    assert mapped.pairs == {}
    assert [row.upstream_id for row in mapped.candidates] == ["1"]


def test_one_id_that_is_answered_twice_counts_once() -> None:
    mapped = map_answer([PAUL, DUNCAN], [observed("1", Email="paul@x.org"), observed("1", Email="paul@x.org")])
    assert ids(mapped) == {"c.paul": "1"}
    assert mapped.unmapped == ("c.duncan",)


def test_the_field_rule_decides_what_equal_keys_are() -> None:
    rules = FieldRules(fields={"Email": FieldRule(compare=Compare.CASEFOLD)})
    one = sent("c.one", rules=rules, Email="PAUL@x.org")
    mapped = map_answer([one, DUNCAN], [observed("1", Email="paul@X.ORG"), observed("2", Email="duncan@x.org")])
    assert ids(mapped) == {"c.one": "1", "c.duncan": "2"}


def test_an_id_that_is_answered_for_two_records_is_given_to_neither() -> None:
    rows = [observed("1", Email="paul@x.org"), observed("1", Email="duncan@x.org")]
    mapped = map_answer([PAUL, DUNCAN], rows)
    assert mapped.pairs == {}
    assert mapped.unmapped == ("c.duncan", "c.paul")
