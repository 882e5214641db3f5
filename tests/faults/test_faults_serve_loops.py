"""The installed command over a real socket, killed at any moment, against `syncspec serve --faults`."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from support.command import COMMAND, run
from support.faulty_server import ENV, Server, project, serving
from support.pipeline import stored

RECORDS = 40
FUZZ = bool(os.environ.get("SYNCSPEC_FUZZ"))

FAULTS: dict[str, Any] = {
    "replica_lag_seconds": {"min": 0, "max": 0.5},
    "mutations": [
        {"fault": "timeout", "commit": "all", "probability": 0.08},
        {"fault": "timeout", "commit": "none", "probability": 0.05},
        {"fault": "timeout", "commit": "late", "late_seconds": 1, "probability": 0.05},
        {"fault": "dropped_connection", "commit": "all", "probability": 0.05},
        {"fault": "dropped_connection", "commit": "none", "probability": 0.05},
        {"fault": "no_answer", "commit": "all", "probability": 0.03},
        {"fault": "truncated_body", "probability": 0.05},
        {"fault": "error", "status": 400, "commit": "part", "probability": 0.08},
        {"fault": "rate_limited", "commit": "none", "retry_after_seconds": 1, "probability": 0.03},
        {"fault": "consumer_timeout", "probability": 0.05},
        {"fault": "out_of_order", "delay_seconds": {"min": 0.05, "max": 0.3}},
    ],
    "reads": [
        {"fault": "error", "status": 503, "probability": 0.03},
        {"fault": "duplicated_rows", "probability": 0.2},
    ],
}


def apply_and_kill(folder: Path, seconds: float) -> int:
    """Start an apply and kill it so many seconds after it began its work, where it has not ended; its exit code."""
    command = [*COMMAND, "apply", "-y", "-q"]
    process = subprocess.Popen(
        command, cwd=folder, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        # The start of the interpreter takes most of the time: count from when the run has written something.
        journal, before = folder / ".syncspec" / "journal.sqlite3-wal", time.time()
        while process.poll() is None and not (journal.exists() and journal.stat().st_mtime > before):
            time.sleep(0.005)
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    finally:
        process.kill()
        _, told = process.communicate()
    assert b"Traceback" not in told, told.decode()
    assert process.returncode in (-9, 0, 1, 3, 4), told.decode()
    return process.returncode


def committed(folder: Path, kept: bytes | None) -> bytes | None:
    """What a pipeline would commit after a run: the lockfile, where there is one."""
    path = folder / "syncspec.lock"
    return path.read_bytes() if path.exists() else kept


def finish(folder: Path) -> None:
    """Let runs heal what is left; what was sent twice and never seen is settled by hand, as the messages say."""
    for _ in range(4):
        done = run("apply", "-y", "--wait-settled", "--json", folder=folder, env=ENV)
        if done.code == 0:
            return
        assert done.code in (3, 4), done.err
        lines = [json.loads(line) for line in (folder / "syncspec.lock").read_text().splitlines()[1:]]
        for line in lines:
            if line.get("attempt_state") == "needs_person":
                settled = run("resolve", line["address"], "--not-created", folder=folder, env=ENV)
                assert settled.code == 0, settled.err
    raise AssertionError(f"it never came to an end: {done.out}{done.err}")


def check_counts(folder: Path, database: Path) -> None:
    """Every record is in the upstream's store once, under the ID that the lockfile has for it."""
    rows = stored(database)
    counted = Counter(row["data"]["Email"] for row in rows)
    assert counted == {f"p{number}@arrakis.org": 1 for number in range(RECORDS)}
    upstream = {f"contacts.p{int(row['data']['LastName'][1:]):04}": row["upstream_id"] for row in rows}
    lines = [json.loads(line) for line in (folder / "syncspec.lock").read_text().splitlines()[1:]]
    assert {line["address"]: line.get("upstream_id") for line in lines} == upstream


def port_of(server: Server) -> str:
    return server.url.rpartition(":")[2]


def be_killed_and_finish(root: Path, workspace: str, seed: int) -> None:
    """Kill runs in such a workspace again and again, then let the last ones find the truth."""
    draw = random.Random(f"{workspace} {seed}")
    database = root / "upstream.sqlite3"
    # A clone knows of no earlier run: it must wait for as long as what a killed one sent may take to show.
    settle, rounds = (2, 14) if workspace == "kept" else (5, 4)
    rounds *= 3 if FUZZ else 1
    lockfile: bytes | None = None
    codes: list[int] = []
    with serving(root, FAULTS, "--seed", str(seed), "--db", str(database)) as server:
        port = port_of(server)
        folder = project(root / "crm", server.url, RECORDS, settle=settle, timeout=1, wait=1)
        while len(codes) < rounds or (not stored(database) and len(codes) < 5 * rounds):
            # A first run sends only after its wait; most of them are to get that far.
            first = 0 if workspace == "kept" else draw.choice([0, settle, settle, settle])
            codes.append(apply_and_kill(folder, first + draw.choice([0, draw.uniform(0, 0.3), draw.uniform(0, 3)])))
            lockfile = committed(folder, lockfile)
            if workspace != "kept":
                shutil.rmtree(folder)
                project(folder, server.url, RECORDS, settle=settle, timeout=1, wait=1)
                if lockfile is not None and workspace == "cloned with its lockfile":
                    (folder / "syncspec.lock").write_bytes(lockfile)
    assert -9 in codes
    with serving(root, {}, "--port", port, "--db", str(database)):
        finish(folder)
        check_counts(folder, database)
        again = run("apply", "-y", "--json", folder=folder, env=ENV)
    assert (again.code, json.loads(again.out)["summary"]["unchanged"]) == (0, RECORDS)
    check_counts(folder, database)


@pytest.mark.timeout(1200 if FUZZ else 300)
@pytest.mark.parametrize("seed", range(10 if FUZZ else 1))
def test_runs_that_are_killed_leave_no_duplicate_and_lose_nothing(tmp_path: Path, seed: int) -> None:
    workspaces = ("kept", "cloned with its lockfile", "cloned without")
    # They mostly wait, so they do it at the same time.
    with ThreadPoolExecutor(len(workspaces)) as pool:
        for workspace in workspaces:
            (tmp_path / workspace).mkdir()
        running = {each: pool.submit(be_killed_and_finish, tmp_path / each, each, seed) for each in workspaces}
    for workspace, lived in running.items():
        try:
            lived.result()
        except Exception as error:
            error.add_note(f"in a workspace that is {workspace}")
            raise
