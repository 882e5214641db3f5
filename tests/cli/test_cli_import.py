"""`syncspec import` as people run it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import CONTACTS, Done, run, write_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose upstream holds two contacts, and which knows nothing of them."""
    folder = write_project(tmp_path / "crm")
    assert run("apply", "-y", folder=folder).code == 0
    forget(folder)
    (folder / "manifests" / "contacts.yaml").unlink()
    return folder


def forget(folder: Path) -> None:
    (folder / "syncspec.lock").unlink()
    for path in (folder / ".syncspec").glob("journal*"):
        path.unlink()


def take(folder: Path, *options: str) -> Done:
    return run("import", "salesforce:contact", "--match-on", "Email", *options, folder=folder)


def test_a_dry_run_shows_what_would_be_written_and_an_import_writes_it(project: Path) -> None:
    dry = take(project, "--dry-run")
    assert dry.code == 0
    assert dry.out.startswith("--- manifests/contact.yaml\n+++ manifests/contact.yaml\n")
    assert dry.out.endswith("2 records would be declared and locked. Nothing was written.\n")
    assert list((project / "manifests").iterdir()) == []
    done = take(project)
    assert (done.code, done.out) == (0, "created  manifests/contact.yaml\n2 records declared and locked.\n")
    planned = run("plan", "--detailed-exitcode", folder=project)
    assert (planned.code, planned.out) == (0, "No changes. 2 records are as declared.\n")
    assert run("fmt", "--check", folder=project).code == 0


def test_running_it_again_says_what_is_there_already(project: Path) -> None:
    take(project)
    before = (project / "manifests" / "contact.yaml").read_bytes(), (project / "syncspec.lock").read_bytes()
    done = take(project)
    assert done.code == 0
    assert "it is locked as contact.paul@arrakis.org" in done.out
    assert done.out.endswith("There is nothing to import, 2 records skipped. Nothing was written.\n")
    assert ((project / "manifests" / "contact.yaml").read_bytes(), (project / "syncspec.lock").read_bytes()) == before


def test_the_result_is_printed_as_json(project: Path) -> None:
    done = take(project, "--json", "--where", "LastName=Idaho", "--fields", "LastName")
    (record,) = json.loads(done.out)["records"]
    assert json.loads(done.out) == {
        "format_version": "1.0",
        "written": True,
        "summary": {"records": 1, "skipped": 0},
        "files": [{"file": "manifests/contact.yaml", "created": True}],
        "records": [{"address": "contact.duncan@arrakis.org", "upstream_id": record["upstream_id"]}],
        "skipped": [],
        "left_out": [],
        "diagnostics": [],
    }


def test_the_manifest_can_be_put_into_a_file_that_is_there(project: Path) -> None:
    path = project / "manifests" / "contacts.yaml"
    path.write_text(CONTACTS.partition("    duncan:")[0] + "    # The end.\n")
    done = run("import", "salesforce:contact", "-o", "manifests/contacts.yaml", folder=project)
    assert done.code == 0
    assert done.out.startswith("changed  manifests/contacts.yaml\nskipped  ")
    assert "it is declared as contacts.paul, which the next apply adopts" in done.out
    written = path.read_text()
    assert written.startswith(CONTACTS.partition("    duncan:")[0])
    assert written.endswith("    # The end.\n")
    assert "    duncan@arrakis.org:\n" in written


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--where", "Email"], "is not FIELD=VALUE"),
        (["--fields", "A,,B"], "A field's name is empty"),
        (["--where", "Emial=x"], 'did you mean "Email"?'),
        (["--fields", "Emial"], 'did you mean "Email"?'),
        (["--upstream", "crn"], 'did you mean "crm"?'),
        (["-o", "../x.yaml"], "is not in"),
    ],
)
def test_wrong_usage_is_told_and_nothing_is_written(project: Path, options: list[str], told: str) -> None:
    done = take(project, *options)
    assert (done.code, done.out) == (64, "")
    assert told in done.err
    assert list((project / "manifests").iterdir()) == []
    assert not (project / "syncspec.lock").exists()


def test_a_trial_has_nothing_to_import(project: Path) -> None:
    done = run("--upstream", "embedded", "import", "salesforce:contact", folder=project)
    assert done.code == 64
    assert "tries a project out" in done.err


