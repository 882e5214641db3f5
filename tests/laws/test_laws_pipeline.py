"""What holds for whole projects: manifests on disk, the embedded upstream, lockfile and journal."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import memory
from support.pipeline import (
    CONTACT,
    STORE,
    Folder,
    Wrapped,
    contacts,
    manifest,
    project_file,
    served,
    served_folder,
    stored,
)

from syncspec.planning.plan import Action
from syncspec.upstream.embedded.profiles import PROFILES
from syncspec.upstream.protocol import Answered

COMBINATIONS = (
    "lowercase+trim",
    "stringify+round+reorder",
    "round+stringify",
    "empty_for_null+trim+lowercase+stringify+reorder+offsets",
    "salesforce+hubspot",
    "hubspot+salesforce",
    "drop_unknown+lowercase",
    "unique+lowercase+trim",
)

TOUCHED = {
    "paul": {
        "Email": " Paul.Atreides@Arrakis.ORG ",
        "LastName": "  Atreides ",
        "FirstName": None,
        "Amount": 19.995,
        "Score__c": 7,
        "Ratio__c": 2.0,
        "Active__c": True,
        "Nickname": "",
        "Interests__c": "spice;ecology;chess",
        "Tags__c": ["b", "a", "c"],
        "Joined__c": "2024-01-05T10:00:00+02:00",
        "AccountId": "0018b000021Bldz",
    },
    "duncan": {
        "Email": "DUNCAN@ginaz.org",
        "LastName": "IDAHO",
        "FirstName": "Duncan",
        "Amount": 0.125,
        "Score__c": 0,
        "Ratio__c": 1e21,
        "Active__c": False,
        "Nickname": " ",
        "Interests__c": "swords",
        "Tags__c": [],
        "Joined__c": "2024-01-05T08:00:00.000Z",
        "AccountId": "0018b000021BldZAAS",
    },
    "jessica": {
        "Email": "straße@İstanbul.org",
        "LastName": "Ｊessica\u00a0",
        "FirstName": "é",
        "Amount": -0.005,
        "Score__c": 9007199254740991,
        "Ratio__c": -0.0,
        "Active__c": None,
        "Nickname": "true",
        "Interests__c": ";b;a;",
        "Tags__c": ["ä", "A", "a"],
        "Joined__c": "2024-12-31 23:59:59.9999+14:00",
        "AccountId": None,
    },
}

SCHEMA = {"type": "object", "properties": {name: {} for name in [*TOUCHED["paul"], "email"]}}


LOSSLESS = {
    name: {**data, "Amount": 19.5, "Ratio__c": 2.0, "AccountId": None, "Joined__c": "2024-01-05T10:00:00+02:00"}
    for name, data in TOUCHED.items()
}
"""Data of which every profile keeps the meaning: what is rounded or cut cannot be told from another's change."""


def set_of(records: dict[str, Any], collection: str = CONTACT, **more: Any) -> str:
    email = "email" if collection.startswith("hubspot") else "Email"
    renamed = {name: {(email if k == "Email" else k): v for k, v in data.items()} for name, data in records.items()}
    return manifest("people", renamed, collection_id=collection, match_on=(email,), **more)


def embedded(root: Path, people: str, **upstream: Any) -> Folder:
    folder = Folder(root)
    folder.write(project=project_file(**upstream), people=people)
    (root / "any.schema.json").write_text(json.dumps(SCHEMA))
    return folder


def check_settled(folder: Folder, count: int) -> None:
    """Everything is unchanged, planning says the same each time, and applying again does nothing at all."""
    planned = folder.open().plan()
    assert [
        (change.address, change.action, change.reason) for change in planned.changes if change.action != "unchanged"
    ] == []
    assert (len(planned.changes), planned.is_empty, planned.plan.batches) == (count, True, ())
    assert folder.open().plan().render("json") == planned.render("json")
    before = folder.lockfile.read_bytes()
    again = folder.open().apply()
    assert (again.exit_code, again.report.requests) == (0, 0)
    assert folder.lockfile.read_bytes() == before


@pytest.mark.parametrize("collection", [CONTACT, "hubspot:contact", "airtable:person"])
@pytest.mark.parametrize("profile", [*PROFILES, *COMBINATIONS])
def test_after_one_apply_planning_is_empty_under_every_profile(tmp_path: Path, profile: str, collection: str) -> None:
    provider = collection.partition(":")[0]
    people = set_of(TOUCHED, collection, data_schema="any.schema.json")
    folder = embedded(tmp_path, people, profiles={provider: profile})
    report = folder.open().apply()
    assert [
        (record.address, record.outcome, record.error) for record in report.records if record.outcome != "created"
    ] == []
    check_settled(folder, len(TOUCHED))


