"""What a reviewer is shown first: concerns, outliers, and samples from all over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.builders import desired
from support.plans import change, every_action, large_plan, plan_of, small_plan, step, uniform_updates

from syncspec.planning.plan import Action, Change
from syncspec.records import Lifecycle
from syncspec.render.outliers import LEAST, field_uses, outlier_notes
from syncspec.render.review import Concern, concern_of, most_telling, review_of, samples, spread
from syncspec.render.words import ACTIONS, OUTCOMES


def test_every_action_and_outcome_has_its_words() -> None:
    from syncspec.apply.report import RecordOutcome

    assert set(ACTIONS) == set(Action)
    assert set(OUTCOMES) == set(RecordOutcome)
    for marks in (ACTIONS, OUTCOMES):
        assert len({mark.symbol for mark in marks.values()}) == len(marks)


def test_each_change_has_the_gravest_concern_it_can_have() -> None:
    found = {each.address: concern_of(each) for each in every_action()}
    assert found == {
        "accounts.atreides": None,
        "contacts.mapes": Concern.ADOPT,
        "contacts.paul": None,
        "contacts.rabban": Concern.DELETE,
        "contacts.leto-ii": None,
        "contacts.alia": None,
        "contacts.gurney": Concern.DRIFT,
        "contacts.feyd": Concern.CONFLICT,
        "contacts.piter": Concern.BLOCKED,
        "contacts.yueh": Concern.UNKNOWN,
    }


def test_what_is_protected_needs_an_eye_where_it_is_blocked_or_updated() -> None:
    record = replace(desired("contacts.a", Email="a"), lifecycle=Lifecycle(protect=True))
    assert concern_of(change("contacts.a", Action.UPDATE, desired=record)) is Concern.PROTECTED
    assert concern_of(change("contacts.a", Action.BLOCKED, code="protected")) is Concern.PROTECTED
    assert concern_of(change("contacts.a", Action.CREATE, desired=record)) is None


def test_an_update_that_undoes_somebodys_change_or_changes_what_is_adopted_needs_an_eye() -> None:
    assert concern_of(change("contacts.a", Action.UPDATE, code="drift-restored")) is Concern.RESTORE
    assert concern_of(change("contacts.a", Action.UPDATE, code="adopt-update")) is Concern.ADOPT
    assert concern_of(change("contacts.a", Action.UPDATE, code="author-changed")) is None


def test_the_eye_is_sorted_by_gravity_and_names_every_change_once() -> None:
    review = review_of(small_plan())
    assert list(review.eye) == [
        *(Concern.DELETE, Concern.CONFLICT, Concern.UNKNOWN, Concern.BLOCKED, Concern.ADOPT, Concern.DRIFT)
    ]
    positions = [position for found in review.eye.values() for position in found]
    assert len(positions) == len(set(positions)) == len(review.looked_at())


def notes_of(changes: list[Change]) -> dict[str, str]:
    return {changes[position].address: note for position, note in outlier_notes(changes).items()}


def with_steps(number: int, **odd: tuple[str, object, object]) -> list[Change]:
    """Uniform updates, of which those named differ: `r7=("LeadSource", "Web", None)`."""
    changes = uniform_updates(number)
    for name, (path, before, after) in odd.items():
        changes[int(name[1:])] = replace(changes[int(name[1:])], fields=(step(path, before, after),))
    return changes


@pytest.mark.parametrize(
    ("odd", "note"),
    [
        (("OwnerId", "1", "2"), "with OwnerId and without LeadSource"),
        (("LeadSource", "Web", "Phone"), "another value of LeadSource"),
        (("LeadSource", "Mail", "Partner"), "another former value of LeadSource"),
        (("LeadSource", "Web", None), "LeadSource is emptied"),
        (("LeadSource", "Web", ""), "LeadSource is emptied"),
        (("LeadSource", "Web", ["Partner"]), "LeadSource has a value of another kind"),
    ],
)
def test_the_one_that_differs_among_thousands_is_found(odd: tuple[str, object, object], note: str) -> None:
    assert notes_of(with_steps(4812, r777=odd)) == {"leads.r0777": note}


def test_an_outlier_is_found_where_every_value_is_different() -> None:
    changes = [
        replace(each, fields=(step("Email", f"p{place}@old.example", f"p{place}@new.example"),))
        for place, each in enumerate(uniform_updates(300))
    ]
    changes[40] = replace(changes[40], fields=(step("Email", "p40@old.example", "p40@evil.example"),))
    assert notes_of(changes) == {"leads.r0040": "Email is edited in another way"}


def test_a_number_of_another_order_of_magnitude_is_found() -> None:
    changes = [
        replace(each, fields=(step("Price", 100 + place, 110 + place),))
        for place, each in enumerate(uniform_updates(300))
    ]
    changes[9] = replace(changes[9], fields=(step("Price", 109, 119_000),))
    assert notes_of(changes) == {"leads.r0009": "Price changes by another order of magnitude"}


def test_values_that_differ_everywhere_make_no_outliers() -> None:
    changes = [
        replace(
            each,
            fields=(step("Name", f"{place * 7919} x", f"y {place * 104729}"), step("Age", place + 1, 3 * place + 3)),
        )
        for place, each in enumerate(uniform_updates(500))
    ]
    assert notes_of(changes) == {}


def test_a_few_usual_forms_are_all_usual() -> None:
    changes = [
        replace(each, fields=(step("Stage", "A", ("B", "C", "D")[place % 3]),))
        for place, each in enumerate(uniform_updates(300))
    ]
    assert notes_of(changes) == {}
    changes[5] = replace(changes[5], fields=(step("Stage", "A", "Lost"),))
    assert notes_of(changes) == {"leads.r0005": "another value of Stage"}


def test_one_in_twenty_is_no_outlier_and_few_changes_have_none() -> None:
    assert notes_of(with_steps(100, **{f"r{place}": ("OwnerId", "1", "2") for place in range(5)})) == {}
    assert notes_of(with_steps(LEAST - 1, r3=("OwnerId", "1", "2"))) == {}
    assert notes_of(with_steps(LEAST, r3=("OwnerId", "1", "2"))) != {}


def test_values_of_sensitive_fields_make_no_outlier() -> None:
    changes = [
        replace(each, fields=(replace(each.fields[0], sensitive=True, after=f"secret {place == 3}"),))
        for place, each in enumerate(uniform_updates(100))
    ]
    assert notes_of(changes) == {}


def test_numbers_that_look_alike_are_told_apart() -> None:
    for odd in (1.0, True, "1"):
        changes = [replace(each, fields=(step("N", 0, 1),)) for each in uniform_updates(100)]
        changes[3] = replace(changes[3], fields=(step("N", 0, odd),))
        assert list(notes_of(changes)) == ["leads.r0003"]


def test_uses_count_records_and_those_that_are_alike() -> None:
    uses = field_uses(with_steps(50, r3=("OwnerId", "1", "2"), r4=("LeadSource", "Web", "Phone")))
    assert [(use.path, use.records, use.alike, use.example) for use in uses] == [
        ("LeadSource", 49, 48, 0),
        ("OwnerId", 1, 1, 3),
    ]


def test_a_review_points_at_the_outlier_and_holds_no_value() -> None:
    plan = large_plan()
    review = review_of(plan)
    (position,) = review.eye[Concern.OUTLIER]
    assert plan.changes[position].address == "leads.r0777"
    assert "005B" not in repr(review)
    assert "Partner" not in repr(review)


def test_rare_rules_are_the_most_telling() -> None:
    changes = [change(f"set.r{place:03}", Action.BLOCKED, code="not-readable") for place in range(50)]
    changes[30] = replace(changes[30], code="duplicate")
    plan = plan_of(*changes)
    review = review_of(plan)
    assert most_telling(plan, review, review.eye[Concern.BLOCKED])[0] == 30


@pytest.mark.parametrize("number", [0, 1, 2, 3, 7, 100, 1023])
def test_a_spread_holds_every_position_once(number: int) -> None:
    assert sorted(spread(number)) == list(range(number))


def test_samples_come_from_all_over() -> None:
    assert samples(10_000, 5) == [0, 2499, 4999, 7499, 9999]
    assert samples(3, 5) == [0, 1, 2]
    assert samples(100, 4, first=(50, 51)) == [0, 50, 51, 99]
