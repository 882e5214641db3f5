"""Accepting drift: exactly the values that changed upstream are edited, and nothing is left to plan."""

from __future__ import annotations

import difflib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import SYNC, Folder, project_file

from syncspec.errors import ManifestError, StateError, SyncspecError, UsageError
from syncspec.manifests.accepted import Accepted
from syncspec.project import accepting

PEOPLE = f"""\
# Our people.
apiVersion: syncspec/v1
kind: RecordSet
metadata: {{name: people}}
spec:
  collection_id: salesforce:contact
  sync_id: {SYNC}
  match_on: [Email]
  fields:
    SSN: {{sensitive: true}}
    Tags: {{type: multi}}
    Strict: {{compare: exact}}
  defaults:
    LeadSource: Web   # for all
  records:
    # The first.
    paul:
      data:
        Email: paul@x.org
        Title: &duke Duke   # his title
        LastName: "Atreides"
        City: ${{var.city}}
        SSN: 1-2
        Score: 7
        Active: true
        Tags: [a, b]
        Bio: |
          Born on Caladan.
          Ruler of Arrakis.
    leto: {{data: {{Email: leto@x.org, Title: *duke, LastName: Atreides}}}}
---
# Another document of the same file.
apiVersion: syncspec/v1
kind: RecordSet
metadata: {{name: firms}}
spec:
  collection_id: salesforce:account
  sync_id: {SYNC}
  match_on: [Name]
  records:
    acme: {{data: {{Name: Acme, Phone: "1"}}}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path)
    project = json.loads(project_file())
    project["spec"]["variables"] = {"city": "Arrakeen"}
    folder.write(project=json.dumps(project), people=PEOPLE)
    assert folder.open().apply().exit_code == 0
    assert folder.open().plan().is_empty
    return folder


def upstream_edit(folder: Folder, email: str, **data: Any) -> None:
    """Somebody changes a record upstream; None takes a field's value away."""
    (store,) = folder.state_dir.glob("embedded.*.sqlite3")
    connection = sqlite3.connect(store)
    try:
        rows = connection.execute("SELECT rowid, body FROM records").fetchall()
        for rowid, body in rows:
            row = json.loads(body)
            if email in (row["data"].get("Email"), row["data"].get("Name")):
                row["data"].update(data)
                row["upstream_updated_at"] = "2031-01-01T00:00:00.000000Z"
                connection.execute("UPDATE records SET body = ? WHERE rowid = ?", (json.dumps(row).encode(), rowid))
        connection.commit()
    finally:
        connection.close()


def edit(folder: Folder, old: str, new: str) -> None:
    path = folder.root / "people.yaml"
    content = path.read_text()
    assert old in content
    path.write_text(content.replace(old, new))


def accepted(folder: Folder, *addresses: str, **options: Any) -> tuple[Accepted, list[str]]:
    """What was accepted, and the lines of the manifest that changed."""
    path = folder.root / "people.yaml"
    before = path.read_text().splitlines()
    done = folder.open().accept(addresses, **options)
    lines = difflib.unified_diff(before, path.read_text().splitlines(), n=0, lineterm="")
    return done, [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def check_settled(folder: Folder) -> None:
    planned = folder.open().plan()
    assert [(each.address, each.action, each.reason) for each in planned.changes if each.action != "unchanged"] == []
    assert folder.open().apply().report.requests == 0
    assert [each.action for each in folder.open().plan().changes if each.action != "unchanged"] == []


def refused(folder: Folder, error: type[SyncspecError], *addresses: str, **options: Any) -> SyncspecError:
    before = (folder.root / "people.yaml").read_bytes()
    with pytest.raises(error) as caught:
        folder.open().accept(addresses, **options)
    assert (folder.root / "people.yaml").read_bytes() == before
    return caught.value


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ({"Score": 8}, ["-        Score: 7", "+        Score: 8"]),
        ({"LastName": "${x}\n2"}, ['-        LastName: "Atreides"', '+        LastName: "$${x}\\n2"']),
        ({"LastName": None}, ['-        LastName: "Atreides"', "+        LastName: null"]),
        ({"Active": False}, ["-        Active: true", "+        Active: false"]),
        ({"Tags": ["a", "c"]}, ["-        Tags: [a, b]", "+        Tags: [a, c]"]),
        ({"Tags": "c;d;e"}, ["-        Tags: [a, b]", "+        Tags: [c, d, e]"]),
        (
            {"Bio": "02134"},
            [
                "-        Bio: |",
                "-          Born on Caladan.",
                "-          Ruler of Arrakis.",
                '+        Bio: "02134"',
            ],
        ),
        ({"LeadSource": "Phone"}, ["+        LeadSource: Phone"]),
        ({"Email": "muaddib@x.org"}, ["-        Email: paul@x.org", "+        Email: muaddib@x.org"]),
    ],
)
def test_exactly_the_drifted_value_is_edited(folder: Folder, data: dict[str, Any], lines: list[str]) -> None:
    upstream_edit(folder, "paul@x.org", **data)
    assert {each.action for each in folder.open().plan().changes} == {"drift", "unchanged"}
    done, changed = accepted(folder, "people.paul")
    assert (changed, done.written, [each.field for each in done.fields]) == (lines, True, list(data))
    check_settled(folder)


def test_a_dry_run_writes_nothing(folder: Folder) -> None:
    upstream_edit(folder, "paul@x.org", Score=8)
    done, changed = accepted(folder, "people.paul", dry_run=True)
    assert (changed, done.written, len(done.files)) == ([], False, 1)
    assert b"Score: 8" in done.files[0].change.after


