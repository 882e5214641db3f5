"""A saved plan whose apply is killed is applied again: it goes on where it was, and repeats and loses nothing."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.builders import VirtualClock
from support.pipeline import STORE, Folder, contacts, manifest, project_file, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

import syncspec
from syncspec.project.formats import FORMATS
from syncspec.project.results import AppliedReport

TESTS = Path(__file__).parent.parent
PER_BATCH = 2
CREATES = 2 * PER_BATCH
ACCOUNT = "salesforce:account"


def project(root: Path) -> Folder:
    """A plan of two batches that create and one that updates; what is known afterwards is known at once."""
    folder = served_folder(root / "project", concurrency=1, settle_seconds=0, wait_seconds=0)
    people = contacts(PER_BATCH)
    folder.write(contacts=manifest("contacts", people, max_records=PER_BATCH))
    apply(folder, root / STORE)
    people = {name: {**data, "Title": "Duke"} for name, data in people.items()}
    people |= contacts(CREATES, start=PER_BATCH)
    folder.write(contacts=manifest("contacts", people, max_records=PER_BATCH))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(root / STORE))
        folder.open().plan().save(root / "crm.plan")
    return folder


def referring(root: Path) -> Folder:
    """A plan of two waves: the contacts hold the ID of an account that is created first."""
    folder = served_folder(root / "project", concurrency=1, settle_seconds=1, wait_seconds=0)
    people = {
        name: {**data, "AccountId": "${record.accounts.acme.upstream_id}"} for name, data in contacts(PER_BATCH).items()
    }
    folder.write(
        accounts=manifest("accounts", {"acme": {"Name": "Acme"}}, collection_id=ACCOUNT, match_on=("Name",)),
        contacts=manifest("contacts", people),
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(root / STORE))
        plan = folder.open().plan()
    plan.save(root / "crm.plan")
    shown = syncspec.load_plan(root / "crm.plan")
    for format in FORMATS:
        assert shown.render(format) == plan.render(format)
    return folder


def check_referring(folder: Folder, store: Path) -> None:
    """There is one account, and every contact is there once and holds its ID."""
    rows = stored(store)
    [account] = [row for row in rows if row["collection_id"] == ACCOUNT]
    people = [row for row in rows if row["collection_id"] != ACCOUNT]
    assert sorted(row["data"]["Email"] for row in people) == [f"p{number}@x.org" for number in range(PER_BATCH)]
    assert {row["data"]["AccountId"] for row in people} == {account["upstream_id"]}
    assert set(folder.locked_ids().values()) == {row["upstream_id"] for row in rows}
    assert folder.pending() == []


def apply(folder: Folder, store: Path, plan: Path | None = None, wrap: object = None) -> AppliedReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))  # type: ignore[arg-type]
        return folder.open().apply(syncspec.load_plan(plan) if plan is not None else None, wait_settled=True)


def apply_until(folder: Folder, root: Path, kill_at: int) -> Steps:
    """Apply the saved plan in a process that ends at that step."""
    steps = Steps(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        wrap = number_steps(patch, steps)
        try:
            apply(folder, root / STORE, root / "crm.plan", wrap)
        except BaseException as error:
            if not is_killed(error):
                raise
    return steps


def emails(store: Path) -> Counter[str]:
    return Counter(row["data"]["Email"] for row in stored(store))


def check_whole(folder: Folder, store: Path) -> None:
    """Every record is there once, with what was planned, and its ID is locked."""
    assert emails(store) == Counter({f"p{number}@x.org": 1 for number in range(PER_BATCH + CREATES)})
    titles = {row["data"]["Email"]: row["data"].get("Title") for row in stored(store)}
    assert [titles[f"p{number}@x.org"] for number in range(PER_BATCH)] == ["Duke"] * PER_BATCH
    assert set(folder.locked_ids().values()) == {row["upstream_id"] for row in stored(store)}
    assert folder.pending() == []


@pytest.mark.parametrize(("make", "check"), [(project, check_whole), (referring, check_referring)])
def test_a_saved_plan_that_is_killed_at_any_step_goes_on_where_it_was(
    tmp_path: Path, make: Callable[[Path], Folder], check: Callable[[Folder, Path], None]
) -> None:
    killed = []
    for kill_at in itertools.count(1):
        root = tmp_path / str(kill_at)
        root.mkdir()
        folder, store, plan = make(root), root / STORE, root / "crm.plan"
        steps = apply_until(folder, root, kill_at)
        if not steps.dead:
            break
        killed.append(steps.names[-1])
        try:
            # What was in flight is looked for, and where it is not there it is sent once more, in the same run.
            report = apply(folder, store, plan)
            if make is referring and report.exit_code == 3:
                # What refers to a record of which nothing was known when the run began is left to the next run.
                report = apply(folder, store, plan)
            assert report.exit_code == 0, report.render("text")
            check(folder, store)
            before = folder.lockfile.read_bytes()
            third = apply(folder, store, plan)
            assert (third.report.requests, third.exit_code) == (0, 0)
            assert [item.code for item in third.plan.diagnostics] == ["already-applied"]
            assert folder.lockfile.read_bytes() == before
            check(folder, store)
        except (AssertionError, syncspec.SyncspecError) as error:
            error.add_note(f"killed at step {kill_at}: {killed[-1]}")
            raise
    assert {"before commit", "after commit", "before send", "after answer", "before rename", "after fsync"} <= {*killed}


def test_what_another_run_changes_after_a_kill_makes_the_rest_stale_and_nothing_is_sent(tmp_path: Path) -> None:
    folder, store, dry = project(tmp_path), tmp_path / STORE, tmp_path / "dry"
    dry.mkdir()
    names = apply_until(project(dry), dry, 10_000).names
    apply_until(folder, tmp_path, names.index("after answer") + 3)
    before = emails(store)
    people = {**contacts(PER_BATCH + CREATES), "c5": {"LastName": "Another", "Email": "p5@x.org"}}
    folder.write(contacts=manifest("contacts", people, max_records=PER_BATCH))
    with pytest.raises(syncspec.StalePlanError) as raised:
        apply(folder, store, tmp_path / "crm.plan")
    assert "contacts.c5" in {item.address for item in raised.value.diagnostics}
    assert emails(store) == before


UNTIL_KILLED = """
import os, signal, sys
from contextlib import asynccontextmanager
from pathlib import Path
import pytest
import syncspec
from support.steps import Steps, number_steps
from syncspec.project import reading
from syncspec.project.core import Project
from syncspec.project.opening import Opening

