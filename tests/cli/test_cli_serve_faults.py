"""`syncspec serve --faults` in a real process, and pipelines that are run against it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from support.command import run
from support.faulty_server import ENV, SYNC, TOKEN, project, serving


def test_every_fault_is_a_line_and_the_end_sums_them_up(tmp_path: Path) -> None:
    rules = [{"fault": "timeout", "commit": "all", "every": 2}, {"fault": "out_of_order", "requests": [3]}]
    with serving(tmp_path, {"seed": 5, "mutations": rules}) as server:
        codes = [server.post("a", "b").status_code for _ in range(4)]
    assert codes == [200, 504, 200, 504]
    about = "create of 2 records of salesforce:contact"
    assert server.lines == [
        "Faults as in faults.yaml, with seed 5.",
        f"fault: timeout, committed: {about}",
        f"fault: out of order, committed: {about}",
        f"fault: timeout, committed: {about}",
        "Faults with seed 5: 3",
        "     1 out of order, committed",
        "     2 timeout, committed",
    ]
    assert server.code == 0


def test_quiet_says_nothing_of_faults(tmp_path: Path) -> None:
    with serving(tmp_path, {"mutations": [{"fault": "timeout", "commit": "all"}]}, "--quiet") as server:
        assert server.post("a").status_code == 504
    assert (server.code, server.err) == (0, "")


@pytest.mark.parametrize(
    ("rule", "stored"),
    [
        ({"fault": "dropped_connection", "commit": "none"}, 0),
        ({"fault": "dropped_connection", "commit": "all"}, 2),
        ({"fault": "truncated_body"}, 2),
        ({"fault": "no_answer", "commit": "part", "seconds": 0.05}, 1),
    ],
)
def test_a_connection_really_breaks(tmp_path: Path, rule: dict[str, Any], stored: int) -> None:
    with serving(tmp_path, {"mutations": [rule]}) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            server.post("a", "b")
        assert len(server.rows()) == stored


def test_no_answer_comes_however_long_the_client_waits_and_its_going_ends_the_request(tmp_path: Path) -> None:
    with serving(tmp_path, {"mutations": [{"fault": "no_answer", "commit": "all"}]}) as server:
        headers = {"authorization": f"Bearer {TOKEN}"}
        body = {"kind": "create", "sync_id": SYNC, "collection_id": "salesforce:contact", "records": [{"data": {}}]}
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{server.url}/v1/mutations/run", json=body, headers=headers, timeout=0.5, trust_env=False)
        assert len(server.rows()) == 1
    assert server.code == 0


def test_a_late_commit_lands_and_one_that_is_not_due_at_the_end_is_told(tmp_path: Path) -> None:
    late = {"fault": "timeout", "commit": "late"}
    rules = [late | {"late_seconds": 0.05, "requests": [1]}, late | {"late_seconds": 3600, "requests": [2]}]
    with serving(tmp_path, {"mutations": rules}) as server:
        for name in ("soon", "never"):
            assert server.post(name).status_code == 504
        while not (rows := server.rows()):
            pass
    assert [row["data"]["LastName"] for row in rows] == ["soon"]
    assert "Committed late, but not before the end, and so never: 1." in server.lines


def test_a_seed_on_the_command_line_wins_and_replays(tmp_path: Path) -> None:
    spec = {"seed": 1, "mutations": [{"fault": "error", "commit": "none", "probability": 0.5}]}
    told = []
    for _ in range(2):
        with serving(tmp_path, spec, "--seed", "11") as server:
            codes = [server.post("a").status_code for _ in range(20)]
        told.append((codes, server.lines))
    assert told[0] == told[1]
    assert set(told[0][0]) == {200, 500}
    assert told[0][1][0] == "Faults as in faults.yaml, with seed 11."


def test_a_pipeline_leaves_no_duplicate_behind_and_loses_nothing(tmp_path: Path) -> None:
    faults = {
        "replica_lag_seconds": 0.3,
        "mutations": [
            {"fault": "timeout", "commit": "all", "requests": [1]},
            {"fault": "dropped_connection", "commit": "none", "requests": [2]},
            {"fault": "error", "status": 400, "commit": "part", "requests": [3]},
            {"fault": "out_of_order", "requests": [4]},
            {"fault": "no_answer", "commit": "all", "requests": [5]},
            {"fault": "timeout", "commit": "late", "late_seconds": 0.5, "requests": [6]},
        ],
        "reads": [{"fault": "empty_page", "requests": [2]}, {"fault": "duplicated_rows", "every": 3}],
    }
    with serving(tmp_path, faults) as server:
        folder = project(tmp_path / "crm", server.url, 14, settle=1, timeout=2)
        runs = [run("apply", "-y", "--json", folder=folder, env=ENV) for _ in range(3)]
        # The list repeats rows now and then: a record counts once.
        names = Counter({row["upstream_id"]: row["data"]["LastName"] for row in server.rows()}.values())
    assert runs[-1].code == 0, runs[-1].out
    assert names == {f"L{number}": 1 for number in range(14)}
    outcomes = {record["address"]: record["outcome"] for record in json.loads(runs[-1].out)["records"]}
    assert outcomes == {f"contacts.p{number:04}": "unchanged" for number in range(14)}
    assert {"timeout, committed late", "no answer, committed", "replica lag"} <= {
        line.partition("fault: ")[2].partition(":")[0] for line in server.lines
    }


def test_a_list_that_is_not_whole_lets_nothing_be_created(tmp_path: Path) -> None:
    with serving(tmp_path, {"syncs": {"backfilling": True}}) as server:
        folder = project(tmp_path / "crm", server.url, 2)
        done = run("apply", "-y", folder=folder, env=ENV)
        assert server.rows() == []
    assert "has not finished its first backfill" in done.out + done.err
    assert "fault: syncs told otherwise: " in server.err


def test_a_bad_faults_file_stops_the_server_before_it_listens(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(
        "apiVersion: syncspec/v1\nkind: Faults\nspec:\n  mutations:\n    - fault: timeuot\n      comit: all\n"
    )
    done = run("serve", "--port", "0", "--faults", "faults.yaml", "--db", "up.sqlite3", folder=tmp_path)
    assert (done.code, done.out) == (1, "")
    assert "faults.yaml:5:14" in done.err
    assert 'did you mean "timeout"?' in done.err
    assert "faults.yaml:6:7" in done.err
    assert 'did you mean "commit"?' in done.err
    assert not (tmp_path / "up.sqlite3").exists()
    missing = run("serve", "--port", "0", "--faults", "none.yaml", folder=tmp_path)
    assert (missing.code, "none.yaml" in missing.err) == (1, True)


def test_a_seed_without_faults_is_wrong_usage(tmp_path: Path) -> None:
    done = run("serve", "--port", "0", "--seed", "3", folder=tmp_path)
    assert done.code == 64
    assert "--seed goes with --faults." in done.err


def test_a_port_in_use_is_told_with_faults_too(tmp_path: Path) -> None:
    with serving(tmp_path, {}) as server:
        port = server.url.rpartition(":")[2]
        done = run("serve", "--port", port, "--faults", "faults.yaml", folder=tmp_path)
    assert done.code == 1
    assert "The server cannot listen" in done.err
