"""A migrating admin's day, on the files of its example: nothing is deleted, doubled or lost that should not be."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from support.command import COMMAND, PATIENCE, environ
from support.pipeline import stored

from syncspec.cli.app import app

EXAMPLE = Path(__file__).parents[2] / "examples" / "admin-day"
SYNC = "5b0c7a0e-52c1-4a53-9f0b-2a1d6f1f0c11"
KEYS = {"salesforce:account": "AccountNumber", "salesforce:contact": "Email"}
ACCOUNTS, CONTACTS = ["A-17", "A-42"], ["duncan@ginaz.example", "gurney@atreides.example", "paul@atreides.example"]
PAUL, GURNEY = "contacts.paul@atreides.example", "contacts.gurney@atreides.example"
STILGAR = """\
    stilgar:
      data:
        AccountId: ${record.accounts.A-17.upstream_id}
        Email: stilgar@sietch.example
        LastName: Tabr
"""


class Org:
    """A server that plays an org. What it holds is read from its file, past any list."""

    def __init__(self, db: Path) -> None:
        self.db = db
        self._process: subprocess.Popen[str] | None = None
        self.port = self._start("0")

    def _start(self, port: str) -> str:
        command = [*COMMAND, "serve", "--port", port, "--db", str(self.db), "--token-env", "CRM_TOKEN"]
        self._process = subprocess.Popen(command, env=environ(CRM_TOKEN="t"), stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip().rpartition(":")[2]

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.communicate(timeout=PATIENCE)

    def replace(self) -> None:
        """Begin anew with no record, at the same address."""
        self.stop()
        for path in self.db.parent.glob(f"{self.db.name}*"):
            path.unlink()
        assert self._start(self.port) == self.port

    def rows(self, collection: str = "salesforce:contact") -> dict[str, dict[str, Any]]:
        """The live records by key; a second one with the same key is an error."""
        found = [row for row in stored(self.db) if row["collection_id"] == collection]
        by_key = {row["data"][KEYS[collection]]: row for row in found}
        assert len(by_key) == len(found), "a record is there twice"
        return by_key

    def ids(self) -> dict[str, str]:
        return {key: row["upstream_id"] for each in KEYS for key, row in self.rows(each).items()}

    def title(self, email: str) -> Any:
        return self.rows()[email]["data"].get("Title")

    def deleted(self) -> int:
        with closing(sqlite3.connect(self.db)) as connection:
            [(count,)] = connection.execute("SELECT count(*) FROM records WHERE deleted").fetchall()
        return int(count)

    def colleague_sets_title(self, email: str, title: str) -> None:
        update = {"upstream_id": self.rows()[email]["upstream_id"], "data": {"Title": title}}
        body = {"kind": "update", "sync_id": SYNC, "collection_id": "salesforce:contact", "records": [update]}
        url = f"http://127.0.0.1:{self.port}/v1/mutations/run"
        httpx.post(url, json=body, headers={"authorization": "Bearer t"}).raise_for_status()


@dataclass
class Day:
    """The example's folder and its two orgs."""

    folder: Path
    production: Org
    sandbox: Org

    def go(self, *arguments: str, env: str = "sandbox", code: int = 0, folder: str = ".") -> str:
        """Run a command that ends with this code; gives what it printed."""
        at = ["-C", str(self.folder / folder), "-e", env]
        invoked = CliRunner().invoke(app, [*arguments, *at], standalone_mode=False)
        assert invoked.exception is None, invoked.output
        assert invoked.return_value == code, invoked.output
        return invoked.output

    def apply(self, *arguments: str, env: str = "sandbox", code: int = 0) -> dict[str, int]:
        """What became of how many records."""
        self.go("apply", "-y", "--report", str(self.folder / "report.json"), *arguments, env=env, code=code)
        report = json.loads((self.folder / "report.json").read_text(encoding="utf-8"))
        return {outcome: count for outcome, count in report["summary"].items() if count}

    def settled(self, *envs: str) -> None:
        for env in envs or ("sandbox",):
            self.go("plan", "--detailed-exitcode", env=env)

    def edit(self, change: Callable[[str], str], file: str = "contacts") -> str:
        """Change a manifest; gives what it said before."""
        path = self.folder / "manifests" / f"{file}.yaml"
        before = path.read_text(encoding="utf-8")
        after = change(before)
        assert after != before
        path.write_text(after, encoding="utf-8")
        return before

    def write(self, text: str) -> None:
        self.edit(lambda _: text)

    def lines(self, env: str) -> dict[str, dict[str, Any]]:
        content = (self.folder / f"syncspec.{env}.lock").read_text(encoding="utf-8").splitlines()[1:]
        return {line["address"]: line for line in map(json.loads, content)}

    def locked_ids(self, env: str = "sandbox") -> list[str]:
        return sorted(line["upstream_id"] for line in self.lines(env).values())

    def refresh(self) -> None:
        """Make the sandbox a copy of what production held at first, under new IDs."""
        self.sandbox.replace()
        shutil.rmtree(self.folder / "org" / ".syncspec")
        (self.folder / "org" / "syncspec.sandbox.lock").unlink()
        self.go("apply", "-y", folder="org")


