"""`syncspec lock rebuild`, `retarget` and `forget`, and what damaged or unreachable state files lead to."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import CONTACTS, Done, Terminal, environ, run, write_project
from support.http_stub import Stub, project_file, serving

ENV = environ(CRM_TOKEN="t")
PAUL, DUNCAN = "contacts.paul", "contacts.duncan"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


@pytest.fixture
def project(tmp_path: Path, stub: Stub) -> Path:
    """A project that was applied: two records, both locked."""
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    assert go(folder, "apply", "-y").code == 0
    return folder


def go(project: Path, *arguments: str) -> Done:
    return run(*arguments, folder=project, env=ENV)


def lockfile(project: Path) -> Path:
    return project / "syncspec.lock"


def ids(project: Path) -> dict[str, str]:
    content = map(json.loads, lockfile(project).read_text().splitlines()[1:])
    return {line["address"]: line["upstream_id"] for line in content if "upstream_id" in line}


CUT, NO_HEADER, MARKERS, NOT_OURS = "cut off", "no header", "conflict markers", "not valid"
DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    CUT: (lambda good: good[:-20], "A lockfile line cannot be read"),
    NO_HEADER: (lambda good: good.partition(b"\n")[2], "The lockfile has no header"),
    MARKERS: (lambda good: good + b"<<<<<<< HEAD\n", "The lockfile holds git's conflict markers"),
    NOT_OURS: (lambda good: good.replace(b'"origin":"created"', b'"origin":"magic"'), "A lockfile line is not valid"),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("journal", [True, False], ids=["with journal", "without"])
def test_a_damaged_lockfile_stops_every_command_and_rebuild_mends_it(
    project: Path, stub: Stub, damage: str, journal: bool
) -> None:
    path, before = lockfile(project), ids(project)
    spoil, summary = DAMAGE[damage]
    bad = spoil(path.read_bytes())
    path.write_bytes(bad)
    if not journal:
        for file in (project / ".syncspec").glob("journal*"):
            file.unlink()
    for command in (["apply", "-y"], ["lock", "check"]):
        done = go(project, *command)
        assert (done.code, done.out) == (1, ""), command
        assert f"error: {summary}\n  syncspec.lock:" in done.err
        assert "Nothing was sent." in done.err
        assert "syncspec lock rebuild" in done.err
    assert path.read_bytes() == bad

    done = go(project, "lock", "rebuild")
    assert done.code == 0, done.err
    assert "The damaged file is syncspec.lock.damaged-1." in done.out
    assert "error:" not in done.err
    assert (project / "syncspec.lock.damaged-1").read_bytes() == bad
    assert ids(project).items() <= before.items()
    assert not journal or ids(project) == before
    # What the lines did not hold is found by its match key, and nothing is created a second time.
    assert go(project, "apply", "-y").code == 0
    assert (ids(project), len(stub.requests)) == (before, 1)


def test_rebuild_brings_a_lost_lockfile_back_from_the_journal(project: Path) -> None:
    content = lockfile(project).read_bytes()
    lockfile(project).unlink()
    done = go(project, "lock", "rebuild")
    assert (done.code, done.out) == (0, "2 locked, 0 not settled.\n")
    assert lockfile(project).read_bytes() == content


def test_rebuild_keeps_two_ids_of_one_address_for_a_person_to_choose(project: Path, stub: Stub) -> None:
    path, before = lockfile(project), ids(project)
    [line] = [line for line in path.read_text().splitlines() if f'"{PAUL}"' in line]
    path.write_text(path.read_text() + line.replace(before[PAUL], "ID9") + "\n")
    refused = go(project, "apply", "-y")
    assert refused.code == 1
    assert before[PAUL] in refused.err
    assert "ID9" in refused.err

    rebuilt = go(project, "lock", "rebuild")
    assert rebuilt.code == 0
    assert f"hint: syncspec resolve {PAUL} --created ID says which one it is" in rebuilt.err
    assert go(project, "apply", "-y").code == 4
    wrong = go(project, "resolve", PAUL, "--not-created")
    assert (wrong.code, "say which one it is with --created ID" in wrong.err) == (1, True)
    assert go(project, "resolve", PAUL, "--created", before[PAUL]).code == 0
    assert go(project, "apply", "-y").code == 0
    assert (ids(project), len(stub.requests)) == (before, 1)


def test_a_lockfile_of_another_project_is_never_taken(project: Path) -> None:
    path = lockfile(project)
    other = path.read_bytes().replace(b'"arrakis"', b'"caladan"')
    path.write_bytes(other)
    for command in (["apply", "-y"], ["lock", "rebuild"]):
        done = go(project, *command)
        assert done.code == 1
        assert 'It is of project "caladan", and this is project "arrakis".' in done.err
        assert "hint: restore this project's lockfile" in done.err
    assert path.read_bytes() == other


@pytest.mark.parametrize("command", [["apply", "-y"], ["lock", "rebuild"]], ids=" ".join)
def test_something_else_in_the_lockfiles_place_is_told_with_a_way_out(project: Path, command: list[str]) -> None:
    lockfile(project).unlink()
    lockfile(project).mkdir()
    done = go(project, *command)
    assert (done.code, done.out) == (1, "")
    assert "syncspec.lock: Is a directory. Nothing was sent." in done.err
    assert "move that away and run: syncspec lock rebuild" in done.err
    lockfile(project).rmdir()
    assert go(project, "lock", "rebuild").code == 0
    assert len(ids(project)) == 2


@pytest.mark.parametrize("content", [b"garbage " * 100, None], ids=["not a database", "cut off"])
def test_a_damaged_journal_is_told_and_moving_it_away_goes_on_with_the_lockfile(
    project: Path, stub: Stub, content: bytes | None
) -> None:
    path, before = project / ".syncspec" / "journal.sqlite3", ids(project)
    bad = content or path.read_bytes()[:3000]
    path.write_bytes(bad)
    for command in (["apply", "-y"], ["lock", "rebuild"]):
        done = go(project, *command)
        assert (done.code, done.out) == (1, ""), command
        assert "error: The journal cannot be read" in done.err
        assert "Nothing was sent. The lockfile still holds every ID that was folded into it." in done.err
        assert "move it away" in done.err
    assert path.read_bytes() == bad
    path.rename(path.with_suffix(".damaged"))
    assert go(project, "apply", "-y").code == 0
    assert (ids(project), len(stub.requests)) == (before, 1)


def test_a_state_folder_that_cannot_be_written_stops_before_anything_is_sent(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    (folder / ".syncspec").write_text("a file has the folder's name")
    done = go(folder, "apply", "-y")
    assert (done.code, done.out) == (1, "")
    assert "error: The state folder cannot be written" in done.err
    assert "Nothing was sent." in done.err
    assert "SYNCSPEC_STATE_DIR" in done.err
    assert stub.requests == []
    elsewhere = {**ENV, "SYNCSPEC_STATE_DIR": str(tmp_path / "state")}
    assert run("apply", "-y", folder=folder, env=elsewhere).code == 0


SYNC_2 = ("sync-1", "sync-2")


def retargeted(project: Path) -> None:
    path = project / "syncspec.yaml"
    path.write_text(path.read_text().replace(*SYNC_2))


def test_retarget_takes_entries_to_another_sync_that_shows_their_records(project: Path, stub: Stub) -> None:
    before = ids(project)
    retargeted(project)
    plan = go(project, "plan")
    assert "take its entry along with syncspec lock retarget" in plan.out
    refused = go(project, "lock", "retarget")
    assert (refused.code, refused.out) == (1, "")
    assert "the list there does not show its ID. Nothing was changed." in refused.err
    assert "--force takes the entries there all the same" in refused.err

    stub.rows = [{**row, "sync_id": "sync-2"} for row in stub.rows]
    done = go(project, "lock", "retarget")
    assert done.code == 0
    assert done.out.splitlines() == [f"{address}  {before[address]}  salesforce:contact" for address in sorted(before)]
    assert go(project, "apply", "-y").code == 0
    assert (ids(project), len(stub.requests)) == (before, 1)
    assert "0 taken" in go(project, "lock", "retarget").err


def test_retarget_takes_only_what_is_named_and_by_force_what_is_not_visible(project: Path) -> None:
    retargeted(project)
    typo = go(project, "lock", "retarget", "contacts.pual")
    assert (typo.code, f'did you mean "{PAUL}"?' in typo.err) == (64, True)
    done = go(project, "lock", "retarget", PAUL, "--force")
    assert (done.code, len(done.out.splitlines())) == (0, 1)
    syncs = {
        line["address"]: line["sync_id"] for line in map(json.loads, lockfile(project).read_text().splitlines()[1:])
    }
    assert syncs == {PAUL: "sync-2", DUNCAN: "sync-1"}


def test_forget_drops_an_id_and_the_next_apply_finds_the_record_again(project: Path, stub: Stub) -> None:
    before = ids(project)
    asked = go(project, "lock", "forget", PAUL)
    assert (asked.code, "give -y" in asked.err, ids(project)) == (64, True, before)
    wrong = go(project, "lock", "forget", "contacts.nobody", PAUL, "-y")
    assert (wrong.code, "Nothing was changed." in wrong.err, ids(project)) == (64, True, before)
    done = go(project, "lock", "forget", PAUL, "-y")
    assert (done.code, done.out) == (0, f"{PAUL}  {before[PAUL]}\n")
    assert ids(project) == {DUNCAN: before[DUNCAN]}
    again = go(project, "apply", "-y", "--json")
    assert json.loads(again.out)["summary"]["adopted"] == 1
    assert (ids(project), len(stub.requests)) == (before, 1)


def test_forget_takes_sets_and_patterns_and_asks_with_their_number(project: Path) -> None:
    before = ids(project)
    terminal = Terminal("lock", "forget", "*", folder=project, env=environ(TERM="xterm", CRM_TOKEN="t"))
    terminal.read_until("Drop 2 of the lockfile's entries?")
    terminal.type("no\n")
    assert (terminal.wait(), ids(project)) == (1, before)
    nothing = go(project, "lock", "forget", "contacts", "leads.*", "-y")
    assert (nothing.code, "Nothing was changed." in nothing.err, ids(project)) == (64, True, before)
    assert go(project, "lock", "forget", "contacts.p*", "-y").code == 0
    assert ids(project).keys() == {DUNCAN}
    assert go(project, "lock", "forget", "contacts", "-y").code == 0
    assert ids(project) == {}


def test_forget_refuses_what_is_protected_and_what_is_not_settled(tmp_path: Path, stub: Stub) -> None:
    protected = CONTACTS.replace("spec:\n", "spec:\n  lifecycle:\n    protect: true\n", 1)
    folder = write_project(tmp_path / "crm", project=project_file(stub), contacts=protected)
    assert go(folder, "apply", "-y").code == 0
    kept = go(folder, "lock", "forget", PAUL, "-y")
    assert (kept.code, kept.out) == (1, "")
    assert f"{PAUL}: protected. Nothing was changed." in kept.err
    assert go(folder, "lock", "forget", PAUL, "-y", "--force").code == 0
    assert ids(folder).keys() == {DUNCAN}

    line = lockfile(folder).read_text().splitlines()[1]
    lockfile(folder).write_text(lockfile(folder).read_text() + line.replace(ids(folder)[DUNCAN], "ID9") + "\n")
    assert go(folder, "lock", "rebuild").code == 0
    unsettled = go(folder, "lock", "forget", DUNCAN, "-y", "--force")
    assert (unsettled.code, "settle it first: syncspec resolve" in unsettled.err) == (1, True)


def test_a_time_that_an_endpoint_leaves_empty_spoils_no_state(tmp_path: Path, stub: Stub) -> None:
    def create(body: dict[str, Any]) -> tuple[int, Any]:
        status, answer = stub.create(body)
        for row in answer["records"]:
            row |= {"upstream_created_at": "", "upstream_updated_at": ""}
        return status, answer

    stub.answer = create
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    assert go(folder, "apply", "-y").code == 0
    assert go(folder, "lock", "check").code == 0
    assert go(folder, "apply", "-y").code == 0
    assert len(stub.requests) == 1
