"""What syncspec prints, sends and writes, held still: a change here is a change that users see."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.builders import TARGET, desired, digests, locked, record_set

import syncspec
from syncspec.cli.app import app
from syncspec.lockfile import Lockfile, OpenAttempt
from syncspec.lockfile.file import render_lockfile
from syncspec.planning.batches import wire_data
from syncspec.records import AwaitConsumers, FieldRule, FieldRules, FieldType
from syncspec.upstream.protocol import MutationKind, MutationRequest
from syncspec.upstream.sequin.wire import mutation_body

MANIFESTS = Path(__file__).parents[2] / "manifests"
COMMANDS = ["", "init", "validate", "fmt", "plan", "apply", "explain", "runs", "lock", "lock list", "lock check"]
COMMANDS += ["lock unlock", "doctor", "serve", "schema", "completion"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command: str, snapshot: Any) -> None:
    result = CliRunner().invoke(app, [*command.split(), "--help"], prog_name="syncspec", terminal_width=100)
    assert result.exit_code == 0
    assert result.output == snapshot


@pytest.fixture
def project(tmp_path: Path) -> syncspec.Project:
    folder = tmp_path / "manifests"
    shutil.copytree(MANIFESTS, folder, ignore=shutil.ignore_patterns(".syncspec", "*.lock"))
    return syncspec.open(folder, environ={})


@pytest.mark.parametrize("format", ["text", "json"])
def test_plan_of_the_sample_project(project: syncspec.Project, format: str, snapshot: Any) -> None:
    assert project.plan().render(format) == snapshot


def test_plan_after_an_edit_in_the_manifest(project: syncspec.Project, snapshot: Any) -> None:
    project.apply()
    folder = project.asynchronous.load().root
    contacts = folder / "crm" / "contacts.yaml"
    contacts.write_text(contacts.read_text(encoding="utf-8").replace("Idaho", "Ghola"), encoding="utf-8")
    plan = project.plan(include=["contacts"])
    # The upstream gives out IDs of its own making.
    assert re.sub(r"\b003\w{15}\b", "<id>", plan.render("text")) == snapshot


def test_mutation_request(snapshot: Any) -> None:
    rules = FieldRules(fields={"Interests__c": FieldRule(type=FieldType.MULTI)})
    paul = desired("contacts.paul", Email="paul@x.org", Interests__c=["a", "b"], Phone=None, Age=15, rules=rules)
    contacts = record_set(paul, rules=rules)
    request = MutationRequest(
        kind=MutationKind.CREATE,
        sync_id=TARGET.sync_id,
        collection_id=TARGET.collection_id,
        records=(wire_data(contacts, paul),),
        await_consumers=AwaitConsumers(ids=("wh-1",), timeout_ms=5000),
    )
    assert mutation_body(request).decode() == snapshot


def test_lockfile(snapshot: Any) -> None:
    paul = locked("contacts.paul", "003A", fields=digests(Email=("a" * 16, "a" * 16), Name=("b" * 16, "c" * 16)))
    pending = OpenAttempt(
        attempt="run.1.0",
        address="contacts.duncan",
        target=TARGET,
        kind="create",
        state="unknown",
        horizon="2026-01-01T00:10:00.000Z",
        evidence="answered 504",
    )
    lockfile = Lockfile(project="p", environment="sandbox", entries={paul.address: paul}, pending=(pending,))
    assert render_lockfile(lockfile).decode() == snapshot