@pytest.mark.parametrize("profile", [*PROFILES, *COMBINATIONS])
def test_an_adopted_record_is_settled_under_every_profile(tmp_path: Path, profile: str) -> None:
    people = set_of(TOUCHED, data_schema="any.schema.json", fields={"Email": {"compare": "casefold"}})
    folder = embedded(tmp_path, people, profiles={"salesforce": profile})
    folder.open().apply()
    folder.forget_journal()
    folder.lockfile.unlink()
    report = folder.open().apply()
    assert (report.summary["adopted"], report.report.requests) == (len(TOUCHED), 0)
    check_settled(folder, len(TOUCHED))


class Echoing(Wrapped):
    """Answers a create with the very data that was sent; only the list shows what was stored."""

    times = True

    async def run(self, request: Any) -> Any:
        result = await self.inner.run(request)
        if not isinstance(result, Answered):
            return result
        rows = [
            replace(row, data=data, updated_at=row.updated_at if self.times else None, created_at=None)
            for row, data in zip(result.records, request.records, strict=True)
        ]
        return replace(result, records=tuple(rows))


class EchoingWithoutTimes(Echoing):
    times = False


class Silent(Wrapped):
    """Answers a create with IDs alone."""

    async def run(self, request: Any) -> Any:
        result = await self.inner.run(request)
        return replace(result, records=tuple(replace(row, data={}, updated_at=None) for row in result.records))


def served_people(root: Path, patch: pytest.MonkeyPatch, wrap: type[Wrapped], profile: str, people: str) -> Folder:
    folder = served_folder(root / "project")
    folder.write(people=people)
    connect = served(root / STORE, wrap=wrap, profiles={"salesforce": profile})
    patch.setattr("syncspec.project.reading.connect", connect)
    return folder


def check_settles(folder: Folder) -> None:
    """Also the plan before the first reading was recorded shows no change of anybody's."""
    assert folder.open().apply().summary["created"] == len(TOUCHED)
    planned = folder.open().plan()
    assert [(change.address, change.reason) for change in planned.changes if change.action != "unchanged"] == []
    assert (planned.is_empty, folder.open().apply().report.requests) == (True, 0)
    check_settled(folder, len(TOUCHED))


@pytest.mark.parametrize("profile", [*PROFILES, *COMBINATIONS])
def test_an_answer_that_only_echoes_the_request_leads_to_no_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    check_settles(served_people(tmp_path, monkeypatch, Echoing, profile, manifest("people", TOUCHED)))


@pytest.mark.parametrize("profile", [*PROFILES, *COMBINATIONS])
def test_an_answer_that_echoes_the_request_and_tells_no_time_leads_to_no_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    check_settles(served_people(tmp_path, monkeypatch, EchoingWithoutTimes, profile, manifest("people", LOSSLESS)))


@pytest.mark.parametrize("profile", [*PROFILES, *COMBINATIONS])
def test_an_answer_of_ids_alone_sent_one_by_one_leads_to_no_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    check_settles(served_people(tmp_path, monkeypatch, Silent, profile, manifest("people", LOSSLESS, max_records=1)))


@pytest.mark.parametrize("wrap", [EchoingWithoutTimes, Silent])
@pytest.mark.parametrize("profile", [*PROFILES, *COMBINATIONS])
def test_what_an_answer_hides_and_the_provider_cuts_is_at_most_shown_as_drift(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, profile: str, wrap: type[Wrapped]
) -> None:
    people = manifest("people", TOUCHED, max_records=1)
    folder = served_people(tmp_path, monkeypatch, wrap, profile, people)
    assert folder.open().apply().summary["created"] == len(TOUCHED)
    for _ in range(2):
        planned = folder.open().plan()
        assert planned.is_empty
        assert {change.action for change in planned.changes} <= {Action.UNCHANGED, Action.DRIFT}
        assert (folder.open().apply().exit_code, len(stored(tmp_path / STORE))) == (0, len(TOUCHED))


