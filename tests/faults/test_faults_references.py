"""Records that refer to others, over the whole pipeline: waves, lost parents, kills in between, keys that hold IDs."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from support.builders import VirtualClock
from support.pipeline import (
    CONTACT,
    SEQUIN,
    STORE,
    SYNC,
    Wrapped,
    manifest,
    project_file,
    served,
    served_folder,
    stored,
)
from support.steps import Steps, is_killed, number_steps

from syncspec.project.results import AppliedReport, ReviewablePlan
from syncspec.upstream.embedded.faults import ConnectionDroppedError
from syncspec.upstream.embedded.mutations import Item, Mutation
from syncspec.upstream.embedded.store import Store
from syncspec.upstream.protocol import MutationKind

ACCOUNT, ROLE = "salesforce:account", "salesforce:account_contact_role"
ACME = "${record.accounts.acme.upstream_id}"


class Fault:
    """Does something else with requests of one collection, before or after they are committed."""

    def __init__(
        self, collection: str, act: Callable[[], Response], *, committed: bool, times: int = 1, part: str = ""
    ) -> None:
        self._collection, self._act, self._committed, self._part = collection, act, committed, part
        self._left = times
        self.requests: list[tuple[str, int]] = []

    async def before(self, mutation: Any) -> Response | None:
        self.requests.append((mutation.collection_id, len(mutation.items)))
        return self._acted(mutation, committed=False)

    async def after(self, mutation: Any) -> Response | None:
        return self._acted(mutation, committed=True)

    def _acted(self, mutation: Any, *, committed: bool) -> Response | None:
        told = self._part in json.dumps([item.data for item in mutation.items])
        if mutation.collection_id != self._collection or committed is not self._committed or not told or not self._left:
            return None
        self._left -= 1
        return self._act()


def drop() -> Response:
    raise ConnectionDroppedError


def refuse() -> Response:
    return Response('{"error":"Error: Salesforce validation error: `Name is too rude`"}', 400)


class Reads(Wrapped):
    """Counts how often each collection is read."""

    def __init__(self, inner: Any, counted: Counter[str]) -> None:
        super().__init__(inner)
        self._counted = counted

    def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        self._counted[collection_id] += 1
        return super().pages(sync_id, collection_id, after=after)


def accounts(*names: str, max_records: int | None = None, **more: Any) -> str:
    records = {name: {"Name": name.title()} for name in names}
    return manifest("accounts", records, collection_id=ACCOUNT, match_on=("Name",), max_records=max_records, **more)


def contacts(count: int, account: str = "acme", *, max_records: int | None = None) -> str:
    records = {
        f"c{number}": {"Email": f"p{number}@x.org", "AccountId": f"${{record.accounts.{account}.upstream_id}}"}
        for number in range(count)
    }
    return manifest("contacts", records, max_records=max_records)


def lookups(name: str, records: dict[str, dict[str, Any]], *, collection_id: str, match_on: list[str]) -> str:
    spec = {"collection_id": collection_id, "sync_id": SYNC, "match_on": match_on, "records": records}
    body = {"apiVersion": "syncspec/v1", "kind": "LookupSet", "metadata": {"name": name}, "spec": spec}
    return json.dumps(body)


class Case:
    def __init__(self, root: Path, **upstream: Any) -> None:
        self.store = root / STORE
        self.folder = served_folder(root / "project", **{"concurrency": 1, **upstream})
        self.reads: Counter[str] = Counter()

    def write(self, **files: str) -> None:
        self.folder.write(**files)

    def apply(self, *, fault: Any = None, wrap: Any = None, **options: Any) -> AppliedReport:
        with self.reached(fault, wrap):
            return self.folder.open().apply(**options)

    def plan(self, **options: Any) -> ReviewablePlan:
        with self.reached():
            return self.folder.open().plan(**options)

    @contextmanager
    def reached(self, fault: Any = None, wrap: Any = None) -> Iterator[None]:
        """Whatever runs in this block reaches the upstream."""
        with pytest.MonkeyPatch.context() as patch:
            counting = wrap or (lambda connection: Reads(connection, self.reads))
            patch.setattr("syncspec.project.reading.connect", served(self.store, fault=fault, wrap=counting))
            yield

    def rows(self, collection_id: str) -> list[dict[str, Any]]:
        return [row for row in stored(self.store) if row["collection_id"] == collection_id]

    def somebody_makes(self, collection_id: str, **data: Any) -> str:
        store = Store.open(self.store, seed=11)
        try:
            made = Mutation(
                kind=MutationKind.CREATE, sync_id=SYNC, collection_id=collection_id, items=(Item(data=data),)
            )
            store.apply(made, lambda mutation, data: data)
        finally:
            store.close()
        upstream_id: str = self.rows(collection_id)[-1]["upstream_id"]
        return upstream_id

    def later(self, hours: float = 1.0) -> None:
        clock = self.folder.clock
        assert isinstance(clock, VirtualClock)
        clock.moment += timedelta(hours=hours)

    def check_whole(self, *, accounts: int, contacts: int) -> None:
        """Every record exists once, every contact with the ID of its account, and nothing is left to do."""
        ids = self.folder.locked_ids()
        assert len(self.rows(ACCOUNT)) == accounts
        assert len(self.rows(CONTACT)) == contacts
        assert {row["data"]["AccountId"] for row in self.rows(CONTACT)} == {ids["accounts.acme"]}
        assert self.folder.pending() == []
        again = self.apply()
        assert (outcomes(again), again.exit_code) == ({"unchanged": accounts + contacts}, 0)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case(tmp_path)
    made.write(accounts=accounts("acme"), contacts=contacts(3))
    return made


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


def errors(report: AppliedReport) -> dict[str, str]:
    return {record.address: record.error or "" for record in report.records if record.error}


def test_parents_are_created_first_and_the_next_plan_is_empty(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.write(accounts=accounts("acme", "ball", "cusp", max_records=2), contacts=contacts(5, max_records=2))
    fault = Fault("none", drop, committed=False)
    report = case.apply(fault=fault, no_prior_run=True)
    assert (outcomes(report), report.exit_code) == ({"created": 8}, 0)
    assert fault.requests == [(ACCOUNT, 2), (ACCOUNT, 1), (CONTACT, 2), (CONTACT, 2), (CONTACT, 1)]
    assert case.reads == {ACCOUNT: 1, CONTACT: 1}
    case.check_whole(accounts=3, contacts=5)
    assert case.plan().is_empty


def dependencies(case: Case) -> dict[str, list[str]]:
    lines = [json.loads(line) for line in case.folder.lockfile.read_text(encoding="utf-8").splitlines()[1:]]
    return {line["address"]: line["depends_on"] for line in lines if "depends_on" in line}


def test_the_lockfile_keeps_what_each_record_refers_to_until_upstream_holds_something_else(case: Case) -> None:
    case.apply()
    expected = {f"contacts.c{number}": ["accounts.acme"] for number in range(3)}
    assert dependencies(case) == expected
    acme = case.folder.locked_ids()["accounts.acme"]
    case.write(contacts=contacts(3).replace(ACME, acme))
    assert outcomes(case.apply()) == {"unchanged": 4}
    assert dependencies(case) == expected
    case.write(contacts=contacts(3).replace(ACME, "001elsewhere"))
    assert outcomes(case.apply()) == {"updated": 3, "unchanged": 1}
    assert dependencies(case) == {}
    case.write(contacts=contacts(3))
    assert outcomes(case.apply()) == {"updated": 3, "unchanged": 1}
    assert dependencies(case) == expected
    assert case.plan().is_empty


def test_the_plan_says_known_after_apply_and_holds_no_template(case: Case) -> None:
    plan = case.plan()
    change = next(each for each in plan.changes if each.address == "contacts.c0")
    field = next(each for each in change.fields if each.path == "AccountId")
    assert (field.after, field.known_after_apply, change.waits_for) == (None, True, ("accounts.acme",))
    for format in ("text", "json", "markdown", "html", "github"):
        text = plan.render(format)
        assert "${record" not in text, format
        assert ("known_after_apply" if format == "json" else "(known after apply)") in text, format


def test_values_hold_ids_inside_texts_lists_and_mappings(tmp_path: Path) -> None:
    case = Case(tmp_path)
    deep = {"Ids": [f"{ACME}", {"Of": f"see {ACME} and ${{record.accounts.ball.upstream_id}}"}], "Same": "x"}
    data = {"Email": "p0@x.org", "AccountId": ACME, "Note": f"for {ACME}", "Deep__c": deep}
    more = {"Copy": "${record.contacts.c0.data.Note}", "Name": "${record.accounts.acme.data.Name}"}
    case.write(accounts=accounts("acme", "ball"))
    case.write(contacts=manifest("contacts", {"c0": data, "c1": {"Email": "p1@x.org", **more}}))
    assert outcomes(case.apply()) == {"created": 4}
    acme, ball = (case.folder.locked_ids()[f"accounts.{name}"] for name in ("acme", "ball"))
    first, second = (row["data"] for row in sorted(case.rows(CONTACT), key=lambda row: row["data"]["Email"]))
    assert first["Note"] == second["Copy"] == f"for {acme}"
    assert first["Deep__c"] == {"Ids": [acme, {"Of": f"see {acme} and {ball}"}], "Same": "x"}
    assert second["Name"] == "Acme"
    assert case.plan().is_empty


def test_three_levels_across_two_upstreams_go_in_three_waves(tmp_path: Path) -> None:
    case = Case(tmp_path)
    crm = SEQUIN | {"concurrency": 1}
    erp = {**crm, "base_url": "http://127.0.0.1:10"}
    project = json.loads(project_file(**crm))
    project["spec"]["upstreams"]["erp"] = erp
    case.write(project=json.dumps(project))
    invoice = {"Number": "1", "Contact": "${record.contacts.c0.upstream_id}"}
    case.write(
        accounts=accounts("acme", upstream="crm"),
        contacts=manifest("contacts", {"c0": {"Email": "p@x.org", "AccountId": ACME}}, upstream="crm"),
        invoices=manifest(
            "invoices", {"one": invoice}, collection_id="salesforce:order", match_on=("Contact",), upstream="erp"
        ),
    )
    plan = case.plan()
    assert [(batch.wave, batch.target.upstream) for batch in plan.plan.batches] == [(0, "crm"), (1, "crm"), (2, "erp")]
    assert (outcomes(report := case.apply()), report.exit_code) == ({"created": 3}, 0)
    ids = case.folder.locked_ids()
    assert case.rows("salesforce:order")[0]["data"]["Contact"] == ids["contacts.c0"]
    assert case.plan().is_empty


@pytest.mark.parametrize("committed", [True, False])
def test_dependents_of_a_parent_whose_answer_was_lost_are_not_sent(tmp_path: Path, committed: bool) -> None:
    case = Case(tmp_path, wait_seconds=0)
    case.write(accounts=accounts("acme", "ball"), contacts=contacts(2))
    lost = Fault(ACCOUNT, drop, committed=committed)
    report = case.apply(fault=lost)
    assert (outcomes(report), report.exit_code) == ({"unknown": 2, "not_attempted": 2}, 4)
    assert [collection for collection, _ in lost.requests] == [ACCOUNT]
    assert "it refers to accounts.acme: what became of it is not known" in errors(report)["contacts.c0"]
    assert next(each for each in report.records if each.address == "contacts.c0").source is not None
    case.later()
    assert outcomes(case.apply()) == ({"unchanged": 2, "created": 2} if committed else {"created": 4})
    case.check_whole(accounts=2, contacts=2)


@pytest.mark.parametrize("committed", [True, False])
def test_dependents_are_sent_where_the_parent_heals_in_the_same_run(case: Case, committed: bool) -> None:
    lost = Fault(ACCOUNT, drop, committed=committed)
    report = case.apply(fault=lost, wait_settled=True)
    assert (outcomes(report), report.exit_code) == ({"created": 4}, 0)
    case.check_whole(accounts=1, contacts=3)


def test_dependents_of_a_rejected_parent_are_not_sent_and_name_the_cause(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.write(
        accounts=accounts("acme", "ball", max_records=1),
        contacts=contacts(1),
        others=manifest(
            "others",
            {
                "good": {"Email": "g@x.org", "AccountId": "${record.accounts.ball.upstream_id}"},
                "far": {"Email": "f@x.org", "Boss": "${record.contacts.c0.upstream_id}"},
            },
        ),
    )
    report = case.apply(fault=Fault(ACCOUNT, refuse, committed=False, part="Acme"))
    assert (outcomes(report), report.exit_code) == ({"created": 2, "rejected": 1, "not_attempted": 2}, 3)
    told = errors(report)
    assert "it refers to accounts.acme: it was rejected" in told["contacts.c0"]
    assert "Name is too rude" in told["contacts.c0"]
    assert told["others.far"].startswith("it refers to contacts.c0: it is held back, for it refers to accounts.acme")
    assert outcomes(case.apply()) == {"created": 3, "unchanged": 2}


def test_what_refers_to_a_blocked_record_is_blocked_and_what_is_locked_stays(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.write(accounts=accounts("acme", "ball"), contacts=contacts(1))
    case.apply()
    case.somebody_makes(ACCOUNT, Name="Cusp")
    case.somebody_makes(ACCOUNT, Name="Cusp")
    case.write(accounts=accounts("acme", "ball", "cusp"))
    case.write(more=contacts(1, "cusp").replace('"contacts"', '"more"').replace("p0@", "q0@"))
    report = case.apply()
    assert outcomes(report) == {"unchanged": 3, "not_attempted": 2}
    assert errors(report)["more.c0"] == "it refers to accounts.cusp: it is blocked (duplicate)"


def test_a_changed_reference_updates_the_child_after_the_new_parent_was_created(case: Case) -> None:
    case.apply()
    case.write(accounts=accounts("acme", "ball"), contacts=contacts(3, "ball"))
    changes = {change.address: change for change in case.plan().changes}
    child = changes["contacts.c0"]
    assert (child.action.value, child.wave, child.waits_for) == ("update", 1, ("accounts.ball",))
    assert [(each.path, each.before is not None, each.known_after_apply) for each in child.fields] == [
        ("AccountId", True, True)
    ]
    assert outcomes(case.apply()) == {"created": 1, "updated": 3, "unchanged": 1}
    ball = case.folder.locked_ids()["accounts.ball"]
    assert {row["data"]["AccountId"] for row in case.rows(CONTACT)} == {ball}
    assert case.plan().is_empty


@pytest.mark.parametrize("lost", [False, True])
def test_a_parent_is_deleted_after_its_children_got_a_new_one_and_not_before(tmp_path: Path, lost: bool) -> None:
    case = Case(tmp_path, wait_seconds=0)
    removal = {"on_remove": "delete"}
    case.write(accounts=accounts("acme", lifecycle=removal), contacts=contacts(3))
    case.apply()
    case.write(accounts=accounts("ball", lifecycle=removal), contacts=contacts(3, "ball"))
    fault = Fault(CONTACT, drop, committed=False, times=1 if lost else 0)
    report = case.apply(fault=fault)
    assert [collection for collection, _ in fault.requests] == [ACCOUNT, CONTACT, *([] if lost else [ACCOUNT])]
    if lost:
        assert outcomes(report) == {"created": 1, "unknown": 3, "not_attempted": 1}
        case.later()
        report = case.apply()
        assert outcomes(report) == {"updated": 3, "unchanged": 1, "deleted": 1}
    else:
        assert outcomes(report) == {"created": 1, "updated": 3, "deleted": 1}
    assert [row["data"]["Name"] for row in case.rows(ACCOUNT)] == ["Ball"]
    ball = case.folder.locked_ids()["accounts.ball"]
    assert {row["data"]["AccountId"] for row in case.rows(CONTACT)} == {ball}
    assert case.plan().is_empty


def test_a_key_that_holds_the_id_of_a_new_parent_is_looked_for_after_its_wave(tmp_path: Path) -> None:
    case = Case(tmp_path)
    role = {"Role": "Buyer", "AccountId": ACME}
    case.write(
        accounts=accounts("acme"),
        roles=manifest("roles", {"r": role}, collection_id=ROLE, match_on=("AccountId", "Role")),
    )

    class MakesAnother(Reads):
        """Somebody makes the very record as soon as the parent is there."""

        async def run(self, request: Any) -> Any:
            result = await super().run(request)
            if request.collection_id == ACCOUNT:
                made.append(case.somebody_makes(ROLE, Role="Buyer", AccountId=result.records[0].upstream_id))
            return result

    made: list[str] = []
    assert next(each for each in case.plan().changes if each.address == "roles.r").action.value == "create"
    case.reads.clear()
    report = case.apply(wrap=lambda connection: MakesAnother(connection, case.reads), no_prior_run=True)
    assert (outcomes(report), report.exit_code) == ({"created": 1, "adopted": 1}, 0)
    assert case.folder.locked_ids()["roles.r"] == made[0]
    assert case.reads == {ACCOUNT: 1, ROLE: 2}
    assert len(case.rows(ROLE)) == 1
    assert case.plan().is_empty


def test_a_key_that_holds_ids_is_matched_in_the_first_plan_where_these_are_known(tmp_path: Path) -> None:
    case = Case(tmp_path)
    account = case.somebody_makes(ACCOUNT, Name="Acme")
    kay = case.somebody_makes("salesforce:user", Username="kay@x.org")
    role = case.somebody_makes(ROLE, AccountId=account, OwnerId=kay)
    case.write(
        accounts=accounts("acme"),
        users=lookups(
            "users", {"kay": {"Username": "kay@x.org"}}, collection_id="salesforce:user", match_on=["Username"]
        ),
        roles=manifest(
            "roles",
            {"r": {"AccountId": ACME, "OwnerId": "${lookup.users.kay.upstream_id}"}},
            collection_id=ROLE,
            match_on=("AccountId", "OwnerId"),
        ),
    )
    changes = {change.address: change for change in case.plan().changes}
    assert (changes["roles.r"].action.value, changes["roles.r"].upstream_id) == ("adopt", role)
    assert outcomes(case.apply()) == {"adopted": 2}
    assert "users.kay" not in case.folder.locked_ids()
    assert case.plan().is_empty


def test_ids_that_make_two_keys_equal_create_neither_record(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.somebody_makes("salesforce:user", Username="kay@x.org")
    users = {"kay": {"Username": "kay@x.org"}, "same": {"Username": "kay@x.org"}}
    case.write(
        users=lookups("users", users, collection_id="salesforce:user", match_on=["Username"]),
        roles=manifest(
            "roles",
            {name: {"OwnerId": f"${{lookup.users.{name}.upstream_id}}"} for name in users},
            collection_id=ROLE,
            match_on=("OwnerId",),
        ),
    )
    report = case.apply()
    assert (outcomes(report), report.exit_code) == ({"not_attempted": 2}, 3)
    assert "it has the same match key as roles.same" in errors(report)["roles.kay"]
    assert case.rows(ROLE) == []


@pytest.mark.parametrize(("made", "told"), [(0, "no record of salesforce:user matches it"), (2, "2 records of")])
def test_a_lookup_without_exactly_one_match_is_an_error_and_only_its_dependents_wait(
    tmp_path: Path, made: int, told: str
) -> None:
    case = Case(tmp_path)
    ids = [case.somebody_makes("salesforce:user", Username="kay@x.org") for _ in range(made)]
    case.write(
        users=lookups(
            "users", {"kay": {"Username": "kay@x.org"}}, collection_id="salesforce:user", match_on=["Username"]
        ),
        contacts=manifest(
            "contacts",
            {
                "owned": {"Email": "o@x.org", "OwnerId": "${lookup.users.kay.upstream_id}"},
                "free": {"Email": "f@x.org"},
            },
        ),
    )
    error = next(each for each in case.plan().diagnostics if each.is_error)
    assert (error.code, error.address) == ("lookup", "users.kay")
    assert error.source is not None
    assert told in error.detail
    assert all(upstream_id in error.detail for upstream_id in ids)
    report = case.apply()
    assert (outcomes(report), report.exit_code) == ({"created": 1, "not_attempted": 1}, 3)
    assert told in errors(report)["contacts.owned"]


def test_a_target_takes_along_what_it_needs_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    case = Case(tmp_path)
    case.write(accounts=accounts("acme", "ball"), contacts=contacts(2))
    plan = case.plan(include=["contacts.c1"])
    assert [change.address for change in plan.changes] == ["accounts.acme", "contacts.c1"]
    assert outcomes(case.apply(include=["contacts.c1"])) == {"created": 2}
    # What is locked is not needed any more.
    assert [change.address for change in case.plan(include=["contacts.c0"]).changes] == ["contacts.c0"]


def test_what_is_left_out_by_name_is_not_taken_along(case: Case) -> None:
    report = case.apply(include=["contacts.c1"], exclude=["accounts.*"])
    assert (outcomes(report), report.exit_code) == ({"not_attempted": 1}, 3)
    assert "accounts.acme: it is not locked yet, and is left out of this plan" in errors(report)["contacts.c1"]
    assert case.rows(CONTACT) == []


def test_an_interrupt_between_waves_leaves_the_dependents_and_the_next_run_sends_them(case: Case) -> None:
    from syncspec.apply.events import BatchFinished

    runs: list[Any] = []

    def stop(event: Any) -> None:
        if isinstance(event, BatchFinished):
            runs[0].request_stop()

    with case.reached():
        from syncspec.project.loop import run_to_end

        project = case.folder.open().asynchronous
        report = run_to_end(lambda: project.apply(on_event=stop, on_run=runs.append))
    assert report.exit_code == 130
    assert outcomes(report) == {"created": 1, "not_attempted": 3}
    assert outcomes(case.apply()) == {"created": 3, "unchanged": 1}
    case.check_whole(accounts=1, contacts=3)


def applied_until(root: Path, kill_at: int | None) -> tuple[Case, list[str]]:
    case = Case(root)
    case.write(accounts=accounts("acme", "ball", max_records=1), contacts=contacts(4, max_records=2))
    steps = Steps(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        wrap = number_steps(patch, steps)
        patch.setattr("syncspec.project.reading.connect", served(case.store, wrap=wrap))
        try:
            case.folder.open().apply()
        except BaseException as error:
            if not is_killed(error):
                raise
    return case, steps.names


def test_a_kill_at_any_step_makes_nothing_twice_and_ends_with_every_record_as_declared(tmp_path: Path) -> None:
    _, names = applied_until(tmp_path / "whole", None)
    assert names.count("before send") == 4
    for number in range(1, len(names) + 1):
        case, _ = applied_until(tmp_path / str(number), number)
        case.apply(no_prior_run=True)
        case.later()
        report = case.apply()
        assert report.exit_code == 0, number
        case.check_whole(accounts=2, contacts=4)


def test_a_saved_plan_that_was_applied_in_part_resumes_and_then_is_a_no_op(case: Case, tmp_path: Path) -> None:
    saved = tmp_path / "p.plan"
    case.plan().save(saved)
    lost = Fault(CONTACT, refuse, committed=False)
    plan = case.folder.open().load_plan(saved)
    assert "known after apply" in plan.render("text")
    assert [each.waits_for for each in plan.changes] == [(), *[("accounts.acme",)] * 3]
    first = case.apply(plan=plan, fault=lost)
    assert first.exit_code in (3, 4)
    case.later()
    case.apply(plan=case.folder.open().load_plan(saved), wait_settled=True)
    case.check_whole(accounts=1, contacts=3)
    again = case.apply(plan=case.folder.open().load_plan(saved))
    assert (outcomes(again), again.report.requests) == ({"unchanged": 4}, 0)


def test_folders_of_rows_refer_to_records_of_other_sets(tmp_path: Path) -> None:
    case = Case(tmp_path)
    (case.folder.root / "people.csv").write_text("Email,Account\nA@x.org,Acme Inc\nb@x.org,\n", encoding="utf-8")
    (case.folder.root / "firms.csv").write_text("Name\nAcme Inc\n", encoding="utf-8")
    rows = {"file": "firms.csv", "name": "${row.Name}", "data": {"Name": "${row.Name}"}}
    case.write(
        accounts=manifest("accounts", {}, collection_id=ACCOUNT, match_on=("Name",), records_from=rows),
        contacts=manifest(
            "contacts",
            {},
            records_from={
                "file": "people.csv",
                "name": "${row.Email}",
                "data": {"Email": "${row.Email}", "AccountId": "${record.accounts[row.Account].upstream_id}"},
            },
        ),
    )
    assert outcomes(case.apply()) == {"created": 3}
    acme = case.folder.locked_ids()["accounts.Acme..20Inc"]
    assert sorted((row["data"]["Email"], row["data"].get("AccountId")) for row in case.rows(CONTACT)) == [
        ("A@x.org", acme),
        ("b@x.org", None),
    ]
    assert case.plan().is_empty


ANSWERS = {False: [0, 400, 413, 429, 500, 504], True: [0, 500, 503, 504, 200]}
"""What may come in the place of an answer before and after a commit; 0: the connection closes."""


class Dice:
    """Any request may fail before or after its commit, in any way."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    async def before(self, mutation: Any) -> Response | None:
        return self._maybe(committed=False)

    async def after(self, mutation: Any) -> Response | None:
        return self._maybe(committed=True)

    def _maybe(self, *, committed: bool) -> Response | None:
        if self._draw.random() > 0.2:
            return None
        status = self._draw.choice(ANSWERS[committed])
        if status == 0:
            raise ConnectionDroppedError
        return Response('{"records":[{' if status == 200 else '{"error":"no"}', status, {"retry-after": "1"})


