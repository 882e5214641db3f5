"""`apply --report` with the installed command: a whole report for every way in which an apply ends."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.command import COMMAND, CONTACTS, PATIENCE, PROJECT, environ, many_contacts, run, write_project
from support.http_stub import Stub, project_file, serving

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "report.v1.schema.json").read_text(encoding="utf-8"))
ENV = environ(CRM_TOKEN="t-0123456789")
NAME = "report.json"


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


def written(folder: Path, code: int) -> dict[str, Any]:
    """The report, which fits its schema and agrees with the exit code; nothing else is left beside it."""
    told: dict[str, Any] = json.loads((folder / NAME).read_bytes())
    Draft202012Validator(SCHEMA).validate(told)
    assert told["exit_code"] == code
    assert not list(folder.glob(".report.json.*"))
    return told


def apply(folder: Path, *more: str) -> tuple[int, str, str]:
    done = run("apply", "-y", "--report", NAME, *more, folder=folder, env=ENV)
    return done.code, done.out, done.err


def test_it_is_what_json_prints(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "crm")
    code, out, _ = apply(folder, "--json")
    assert code == 0
    assert (folder / NAME).read_text() == out
    assert written(folder, 0)["error"] is None
    assert stat.S_IMODE((folder / NAME).stat().st_mode) == stat.S_IMODE((folder / "syncspec.yaml").stat().st_mode)


@pytest.mark.parametrize(("status", "code", "outcome"), [(422, 3, "rejected"), (504, 4, "unknown")])
def test_it_is_there_when_not_all_went_well(tmp_path: Path, stub: Stub, status: int, code: int, outcome: str) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub), contacts=many_contacts(1))
    stub.answer = lambda body: (status, {"error": "no"})
    (folder / NAME).write_text("old")
    assert apply(folder)[0] == code
    assert written(folder, code)["summary"][outcome] == 1


REFUSALS: dict[str, tuple[int, str]] = {
    "broken manifest": (1, "unknown-key"),
    "guard": (6, "guard"),
    "no token": (1, "manifest"),
    "unreadable upstream": (1, "upstream"),
    "selection": (64, "usage"),
}


@pytest.mark.parametrize("why", REFUSALS)
def test_a_refused_apply_says_why(tmp_path: Path, stub: Stub, why: str) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    arguments: tuple[str, ...] = ()
    if why == "broken manifest":
        (folder / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    elif why == "guard":
        arguments = ("--allow", "max_creates=1")
    elif why == "no token":
        (folder / "syncspec.yaml").write_text(project_file(stub).replace("env.CRM_TOKEN", "env.NOWHERE"))
    elif why == "unreadable upstream":
        stub.records_status = 403
    else:
        arguments = ("--target", "contacts.nobody")
    code, _, err = apply(folder, *arguments)
    assert code == REFUSALS[why][0]
    told = written(folder, code)
    assert (told["records"], stub.requests) == ([], [])
    assert (told["run"] is not None) == (why in ("guard", "unreadable upstream"))
    assert told["error"] == told["diagnostics"][0]
    assert f"error: {told['error']['summary']}\n" in err


def test_a_question_that_nobody_answers_is_a_report_too(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "crm")
    assert run("apply", "--report", NAME, folder=folder).code == 64
    assert written(folder, 64)["error"]["summary"] == "Nobody can be asked"


def test_an_interrupted_apply_leaves_its_report(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(6))
    process: list[subprocess.Popen[bytes]] = []

    def interrupt(body: dict[str, Any]) -> tuple[int, Any]:
        process[0].send_signal(signal.SIGTERM)
        while b"interrupted" not in (folder / "events.jsonl").read_bytes():
            time.sleep(0.01)
        return stub.create(body)

    stub.answer = interrupt
    command = [*COMMAND, "apply", "-y", "--report", NAME, "--events", "events.jsonl"]
    devnull = subprocess.DEVNULL
    process.append(subprocess.Popen(command, cwd=folder, env=ENV, stdout=devnull, stderr=devnull))
    assert process[0].wait(PATIENCE) == 130
    told = written(folder, 130)
    assert told["interrupted"]
    assert (told["summary"]["created"], told["summary"]["not_attempted"]) == (2, 4)


def test_nothing_is_sent_where_it_could_not_be_written(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    done = run("apply", "-y", "--report", "nowhere/report.json", folder=folder, env=ENV)
    assert (done.code, stub.requests) == (1, [])
    assert "nowhere cannot be written. Nothing was sent." in done.err


def test_a_disk_that_fills_up_does_not_change_the_exit_code(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    done = run("apply", "-y", "--report", "/dev/full", folder=folder, env=ENV)
    assert done.code == 0
    assert "error: The report cannot be written\n  /dev/full: No space left on device." in done.err
    assert len(stub.rows) == 2


def test_a_link_is_followed_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "crm", project=PROJECT)
    (folder / NAME).symlink_to(tmp_path / "real.json")
    assert apply(folder)[0] == 0
    assert (folder / NAME).is_symlink()
    assert written(folder, 0)["summary"]["created"] == 2
    os.mkfifo(folder / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], cwd=folder, stdout=subprocess.PIPE)
    try:
        assert run("apply", "-y", "--report", "pipe", folder=folder).code == 0
        content, _ = reader.communicate(timeout=PATIENCE)
    finally:
        reader.kill()
    assert json.loads(content)["summary"]["unchanged"] == 2