@pytest.mark.parametrize(("count", "limit"), [(0, 5), (1, 5), (5, 5), (6, 5), (11, 1), (401, None), (201, 200)])
def test_a_collection_takes_the_fewest_requests_that_its_limit_allows(
    tmp_path: Path, count: int, limit: int | None
) -> None:
    folder = embedded(tmp_path, manifest("people", contacts(count), max_records=limit))
    folder.write(leads=manifest("leads", contacts(count), collection_id="salesforce:lead", max_records=limit))
    report = folder.open().apply()
    assert report.report.requests == 2 * math.ceil(count / (limit or 200))
    emails = [row["data"]["Email"] for row in stored(folder.state_dir / "embedded.crm.sqlite3")]
    assert sorted(emails) == sorted([data["Email"] for data in contacts(count).values()] * 2)


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=12),
    st.sampled_from(
        ["", " ", "a;b;a", "TRUE", "01", "1e3", "2024-02-30", "2024-01-05T10:00:00+02:00", "0018b000021Bldz"]
    ),
    st.lists(st.sampled_from(["b", "a", "A", " c"]), max_size=3),
)
names = st.sampled_from(["LastName", "Amount", "Tags__c", "Flag__c", "Account", "Note", "Price__c"])
fields = st.dictionaries(names, values, max_size=5)
people_of = st.lists(fields, min_size=1, max_size=6)
profiles = st.one_of(
    st.sampled_from([name for name in PROFILES if name not in ("drop_unknown", "refuse_unknown")]),
    st.lists(
        st.sampled_from(["lowercase", "trim", "round", "stringify", "reorder", "empty_for_null", "offsets"]),
        min_size=1,
        max_size=4,
    ).map("+".join),
)


@pytest.mark.parametrize("collection", [CONTACT, "hubspot:contact"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(people=people_of, profile=profiles, limit=st.integers(1, 4), mixed_case=st.booleans())
def test_any_data_is_settled_after_one_apply(
    people: list[dict[str, Any]], profile: str, limit: int, mixed_case: bool, collection: str
) -> None:
    domain = "X.Org" if mixed_case else "x.org"
    records = {f"r{number}": {"Email": f"p{number}@{domain}", **data} for number, data in enumerate(people)}
    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as root:
        provider = collection.partition(":")[0]
        folder = embedded(Path(root), set_of(records, collection, max_records=limit), profiles={provider: profile})
        report = folder.open().apply()
        assert report.summary["created"] == len(records)
        assert report.report.requests == math.ceil(len(records) / limit)
        check_settled(folder, len(records))


@settings(max_examples=15, deadline=None)
@given(order=st.permutations(range(6)), names=st.permutations(["alpha", "beta", "gamma"]), limit=st.integers(1, 4))
def test_neither_the_order_of_files_nor_that_of_records_matters(order: list[int], names: list[str], limit: int) -> None:
    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as root:
        plain, shuffled = Folder(Path(root) / "plain"), Folder(Path(root) / "shuffled")
        people = contacts(6)
        sets = {
            name: people
            if name == "alpha"
            else {f"{name}-{k}": {**v, "Email": f"{name}{v['Email']}"} for k, v in people.items()}
            for name in ("alpha", "beta", "gamma")
        }
        plain.write(project=project_file(), **{name: manifest(name, sets[name], max_records=limit) for name in sets})
        shuffled.write(project=project_file())
        for position, name in enumerate(names):
            records = list(sets[name].items())
            mixed = dict(records[number] for number in order)
            (shuffled.root / f"{position}.yml").write_text(manifest(name, mixed, max_records=limit))
        one, other = plain.open().plan(), shuffled.open().plan()
        assert one.digest == other.digest
        assert [c.address for c in one.changes] == [c.address for c in other.changes]
        assert [[c.address for c in batch.changes] for batch in one.plan.batches] == [
            [c.address for c in batch.changes] for batch in other.plan.batches
        ]
        assert plain.open().apply().report.requests == shuffled.open().apply().report.requests == math.ceil(18 / limit)


def test_desired_as_observed_is_adopted_without_a_request(tmp_path: Path) -> None:
    folder = embedded(tmp_path, manifest("people", contacts(5)))
    folder.open().apply()
    folder.lockfile.unlink()
    folder.forget_journal()
    planned = folder.open().plan()
    assert planned.summary[Action.ADOPT] == 5
    assert all(change.fields == () for change in planned.changes)
    assert folder.open().apply().report.requests == 0
    check_settled(folder, 5)