def test_a_table_is_imported_and_applied(project: Path, tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("Email,LastName\nchani@x.org,Kynes\n")
    source = str(tmp_path / "leads.csv")
    done = run("import", "salesforce:lead", "--from", source, "--match-on", "Email", folder=project)
    assert (done.code, done.out) == (0, "created  manifests/lead.yaml\n1 record declared.\n")
    assert run("apply", "-y", folder=project).code == 0
    assert run("plan", "--detailed-exitcode", folder=project).code == 0
    again = run("import", "salesforce:lead", "--from", source, "--json", folder=project)
    assert json.loads(again.out)["skipped"][0]["reason"].startswith("it is declared as lead.chani@x.org")


def test_what_is_wrong_with_a_file_is_told_at_its_place(project: Path, tmp_path: Path) -> None:
    (tmp_path / "tree.json").write_text('{"records": [{"attributes": {"type": "Lead"}}]}')
    done = run("import", "--from", str(tmp_path / "tree.json"), folder=project)
    assert (done.code, done.out) == (1, "")
    assert f"{tmp_path}/tree.json:1:29" in done.err
    assert "Nothing was imported" in done.err
    assert list((project / "manifests").iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "Name a COLLECTION"),
        (["salesforce:lead", "--delimiter", ";"], "--delimiter is for files"),
        (["salesforce:lead", "--from", "missing.csv"], "does not exist"),
        (["salesforce:lead", "--from", "missing.csv", "--from-format", "xml"], "'xml' is not one of"),
        (["contacts"], "'contacts' does not name a provider"),
        (["salesforce:lead", "--from", "syncspec.yaml", "--delimiter", ";;"], "cannot stand between cells"),
        (["salesforce:lead", "--from", "syncspec.yaml", "--encoding", "utf-9"], "'utf-9' is not known"),
        (["salesforce:lead", "--from", "syncspec.yaml", "--references"], "become references anyway"),
    ],
)
def test_a_file_has_to_be_named_and_to_be_there(project: Path, arguments: list[str], told: str) -> None:
    done = run("import", *arguments, folder=project)
    assert done.code == 64
    assert told in done.err


TREE = """\
{"records": [
  {"attributes": {"type": "Account", "referenceId": "acme"}, "Name": "Acme"},
  {"attributes": {"type": "Lead", "referenceId": "chani"}, "LastName": "Kynes"}%s
]}
"""
MORE = ',\n  {"attributes": {"type": "Lead", "referenceId": "stilgar"}, "LastName": "Stilgar"}'


def held(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.yaml"))}


def test_a_folder_can_be_imported_into_again_and_keeps_what_it_holds(project: Path, tmp_path: Path) -> None:
    source = tmp_path / "tree.json"
    source.write_text(TREE % "")
    arguments = ("import", "--from", str(source), "-o", "manifests/seed")
    assert run(*arguments, folder=project).code == 0
    lead = project / "manifests" / "seed" / "lead.yaml"
    lead.write_text("# Seed data.\n" + lead.read_text().replace("  records:\n", "  records:\n    # The first.\n"))
    before = held(project)
    assert sorted(before) == ["manifests/seed/account.yaml", "manifests/seed/lead.yaml", "syncspec.yaml"]
    again = run(*arguments, folder=project)
    assert (again.code, held(project)) == (0, before)
    assert again.out.endswith("There is nothing to import, 2 records skipped. Nothing was written.\n")
    source.write_text(TREE % MORE)
    more = run(*arguments, folder=project)
    assert more.code == 0
    assert more.out.startswith("changed  manifests/seed/lead.yaml\n")
    added = b"    stilgar:\n      data:\n        LastName: Stilgar\n"
    assert held(project) == {**before, "manifests/seed/lead.yaml": before["manifests/seed/lead.yaml"] + added}


def test_records_of_an_upstream_go_to_a_folder_and_again_to_the_file_in_it(project: Path) -> None:
    first = take(project, "-o", "manifests/crm", "--where", "LastName=Idaho")
    assert (first.code, first.out.splitlines()[0]) == (0, "created  manifests/crm/contact.yaml")
    second = take(project, "-o", "manifests/crm")
    assert (second.code, second.out.splitlines()[0]) == (0, "changed  manifests/crm/contact.yaml")
    before = held(project)
    assert take(project, "-o", "manifests/crm").code == 0
    assert held(project) == before
    assert run("plan", "--detailed-exitcode", folder=project).code == 0


def test_a_set_of_that_name_elsewhere_is_named(project: Path) -> None:
    take(project, "--where", "LastName=Idaho")
    before = held(project)
    done = take(project, "-o", "manifests/crm")
    assert done.code == 64
    assert "contact is there already, in manifests/contact.yaml. Nothing was read." in done.err
    assert held(project) == before
    assert take(project, "-o", "manifests/crm", "--set", "others").code == 0
    assert sorted(held(project)) == ["manifests/contact.yaml", "manifests/crm/others.yaml", "syncspec.yaml"]
