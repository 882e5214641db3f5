"""init, explain, runs, lock, doctor, schema, completion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import CONTACTS, run, write_project


@pytest.fixture
def applied(tmp_path: Path) -> Path:
    project = write_project(tmp_path / "crm")
    assert run("apply", "-y", folder=project).code == 0
    return project


def test_init_makes_a_project_that_applies_at_once(tmp_path: Path) -> None:
    assert run("init", "crm", folder=tmp_path).code == 0
    project = tmp_path / "crm"
    assert (project / ".gitattributes").read_text() == "*.lock merge=union\n"
    assert run("validate", folder=project).err == ""
    assert run("apply", "-y", folder=project).code == 0
    assert run("plan", "--detailed-exitcode", folder=project).code == 0


def test_init_writes_the_schemas_that_its_files_name(tmp_path: Path) -> None:
    written = run("init", "crm", folder=tmp_path).out.split()
    for file in ("syncspec.yaml", "manifests/contacts.yaml"):
        first = (tmp_path / "crm" / file).read_text().splitlines()[0]
        schema = (tmp_path / "crm" / file).parent / first.removeprefix("# yaml-language-server: $schema=")
        assert json.loads(schema.read_text())["$id"].startswith("urn:syncspec:")
        assert str(schema.resolve().relative_to(tmp_path)) in written
    assert run("schema", "project.v1", "recordset.v1", "--check", "schemas", folder=tmp_path / "crm").code == 0
    assert run("fmt", "--check", folder=tmp_path / "crm").code == 0


def test_init_leaves_schemas_that_are_there_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "project.v1.schema.json").write_text("mine")
    assert "project.v1" not in run("init", folder=tmp_path).out
    assert (tmp_path / "schemas" / "project.v1.schema.json").read_text() == "mine"


def test_init_overwrites_nothing(tmp_path: Path) -> None:
    assert run("init", folder=tmp_path).code == 0
    (tmp_path / "syncspec.yaml").write_text("mine")
    assert run("init", folder=tmp_path).code == 64
    assert (tmp_path / "syncspec.yaml").read_text() == "mine"


def test_explain_tells_manifest_lock_and_rule(applied: Path) -> None:
    done = run("explain", "contacts.paul", folder=applied)
    assert done.code == 0
    assert "manifests/contacts.yaml:" in done.out
    assert "paul@arrakis.org" in done.out
    document = json.loads(run("explain", "contacts.paul", "--json", folder=applied).out)
    assert document["address"] == "contacts.paul"


def test_a_past_run_prints_the_report_that_apply_printed(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm")
    first = json.loads(run("apply", "-y", "--json", folder=project).out)
    (listed,) = json.loads(run("runs", "--json", folder=project).out)["runs"]
    assert (listed["run"], listed["exit_code"], listed["summary"]["created"]) == (first["run"], 0, 2)
    assert json.loads(run("runs", first["run"], "--json", folder=project).out) == first | {"failed_batches": []}
    assert "2 created" in run("runs", folder=project).out


def test_runs_and_lock_commands_work_before_the_first_run(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm")
    for command in (["runs"], ["lock", "list"], ["lock", "check"], ["lock", "unlock", "-y"]):
        assert run(*command, folder=project).code == 0
    assert not (project / "syncspec.lock").exists()


def test_lock_list_names_every_id(applied: Path) -> None:
    entries = json.loads(run("lock", "list", "--json", folder=applied).out)["entries"]
    text = run("lock", "list", folder=applied).out
    assert [entry["address"] for entry in entries] == ["contacts.duncan", "contacts.paul"]
    assert all(entry["upstream_id"] in text for entry in entries)


def test_lock_check_fails_on_conflict_markers_and_on_a_changed_target(applied: Path) -> None:
    assert run("lock", "check", folder=applied).code == 0
    manifest = applied / "manifests" / "contacts.yaml"
    manifest.write_text(CONTACTS.replace("salesforce:contact", "salesforce:lead"))
    assert run("lock", "check", folder=applied).code == 1
    manifest.write_text(CONTACTS)
    lockfile = applied / "syncspec.lock"
    lockfile.write_text("<<<<<<< HEAD\n" + lockfile.read_text())
    for command in (["lock", "check"], ["plan"], ["apply", "-y"]):
        done = run(*command, folder=applied)
        assert done.code == 1
        assert "conflict markers" in done.err


def test_doctor_looks_at_everything_and_changes_nothing(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm")
    done = run("doctor", "--json", folder=project)
    assert done.code == 0
    assert {check["health"] for check in json.loads(done.out)["checks"]} == {"ok"}
    assert not (project / "syncspec.lock").exists()
    (project / "syncspec.lock").write_text("nonsense\n")
    assert run("doctor", folder=project).code == 1


def test_schemas_are_printed_and_the_committed_ones_are_fresh(tmp_path: Path) -> None:
    names = run("schema", folder=tmp_path).out.split()
    assert {"plan.v1", "report.v1", "project.v1", "recordset.v1"} <= set(names)
    for name in names:
        assert json.loads(run("schema", name, folder=tmp_path).out)["$id"].endswith(name)
    committed = Path(__file__).parents[2] / "schemas"
    assert run("schema", "--check", str(committed), folder=tmp_path).code == 0
    assert run("schema", "--check", "empty", folder=tmp_path).code == 1
    chosen = run("schema", "recordset.v1", "project.v1.schema.json", "--write", "some", folder=tmp_path)
    assert sorted(path.name for path in (tmp_path / "some").iterdir()) == sorted(
        Path(line).name for line in chosen.out.splitlines()
    )
    assert run("schema", "recordset.v1", "--check", "some", folder=tmp_path).code == 0
    assert run("schema", "--check", "some", folder=tmp_path).code == 1
    assert 'did you mean "recordset.v1"?' in run("schema", "recordset", folder=tmp_path).err
    assert run("schema", "recordset.v1", "plan.v1", folder=tmp_path).code == 64


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(tmp_path: Path, shell: str) -> None:
    done = run("completion", shell, folder=tmp_path)
    assert done.code == 0
    assert "_SYNCSPEC_COMPLETE" in done.out
