"""WireMock between syncspec and an upstream: a server that none of us wrote delays answers and breaks connections."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import Done, run
from support.faulty_server import ENV, project, serving
from support.pipeline import stored
from support.wiremock import WireMock, find_wiremock, in_turn, wiremock

FAULTS = ["CONNECTION_RESET_BY_PEER", "RANDOM_DATA_THEN_CLOSE", "MALFORMED_RESPONSE_CHUNK", "EMPTY_RESPONSE"]
RECORDS = 12


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WireMock, Path]]:
    """WireMock before a served upstream, and the file in which that keeps its records."""
    find_wiremock()
    folder = tmp_path_factory.mktemp("wiremock")
    database = folder / "upstream.sqlite3"
    with serving(folder, {}, "--db", str(database)) as server, wiremock(server.url, folder) as proxy:
        yield proxy, database


def apply(folder: Path, *more: str) -> Done:
    return run("apply", "-y", "--json", *more, folder=folder, env=ENV)


def check_counts(folder: Path, database: Path, domain: str) -> None:
    """Each record is stored once, under the ID that the lockfile has for it."""
    rows = [row for row in stored(database) if row["data"]["Email"].endswith(domain)]
    assert Counter(row["data"]["Email"] for row in rows) == {f"p{number}@{domain}": 1 for number in range(RECORDS)}
    upstream = {f"contacts.p{int(row['data']['LastName'][1:]):04}": row["upstream_id"] for row in rows}
    lines = [json.loads(line) for line in (folder / "syncspec.lock").read_text().splitlines()[1:]]
    assert {line["address"]: line.get("upstream_id") for line in lines} == upstream


def declared(tmp_path: Path, proxy: WireMock, domain: str) -> Path:
    """A project of its own records, two a request, behind the proxy; nothing in them is like those of another one."""
    folder = project(tmp_path / "crm", proxy.url, RECORDS, settle=1, timeout=2, wait=1)
    contacts = folder / "manifests" / "contacts.yaml"
    contacts.write_text(
        contacts.read_text().replace("arrakis.org", domain).replace("LastName: L", f"LastName: {domain[0]}")
    )
    return folder


def test_without_faults_a_proxy_changes_nothing(tmp_path: Path, behind: tuple[WireMock, Path]) -> None:
    proxy, database = behind
    proxy.reset([])
    folder = declared(tmp_path, proxy, "plain.example")
    assert apply(folder, "--no-prior-run").code == 0
    assert len(proxy.requests("POST")) == RECORDS // 2
    check_counts(folder, database, "plain.example")
    assert json.loads(apply(folder).out)["summary"]["unchanged"] == RECORDS


@pytest.mark.parametrize("executed", [True, False], ids=["executed", "never passed on"])
def test_broken_connections_cost_no_record_and_make_none_twice(
    tmp_path: Path, behind: tuple[WireMock, Path], executed: bool
) -> None:
    proxy, database = behind
    domain = f"{'executed' if executed else 'never'}.example"
    broken = [proxy.breaking("POST", fault, executed_after=300 if executed else None) for fault in FAULTS]
    proxy.reset(in_turn(broken, name="creates"))
    folder = declared(tmp_path, proxy, domain)
    first = apply(folder, "--no-prior-run")
    assert first.code in ((0, 4) if executed else (4,)), first.err
    sent = len(proxy.requests("POST"))
    assert sent == RECORDS // 2
    settled = apply(folder, "--wait-settled")
    assert settled.code == 0, settled.out + settled.err
    # What was never passed on is sent once more; what was executed is not.
    assert len(proxy.requests("POST")) - sent == (0 if executed else len(FAULTS))
    check_counts(folder, database, domain)


def test_an_answer_that_comes_too_late_is_looked_for_and_not_asked_for_again(
    tmp_path: Path, behind: tuple[WireMock, Path]
) -> None:
    proxy, database = behind
    slow = proxy.passing(method="POST", late_milliseconds=4000)
    proxy.reset(in_turn([slow, slow], name="creates"))
    folder = declared(tmp_path, proxy, "late.example")
    done = apply(folder, "--no-prior-run", "--wait-settled")
    assert done.code == 0, done.out + done.err
    assert len(proxy.requests("POST")) == RECORDS // 2
    check_counts(folder, database, "late.example")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_list_that_breaks_off_lets_nothing_be_created(
    tmp_path: Path, behind: tuple[WireMock, Path], fault: str
) -> None:
    proxy, _ = behind
    proxy.reset([proxy.breaking("GET", fault)])
    folder = declared(tmp_path, proxy, "unread.example")
    done = apply(folder, "--no-prior-run")
    assert done.code == 1
    assert "error: The upstream could not be read\n" in done.err
    assert "Nothing was changed.\n  hint: " in done.err
    assert proxy.requests("POST") == []
