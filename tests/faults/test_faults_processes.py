"""Real processes that are killed, interrupted or told to end, and what the next one makes of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import Folder, contacts, manifest, project_file, stored
from support.third_party import TOKEN, Switches, ThirdParty, third_party

TESTS = Path(__file__).parent.parent

UNTIL_KILLED = """
import os, signal, sys
from contextlib import asynccontextmanager
from pathlib import Path
import pytest
from support.steps import Steps, number_steps
from syncspec.project import reading
from syncspec.project.core import Project
from syncspec.project.opening import Opening

root, wanted, nth = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
steps = Steps()
seen = 0

def at(name):
    global seen
    seen += name == wanted
    if seen == nth:
        os.kill(os.getpid(), signal.SIGKILL)

steps.at = at
wrap = number_steps(pytest.MonkeyPatch(), steps)
original = reading.connect

@asynccontextmanager
async def connect(settings, context):
    async with original(settings, context) as connection:
        yield wrap(connection)

reading.connect = connect
Project(Opening(path=root, environ={})).apply()
"""


@pytest.mark.parametrize(
    ("step", "nth"),
    [
        ("before send", 2),
        ("after answer", 2),
        ("before commit", 6),
        ("after commit", 6),
        ("before rename", 1),
        ("after rename", 1),
    ],
)
def test_a_process_that_is_killed_for_real_repeats_and_loses_nothing(tmp_path: Path, step: str, nth: int) -> None:
    folder = Folder(tmp_path)
    folder.write(project=project_file(concurrency=1), contacts=manifest("contacts", contacts(6), max_records=2))
    store = folder.state_dir / "embedded.crm.sqlite3"
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    command = [sys.executable, "-c", UNTIL_KILLED, str(tmp_path), step, str(nth)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr

    report = folder.open().apply()
    made = stored(store)
    assert max(Counter(row["data"]["Email"] for row in made).values()) == 1
    unknown = {record.address for record in report.records if record.outcome == "unknown"}
    assert report.exit_code == (4 if unknown else 0)
    known = set(folder.locked_ids().values())
    for row in made:
        address = f"contacts.c{row['data']['Email'][1:].partition('@')[0]}"
        assert row["upstream_id"] in known or address in unknown
    assert {line["address"] for line in folder.pending()} == unknown
    before = folder.lockfile.read_bytes()
    assert folder.open().apply().report.requests == 0
    assert folder.lockfile.read_bytes() == before


LIMITED = """
import resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from syncspec.errors import SyncspecError
from syncspec.project.core import Project
from syncspec.project.opening import Opening
project = Project(Opening(path=Path(sys.argv[1]), environ={}))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    report = project.apply()
except SyncspecError as error:
    sys.exit(100 + error.exit_code)
sys.exit(report.exit_code)
"""


@pytest.mark.parametrize("limit", [1_000, 60_000, 100_000, 150_000])
def test_a_file_size_limit_in_a_real_process_costs_no_record(tmp_path: Path, limit: int) -> None:
    folder = Folder(tmp_path / "project")
    folder.write(project=project_file(), contacts=manifest("contacts", contacts(60), max_records=10))
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(folder.root), str(limit)], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    store = folder.state_dir / "embedded.crm.sqlite3"
    report = folder.open().apply()
    assert max(Counter(row["data"]["Email"] for row in stored(store)).values()) == 1
    ids = {row["upstream_id"] for row in stored(store)}
    known = set(folder.locked_ids().values()) | {i for line in folder.pending() for i in line.get("candidates", ())}
    unknown = {record.address for record in report.records if record.outcome == "unknown"}
    assert all(
        row["upstream_id"] in known or f"contacts.c{row['data']['Email'][1:].partition('@')[0]}" in unknown
        for row in stored(store)
    ), ids - known
    assert json.loads(folder.lockfile.read_bytes().splitlines()[0])["lockfile_version"] == 1


# The installed command and signals


@contextmanager
def applying(root: Path, held: str, **spec: Any) -> Iterator[tuple[ThirdParty, Folder, subprocess.Popen[str]]]:
    """`syncspec apply -y` of four records, one per request, whose first request of that method is not answered yet."""
    with third_party(Switches()) as (endpoint, url):
        endpoint.held = held
        folder = Folder(root, environ={"TOKEN": TOKEN})
        project = project_file(
            type="sequin", base_url=url, token="${env.TOKEN}", concurrency=1, settle_seconds=0, wait_seconds=0
        )
        folder.write(
            project=project.replace('"spec": {', f'"spec": {json.dumps(spec)[:-1]}, ') if spec else project,
            contacts=manifest("contacts", contacts(4), max_records=1),
        )
        command = [sys.executable, "-m", "syncspec", "-C", str(root), "apply", "-y"]
        process = subprocess.Popen(
            command, env={**os.environ, "TOKEN": TOKEN}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert endpoint.arrived.wait(60)
            yield endpoint, folder, process
        finally:
            process.kill()
            process.communicate()


def until(process: subprocess.Popen[str], words: str) -> str:
    """Read what the process tells until it says these words."""
    assert process.stderr is not None
    told = ""
    for line in process.stderr:
        told += line
        if words in line:
            return told
    raise AssertionError(f"it never said {words!r}: {told}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, out, err


def next_run(folder: Folder, endpoint: ThirdParty) -> dict[str, int]:
    """What the next apply does; by then every request is answered."""
    endpoint.held = ""
    endpoint.release.set()
    report = folder.open().apply()
    emails = Counter(row["data"]["Email"] for row in endpoint.rows)
    assert max(emails.values()) == 1
    return {outcome.value: count for outcome, count in report.summary.items() if count}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_finishes_and_records_what_is_in_flight_and_sends_nothing_more(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Schedule 25: Ctrl-C, or a SIGTERM that leaves a few seconds to live."""
    with applying(tmp_path, "POST") as (endpoint, folder, process):
        process.send_signal(number)
        until(process, "in flight")
        endpoint.release.set()
        code, out, err = finish(process)
        assert (code, len(endpoint.creates)) == (130, 1), out + err
        assert folder.locked_ids() == {"contacts.c0": str(endpoint.rows[0]["upstream_id"])}
        assert folder.pending() == []
        assert next_run(folder, endpoint) == {"created": 3, "unchanged": 1}