def test_a_conflict_is_settled_by_the_upstreams_value(folder: Folder) -> None:
    edit(folder, "Score: 7", "Score: 9")
    upstream_edit(folder, "paul@x.org", Score=8)
    assert "conflict" in {each.code for each in folder.open().plan().changes}
    _, changed = accepted(folder, "people.paul")
    assert changed == ["-        Score: 9", "+        Score: 8"]
    check_settled(folder)


def test_what_the_author_changed_alone_is_accepted_only_by_name(folder: Folder) -> None:
    edit(folder, "Score: 7", "Score: 9")
    done, changed = accepted(folder, "people.paul")
    assert (changed, done.settled) == ([], ("people.paul",))
    _, changed = accepted(folder, "people.paul", fields=["Score"])
    assert changed == ["-        Score: 9", "+        Score: 7"]
    check_settled(folder)


def test_several_documents_and_records_are_edited_at_once(folder: Folder) -> None:
    upstream_edit(folder, "paul@x.org", Score=8)
    upstream_edit(folder, "Acme", Phone="2")
    upstream_edit(folder, "leto@x.org", LastName="A, B")
    done, changed = accepted(folder, "people", "firms.*")
    assert [each.address for each in done.fields] == ["firms.acme", "people.leto", "people.paul"]
    assert changed == [
        "-        Score: 7",
        "+        Score: 8",
        "-    leto: {data: {Email: leto@x.org, Title: *duke, LastName: Atreides}}",
        '+    leto: {data: {Email: leto@x.org, Title: *duke, LastName: "A, B"}}',
        '-    acme: {data: {Name: Acme, Phone: "1"}}',
        '+    acme: {data: {Name: Acme, Phone: "2"}}',
    ]
    check_settled(folder)


def test_a_value_that_others_share_by_an_anchor_is_changed_for_nobody_else(folder: Folder) -> None:
    upstream_edit(folder, "paul@x.org", Title="Emperor")
    error = refused(folder, ManifestError, "people.paul")
    assert error.diagnostics[0].code == "not-edited"
    upstream_edit(folder, "paul@x.org", Title="Duke")
    upstream_edit(folder, "leto@x.org", Title="Late")
    _, changed = accepted(folder, "people.leto")
    assert changed == [
        "-    leto: {data: {Email: leto@x.org, Title: *duke, LastName: Atreides}}",
        "+    leto: {data: {Email: leto@x.org, Title: Late, LastName: Atreides}}",
    ]
    check_settled(folder)


@pytest.mark.parametrize(
    ("data", "told", "place"),
    [
        ({"City": "Sietch"}, "City is made of ${var.city}", "people.yaml:22:15"),
        ({"SSN": "3-4"}, "SSN is sensitive", "people.yaml:23:14"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_its_place(
    folder: Folder, data: dict[str, Any], told: str, place: str
) -> None:
    upstream_edit(folder, "paul@x.org", Score=8, **data)
    error = refused(folder, ManifestError, "people.paul")
    assert (str(error.diagnostics[0].source), error.diagnostics[0].code) == (place, "not-accepted")
    assert told in error.diagnostics[0].detail
    assert "3-4" not in repr(error.diagnostics)
    assert "1-2" not in repr(error.diagnostics)
    _, changed = accepted(folder, "people.paul", fields=["Score"])
    assert changed == ["-        Score: 7", "+        Score: 8"]


def test_records_from_a_file_of_rows_are_refused(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    (tmp_path / "a.csv").write_text("Email,Title\na@x.org,Duke\n")
    spec = {
        "collection_id": "salesforce:contact",
        "sync_id": SYNC,
        "match_on": ["Email"],
        "records_from": {"file": "a.csv", "name": "${row.Email}"},
    }
    body = {"apiVersion": "syncspec/v1", "kind": "RecordSet", "metadata": {"name": "people"}, "spec": spec}
    folder.write(project=project_file(), people=json.dumps(body))
    assert folder.open().apply().exit_code == 0
    upstream_edit(folder, "a@x.org", Title="Emperor")
    error = refused(folder, ManifestError, "people.a@x.org")
    assert "comes from a.csv:2:1" in error.diagnostics[0].detail


def test_what_is_not_known_is_refused(folder: Folder) -> None:
    assert "Unknown field" in str(refused(folder, UsageError, "people.paul", fields=["Scor"]))
    assert refused(folder, UsageError, "people.paul", fields=["Scor"]).diagnostics[0].hint == 'did you mean "Score"?'
    refused(folder, UsageError, "people.nobody")
    refused(folder, UsageError)
    edit(folder, "    # The first.\n", "    new: {data: {Email: new@x.org}}\n")
    assert "not locked" in str(refused(folder, StateError, "people.new"))


def test_a_manifest_that_changes_meanwhile_is_not_overwritten(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream_edit(folder, "paul@x.org", Score=8)
    write: Callable[..., None] = accepting.write_files

    def late(changes: Any) -> None:
        (folder.root / "people.yaml").write_text("# somebody else's\n")
        write(changes)

    monkeypatch.setattr(accepting, "write_files", late)
    with pytest.raises(StateError, match="changed meanwhile"):
        folder.open().accept(["people.paul"])
    assert (folder.root / "people.yaml").read_text() == "# somebody else's\n"
