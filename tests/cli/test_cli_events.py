"""`apply --events` with the installed command: what the file holds after runs that go well, badly, or are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.command import COMMAND, PATIENCE, environ, many_contacts, run, write_project
from support.http_stub import Stub, project_file, serving

SCHEMA = json.loads((Path(__file__).parents[2] / "schemas" / "events.v1.schema.json").read_text(encoding="utf-8"))
ENV = environ(CRM_TOKEN="t-0123456789")


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


def told(path: Path) -> list[dict[str, Any]]:
    """The lines of an events file, each of them whole and as the schema says."""
    content = path.read_bytes()
    assert content.endswith(b"\n")
    lines = [json.loads(line) for line in content.splitlines()]
    for line in lines:
        Draft202012Validator(SCHEMA).validate(line)
    return lines


def test_a_run_is_told_from_its_beginning_to_its_end(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(4))
    bad = iter([(400, {"error": "no"})])
    stub.answer = lambda body: next(bad, None) or stub.create(body)
    plan = json.loads(run("plan", "--json", folder=folder, env=ENV).out)
    done = run("apply", "-y", "--json", "--events", "events.jsonl", folder=folder, env=ENV)
    lines = told(folder / "events.jsonl")
    report = json.loads(done.out)
    assert {line["run"] for line in lines} == {report["run"]}
    assert [line["event"] for line in lines if line["event"].startswith("batch")][:4] == [
        *("batch-sent", "batch-finished", "batch-sent", "batch-finished")
    ]
    opened, first, last = lines[0], lines[1], lines[-1]
    assert (opened["event"], opened["command"]) == ("run-opened", "syncspec apply -y --json --events events.jsonl")
    assert (first["event"], first["plan_digest"], first["project"]) == ("run-started", plan["digest"], "arrakis")
    assert (first["batches"], first["records"], first["actions"]["create"]) == (2, 4, 4)
    assert first["command"] == "syncspec apply -y --json --events events.jsonl"
    assert (last["event"], last["exit_code"], last["summary"]) == ("run-finished", done.code, report["summary"])
    assert last["requests"] == len(stub.requests)
    refused = next(line for line in lines if line["event"] == "batch-finished")
    assert (refused["outcome"], refused["status"]) == ("unknown", 400)
    assert refused["addresses"] == ["contacts.p0000", "contacts.p0001"]
    assert refused["attempts"] == [f"{report['run']}.1.0", f"{report['run']}.1.1"]
    outcomes = {line["address"]: line["outcome"] for line in lines if line["event"] == "record-finished"}
    assert outcomes == {record["address"]: record["outcome"] for record in report["records"]}
    assert lines[-2]["event"] == "locked"


def test_a_killed_run_leaves_whole_lines_and_the_next_one_adds_to_them(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(40))
    path = folder / "events.jsonl"

    def slow(body: dict[str, Any]) -> tuple[int, Any]:
        time.sleep(0.02)
        return stub.create(body)

    stub.answer = slow
    process = subprocess.Popen(
        [*COMMAND, "apply", "-y", "--events", path.name],
        cwd=folder,
        env=ENV,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + PATIENCE
    while not path.exists() or path.read_bytes().count(b"batch-finished") < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait(PATIENCE)
    killed = told(path)
    assert "run-finished" not in {line["event"] for line in killed}
    with path.open("ab") as file:
        file.write(b'{"time": "torn')
    # What was in flight stays unknown for as long as it may still be executed.
    assert run("apply", "-y", "--events", path.name, folder=folder, env=ENV).code in (0, 4)
    torn = path.read_bytes().replace(b'{"time": "torn\n', b"")
    path.write_bytes(torn)
    lines = told(path)
    assert lines[: len(killed)] == killed
    assert lines[-1]["event"] == "run-finished"
    assert len({line["run"] for line in lines}) == 2


def test_an_interrupted_run_says_that_it_was(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(6))
    process: list[subprocess.Popen[bytes]] = []

    def interrupt(body: dict[str, Any]) -> tuple[int, Any]:
        process[0].send_signal(signal.SIGINT)
        path = folder / "events.jsonl"
        while b"interrupted" not in path.read_bytes():
            time.sleep(0.01)
        return stub.create(body)

    stub.answer = interrupt
    process.append(
        subprocess.Popen(
            [*COMMAND, "apply", "-y", "--events", "events.jsonl"],
            cwd=folder,
            env=ENV,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    )
    assert process[0].wait(PATIENCE) == 130
    lines = told(folder / "events.jsonl")
    assert [line["at_once"] for line in lines if line["event"] == "interrupted"] == [False]
    assert lines[-1]["exit_code"] == 130
    assert lines[-1]["summary"]["created"] == 2


def refused(folder: Path, *arguments: str) -> tuple[int, list[dict[str, Any]], dict[str, Any]]:
    """What an apply that is refused leaves: its exit code, its events and its report."""
    done = run("apply", *arguments, "--events", "e.jsonl", "--report", "r.json", folder=folder, env=ENV)
    return done.code, told(folder / "e.jsonl"), json.loads((folder / "r.json").read_text(encoding="utf-8"))


def test_a_run_that_is_refused_says_so_and_is_named_in_events_and_report(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    for arguments, code in ((("-y", "--allow", "max_creates=1"), 6), (("--approved", "0" * 64), 5)):
        (folder / "e.jsonl").unlink(missing_ok=True)
        done, lines, report = refused(folder, *arguments)
        assert (done, report["exit_code"], stub.requests) == (code, code, [])
        assert [line["event"] for line in lines] == ["run-opened", "run-failed"]
        assert {line["run"] for line in lines} == {report["run"]}
        assert report["run"]
        assert (lines[-1]["exit_code"], lines[-1]["error"]) == (code, report["error"])


def test_an_apply_that_was_no_run_yet_says_why_it_ended(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    assert run("plan", "-o", "crm.plan", folder=folder, env=ENV).code == 0
    (folder / "syncspec.yaml").write_text(project_file(stub).replace("http://127.0.0.1", "http://localhost"))
    for arguments, code in ((("crm.plan",), 5), ((), 64)):
        (folder / "e.jsonl").unlink(missing_ok=True)
        done, lines, report = refused(folder, *arguments)
        assert (done, report["run"], stub.requests) == (code, None, [])
        assert [(line["event"], line["run"], line["exit_code"]) for line in lines] == [("run-failed", None, code)]
        assert lines[0]["error"] == report["error"]


def test_nothing_is_sent_where_the_events_cannot_be_written(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    done = run("apply", "-y", "--events", "nowhere/events.jsonl", folder=folder, env=ENV)
    assert (done.code, stub.requests) == (1, [])
    assert "nowhere/events.jsonl: No such file or directory. Nothing was sent." in done.err
    assert run("apply", "-y", "--events", "-", folder=folder, env=ENV).code == 64
    assert stub.requests == []


def test_a_disk_that_is_full_costs_the_events_and_not_the_run(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    done = run("apply", "-y", "--events", "/dev/full", folder=folder, env=ENV)
    assert done.code == 0
    assert len(stub.rows) == 2
    assert "warning: The events could not be written to their end\n  /dev/full: No space left on device." in done.err