root, wanted, nth = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
steps = Steps()
seen = 0

def at(name):
    global seen
    seen += name == wanted
    if seen == nth:
        os.kill(os.getpid(), signal.SIGKILL)

steps.at = at
wrap = number_steps(pytest.MonkeyPatch(), steps)
original = reading.connect

@asynccontextmanager
async def connect(settings, context):
    async with original(settings, context) as connection:
        yield wrap(connection)

reading.connect = connect
Project(Opening(path=root, environ={})).apply(syncspec.load_plan(root / "crm.plan"))
"""


@pytest.mark.parametrize(
    ("step", "nth"), [("before send", 2), ("after answer", 2), ("after commit", 6), ("before rename", 2)]
)
def test_a_process_that_is_killed_for_real_amid_a_saved_plan_repeats_nothing(
    tmp_path: Path, step: str, nth: int
) -> None:
    # Whatever the killed process left in flight is long settled by the time of the next run.
    folder = Folder(tmp_path, clock=VirtualClock(datetime(2100, 1, 1, tzinfo=UTC)))
    folder.write(project=project_file(concurrency=1), contacts=manifest("contacts", contacts(6), max_records=2))
    folder.open().plan().save(tmp_path / "crm.plan")
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", UNTIL_KILLED, str(tmp_path), step, str(nth)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr

    plan, store = syncspec.load_plan(tmp_path / "crm.plan"), folder.state_dir / "embedded.crm.sqlite3"
    report = folder.open().apply(plan)
    assert report.exit_code == 0, report.render("text")
    assert emails(store) == Counter({f"p{number}@x.org": 1 for number in range(6)})
    assert set(folder.locked_ids().values()) == {row["upstream_id"] for row in stored(store)}
    before = folder.lockfile.read_bytes()
    third = folder.open().apply(plan)
    assert (third.report.requests, third.exit_code, folder.lockfile.read_bytes()) == (0, 0, before)
