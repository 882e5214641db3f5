"""`syncspec resolve`, and the waiting that makes it unnecessary."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import Done, environ, run, write_project
from support.http_stub import Answer, Stub, project_file, serving

ENV = environ(CRM_TOKEN="t")
PAUL, DUNCAN = "contacts.paul", "contacts.duncan"


def lost(body: dict[str, Any]) -> Answer:
    return 504, {"error": "timed out"}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


@pytest.fixture
def project(tmp_path: Path, stub: Stub) -> Path:
    """A project whose two records were sent, and nobody knows what became of them."""
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    stub.answer = lost
    assert run("apply", "-y", folder=folder, env=ENV).code == 4
    stub.answer = stub.create
    return folder


def lines(project: Path) -> dict[str, dict[str, Any]]:
    content = (project / "syncspec.lock").read_text().splitlines()[1:]
    return {line["address"]: line for line in map(json.loads, content)}


def resolve(project: Path, *arguments: str) -> Done:
    return run("resolve", *arguments, folder=project, env=ENV)


def pass_the_horizon(project: Path) -> None:
    """As a checkout that got the pending lines from the lockfile, long after."""
    shutil.rmtree(project / ".syncspec")
    path = project / "syncspec.lock"
    first, *rest = path.read_text().splitlines()
    old = [json.dumps({**json.loads(line), "horizon": "2020-01-01T00:00:00.000Z"}) for line in rest]
    path.write_text("\n".join([first, *old]) + "\n")


def test_a_person_says_which_record_it_became(project: Path, stub: Stub) -> None:
    stub.create({"sync_id": "sync-1", "collection_id": "salesforce:contact", "records": [{"data": {"Email": "x"}}]})
    done = resolve(project, PAUL, "--created", " ID0 ")
    assert (done.code, done.out, done.err) == (0, "contacts.paul is locked as ID0.\n", "")
    assert lines(project)[PAUL]["upstream_id"] == "ID0"
    assert lines(project)[DUNCAN]["state"] == "pending"
    assert len(stub.requests) == 1


def test_a_settlement_is_printed_as_json(project: Path) -> None:
    done = resolve(project, PAUL, "--created", "ID0", "--json")
    settled = {"format_version": "1.0", "address": PAUL, "upstream_id": "ID0", "attempts": 1}
    assert (done.code, json.loads(done.out)) == (0, settled)
    refused = resolve(project, DUNCAN, "--created", "ID0", "--json")
    (found,) = json.loads(refused.out)["diagnostics"]
    assert (refused.code, found["code"]) == (1, "state")


def test_an_id_that_another_address_holds_is_refused(project: Path) -> None:
    assert resolve(project, PAUL, "--created", "ID0").code == 0
    before = lines(project)
    for more in ([], ["--force"]):
        done = resolve(project, DUNCAN, "--created", "ID0", *more)
        assert (done.code, done.out) == (1, "")
        assert "ID0 belongs to contacts.paul. Nothing was changed." in done.err
        assert "hint: " in done.err
    assert lines(project) == before


@pytest.mark.parametrize("upstream_id", ["", "  ", "ID\n0", "ID\x07"])
def test_what_cannot_be_an_id_is_refused_and_leaves_everything_usable(project: Path, upstream_id: str) -> None:
    before = lines(project)
    done = resolve(project, PAUL, "--created", upstream_id)
    assert (done.code, done.out) == (64, "")
    assert "cannot be the ID of a record. Nothing was changed." in done.err
    assert lines(project) == before
    assert resolve(project, PAUL, "--created", "ID0").code == 0


def test_not_created_is_refused_while_the_request_may_still_be_executed(project: Path, stub: Stub) -> None:
    before = lines(project)
    done = resolve(project, PAUL, "--not-created")
    assert done.code == 1
    assert f"it may still be executed until {before[PAUL]['horizon']}. Nothing was changed." in done.err
    assert "hint: wait for that; --force says so all the same" in done.err
    assert lines(project) == before

    forced = resolve(project, PAUL, "--not-created", "--force")
    assert (forced.code, forced.out) == (0, "contacts.paul was not created; the next apply creates it.\n")
    assert run("apply", "-y", folder=project, env=ENV).code == 4
    assert lines(project)[PAUL]["upstream_id"] == "ID0"
    assert [[item["data"]["LastName"] for item in body["records"]] for body in stub.requests[1:]] == [["Atreides"]]


def test_not_created_is_refused_while_something_upstream_may_be_it(project: Path, stub: Stub) -> None:
    pass_the_horizon(project)
    data = {"LastName": "A", "Email": "PAUL@arrakis.org "}
    stub.create({"sync_id": "sync-1", "collection_id": "salesforce:contact", "records": [{"data": data}]})
    done = resolve(project, PAUL, "--not-created")
    assert done.code == 1
    assert "ID0 upstream may be it. Nothing was changed." in done.err
    assert "hint: name it with --created ID0" in done.err
    assert resolve(project, DUNCAN, "--not-created").code == 0
    assert lines(project).keys() == {PAUL}
    assert resolve(project, PAUL, "--not-created", "--force").code == 0
    assert lines(project) == {}


def test_not_created_is_refused_while_the_list_cannot_be_read(project: Path, stub: Stub) -> None:
    pass_the_horizon(project)
    stub.records_status = 500
    done = resolve(project, PAUL, "--not-created")
    assert done.code == 1
    assert "the upstream's list is not known" in done.err
    assert "hint: try again" in done.err
    assert lines(project)[PAUL]["state"] == "pending"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([PAUL], "Give either --created ID or --not-created."),
        ([PAUL, "--created", "ID0", "--not-created"], "Give either --created ID or --not-created."),
        (["contacts.pual", "--not-created"], 'did you mean "contacts.paul"?'),
        (["contacts.nobody", "--created", "ID0"], "No attempt of contacts.nobody is open. Nothing was changed."),
        ([], "ADDRESS"),
    ],
)
def test_wrong_usage_is_64_and_changes_nothing(project: Path, arguments: list[str], told: str) -> None:
    before = lines(project)
    done = resolve(project, *arguments)
    assert (done.code, done.out) == (64, "")
    assert told in done.err
    assert lines(project) == before


def test_apply_waits_until_everything_is_settled_where_it_is_asked_to(tmp_path: Path, stub: Stub) -> None:
    text = project_file(stub, settle_seconds=0, wait_seconds=0, request_timeout_seconds=1)
    folder = write_project(tmp_path / "crm", project=text)
    stub.answer = lost
    assert run("apply", "-y", folder=folder, env=ENV).code == 4
    stub.answer = stub.create
    done = run("apply", "-y", "--wait-settled", "--json", folder=folder, env=ENV)
    assert done.code == 0, done.err
    assert json.loads(done.out)["summary"]["created"] == 2
    assert [len(body["records"]) for body in stub.requests] == [2, 2]
    assert {address: line["upstream_id"] for address, line in lines(folder).items()} == {DUNCAN: "ID0", PAUL: "ID1"}


@pytest.mark.parametrize("known", ["nothing", "--no-prior-run", "earlier runs"])
def test_a_first_run_waits_before_it_creates_unless_it_is_told_that_none_came_before(
    tmp_path: Path, stub: Stub, known: str
) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, settle_seconds=3))
    if known == "earlier runs":
        assert run("apply", "-y", "--target", PAUL, folder=folder, env=ENV).code == 0
    plan = run("plan", folder=folder, env=ENV)
    assert ("Earlier runs are not known here" in plan.err) is (known != "earlier runs")
    assert ("--no-prior-run skips the wait" in plan.err) is (known != "earlier runs")
    more = [known] if known.startswith("--") else []
    done = run("apply", "-y", *more, folder=folder, env=ENV)
    assert (done.code, len(lines(folder))) == (0, 2)
    assert ("creating waits for what one of them may have in flight" in done.err) is (known == "nothing")


def test_an_answer_without_ids_says_so_and_names_both_ways_out(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    stub.answer = lambda body: (200, {"records": []})
    done = run("apply", "-y", folder=folder, env=ENV)
    assert done.code == 4
    assert "the answer holds no ID that could be this record's" in done.out
    planned = run("plan", folder=folder, env=ENV).out
    assert "look upstream, then settle it: syncspec resolve --created ID, or --not-created" in planned
    pass_the_horizon(folder)
    assert resolve(folder, PAUL, "--not-created").code == 0
    assert resolve(folder, DUNCAN, "--not-created").code == 0
    stub.answer = stub.create
    assert run("apply", "-y", "--no-prior-run", folder=folder, env=ENV).code == 0
    assert sorted(line["upstream_id"] for line in lines(folder).values()) == ["ID0", "ID1"]


@pytest.mark.parametrize("named", [("contacts.*",), ("contacts",), (PAUL, DUNCAN)])
def test_all_that_was_not_created_is_settled_at_once(project: Path, named: tuple[str, ...]) -> None:
    pass_the_horizon(project)
    done = resolve(project, *named, "--not-created")
    told = "contacts.duncan was not created; the next apply creates it.\n"
    assert (done.code, done.out) == (0, f"{told}{told.replace('duncan', 'paul')}")
    assert lines(project) == {}
    assert run("apply", "-y", "--no-prior-run", folder=project, env=ENV).code == 0
    assert lines(project).keys() == {PAUL, DUNCAN}


def test_where_one_may_exist_none_of_several_is_settled(project: Path, stub: Stub) -> None:
    pass_the_horizon(project)
    data = {"LastName": "A", "Email": "PAUL@arrakis.org "}
    stub.create({"sync_id": "sync-1", "collection_id": "salesforce:contact", "records": [{"data": data}]})
    before = lines(project)
    done = resolve(project, "contacts.*", "--not-created")
    assert (done.code, done.out) == (1, "")
    assert "contacts.paul: ID0 upstream may be it. Nothing was changed." in done.err
    assert lines(project) == before
    forced = resolve(project, "contacts.*", "--not-created", "--force", "--json")
    assert json.loads(forced.out) == {
        "format_version": "1.0",
        "settled": [{"address": address, "attempts": 1} for address in (DUNCAN, PAUL)],
    }


def test_several_addresses_take_patterns_that_name_something_and_no_id(project: Path) -> None:
    before = lines(project)
    nothing = resolve(project, "contacts.*", "leads.*", "--not-created")
    assert (nothing.code, nothing.out) == (64, "")
    assert "No attempt of leads.* is open. Nothing was changed." in nothing.err
    assert resolve(project, PAUL, DUNCAN, "--created", "ID0").code == 64
    assert lines(project) == before
