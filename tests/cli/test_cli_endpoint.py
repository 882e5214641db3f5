"""What an endpoint answers, as the exit code and the messages tell it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import environ, run, write_project
from support.http_stub import Stub, project_file, serving

TOKEN = "canary-1f2e3d4c5b6a"
ENV = environ(CRM_TOKEN=TOKEN)


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


@pytest.fixture
def project(tmp_path: Path, stub: Stub) -> Path:
    return write_project(tmp_path / "crm", project=project_file(stub))


def test_a_lost_answer_exits_with_4_and_is_not_sent_again(project: Path, stub: Stub) -> None:
    stub.answer = lambda body: (504, {"error": "Error: Salesforce API timed out"})
    first = run("apply", "-y", "--json", folder=project, env=ENV)
    assert first.code == 4
    assert json.loads(first.out)["summary"]["unknown"] == 2
    second = run("apply", "-y", folder=project, env=ENV)
    assert second.code == 4
    assert len(stub.requests) == 1
    plan = run("plan", "--fail-on", "unknown", folder=project, env=ENV)
    assert plan.code == 2
    assert "? contacts.paul" in plan.out


def test_a_rejected_record_exits_with_3_and_names_its_line(project: Path, stub: Stub) -> None:
    (project / "syncspec.yaml").write_text(project_file(stub, atomic_batches=True))

    def answer(body: dict[str, list[dict[str, dict[str, str]]]]) -> tuple[int, object]:
        if any(record["data"]["LastName"] == "Idaho" for record in body["records"]):
            return 400, {"error": "Error: Salesforce validation error: `Invalid email`"}
        return stub.create(body)

    stub.answer = answer
    done = run("apply", "-y", folder=project, env=ENV)
    assert done.code == 3
    assert "x contacts.duncan" in done.out
    assert "manifests/contacts.yaml:16:" in done.out
    assert "Invalid email" in done.out
    assert "1 created, 1 rejected" in done.out


def test_a_list_that_cannot_be_read_is_never_absence(project: Path, stub: Stub) -> None:
    stub.records_status = 400
    plan = run("plan", "--json", folder=project, env=ENV)
    assert plan.code == 1
    document = json.loads(plan.out)
    assert document["summary"]["blocked"] == 2
    assert document["requests"] == []
    applied = run("apply", "-y", folder=project, env=ENV)
    assert applied.code == 1
    assert stub.requests == []


def test_the_token_goes_to_the_endpoint_and_nowhere_else(project: Path, stub: Stub) -> None:
    stub.answer = lambda body: (504, {"error": f"you sent {TOKEN}"})
    seen = [
        run(*command, folder=project, env=ENV)
        for command in (
            ["validate"],
            ["plan"],
            ["doctor"],
            ["apply", "-y", "-vv"],
            ["runs"],
            ["explain", "contacts.paul"],
        )
    ]
    assert stub.authorizations == {f"Bearer {TOKEN}"}
    assert all(TOKEN not in done.out + done.err for done in seen)
    kept = [path for path in project.rglob("*") if path.is_file()]
    assert len(kept) > 3
    assert all(TOKEN.encode() not in path.read_bytes() for path in kept)


def test_validate_needs_no_secret_and_plan_names_the_one_that_is_missing(project: Path, stub: Stub) -> None:
    assert run("validate", folder=project).code == 0
    done = run("plan", folder=project)
    assert done.code == 1
    assert "CRM_TOKEN" in done.err
    assert stub.authorizations == set()


def test_an_env_file_is_read_only_when_it_is_named(project: Path, stub: Stub) -> None:
    (project / ".env").write_text(f"CRM_TOKEN='{TOKEN}'\n")
    assert run("plan", folder=project).code == 1
    assert run("plan", "--env-file", ".env", folder=project).code == 0
    assert stub.authorizations == {f"Bearer {TOKEN}"}
    assert run("plan", "--env-file", ".env", folder=project, env=environ(CRM_TOKEN="mine")).code == 0
    assert "Bearer mine" in stub.authorizations


@pytest.mark.parametrize("content", ["CRM_TOKEN\n", "CRM_TOKEN='open\n", "\xff"])
def test_an_env_file_that_is_none_is_refused(project: Path, content: str) -> None:
    (project / "bad.env").write_bytes(content.encode("latin-1"))
    assert run("plan", "--env-file", "bad.env", folder=project).code == 64


def test_an_endpoint_that_is_not_there_fails_and_doctor_says_so(project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    path = project / "syncspec.yaml"
    path.write_text(
        path.read_text().replace(path.read_text().partition("base_url: ")[2].split()[0], f"http://127.0.0.1:{port}")
    )
    for command in (["plan"], ["apply", "-y"], ["doctor"]):
        done = run(*command, folder=project, env=ENV)
        assert done.code == 1, done
    assert not (project / "syncspec.lock").exists() or "upstream_id" not in (project / "syncspec.lock").read_text()