def test_a_second_signal_stops_at_once_and_leaves_what_is_in_flight_unknown(tmp_path: Path) -> None:
    """Schedule 25: a second Ctrl-C."""
    with applying(tmp_path, "POST") as (endpoint, folder, process):
        process.send_signal(signal.SIGINT)
        until(process, "in flight")
        process.send_signal(signal.SIGINT)
        code, out, err = finish(process)
        assert (code, len(endpoint.creates)) == (130, 1), out + err
        assert [line["address"] for line in folder.pending()] == ["contacts.c0"]
        assert next_run(folder, endpoint) == {"created": 3, "unchanged": 1}


def test_a_signal_before_the_first_request_sends_nothing(tmp_path: Path) -> None:
    with applying(tmp_path, "GET") as (endpoint, folder, process):
        process.send_signal(signal.SIGINT)
        code, out, err = finish(process)
        assert (code, endpoint.creates) == (130, []), out + err
        assert folder.pending() == []
        assert next_run(folder, endpoint) == {"created": 4}


def test_a_command_that_is_killed_while_a_request_is_in_flight_leaves_it_unknown(tmp_path: Path) -> None:
    with applying(tmp_path, "POST") as (endpoint, folder, process):
        process.kill()
        assert finish(process)[0] == -signal.SIGKILL
        assert next_run(folder, endpoint) == {"created": 3, "unchanged": 1}


def test_a_second_command_is_refused_while_the_first_one_waits_for_an_answer(tmp_path: Path) -> None:
    with applying(tmp_path, "POST") as (endpoint, _, process):
        command = [sys.executable, "-m", "syncspec", "-C", str(tmp_path), "apply", "-y"]
        environment: dict[str, Any] = {**os.environ, "TOKEN": TOKEN}
        other = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert (other.returncode, len(endpoint.creates)) == (7, 1), other.stderr
        assert f"process {process.pid}" in other.stderr
        endpoint.held = ""
        endpoint.release.set()
        assert (finish(process)[0], len(endpoint.creates)) == (0, 4)


# State that is shared in git


@contextmanager
def applying_with_git_state(root: Path) -> Iterator[tuple[ThirdParty, Folder, subprocess.Popen[str]]]:
    """`applying`, in a clone of a repository whose project keeps its state in git."""
    remote, clone = root / "remote.git", root / "clone"
    for command in (["init", "--quiet", "--bare", str(remote)], ["clone", "--quiet", str(remote), str(clone)]):
        subprocess.run(["git", *command], check=True, capture_output=True)
    with applying(clone, "POST", state={"backend": "git"}) as made:
        yield made


def shared(folder: Folder) -> tuple[dict[str, str], list[str], dict[str, Any]]:
    """What the shared state holds: IDs by address, addresses that are not settled, and the lock."""

    def show(name: str) -> bytes:
        command = ["git", "show", f"refs/syncspec/arrakis/_:{name}"]
        done = subprocess.run(command, cwd=folder.root.parent / "remote.git", check=True, capture_output=True)
        return done.stdout

    lines = [json.loads(line) for line in show("lockfile").splitlines()[1:]]
    return (
        {line["address"]: line["upstream_id"] for line in lines if line["state"] != "pending"},
        [line["address"] for line in lines if line["state"] == "pending"],
        json.loads(show("lock.json")),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_shared_state_be_published_and_let_go(tmp_path: Path, number: signal.Signals) -> None:
    with applying_with_git_state(tmp_path) as (endpoint, folder, process):
        assert shared(folder)[1] == [f"contacts.c{each}" for each in range(4)]
        process.send_signal(number)
        until(process, "in flight")
        endpoint.release.set()
        code, out, err = finish(process)
        assert (code, len(endpoint.creates)) == (130, 1), out + err
        locked, pending, lock = shared(folder)
        assert (locked, pending) == ({"contacts.c0": str(endpoint.rows[0]["upstream_id"])}, [])
        assert lock["holder"] is None
        assert next_run(folder, endpoint) == {"created": 3, "unchanged": 1}


def test_a_second_signal_publishes_what_is_unknown(tmp_path: Path) -> None:
    with applying_with_git_state(tmp_path) as (endpoint, folder, process):
        process.send_signal(signal.SIGINT)
        until(process, "in flight")
        process.send_signal(signal.SIGINT)
        code, out, err = finish(process)
        assert (code, len(endpoint.creates)) == (130, 1), out + err
        locked, pending, lock = shared(folder)
        assert (locked, pending, lock["holder"]) == ({}, ["contacts.c0"], None)
        assert next_run(folder, endpoint) == {"created": 3, "unchanged": 1}