@pytest.fixture
def day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    """The morning: an org with records, and a sandbox that holds its users and record types."""
    folder = tmp_path / "admin-day"
    made = shutil.ignore_patterns(".syncspec", "*.lock", "accounts.yaml", "contacts.yaml", "*.sqlite3*", "*.before")
    shutil.copytree(EXAMPLE, folder, ignore=made)
    monkeypatch.setenv("CRM_TOKEN", "t")
    monkeypatch.chdir(tmp_path)
    production, sandbox = Org(tmp_path / "production.sqlite3"), Org(tmp_path / "sandbox.sqlite3")
    try:
        for path in folder.rglob("syncspec.yaml"):
            text = path.read_text(encoding="utf-8").replace("8787", production.port).replace("8788", sandbox.port)
            path.write_text(text, encoding="utf-8")
        made_day = Day(folder, production, sandbox)
        made_day.go("apply", "-y", env="production", folder="org")
        made_day.go("apply", "people.yaml", "-y", folder="org")
        yield made_day
    finally:
        production.stop()
        sandbox.stop()


@pytest.fixture
def imported(day: Day) -> Day:
    """The org's records are imported, and made in the sandbox."""
    before = day.production.ids()
    for collection, name in (("account", "accounts"), ("contact", "contacts")):
        key = KEYS[f"salesforce:{collection}"]
        options = ("--set", name, "--match-on", key, "--references")
        day.go("import", f"salesforce:{collection}", *options, env="production")
    assert day.production.ids() == before
    assert day.locked_ids("production") == sorted(before.values())
    day.settled("production")
    assert day.apply() == {"created": 5}
    return day


def without_gurney(text: str) -> str:
    return re.sub(r"    gurney@.*?Title: Warmaster\n", "", text, flags=re.DOTALL)


def test_owners_and_record_types_are_those_of_each_org(imported: Day) -> None:
    imported.settled("sandbox", "production")
    text = (imported.folder / "manifests" / "accounts.yaml").read_text(encoding="utf-8")
    assert "${lookup.users.jessica.upstream_id}" in text
    assert "${lookup.record-types.house.upstream_id}" in text
    for org in (imported.production, imported.sandbox):
        people = {row["upstream_id"]: row["data"] for row in stored(org.db)}
        account = org.rows("salesforce:account")["A-17"]
        assert people[account["data"]["OwnerId"]]["Username"].startswith("jessica@atreides.example")
        assert people[account["data"]["RecordTypeId"]]["DeveloperName"] == "House"
        assert org.rows()["gurney@atreides.example"]["data"]["AccountId"] == account["upstream_id"]
    assert sorted(imported.sandbox.ids()) == sorted([*ACCOUNTS, *CONTACTS])
    assert not set(imported.sandbox.ids().values()) & set(imported.production.ids().values())


