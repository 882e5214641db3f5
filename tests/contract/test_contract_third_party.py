"""The whole pipeline against an endpoint of somebody else's, in all the ways that the documentation leaves open."""

from __future__ import annotations

import itertools
import os
import random
from collections import Counter
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import CONTACT, Folder, contacts, manifest, project_file
from support.third_party import SYNC, TOKEN, Switches, ThirdParty, third_party

from syncspec.project.results import AppliedReport

COUNT = 7
BATCH = 3

SINGLE: dict[str, dict[str, Any]] = {
    "as documented": {},
    "place not echoed": {"echo_place": False},
    "extra fields": {"extra_fields": True},
    "missing fields": {"sparse": True},
    "pages of one": {"page_size": 1},
    "limit ignored": {"ignore_limit": True, "page_size": 2},
    "limit refused": {"refuse_limit": True},
    "numeric cursor": {"numeric_cursor": True, "page_size": 2},
    "no cursor at the end": {"last_cursor": "absent", "page_size": 2},
    "null cursor at the end": {"last_cursor": "null", "page_size": 2},
    "empty cursor at the end": {"last_cursor": "empty", "page_size": 2},
    "empty last page": {"empty_last_page": True, "page_size": 2, "last_cursor": "absent"},
    "empty pages between": {"idle_page": True, "page_size": 2},
    "syncs only listed": {"syncs": "list"},
    "a sync that tells nothing": {"syncs": "bare"},
    "no syncs routes": {"syncs": "none"},
    "numeric IDs": {"numeric_ids": True},
    "random order": {"shuffled": True},
    "chunked": {"chunked": True},
    "closed connections": {"http_1_0": True},
    "201": {"status": 201},
    "filters ignored": {"ignore_filters": True},
    "byte order mark": {"bom": True},
    "rows repeated": {"repeats_rows": True, "page_size": 2},
}

PAIRS = list(itertools.combinations(SINGLE, 2))
FUZZ = bool(os.environ.get("SYNCSPEC_FUZZ"))


def project(root: Path, url: str, **upstream: Any) -> Folder:
    folder = Folder(root, environ={"TOKEN": TOKEN})
    settings = {"type": "sequin", "base_url": url, "token": "${env.TOKEN}", "settle_seconds": 0, **upstream}
    folder.write(
        project=project_file(**settings),
        contacts=manifest("contacts", contacts(COUNT), max_records=BATCH),
        leads=manifest("leads", contacts(COUNT), max_records=BATCH, collection_id="salesforce:lead"),
    )
    return folder


def check(endpoint: ThirdParty, folder: Folder) -> AppliedReport:
    """Plan, apply, plan, apply: each record once, each with its own ID, and nothing to do afterwards."""
    planned = folder.open().plan()
    assert planned.summary["create"] == 2 * COUNT, [(c.address, c.reason) for c in planned.changes]
    report = folder.open().apply()
    assert (report.summary["created"], report.exit_code) == (2 * COUNT, 0)
    assert (report.report.requests, len(endpoint.creates)) == (6, 6)
    assert_each_once(endpoint)
    assert folder.locked_ids() == ids_by_address(endpoint)
    settled = folder.open().plan()
    assert [(c.address, c.action, c.reason) for c in settled.changes if c.action != "unchanged"] == []
    again = folder.open().apply()
    assert (again.report.requests, again.exit_code, len(endpoint.creates)) == (0, 0, 6)
    return report


def assert_each_once(endpoint: ThirdParty) -> None:
    made = Counter((row["collection_id"], row["data"]["Email"]) for row in endpoint.rows)
    assert max(made.values()) == 1


def ids_by_address(endpoint: ThirdParty) -> dict[str, str]:
    names = {CONTACT: "contacts", "salesforce:lead": "leads"}
    return {
        f"{names[row['collection_id']]}.c{row['data']['Email'][1:].partition('@')[0]}": str(row["upstream_id"])
        for row in endpoint.rows
    }


@pytest.mark.parametrize("name", SINGLE)
def test_the_pipeline_settles_whatever_the_documentation_leaves_open(tmp_path: Path, name: str) -> None:
    with third_party(Switches(**SINGLE[name])) as (endpoint, url):
        check(endpoint, project(tmp_path, url))


@pytest.mark.parametrize(("one", "other"), PAIRS if FUZZ else PAIRS[::23])
def test_two_habits_at_once_change_nothing(tmp_path: Path, one: str, other: str) -> None:
    with third_party(Switches(**{**SINGLE[one], **SINGLE[other]})) as (endpoint, url):
        check(endpoint, project(tmp_path, url))


def any_switches(seed: int) -> Switches:
    draw = random.Random(seed)
    values: dict[str, Any] = {item.name: draw.random() < 0.4 for item in fields(Switches) if item.type == "bool"}
    values |= {"no_data": False, "lower_keys": False}
    return Switches(
        **values,
        page_size=draw.choice([1, 2, 3, 50]),
        last_cursor=draw.choice(["same", "absent", "null", "empty"]),
        syncs=draw.choice(["show", "bare", "list", "none"]),
        status=draw.choice([200, 200, 201, 202]),
    )


@pytest.mark.parametrize("seed", range(200 if FUZZ else 8))
def test_any_mixture_of_habits_changes_nothing(tmp_path: Path, seed: int) -> None:
    with third_party(any_switches(seed), seed=seed) as (endpoint, url):
        check(endpoint, project(tmp_path, url))


@pytest.mark.parametrize("habit", ["no_data", "lower_keys"])
def test_ids_of_answers_that_show_no_field_are_told_apart_by_the_list(tmp_path: Path, habit: str) -> None:
    with third_party(replace(Switches(), **{habit: True, "shuffled": True})) as (endpoint, url):
        folder = project(tmp_path, url)
        report = folder.open().apply()
        assert (report.exit_code, report.summary["created"]) == (0, 2 * COUNT)
        assert folder.locked_ids() == ids_by_address(endpoint)
        assert folder.open().apply().report.requests == 0
        assert_each_once(endpoint)


def test_answers_that_show_no_field_are_mapped_where_each_record_goes_alone(tmp_path: Path) -> None:
    with third_party(Switches(no_data=True, shuffled=True)) as (endpoint, url):
        folder = Folder(tmp_path, environ={"TOKEN": TOKEN})
        folder.write(
            project=project_file(type="sequin", base_url=url, token="${env.TOKEN}"),
            contacts=manifest("contacts", contacts(3), max_records=1),
        )
        assert folder.open().apply().summary["created"] == 3
        assert folder.locked_ids() == ids_by_address(endpoint)
        assert folder.open().plan().is_empty
        assert folder.open().apply().report.requests == 0


def test_the_body_of_a_create_is_the_documented_one(tmp_path: Path) -> None:
    with third_party(Switches()) as (endpoint, url):
        folder = project(tmp_path, url, await_consumers={"ids": ["wh-1"], "timeout_ms": 1000})
        folder.open().apply()
    first = endpoint.creates[0]
    assert set(first) == {
        "kind", "sync_id", "collection_id", "records", "await_consumer_ids", "await_consumers_timeout"
    }  # fmt: skip
    assert (first["kind"], first["sync_id"], first["await_consumer_ids"]) == ("create", SYNC, ["wh-1"])
    assert all(set(item) == {"data"} for body in endpoint.creates for item in body["records"])
    assert endpoint.authorized
