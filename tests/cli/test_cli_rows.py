"""Records from the rows of a file, all the way to the upstream and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.command import PROJECT, run

HEADER = "Email,Name,Amount\n"
ROWS = {"paul": "paul@arrakis.org,Atreides,12.50\n", "duncan": "duncan@arrakis.org,Idaho,\n", "zoe": "Zoë,Zoë,1\n"}
LEADS = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: leads
spec:
  collection_id: other:lead
  match_on:
    - Email
  fields:
    Amount:
      type: decimal
  records_from:
    file: data/leads.csv
    name: ${row.Email}
    data:
      Email: ${row.Email}
      LastName: ${row.Name}
      Amount: ${row.Amount}
  records:
    written:
      data:
        Email: written@arrakis.org
        LastName: Written
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "syncspec.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "manifests" / "leads.yaml").write_text(LEADS, encoding="utf-8")
    write(tmp_path, *ROWS.values())
    return tmp_path


def write(project: Path, *rows: str) -> None:
    (project / "data" / "leads.csv").write_text(HEADER + "".join(rows), encoding="utf-8")


def planned(project: Path) -> dict[str, dict[str, Any]]:
    """The changes that a plan shows, by address, without those that are none."""
    document = json.loads(run("plan", "--json", folder=project).out)
    return {change["address"]: change for change in document["changes"] if change["action"] != "unchanged"}


def test_rows_are_created_once_and_then_as_declared(project: Path) -> None:
    before = planned(project)
    assert list(before) == ["leads.Zo..C3..AB", "leads.duncan@arrakis.org", "leads.paul@arrakis.org", "leads.written"]
    assert [(change["source"]["file"], change["source"]["line"]) for change in before.values()] == [
        *(("data/leads.csv", 4), ("data/leads.csv", 3), ("data/leads.csv", 2), ("manifests/leads.yaml", 20)),
    ]
    done = run("apply", "-y", "--json", folder=project)
    report = json.loads(done.out)
    assert (done.code, report["summary"]["created"]) == (0, 4)
    assert {record["source"]["file"] for record in report["records"]} == {"data/leads.csv", "manifests/leads.yaml"}
    lockfile = (project / "syncspec.lock").read_text(encoding="utf-8")
    assert '"address":"leads.Zo..C3..AB"' in lockfile
    assert run("plan", "--detailed-exitcode", folder=project).code == 0
    assert run("apply", "-y", folder=project).out.startswith("No changes. 4 records are as declared.\n")
    assert (project / "syncspec.lock").read_text(encoding="utf-8") == lockfile


def test_order_of_rows_changes_nothing(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    write(project, *reversed(ROWS.values()))
    assert planned(project) == {}


def test_edited_row_shows_in_the_plan_at_its_row(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    write(project, ROWS["zoe"], ROWS["duncan"], "\n", ROWS["paul"].replace("Atreides", "Corrino"))
    ((address, change),) = planned(project).items()
    assert address == "leads.paul@arrakis.org"
    assert change["source"] == {"file": "data/leads.csv", "line": 5, "column": 1}
    assert [(field["path"], field["before"], field["after"]) for field in change["fields"]] == [
        ("LastName", "Atreides", "Corrino")
    ]
    explained = run("explain", address, folder=project)
    assert "declared at data/leads.csv:5:1" in explained.out


def test_removed_row_is_retained_and_comes_back(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    write(project, ROWS["paul"], ROWS["zoe"])
    assert planned(project) == {}
    assert run("apply", "-y", folder=project).code == 0
    locked = {
        entry["address"]: entry["state"]
        for entry in map(json.loads, (project / "syncspec.lock").read_text(encoding="utf-8").splitlines()[1:])
    }
    assert (locked["leads.duncan@arrakis.org"], locked["leads.paul@arrakis.org"]) == ("retained", "locked")
    write(project, *ROWS.values())
    assert planned(project) == {}


def test_record_may_move_between_manifest_and_file(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    write(project, *ROWS.values(), "written@arrakis.org,Written,\n")
    path = project / "manifests" / "leads.yaml"
    path.write_text(LEADS.partition("  records:\n")[0].replace("name: ${", "name: x-${"), encoding="utf-8")
    assert {change["action"] for change in planned(project).values()} == {"move"}


def test_errors_of_rows_are_annotated_at_their_cells(project: Path) -> None:
    write(project, ROWS["paul"], 'duncan@arrakis.org,Idaho,"1,5"\n')
    done = run("validate", "--format", "github", folder=project)
    assert done.code == 1
    assert done.out.startswith("::error file=data/leads.csv,line=3,col=26,endColumn=31,title=")
    assert run("apply", "-y", folder=project).code == 1
    assert not (project / "syncspec.lock").exists()
