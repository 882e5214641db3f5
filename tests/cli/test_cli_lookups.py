"""Lookup sets on the command line, and built in Python."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import syncspec
from syncspec.cli.app import app
from syncspec.errors import ManifestError
from syncspec.manifests.lookup_models import LookupSetSpec
from syncspec.manifests.models import Metadata, RecordSetSpec, RecordSpec

PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata:
  name: p
spec:
  upstreams:
    crm:
      type: embedded
"""
LOOKUPS = """\
apiVersion: syncspec/v1
kind: LookupSet
metadata:
  name: users
spec:
  collection_id: salesforce:user
  match_on:
    - Username
  records:
    kay:
      Username: kay@x.org
"""
CONTACTS = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: contacts
spec:
  collection_id: salesforce:contact
  match_on:
    - Email
  records:
    owned:
      data:
        Email: o@x.org
        OwnerId: ${lookup.users.kay.upstream_id}
    free:
      data:
        Email: f@x.org
"""
USERS = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: makers
spec:
  collection_id: salesforce:user
  match_on:
    - Username
  records:
    kay:
      data:
        Username: kay@x.org
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "syncspec.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "users.yaml").write_text(LOOKUPS, encoding="utf-8")
    (tmp_path / "contacts.yaml").write_text(CONTACTS, encoding="utf-8")
    return tmp_path


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["-C", str(folder), *arguments], standalone_mode=False)
    assert result.exception is None, result.exception
    return result.return_value, result.stdout, result.stderr


def test_a_lookup_that_finds_nothing_fails_the_plan_and_leaves_the_rest_of_apply_alone(folder: Path) -> None:
    code, out, err = run(folder, "plan", "--json")
    assert code == 1
    errors = [item for item in json.loads(out)["diagnostics"] if item["severity"] == "error"]
    assert [(item["code"], item["address"], item["source"]["line"]) for item in errors] == [("lookup", "users.kay", 10)]
    code, out, err = run(folder, "apply", "-y", "--json")
    assert code == 3
    assert {each["address"]: each["outcome"] for each in json.loads(out)["records"]} == {
        "contacts.free": "created",
        "contacts.owned": "not_attempted",
    }
    assert "no record of salesforce:user matches it" in err
    assert run(folder, "validate")[0] == 0


def test_a_lookup_that_nothing_refers_to_is_a_warning_in_plan_and_apply(folder: Path) -> None:
    contacts = CONTACTS.replace("        OwnerId: ${lookup.users.kay.upstream_id}\n", "")
    (folder / "contacts.yaml").write_text(contacts, encoding="utf-8")
    for command in (("plan",), ("apply", "-y")):
        code, _, err = run(folder, *command)
        assert (code, err.count("users.kay: no record of salesforce:user matches it")) == (0, 1)
        assert "warning: A record that is looked up is not found" in err
        assert "Nothing refers to it." in err


def test_a_lookup_has_no_lock_entry_and_is_no_address_of_its_own(folder: Path) -> None:
    (folder / "makers.yaml").write_text(USERS, encoding="utf-8")
    assert run(folder, "apply", "-y", "--target", "makers")[0] == 0
    (folder / "makers.yaml").unlink()
    assert run(folder, "apply", "-y")[0] == 0
    assert "users.kay" not in (folder / "syncspec.lock").read_text(encoding="utf-8")
    told = run(folder, "explain", "contacts.owned")[1]
    assert "refers to users.kay, which is looked up: 005" in told
    assert run(folder, "plan", "--detailed-exitcode")[0] == 0
    failed = CliRunner().invoke(app, ["-C", str(folder), "explain", "users.kay"], standalone_mode=False).exception
    assert isinstance(failed, syncspec.UsageError)
    assert "only looked up" in str(failed.diagnostics[0].hint)


def test_sets_built_in_python_may_be_lookup_sets(tmp_path: Path) -> None:
    users = syncspec.LookupSet(
        metadata=Metadata(name="users"),
        spec=LookupSetSpec(
            collection_id="salesforce:user", match_on=("Username",), records={"kay": {"Username": "kay@x.org"}}
        ),
    )
    contacts = syncspec.RecordSet(
        metadata=Metadata(name="contacts"),
        spec=RecordSetSpec(
            collection_id="salesforce:contact",
            match_on=("Email",),
            records={"a": RecordSpec(data={"Email": "a@x.org", "OwnerId": "${lookup.users.kay.upstream_id}"})},
        ),
    )
    project = syncspec.from_sets([users, contacts], root=tmp_path, upstream="embedded")
    validation = project.validate()
    assert validation.ok
    assert [each.code for each in project.plan().diagnostics if each.severity == "error"] == ["lookup"]
    broken = syncspec.from_sets([contacts], root=tmp_path, upstream="embedded")
    with pytest.raises(ManifestError):
        broken.validate().raise_for_errors()