def test_edits_here_there_and_on_both_sides_lose_nobodys_word(imported: Day) -> None:
    day, email, ids = imported, "paul@atreides.example", imported.sandbox.ids()
    day.edit(lambda text: text.replace("Title: Heir", "Title: Duke"))
    assert day.apply() == {"updated": 1, "unchanged": 4}
    assert (day.sandbox.title(email), day.production.title(email)) == ("Duke", "Heir")

    day.sandbox.colleague_sets_title(email, "Emperor")
    assert '"Emperor" upstream, "Duke" declared' in day.go("plan")
    assert day.apply() == {"unchanged": 5}
    assert day.sandbox.title(email) == "Emperor"
    day.go("accept", PAUL)
    day.settled()

    day.edit(lambda text: text.replace("Title: Emperor", "Title: Regent"))
    day.sandbox.colleague_sets_title(email, "Preacher")
    told = day.go("plan")
    assert 'Title is "Preacher" upstream and "Regent" here' in told
    for way in (f"syncspec accept {PAUL}", "ignore_changes", "change it upstream to what is declared"):
        assert way in told
    assert day.apply(code=3) == {"not_attempted": 1, "unchanged": 4}
    assert day.sandbox.title(email) == "Preacher"
    day.go("accept", PAUL)
    day.settled()

    day.edit(lambda text: text.replace("spec:\n", "spec:\n  lifecycle:\n    on_drift: restore\n", 1))
    day.apply()
    day.sandbox.colleague_sets_title(email, "Blind")
    assert day.apply() == {"updated": 1, "unchanged": 4}
    assert (day.sandbox.title(email), day.sandbox.ids(), day.sandbox.deleted()) == ("Preacher", ids, 0)
    day.settled()


def test_a_rename_moves_the_entry_and_touches_no_record(imported: Day) -> None:
    day, before = imported, {env: org.ids() for env, org in orgs(imported).items()}
    day.edit(lambda text: text.replace("    paul@atreides.example:", "    paul:"))
    for env in ("sandbox", "production"):
        assert f"(was {PAUL})" in day.go("plan", env=env)
        assert day.apply(env=env) == {"unchanged": 5}
        assert PAUL not in day.lines(env)
        assert day.lines(env)["contacts.paul"]["upstream_id"] == before[env]["paul@atreides.example"]
    day.settled("sandbox", "production")
    assert {env: org.ids() for env, org in orgs(day).items()} == before
    # What refers to an account that is renamed keeps its ID.
    day.edit(lambda text: text.replace("    A-17:", "    atreides:"), "accounts")
    day.edit(lambda text: text.replace("accounts.A-17.", "accounts.atreides."))
    for env in ("sandbox", "production"):
        day.apply(env=env)
    day.settled("sandbox", "production")
    assert {env: org.ids() for env, org in orgs(day).items()} == before
    assert (day.sandbox.deleted(), day.production.deleted()) == (0, 0)


def test_a_rename_together_with_an_edit_says_that_the_edit_comes_next(imported: Day) -> None:
    day, before = imported, imported.sandbox.ids()
    day.edit(lambda text: text.replace("    paul@atreides.example:", "    paul:").replace("Title: Heir", "Title: Duke"))
    assert "once it is moved, the next plan tells what becomes of Title" in day.go("plan")
    assert day.apply() == {"unchanged": 5}
    assert day.apply() == {"updated": 1, "unchanged": 4}
    assert (day.sandbox.ids(), day.sandbox.title("paul@atreides.example")) == (before, "Duke")
    day.settled()


def orgs(day: Day) -> dict[str, Org]:
    return {"sandbox": day.sandbox, "production": day.production}


def test_a_removal_keeps_what_was_imported_and_its_revert_takes_it_up_again(imported: Day) -> None:
    day, before = imported, imported.production.ids()
    whole = day.edit(without_gurney)
    assert "kept upstream and in the lockfile" in day.go("plan", env="production")
    assert day.apply(env="production") == {"unchanged": 5}
    assert day.lines("production")[GURNEY]["state"] == "retained"
    day.settled("production")
    day.write(whole)
    day.settled("production")
    day.apply(env="production")
    assert day.lines("production")[GURNEY]["state"] == "locked"
    assert (day.production.ids(), day.production.deleted()) == (before, 0)


