"""`runs RUN` and `runs RUN --requests` after runs that failed, with the installed command."""

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

SCHEMAS = Path(__file__).parents[2] / "schemas"
TOKEN = "kept-token-0123456789"
ENV = environ(CRM_TOKEN=TOKEN)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


def fits(content: str, name: str) -> Any:
    told = json.loads(content)
    schema = json.loads((SCHEMAS / f"{name}.v1.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(told)
    return told


def newest(folder: Path) -> str:
    name: str = json.loads(run("runs", "--json", folder=folder).out)["runs"][0]["run"]
    return name


def test_a_past_run_shows_its_failed_batches_and_what_was_sent_and_answered(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(6))
    answers = iter([(504, {"error": "too slow"}), (400, {"summary": "No", "validation_errors": {"Email": ["bad"]}})])
    stub.answer = lambda body: next(answers, None) or stub.create(body)
    assert run("apply", "-y", folder=folder, env=ENV).code == 4
    name = newest(folder)
    text = run("runs", name, folder=folder).out
    assert (
        "Failed batches:\n"
        "  1: create of 2 records (contacts.p0000, contacts.p0001): unknown, answered 504: too slow\n"
        "  2: create of 2 records (contacts.p0002, contacts.p0003): unknown, answered 400: No (Email: bad)\n"
        f"What was sent and answered: syncspec runs {name} --requests"
    ) in text
    told = fits(run("runs", name, "--json", folder=folder).out, "report")
    assert [(each["batch"], each["status"]) for each in told["failed_batches"]] == [(1, 504), (2, 400)]
    whole = fits(run("runs", name, "--requests", "--json", folder=folder).out, "requests")["failed_batches"]
    assert [each["request"]["body"] for each in whole] == stub.requests[:2]
    assert [each["answer"]["body"] for each in whole] == [
        {"error": "too slow"},
        {"summary": "No", "validation_errors": {"Email": ["bad"]}},
    ]
    shown = run("runs", name[:15], "--requests", folder=folder).out
    assert "Batch 1: create of 2 records (contacts.p0000, contacts.p0001): unknown" in shown
    assert '"Email": "p0@arrakis.org"' in shown
    assert "  < 504 after " in shown
    assert TOKEN not in shown
    hidden = run("runs", name, "--requests", "--redact", "values", folder=folder)
    hidden_json = run("runs", name, "--requests", "--redact", "values", "--json", folder=folder)
    for value in ("p0@", "too slow", "bad"):
        assert value not in hidden.out + hidden_json.out


def test_a_run_that_went_well_keeps_nothing(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    assert run("apply", "-y", folder=folder, env=ENV).code == 0
    name = newest(folder)
    assert not (folder / ".syncspec" / "runs").exists()
    assert "Failed" not in run("runs", name, folder=folder).out
    shown = run("runs", name, "--requests", folder=folder)
    assert shown.out == f"No failed batches are kept of run {name}.\n"
    assert run("runs", "--requests", folder=folder).code == 64
    assert run("runs", name, "--requests", "--format", "html", folder=folder).code == 64


def test_an_answer_whose_records_cannot_be_told_apart_is_kept(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub), contacts=many_contacts(2))
    made = [{"upstream_id": "A", "data": {}}, {"upstream_id": "B", "data": {}}]
    stub.answer = lambda body: (200, {"records": made})
    assert run("apply", "-y", folder=folder, env=ENV).code == 4
    told = json.loads(run("runs", newest(folder), "--requests", "--json", folder=folder).out)
    (batch,) = told["failed_batches"]
    assert (batch["outcome"], batch["answer"]["status"]) == ("unmapped", 200)
    assert batch["answer"]["body"] == {"records": made}


def test_a_run_that_was_killed_shows_what_had_failed_before(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(6))
    process: list[subprocess.Popen[bytes]] = []

    def answer(body: dict[str, Any]) -> tuple[int, Any]:
        if len(stub.requests) == 2:
            process[0].send_signal(signal.SIGKILL)
            process[0].wait(PATIENCE)
        return 504, {"error": "too slow"}

    stub.answer = answer
    null = subprocess.DEVNULL
    process.append(subprocess.Popen([*COMMAND, "apply", "-y"], cwd=folder, env=ENV, stdout=null, stderr=null))
    deadline = time.monotonic() + PATIENCE
    while process[0].poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    name = newest(folder)
    refused = run("runs", name, folder=folder)
    assert refused.code == 64
    assert f"syncspec runs {name} --requests" in refused.err
    assert "Batch 1: create of 2 records" in run("runs", name, "--requests", folder=folder).out


def test_a_folder_that_cannot_be_written_costs_the_copies_and_not_the_run(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(4))
    answers = iter([(504, {"error": "too slow"})])
    stub.answer = lambda body: next(answers, None) or stub.create(body)
    (folder / ".syncspec").mkdir()
    (folder / ".syncspec" / "runs").write_text("in the way")
    done = run("apply", "-y", "--json", folder=folder, env=ENV)
    assert done.code == 4
    report = json.loads(done.out)
    assert report["summary"]["created"] == 2
    assert [found["code"] for found in report["diagnostics"]] == ["failed-batches"]
    assert "warning: Requests and answers of failed batches are not kept any more" in done.err
