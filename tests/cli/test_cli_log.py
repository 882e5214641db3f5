"""What stderr holds with `--log-format json`, and what `-v` adds in either format."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator
from support.command import COMMAND, CONTACTS, PATIENCE, Terminal, environ, many_contacts, run, write_project
from support.http_stub import Stub, project_file, serving

import syncspec
from syncspec.apply.events import Event
from syncspec.render.events import kind_name

SCHEMAS = Path(__file__).parents[2] / "schemas"
SCHEMA = json.loads((SCHEMAS / "events.v1.schema.json").read_text(encoding="utf-8"))
LOG = json.loads((SCHEMAS / "log.v1.schema.json").read_text(encoding="utf-8"))
TOKEN = "log-token-0123456789"
ENV = environ(CRM_TOKEN=TOKEN)
JSON = ("--log-format", "json")


@pytest.fixture
def stub() -> Iterator[Stub]:
    with serving(Stub()) as stub:
        yield stub


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


def lines_of(text: str) -> list[dict[str, Any]]:
    """The lines of a log, each of them an object with what every line must have."""
    assert "\x1b" not in text
    assert text.isascii()
    lines: list[dict[str, Any]] = [json.loads(line) for line in text.splitlines()]
    for line in lines:
        Draft202012Validator(LOG).validate(line)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["level"] in ("debug", "info", "warning", "error")
        assert line["event"]
        assert isinstance(line["message"], str)
    return lines


def test_every_line_of_an_apply_is_an_object_with_the_run_in_it(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(4))
    bad = iter([(400, {"error": "no"})])
    stub.answer = lambda body: next(bad, None) or stub.create(body)
    done = run("apply", "-y", "--json", *JSON, "-v", "--color", "always", folder=folder, env=ENV)
    report = json.loads(done.out)
    lines = lines_of(done.err)
    begun = [line["event"] for line in lines].index("run-started")
    assert {line.get("run") for line in lines[begun:]} == {report["run"]}
    parts = [part["properties"] for part in SCHEMA["$defs"].values() if "event" in part.get("properties", {})]
    kinds = {part["event"]["const"] for part in parts}
    told = [line for line in lines if line["event"] in kinds]
    for line in told:
        Draft202012Validator(SCHEMA).validate(line)
    assert [line["event"] for line in told if not line["event"].startswith(("record", "waiting"))][:3] == [
        *("run-started", "batch-sent", "batch-finished")
    ]
    assert {line["level"] for line in told if line["event"] == "batch-finished"} == {"warning", "info"}
    requests = [line for line in lines if line["event"] == "request"]
    assert {line["path"] for line in requests if line["method"] == "POST"} == {"/v1/mutations/run"}
    assert next(line["status"] for line in requests if line["method"] == "POST") == 400
    assert all(line["bytes_sent"] > 100 and line["seconds"] >= 0 for line in requests if line["method"] == "POST")
    assert TOKEN not in done.err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("plan", "--bogus"), 64),
        (("apply",), 1),
        (("validate",), 1),
        (("plan",), 1),
        (("runs", "nosuch"), 1),
        (("nosuch",), 64),
        ((), 64),
    ],
)
def test_errors_are_objects_too(project: Path, arguments: tuple[str, ...], code: int) -> None:
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    done = run(*arguments, folder=project, env=environ(SYNCSPEC_LOG_FORMAT="json"))
    assert done.code == code
    lines = lines_of(done.err)
    assert lines
    found = [line for line in lines if line["event"] == "diagnostic"]
    assert [line["level"] for line in found[:1]] == ["error"] * bool(arguments)
    assert all(line["message"] == line["diagnostic"]["summary"] for line in found)
    if code == 1:
        assert found[0]["diagnostic"]["source"] == {"file": "manifests/contacts.yaml", "line": 9, "column": 3}


def test_the_option_counts_more_than_the_environment_and_a_wrong_word_is_refused(project: Path) -> None:
    env = environ(SYNCSPEC_LOG_FORMAT="json")
    assert run("plan", "--bogus", "--log-format=text", folder=project, env=env).err.startswith("error: Wrong usage")
    for env, arguments in ((environ(SYNCSPEC_LOG_FORMAT="xml"), ()), (environ(), ("--log-format", "xml"))):
        done = run("plan", *arguments, folder=project, env=env)
        assert done.code == 64
        assert "xml" in done.err


def test_the_result_is_the_same_as_with_text(project: Path) -> None:
    for arguments in (("plan",), ("plan", "--json"), ("validate",), ("runs",)):
        assert run(*arguments, *JSON, folder=project).out == run(*arguments, folder=project).out


def test_a_quiet_log_holds_warnings_and_errors_only(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    assert run("apply", "-y", "-q", *JSON, folder=folder, env=ENV).err == ""
    stub.records_status = 403
    lines = lines_of(run("plan", "-q", *JSON, folder=folder, env=ENV).err)
    assert {line["level"] for line in lines} <= {"warning", "error"}


def test_values_stay_hidden_in_a_log(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(1))
    stub.answer = lambda body: (422, {"error": f"not like {body['records'][0]['data']['Email']}"})
    for arguments in ((), ("--events", "events.jsonl")):
        done = run("apply", "-y", "-v", *JSON, *arguments, "--redact", "values", folder=folder, env=ENV)
        lines = lines_of(done.err)
        assert "record-finished" in {line["event"] for line in lines}
        assert "@arrakis.org" not in done.err + done.out
    assert b"@arrakis.org" not in (folder / "events.jsonl").read_bytes()


def test_a_signal_is_told_in_a_line_that_fits_the_schema(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub, concurrency=1), contacts=many_contacts(4))
    log, process = tmp_path / "log.jsonl", list[subprocess.Popen[bytes]]()

    def interrupt(body: dict[str, Any]) -> tuple[int, Any]:
        process[0].send_signal(signal.SIGTERM)
        while b'"interrupted"' not in log.read_bytes():
            time.sleep(0.01)
        return stub.create(body)

    stub.answer = interrupt
    with log.open("wb") as stderr:
        command = [*COMMAND, "apply", "-y", *JSON]
        process.append(subprocess.Popen(command, cwd=folder, env=ENV, stdout=subprocess.DEVNULL, stderr=stderr))
        assert process[0].wait(PATIENCE) == 130
    lines = lines_of(log.read_text())
    (told,) = [line for line in lines if line["event"] == "signal"]
    assert told["message"].startswith("Finishing what is in flight")
    assert told["run"] == next(line["run"] for line in lines if line["event"] == "run-started")


def test_every_event_that_code_tells_of_is_in_the_schema() -> None:
    """Those of a run are told by their own names, and all others by a word in the code."""
    package = Path(syncspec.__file__).parent / "cli"
    words = {word for path in package.glob("*.py") for word in re.findall(r'event="([a-z-]+)"', path.read_text())}
    of_runs = {kind_name(event) for event in get_args(Event)}
    assert words >= {"signal", "question"}
    assert words | of_runs | {"message"} == set(LOG["$defs"]["LogEvent"]["enum"])


def test_nothing_is_redrawn_in_a_log_and_a_question_is_an_object(project: Path) -> None:
    terminal = Terminal("apply", *JSON, folder=project)
    terminal.read_until("Only yes is taken as yes")
    terminal.type("yes\n")
    assert terminal.wait() == 0
    for line in terminal.text.splitlines():
        if line.startswith("{"):
            lines_of(line)
    assert "\x1b[?25l" not in terminal.text
    assert '"event":"question"' in terminal.text


def test_v_shows_the_outline_of_each_request(tmp_path: Path, stub: Stub) -> None:
    folder = write_project(tmp_path / "crm", project=project_file(stub))
    done = run("apply", "-y", "-v", folder=folder, env=ENV)
    shape = r"^POST /v1/mutations/run: 200 in \d+\.\d{3} s, \d+ bytes sent, \d+ received$"
    assert len(re.findall(shape, done.err, re.MULTILINE)) == 1
    assert re.search(r"^GET /v1/records: 200 in ", done.err, re.MULTILINE)
    for hidden in (TOKEN, "Authorization", "paul@arrakis.org", "after_cursor"):
        assert hidden not in done.err
    assert "GET /v1" not in run("plan", folder=folder, env=ENV).err