def test_a_removal_deletes_what_was_created_and_a_plan_of_one_file_does_not(imported: Day) -> None:
    day, before = imported, imported.sandbox.ids()
    whole = day.edit(without_gurney)
    day.edit(lambda text: text.replace("BillingCity: Ginaz", "BillingCity: Giedi Prime"), "accounts")
    planned = json.loads(day.go("plan", "manifests/accounts.yaml", "--json"))
    assert {change["address"] for change in planned["changes"]} <= {"accounts.A-17", "accounts.A-42"}
    assert day.apply("manifests/accounts.yaml") == {"updated": 1, "unchanged": 1}
    assert (day.sandbox.ids(), day.sandbox.deleted()) == (before, 0)
    assert day.apply() == {"deleted": 1, "unchanged": 4}
    assert (sorted(before.keys() - day.sandbox.ids().keys()), day.sandbox.deleted()) == (["gurney@atreides.example"], 1)
    day.settled()
    day.write(whole)
    assert day.apply() == {"created": 1, "unchanged": 4}
    assert sorted(day.sandbox.ids()) == sorted(before)
    day.settled()


def test_an_undo_takes_a_run_back_and_reverting_the_edit_leaves_nothing_to_do(imported: Day) -> None:
    day, before = imported, imported.sandbox.ids()
    whole = day.edit(lambda text: text.replace("Title: Warmaster", "Title: Baliset player") + STILGAR)
    assert day.apply() == {"created": 1, "updated": 1, "unchanged": 4}
    run = json.loads(day.go("runs", "--json"))["runs"][0]["run"]
    day.go("undo", run, "-y")
    assert (day.sandbox.ids(), day.sandbox.title("gurney@atreides.example")) == (before, "Warmaster")
    day.write(whole)
    day.settled()
    assert day.locked_ids() == sorted(before.values())


def test_a_refreshed_sandbox_blocks_everything_until_its_former_ids_are_forgotten(imported: Day) -> None:
    day, former = imported, imported.sandbox.ids()
    day.edit(lambda text: text.replace("Title: Heir", "Title: Duke"))
    day.apply()
    day.refresh()
    copied = day.sandbox.ids()
    assert sorted(copied) == sorted(former)
    assert not set(copied.values()) & set(former.values())
    # A new record must not be made with the former ID of its account.
    whole = day.edit(lambda text: text + STILGAR)
    told = day.go("plan")
    assert f"{copied['A-17']} with its key is there, as after a refresh of a sandbox" in told
    assert "syncspec lock forget accounts.A-17" in told
    assert day.apply(code=3) == {"not_attempted": 6}
    assert day.sandbox.ids() == copied
    day.write(whole)
    day.go("lock", "forget", "*", "-y")
    assert day.apply() == {"adopted": 4, "updated": 1}
    day.settled()
    assert day.locked_ids() == sorted(copied.values())
    assert (day.sandbox.ids(), day.sandbox.title("paul@atreides.example")) == (copied, "Duke")
    # References and lookups hold the new IDs.
    day.edit(lambda text: text + STILGAR)
    assert day.apply() == {"created": 1, "unchanged": 5}
    assert day.sandbox.rows()["stilgar@sietch.example"]["data"]["AccountId"] == copied["A-17"]
    assert day.sandbox.deleted() == 0


@pytest.mark.parametrize("lost", ["nothing", "the lockfile", "the lockfile and the journal"])
def test_no_other_way_out_of_a_refresh_doubles_a_record(imported: Day, lost: str) -> None:
    day = imported
    day.refresh()
    copied = day.sandbox.ids()
    if lost != "nothing":
        (day.folder / "syncspec.sandbox.lock").unlink()
    if lost == "the lockfile and the journal":
        for path in (day.folder / ".syncspec").glob("journal*"):
            path.unlink()
    known = lost != "the lockfile and the journal"
    assert day.apply(code=3 if known else 0) == ({"not_attempted": 5} if known else {"adopted": 5})
    day.go("lock", "retarget")
    day.edit(lambda text: text.replace("    paul@atreides.example:", "    paul:"))
    day.apply(code=3 if known else 0)
    assert (day.sandbox.ids(), day.sandbox.deleted()) == (copied, 0)