def tree(draw: random.Random) -> dict[str, str]:
    """Accounts under accounts, contacts of them, and roles whose keys hold the IDs of both."""
    limit = draw.choice([1, 2, 5])
    accounts = {
        f"a{number}": {"Name": f"A{number}"}
        | ({"ParentId": f"${{record.accounts.a{draw.randrange(number)}.upstream_id}}"} if number else {})
        for number in range(4)
    }
    people = {
        f"c{number}": {"Email": f"p{number}@x.org", "AccountId": f"${{record.accounts.a{number}.upstream_id}}"}
        for number in range(4)
    }
    roles = {
        f"r{number}": {
            "AccountId": f"${{record.accounts.a{draw.randrange(4)}.upstream_id}}",
            "ContactId": f"${{record.contacts.c{number}.upstream_id}}",
        }
        for number in range(4)
    }
    return {
        "accounts": manifest("accounts", accounts, collection_id=ACCOUNT, match_on=("Name",), max_records=limit),
        "contacts": manifest("contacts", people, max_records=limit),
        "roles": manifest("roles", roles, collection_id=ROLE, match_on=("AccountId", "ContactId"), max_records=limit),
    }


@pytest.mark.parametrize("seed", range(200 if os.environ.get("SYNCSPEC_FUZZ") else 12))
def test_no_schedule_of_faults_and_kills_makes_a_record_twice_or_gives_it_another_parent(
    tmp_path: Path, seed: int
) -> None:
    draw = random.Random(seed)
    case = Case(tmp_path, concurrency=draw.randint(1, 3), wait_seconds=draw.choice([0, 60]))
    case.write(**tree(draw))
    for _ in range(3):
        steps = Steps(draw.randint(1, 60) if draw.random() < 0.5 else None)
        with pytest.MonkeyPatch.context() as patch:
            wrap = number_steps(patch, steps)
            patch.setattr("syncspec.project.reading.connect", served(case.store, fault=Dice(draw), wrap=wrap))
            try:
                case.folder.open().apply(no_prior_run=draw.random() < 0.5)
            except BaseException as error:
                if not is_killed(error):
                    raise
        case.later(draw.choice([0, 1]))
    for _ in range(3):
        case.later()
        report = case.apply(wait_settled=True)
    # What was proved absent twice, or refused without a word of what was applied, needs a person.
    told = {record.address: record for record in report.records}
    unknown = {address for address, record in told.items() if record.outcome == "unknown"}
    ids = case.folder.locked_ids()
    rows = {row["upstream_id"]: row["data"] for row in stored(case.store)}
    assert sorted(rows) == sorted({*ids.values()} & rows.keys())
    assert len(set(ids.values())) == len(ids) == len(rows)
    for change in case.plan().changes:
        assert change.desired is not None
        if change.address not in ids:
            assert change.address in unknown or {each.address for each in change.references} - ids.keys()
            assert told[change.address].outcome in ("unknown", "not_attempted")
            continue
        assert told[change.address].outcome == "unchanged"
        assert rows[ids[change.address]] == change.desired.data
        for reference in change.references:
            assert ids[reference.address] == reference.upstream_id
    assert bool(unknown) is (report.exit_code != 0)
