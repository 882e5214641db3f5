"""`syncspec accept` as people run it."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from support.command import CONTACTS, Terminal, run, write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of two applied contacts, one of which somebody renamed upstream."""
    folder = write_project(tmp_path / "crm")
    assert run("apply", "-y", folder=folder).code == 0
    assert run("plan", folder=folder).code == 0
    connection = sqlite3.connect(folder / ".syncspec" / "embedded.crm.sqlite3")
    try:
        for rowid, body in connection.execute("SELECT rowid, body FROM records").fetchall():
            row = json.loads(body)
            if row["data"]["LastName"] == "Idaho":
                row["data"]["LastName"] = "Idaho: reborn"
                row["upstream_updated_at"] = "2031-01-01T00:00:00.000000Z"
                connection.execute("UPDATE records SET body = ? WHERE rowid = ?", (json.dumps(row).encode(), rowid))
        connection.commit()
    finally:
        connection.close()
    return folder


def manifest(folder: Path) -> str:
    return (folder / "manifests" / "contacts.yaml").read_text()


def test_drift_is_shown_then_accepted_and_planning_is_empty(project: Path) -> None:
    dry = run("accept", "contacts.duncan", "--dry-run", folder=project)
    assert dry.code == 0
    assert '-        LastName: Idaho\n+        LastName: "Idaho: reborn"\n' in dry.out
    assert dry.out.endswith("1 field would be accepted. Nothing was written.\n")
    assert manifest(project) == CONTACTS
    done = run("accept", "contacts", folder=project)
    assert done.code == 0
    assert done.out.endswith("contacts.paul has nothing to accept\n1 field accepted in 1 file.\n")
    assert manifest(project) == CONTACTS.replace("LastName: Idaho", 'LastName: "Idaho: reborn"')
    planned = run("plan", "--fail-on", "drift", "--detailed-exitcode", folder=project)
    assert (planned.code, planned.out) == (0, "No changes. 2 records are as declared.\n")
    again = run("accept", "contacts.duncan", folder=project)
    assert again.out == "contacts.duncan has nothing to accept\nThere is nothing to accept. Nothing was written.\n"


def test_a_plan_of_drift_only_leaves_out_what_the_author_changed(project: Path) -> None:
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("Atreides", "Muad'Dib"))
    planned = run("plan", "--drift-only", "--detailed-exitcode", folder=project)
    assert planned.code == 2
    assert "contacts.duncan" in planned.out
    assert "contacts.paul" not in planned.out
    assert "request" not in planned.out
    assert "Left out, as --drift-only asks for: 1 other change" in planned.err
    document = json.loads(run("plan", "--drift-only", "--json", folder=project).out)
    assert ([each["address"] for each in document["changes"]], document["requests"]) == (["contacts.duncan"], [])
    saved = run("plan", "--drift-only", "-o", "crm.plan", folder=project)
    assert (saved.code, (project / "crm.plan").exists()) == (64, False)
    assert run("accept", "contacts.duncan", folder=project).code == 0
    assert run("plan", "--drift-only", "--detailed-exitcode", folder=project).code == 0
    assert run("plan", "--detailed-exitcode", folder=project).code == 2


def test_nothing_is_asked_with_or_without_a_terminal(project: Path) -> None:
    terminal = Terminal("accept", "contacts.duncan", folder=project)
    assert terminal.wait() == 0
    assert "yes" not in terminal.text
    assert "Idaho: reborn" in manifest(project)


def test_the_result_is_printed_as_json(project: Path) -> None:
    done = run("accept", "contacts.duncan", "--json", folder=project)
    assert json.loads(done.out) == {
        "format_version": "1.0",
        "written": True,
        "files": ["manifests/contacts.yaml"],
        "fields": [{"address": "contacts.duncan", "field": "LastName", "before": "Idaho", "after": "Idaho: reborn"}],
        "settled": [],
    }


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Missing argument 'ADDRESS...'"),
        (["contacts.dunkan"], "contacts.dunkan"),
        (["contacts.duncan", "--field", "LastNam"], 'did you mean "LastName"?'),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_written(project: Path, arguments: list[str], told: str) -> None:
    done = run("accept", *arguments, folder=project)
    assert (done.code, done.out) == (64, "")
    assert told in done.err
    assert manifest(project) == CONTACTS


def test_a_value_made_of_a_variable_is_refused_where_it_stands(project: Path) -> None:
    path = project / "manifests" / "contacts.yaml"
    path.write_text(CONTACTS.replace("LastName: Idaho", "LastName: ${var.name}"))
    done = run("accept", "contacts.duncan", "--var", "name=Idaho", folder=project)
    assert (done.code, done.out) == (1, "")
    assert "manifests/contacts.yaml:18:19 contacts.duncan" in done.err
    assert "made of ${var.name}" in done.err
