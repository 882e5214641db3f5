"""A run is stopped at each of its durable steps in turn; the next one must neither repeat nor lose anything."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest
from support.pipeline import CONTACT, STORE, Folder, contacts, manifest, served, served_folder, stored
from support.steps import Steps, is_killed, number_steps

from syncspec.project.results import AppliedReport

PER_BATCH = 2
LEAD = "salesforce:lead"


def project(root: Path) -> Folder:
    """Two collections of three batches each."""
    folder = served_folder(root / "project", concurrency=2)
    folder.write(
        contacts=manifest("contacts", contacts(3 * PER_BATCH), max_records=PER_BATCH),
        leads=manifest("leads", contacts(3 * PER_BATCH), max_records=PER_BATCH, collection_id=LEAD),
    )
    return folder


def address_of(row: dict) -> str:
    name = "contacts" if row["collection_id"] == CONTACT else "leads"
    return f"{name}.c{row['data']['Email'][1:].partition('@')[0]}"


def run_until(folder: Folder, store: Path, kill_at: int | None) -> Steps:
    """One apply in a process that ends at that step; without one, it runs to its end."""
    steps = Steps(kill_at)
    with pytest.MonkeyPatch.context() as patch:
        wrap = number_steps(patch, steps)
        patch.setattr("syncspec.project.reading.connect", served(store, wrap=wrap))
        try:
            folder.open().apply()
        except BaseException as error:
            if not is_killed(error):
                raise
        else:
            assert not steps.dead, "a killed run must not end as if nothing had happened"
    return steps


def apply_again(folder: Folder, store: Path) -> AppliedReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store))
        return folder.open().apply()


def check_promise(folder: Folder, report: AppliedReport, store: Path) -> None:
    """No address has two records, no record's ID is lost, and every address has an outcome that is true."""
    rows = stored(store)
    made = Counter(map(address_of, rows))
    assert [address for address, count in made.items() if count > 1] == []
    locked, outcomes = folder.locked_ids(), {record.address: record for record in report.records}
    pending = {line["address"] for line in folder.pending()}
    assert set(outcomes) == {f"{name}.c{number}" for name in ("contacts", "leads") for number in range(3 * PER_BATCH)}
    for row in rows:
        address = address_of(row)
        assert locked.get(address) == row["upstream_id"] or address in pending, f"the ID of {address} is lost"
    for address, record in outcomes.items():
        if record.outcome in ("created", "adopted", "unchanged"):
            assert made[address] == 1
            assert locked[address] == record.upstream_id
        else:
            assert record.outcome == "unknown", record
            assert address in pending
    assert report.exit_code == (4 if pending else 0)


def test_a_run_takes_a_step_before_and_after_everything_durable(tmp_path: Path) -> None:
    steps = Counter(run_until(project(tmp_path), tmp_path / STORE, None).names)
    assert steps["before send"] == steps["after answer"] == 6
    assert steps["before commit"] == steps["after commit"] >= 2 * 6
    assert steps["before rename"] == steps["after rename"] >= 1
    assert steps["before fsync"] == steps["after fsync"] >= 2


def test_a_run_that_is_killed_at_any_step_repeats_and_loses_nothing(tmp_path: Path) -> None:
    killed = []
    for kill_at in itertools.count(1):
        root = tmp_path / str(kill_at)
        folder, store = project(root), root / STORE
        steps = run_until(folder, store, kill_at)
        if not steps.dead:
            break
        killed.append(steps.names[-1])
        try:
            check_next_runs(folder, store)
        except AssertionError as error:
            error.add_note(f"killed at step {kill_at}: {killed[-1]}")
            raise
    assert {"before commit", "after commit", "before send", "after answer", "before rename", "after fsync"} <= {*killed}


def check_next_runs(folder: Folder, store: Path) -> None:
    """The next run tells the truth, and the one after it has nothing to do."""
    check_promise(folder, apply_again(folder, store), store)
    before, rows = folder.lockfile.read_bytes(), stored(store)
    third = apply_again(folder, store)
    assert third.report.requests == 0
    assert (folder.lockfile.read_bytes(), stored(store)) == (before, rows)
    check_promise(folder, third, store)


def test_only_what_was_in_flight_when_the_run_was_killed_is_unknown(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    names = run_until(project(tmp_path / "dry"), tmp_path / "dry.sqlite3", None).names
    last_answer = len(names) - names[::-1].index("after answer")
    run_until(folder, store, last_answer)
    before = len(folder.locked_ids()) + len(stored(store))
    report = apply_again(folder, store)
    assert {record.outcome for record in report.records} <= {"created", "unchanged"}
    assert len(folder.locked_ids()) == len(stored(store)) == 12
    assert before < 24
