"""What is told of an exception that nobody expected, and by the `repr` of what holds records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.builders import desired, observed
from support.canary import found_in
from support.command import CONTACTS, write_project
from support.http_stub import Stub, project_file, serving

from syncspec.apply.mapping import SentRecord
from syncspec.cli.running import run
from syncspec.records import FieldRules
from syncspec.upstream.protocol import Answered, MutationKind, MutationRequest
from syncspec.upstream.sequin.exchange import Reply

VALUE = "zq4wj-Ünïcødé-kx6vq"
SECRETS = {"token": "qz7vk-TOKEN-xj3wq-8841", "value": VALUE}
SENSITIVE = "  fields:\n    LastName:\n      sensitive: true\n  records:\n"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    stub = Stub()
    with serving(stub):
        contacts = CONTACTS.replace("  records:\n", SENSITIVE).replace("Atreides", VALUE)
        write_project(tmp_path / "crm", project=project_file(stub), contacts=contacts)
    monkeypatch.chdir(tmp_path / "crm")
    monkeypatch.setenv("CRM_TOKEN", SECRETS["token"])
    return tmp_path / "crm"


def fail(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """Let the apply end with an exception whose words, and those of its cause, are these."""

    async def bug(*_: Any, **__: Any) -> None:
        try:
            raise KeyError(words)
        except KeyError as error:
            raise RuntimeError(f"first line\n{words}") from error

    monkeypatch.setattr("syncspec.project.core.AsyncProject.apply", bug)


@pytest.mark.parametrize("arguments", [(), ("-vv",), ("-vv", "--log-format", "json"), ("--json",)])
def test_a_bug_shows_its_place_and_no_secret(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    fail(monkeypatch, f"Bearer {SECRETS['token']}: {{'LastName': '{VALUE}'}}")
    assert run(["apply", "-y", "--report", "report.json", *arguments]) == 1
    told = capfd.readouterr()
    assert "RuntimeError: ***" in told.err
    assert ("test_cli_bugs.py" in told.err) is ("-vv" in arguments)
    for content in (told.out, told.err, (project / "report.json").read_text(encoding="utf-8")):
        assert found_in(content.encode(), SECRETS) == set()


def test_a_bug_that_quotes_no_secret_is_told_whole(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fail(monkeypatch, "no such thing")
    assert run(["apply", "-y", "-vv"]) == 1
    told = capfd.readouterr().err
    assert "RuntimeError: first line" in told
    assert "KeyError: 'no such thing'" in told


def test_where_the_secrets_are_not_known_a_bug_shows_places_alone(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    fail(monkeypatch, VALUE)
    (project / "syncspec.yaml").unlink()
    assert run(["apply", "-y", "-vv"]) == 1
    told = capfd.readouterr().err
    assert "test_cli_bugs.py" in told
    assert found_in(told.encode(), SECRETS) == set()
    assert "RuntimeError: ***" in told


def test_no_repr_shows_what_a_record_holds() -> None:
    record = desired("c.a", Email=VALUE)
    request = MutationRequest(
        kind=MutationKind.CREATE, sync_id="s", collection_id="c", records=(record.data,), upstream_ids=()
    )
    row = observed("003A", Email=VALUE)
    answer = Answered(status=200, body={"a": VALUE}, text=VALUE, records=(row,), raw=VALUE.encode())
    reply = Reply(status=200, headers={"x": VALUE}, body=VALUE.encode())
    sent = SentRecord(desired=record, wire=record.data, match_on=("Email",), marker_field=None, rules=FieldRules())
    for item in (record, request, row, answer, reply, sent):
        assert found_in(repr(item).encode(), SECRETS) == set()
