"""Lockfile, journal and state folder: lost, old, merged, shared, full or out of reach."""

from __future__ import annotations

import errno
import os
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from support.pipeline import (
    SEQUIN,
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

from syncspec.errors import LockfileError, RunLockedError, StateError, SyncspecError
from syncspec.project.results import AppliedReport


def project(root: Path, count: int = 6, **upstream: Any) -> Folder:
    folder = served_folder(root / "project", concurrency=1, **upstream)
    folder.write(contacts=manifest("contacts", contacts(count), max_records=2))
    return folder


def apply(folder: Folder, store: Path, *, env: str | None = None, **options: Any) -> AppliedReport:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", served(store, **options))
        return folder.open(env).apply()


def outcomes(report: AppliedReport) -> dict[str, int]:
    return {outcome.value: count for outcome, count in report.summary.items() if count}


class Blind(Wrapped):
    """Lists nothing: a replica that has seen none of it yet."""

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        from syncspec.upstream.protocol import Page

        yield Page(records=(), cursor=None)


def check_single(store: Path, count: int) -> None:
    emails = Counter(row["data"]["Email"] for row in stored(store))
    assert (len(emails), max(emails.values())) == (count, 1)


# Lost and old files


def two_branches(tmp_path: Path, one: Any, other: Any, store: Path) -> tuple[Folder, Folder]:
    """The same project on two machines, each of which applied its own records."""
    folders = []
    for name, records in (("one", one), ("other", other)):
        folder = served_folder(tmp_path / name, concurrency=1)
        folder.write(contacts=manifest("contacts", records, max_records=2))
        apply(folder, store)
        folders.append(folder)
    return folders[0], folders[1]


def test_a_lockfile_that_names_another_record_than_the_journal_blocks_and_shows_both(tmp_path: Path) -> None:
    store = tmp_path / STORE
    one, other = two_branches(tmp_path, contacts(1), {"c0": {"LastName": "Another", "Email": "q@x.org"}}, store)
    one.lockfile.write_bytes(other.lockfile.read_bytes())
    report = apply(one, store)
    assert (outcomes(report), report.report.requests) == ({"not_attempted": 1}, 0)
    told = " ".join([*(found.detail for found in report.plan.diagnostics), str(report.records[0].error)])
    assert all(row["upstream_id"] in told for row in stored(store))
    assert len(stored(store)) == 2


@pytest.mark.parametrize("damage", [b"<<<<<<< HEAD\n", b"{not json\n", b"\xff\xfe\n", b'{"address":"contacts.c0"}\n'])
def test_a_damaged_lockfile_stops_everything_and_is_left_as_it_is(tmp_path: Path, damage: bytes) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    apply(folder, store)
    folder.lockfile.write_bytes(folder.lockfile.read_bytes() + damage)
    before = folder.lockfile.read_bytes()
    with pytest.raises(LockfileError):
        apply(folder, store)
    assert folder.lockfile.read_bytes() == before
    check_single(store, 6)


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to have a header" * 4])
def test_a_damaged_journal_is_never_replaced(tmp_path: Path, content: bytes) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    apply(folder, store)
    folder.forget_journal()
    folder.journal.write_bytes(content)
    if content:
        with pytest.raises(StateError):
            apply(folder, store)
        assert folder.journal.read_bytes() == content
    else:
        assert outcomes(apply(folder, store)) == {"unchanged": 6}
    check_single(store, 6)


# Sharing


def test_projects_that_share_a_state_folder_keep_their_lockfiles_apart(tmp_path: Path) -> None:
    store, folders = tmp_path / STORE, []
    for name, start in (("first", 0), ("second", 10)):
        folder = served_folder(tmp_path / name)
        folder.environ["SYNCSPEC_STATE_DIR"] = str(tmp_path / "state")
        folder.write(project=project_file(name=name, **SEQUIN), contacts=manifest("contacts", contacts(2, start=start)))
        assert outcomes(apply(folder, store)) == {"created": 2}
        folders.append(folder)
    assert [sorted(folder.locked_ids()) for folder in folders] == [
        ["contacts.c0", "contacts.c1"],
        ["contacts.c10", "contacts.c11"],
    ]


def test_checkouts_of_one_project_that_share_a_state_folder_know_of_each_other(tmp_path: Path) -> None:
    store = tmp_path / STORE
    for name in ("one", "other"):
        folder = served_folder(tmp_path / name)
        folder.environ["SYNCSPEC_STATE_DIR"] = str(tmp_path / "state")
        folder.write(contacts=manifest("contacts", contacts(4)))
        report = apply(folder, store, wrap=Blind)
        assert outcomes(report) == ({"created": 4} if name == "one" else {"unchanged": 4})
    check_single(store, 4)


class Meeting(Wrapped):
    """Lets another run of the same project begin while its own request is in flight."""

    def __init__(self, inner: Any, folder: Folder, env: str | None) -> None:
        super().__init__(inner)
        self.folder, self.env, self.errors = folder, env, []

    async def run(self, request: Any) -> Any:
        try:
            await self.folder.open(self.env).asynchronous.apply()
        except SyncspecError as error:
            self.errors.append(error)
        return await self.inner.run(request)


@pytest.mark.parametrize("env", ["blue", "green"])
def test_of_two_runs_at_once_one_is_refused_and_told_who_holds_the_lock(tmp_path: Path, env: str | None) -> None:
    folder, store, met = project(tmp_path, 2), tmp_path / STORE, []
    folder.write(project=project_file(environments={"blue": {}, "green": {}}, **SEQUIN))

    def wrap(inner: Any) -> Any:
        met.append(Meeting(inner, folder, env))
        return met[-1]

    assert outcomes(apply(folder, store, env="blue", wrap=wrap)) == {"created": 2}
    [error] = met[0].errors
    assert isinstance(error, RunLockedError)
    assert error.exit_code == 7
    assert f"process {os.getpid()}" in str(error)
    check_single(store, 2)


OTHER_PROCESS = """
import sys
from pathlib import Path
from syncspec.errors import RunLockedError
from syncspec.project.core import Project
from syncspec.project.opening import Opening
try:
    Project(Opening(path=Path(sys.argv[1]), environ={"TOKEN": "t"})).apply()
except RunLockedError as error:
    sys.exit(error.exit_code)
"""


class MeetingProcess(Wrapped):
    """Starts another process on the same project while a request is in flight."""

    code: int | None = None

    async def run(self, request: Any) -> Any:
        command = [sys.executable, "-c", OTHER_PROCESS, str(MeetingProcess.root)]
        done = await anyio.run_process(command, check=False)
        MeetingProcess.code = done.returncode
        return await self.inner.run(request)

    root = Path()


def test_another_process_is_kept_out_while_a_request_is_in_flight(tmp_path: Path) -> None:
    folder, store = project(tmp_path, 2), tmp_path / STORE
    MeetingProcess.root = folder.root
    assert outcomes(apply(folder, store, wrap=MeetingProcess)) == {"created": 2}
    assert MeetingProcess.code == 7


# Disks


@contextmanager
def full_disk(*, journal_from: int | None = None, lockfile: bool = False) -> Any:
    """The disk takes no more: the journal from its n-th write on, or the lockfile's temporary file."""
    import sqlite3

    from syncspec import whole_file
    from syncspec.apply import database, journal, locktable

    writes = 0

    @contextmanager
    def writing(connection: Any) -> Any:
        nonlocal writes
        writes += 1
        with database.writing(connection) as db:
            yield db
            if journal_from is not None and writes >= journal_from:
                raise sqlite3.OperationalError("database or disk is full")

    def no_space(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        for module in (journal, locktable):
            patch.setattr(module, "writing", writing)
        if lockfile:
            names = {name: getattr(os, name) for name in dir(os)}
            patch.setattr(whole_file, "os", SimpleNamespace(**names | {"replace": no_space}))
        yield


def test_a_disk_that_fills_up_at_any_write_stops_the_run_and_the_next_one_repeats_nothing(tmp_path: Path) -> None:
    seen: Counter[str] = Counter()
    for number in range(1, 40):
        root = tmp_path / str(number)
        folder, store = project(root), root / STORE
        with full_disk(journal_from=number):
            try:
                report = apply(folder, store)
            except StateError:
                seen["refused"] += 1
                assert stored(store) == []
            else:
                if report.exit_code == 0 and not report.diagnostics:
                    break
                seen["partial"] += 1
                said = " ".join(found.detail for found in report.diagnostics)
                held = {record.upstream_id for record in report.records} - {None}
                lost = [row["upstream_id"] for row in stored(store) if row["upstream_id"] not in held]
                assert all(upstream_id in said for upstream_id in lost)
        after = apply(folder, store)
        assert set(outcomes(after)) <= {"created", "unchanged", "unknown", "adopted"}
        assert after.exit_code == (4 if outcomes(after).get("unknown") else 0)
        assert max(Counter(row["data"]["Email"] for row in stored(store)).values()) == 1
    assert seen["refused"]
    assert seen["partial"]


def test_a_lockfile_that_cannot_be_written_at_the_end_is_reported_and_written_by_the_next_run(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    apply(folder, store)
    folder.write(contacts=manifest("contacts", contacts(8), max_records=2))
    with full_disk(lockfile=True):
        report = apply(folder, store)
    assert outcomes(report) == {"created": 2, "unchanged": 6}
    assert ([found.code for found in report.diagnostics], report.exit_code) == (["lockfile"], 3)
    assert len(folder.locked_ids()) == 6
    assert not list(folder.root.glob(".syncspec.lock.*"))
    assert outcomes(apply(folder, store)) == {"unchanged": 8}
    assert len(folder.locked_ids()) == 8


def test_a_state_folder_that_cannot_be_made_stops_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    folder.state_dir.write_text("a file is in the way")
    with pytest.raises(StateError, match="state folder"):
        apply(folder, store)
    assert stored(store) == []


@pytest.mark.parametrize("name", ["journal.sqlite3", "locks", ".gitignore"])
def test_something_in_the_place_of_a_state_file_stops_the_run_before_anything_is_sent(
    tmp_path: Path, name: str
) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    folder.state_dir.mkdir()
    if name == "locks":
        (folder.state_dir / name).write_text("")
    else:
        (folder.state_dir / name).mkdir()
    if name == ".gitignore":
        apply(folder, store)
        return
    with pytest.raises(StateError):
        apply(folder, store)
    assert stored(store) == []


def test_a_lockfile_that_is_a_folder_stops_the_run_before_anything_is_sent(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE
    folder.lockfile.mkdir()
    with pytest.raises(LockfileError):
        apply(folder, store)
    assert stored(store) == []


def test_a_first_run_is_said_to_wait_only_while_it_would(tmp_path: Path) -> None:
    folder, store = project(tmp_path), tmp_path / STORE

    def notes() -> list[str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("syncspec.project.reading.connect", served(store))
            plan = folder.open().plan()
        assert any(change.action.value == "create" for change in plan.changes)
        return [found.code for found in plan.diagnostics if found.code == "cold-run"]

    assert notes() == ["cold-run"]
    apply(folder, store)
    folder.write(contacts=manifest("contacts", contacts(8), max_records=2))
    assert notes() == []
