"""Values are stored as the provider would store them, and refused as it would refuse them."""

from __future__ import annotations

import pytest

from syncspec.errors import UpstreamError
from syncspec.upstream.embedded.ids import salesforce_18, upstream_id
from syncspec.upstream.embedded.profiles import PROFILES, find_profile, profile_for
from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.embedded.rules import Place

CONTACT = Place(collection_id="salesforce:contact", fields=frozenset({"Email", "LastName"}))


def written(profile, data, place=CONTACT):
    return find_profile(profile).write(data, place)


@pytest.mark.parametrize(
    ("profile", "sent", "stored"),
    [
        ("plain", " A;b@C ", " A;b@C "),
        ("lowercase", "ÀB", "àb"),
        ("trim", "\t a b \n", "a b"),
        ("round", 1.005, 1.01),
        ("round", -2.675, -2.68),
        ("round", 7, 7),
        ("round", 1e300, 1e300),
        ("stringify", True, "true"),
        ("stringify", 5, "5"),
        ("stringify", 5.0, "5"),
        ("stringify", 0.1, "0.1"),
        ("stringify", 10**30, "1" + "0" * 30),
        ("stringify", None, None),
        ("reorder", "b;a;c", "a;b;c"),
        ("reorder", ["b", "a"], ["a", "b"]),
        ("reorder", "one; two", "one; two"),
        ("reorder", ";", ";"),
        ("empty_for_null", None, ""),
        ("offsets", "2024-01-01T02:00:00+02:00", "2024-01-01T00:00:00.000+0000"),
        ("offsets", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000+0000"),
        ("offsets", "2024-01-01T00:00:00.123456Z", "2024-01-01T00:00:00.123+0000"),
        ("offsets", "2024-01-01T00:00:00", "2024-01-01T00:00:00"),
        ("offsets", "0001-01-01T00:00:00+23:00", "0001-01-01T00:00:00+23:00"),
        ("offsets", "2024-13-45T99:00:00Z", "2024-13-45T99:00:00Z"),
    ],
)
def test_a_single_behaviour_changes_one_thing(profile, sent, stored):
    assert written(profile, {"F": sent}) == {"F": stored}


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_writing_what_was_stored_changes_nothing(profile):
    sent = {"Email": " A@B.c ", "LastName": "x;b;a", "Amount": 1.005, "When__c": "2024-01-01T02:00:00+02:00"}
    place = Place(collection_id="salesforce:contact", fields=frozenset(sent))
    once = written(profile, sent, place)
    assert written(profile, once, place) == once


def test_salesforce_stores_as_salesforce_does():
    sent = {
        "LastName": "  Atreides ",
        "Email": " Paul@Arrakis.ORG ",
        "Title": "",
        "Amount": 10.005,
        "Score": 10.005,
        "Interests__c": "Spice;Maps",
        "Description": "one;two",
        "Start__c": "2024-01-01T01:00:00+01:00",
        "AccountId": "0018b000021Bld1",
        "Active__c": True,
        "Nothing": None,
    }
    assert written("salesforce", sent) == {
        "LastName": "Atreides",
        "Email": "paul@arrakis.org",
        "Title": None,
        "Amount": 10.01,
        "Score": 10.005,
        "Interests__c": "Maps;Spice",
        "Description": "one;two",
        "Start__c": "2024-01-01T00:00:00.000+0000",
        "AccountId": salesforce_18("0018b000021Bld1"),
        "Active__c": True,
        "Nothing": None,
    }


@pytest.mark.parametrize("email", ["paul", "@", "a b@c", "paul@", 'a"\u2028"@'])
def test_salesforce_refuses_what_is_no_email_address(email):
    with pytest.raises(RefusedError, match="Salesforce validation error: `Invalid email`"):
        written("salesforce", {"Email": email})


def test_hubspot_stores_every_scalar_as_text():
    sent = {"email": " Paul@X.org ", "age": 15, "vip": False, "score": 1.50, "title": None, "tags": "b;a", "x": [1]}
    assert written("hubspot", sent) == {
        "email": "paul@x.org",
        "age": "15",
        "vip": "false",
        "score": "1.5",
        "title": "",
        "tags": "a;b",
        "x": [1],
    }


def test_unknown_fields_are_dropped_or_refused_only_where_the_known_ones_are_told():
    sent = {"LastName": "A", "Emial": "x"}
    assert written("drop_unknown", sent) == {"LastName": "A"}
    with pytest.raises(RefusedError, match="No such column 'Emial'"):
        written("refuse_unknown", sent)
    anywhere = Place(collection_id="other:thing")
    assert written("drop_unknown", sent, anywhere) == sent
    assert written("refuse_unknown", sent, anywhere) == sent


def test_behaviours_can_be_combined():
    profile = find_profile("trim + lowercase+unique:Key")
    assert profile.write({"F": " A "}, CONTACT) == {"F": "a"}
    assert profile.unique_fields("any:thing") == ("Key",)


def test_a_provider_has_the_profile_of_its_name_unless_another_is_chosen():
    assert profile_for("hubspot", {}).name == "hubspot"
    assert profile_for("github", {}).name == "plain"
    assert profile_for("hubspot", {"hubspot": "plain"}).name == "plain"


@pytest.mark.parametrize("name", ["", "salesfroce", "trim+", "unique:"])
def test_an_unknown_profile_is_an_error_with_the_known_ones(name):
    with pytest.raises(UpstreamError, match="Unknown profile") as caught:
        find_profile(name)
    assert "salesforce" in str(caught.value)


def test_a_salesforce_id_is_lengthened_by_its_checksum():
    assert salesforce_18("0018b000021BldZ") == "0018b000021BldZAAS"


@pytest.mark.parametrize(
    ("collection", "beginning", "length"),
    [
        ("salesforce:contact", "003", 18),
        ("salesforce:Account", "001", 18),
        ("salesforce:pricebook_entry", "01u", 18),
        ("salesforce:thing__c", "a", 18),
        ("salesforce:something", "0", 18),
        ("hubspot:contact", "1", 12),
        ("stripe:customer", "cus_", 18),
        ("airtable:table", "rec", 17),
        ("zendesk:ticket", "ticket_", 21),
    ],
)
def test_ids_look_like_the_providers_and_are_never_given_twice(collection, beginning, length):
    ids = [upstream_id(collection, serial, 7) for serial in range(5000)]
    assert len(set(ids)) == 5000
    assert all(item.startswith(beginning) and len(item) == length for item in ids)
    assert ids == [upstream_id(collection, serial, 7) for serial in range(5000)]


def test_numeric_ids_are_numbers():
    assert upstream_id("hubspot:company", 12, 3).isdigit()
