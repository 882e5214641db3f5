"""Questions at a terminal, Ctrl-C, and a second run beside the first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.command import COMMAND, Terminal, environ, many_contacts, run, write_project
from support.http_stub import Stub, project_file, serving


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


def locked(project: Path) -> int:
    path = project / "syncspec.lock"
    return path.read_text().count('"upstream_id"') if path.exists() else 0


def test_yes_applies(project: Path) -> None:
    terminal = Terminal("apply", folder=project)
    terminal.read_until("Only yes is taken as yes: ")
    assert "+ contacts.paul" in terminal.text
    terminal.type("yes\n")
    assert terminal.wait() == 0
    assert locked(project) == 2


@pytest.mark.parametrize("answer", ["y\n", "YES\n", "\n", "no\n", "\x04"])
def test_anything_but_yes_sends_nothing(project: Path, answer: str) -> None:
    terminal = Terminal("apply", folder=project)
    terminal.read_until("Only yes is taken as yes: ")
    terminal.type(answer)
    assert terminal.wait() == 1
    assert "Nothing was sent" in terminal.text
    assert locked(project) == 0


def test_nothing_to_do_asks_nothing(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    terminal = Terminal("apply", folder=project)
    assert terminal.wait() == 0
    assert "No changes" in terminal.text
    assert "Only yes" not in terminal.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_question_ends_with_130_and_sends_nothing(project: Path, number: signal.Signals) -> None:
    terminal = Terminal("apply", folder=project)
    terminal.read_until("Only yes is taken as yes: ")
    terminal.signal(number)
    assert terminal.wait() == 130
    assert locked(project) == 0


def test_what_came_to_exist_at_the_question_is_adopted_and_not_created(project: Path, stub: Stub) -> None:
    (project / "syncspec.yaml").write_text(project_file(stub))
    terminal = Terminal("apply", folder=project, env=environ(TERM="xterm", CRM_TOKEN="t"))
    terminal.read_until("Only yes is taken as yes: ")
    body = {"sync_id": "sync-1", "collection_id": "salesforce:contact"}
    stub.create({**body, "records": [{"data": {"LastName": "Atreides", "Email": "paul@arrakis.org"}}]})
    terminal.type("yes\n")
    assert terminal.wait() == 0
    assert "contacts.paul" in terminal.text
    assert [[record["data"]["LastName"] for record in body["records"]] for body in stub.requests] == [["Idaho"]]
    assert locked(project) == 2


def test_a_second_run_is_refused_with_7_and_names_the_first(project: Path) -> None:
    first = Terminal("apply", folder=project)
    first.read_until("Only yes is taken as yes: ")
    second = run("apply", "-y", folder=project)
    assert second.code == 7
    assert "syncspec apply" in second.err
    assert run("plan", folder=project).code == 0
    first.type("yes\n")
    assert first.wait() == 0
    assert locked(project) == 2


def test_a_run_that_was_cut_off_sends_nothing(project: Path) -> None:
    hanging = Terminal("apply", folder=project)
    hanging.read_until("Only yes is taken as yes: ")
    assert run("lock", "unlock", folder=project).code == 64
    assert run("lock", "unlock", "-y", folder=project).code == 0
    assert run("apply", "-y", folder=project).code == 0
    before = (project / "syncspec.lock").read_bytes()
    hanging.type("yes\n")
    assert hanging.wait() != 0
    assert (project / "syncspec.lock").read_bytes() == before


class Held:
    """Answers one request only when the test says so."""

    def __init__(self, stub: Stub, *, number: int) -> None:
        self.arrived, self.release = threading.Event(), threading.Event()
        self._stub, self._number = stub, number
        stub.answer = self

    def __call__(self, body: dict[str, Any]) -> tuple[int, Any]:
        if len(self._stub.requests) >= self._number:
            self.arrived.set()
            assert self.release.wait(60)
        return self._stub.create(body)


def start_apply(project: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*COMMAND, "apply", "-y", "--json"],
        cwd=project,
        env=environ(CRM_TOKEN="t"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def read_line(process: subprocess.Popen[bytes], text: str) -> None:
    assert process.stderr is not None
    while text not in (line := process.stderr.readline().decode()):
        assert line, f"ended before {text!r}"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_what_is_in_flight_and_exits_with_130(
    tmp_path: Path, stub: Stub, number: signal.Signals
) -> None:
    project = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(10))
    held = Held(stub, number=2)
    process = start_apply(project)
    assert held.arrived.wait(60)
    os.kill(process.pid, number)
    read_line(process, "Finishing what is in flight")
    held.release.set()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert len(stub.requests) == 2
    assert json.loads(out)["summary"] == {
        **dict.fromkeys(("adopted", "updated", "deleted", "unchanged", "rejected", "unknown"), 0),
        "created": 4,
        "not_attempted": 6,
    }
    assert locked(project) == 4
    stub.answer = stub.create
    assert run("apply", "-y", folder=project, env=environ(CRM_TOKEN="t")).code == 0
    assert len(stub.rows) == len({row["data"]["Email"] for row in stub.rows}) == 10


def test_two_signals_leave_what_is_in_flight_unknown(tmp_path: Path, stub: Stub) -> None:
    project = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(4))
    held = Held(stub, number=1)
    process = start_apply(project)
    assert held.arrived.wait(60)
    os.kill(process.pid, signal.SIGINT)
    read_line(process, "Finishing what is in flight")
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    held.release.set()
    assert process.returncode == 130
    assert b"Traceback" not in err
    summary = json.loads(out)["summary"]
    assert (summary["unknown"], summary["not_attempted"]) == (2, 2)
    # What was in flight is not sent again: it is found.
    stub.answer = stub.create
    again = run("apply", "-y", folder=project, env=environ(CRM_TOKEN="t"))
    assert again.code == 0
    sent = [record["data"]["Email"] for request in stub.requests for record in request["records"]]
    assert len(sent) == len(set(sent)) == 4


def test_a_killed_run_is_picked_up_without_sending_twice(tmp_path: Path, stub: Stub) -> None:
    project = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(6))
    held = Held(stub, number=2)
    process = start_apply(project)
    assert held.arrived.wait(60)
    process.kill()
    process.communicate(timeout=60)
    held.release.set()
    stub.answer = stub.create
    again = run("apply", "-y", folder=project, env=environ(CRM_TOKEN="t"))
    assert again.code == 0
    sent = [record["data"]["Email"] for request in stub.requests for record in request["records"]]
    assert len(sent) == len(set(sent)) == 6
    assert locked(project) == 6
