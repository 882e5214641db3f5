"""What syncspec prints, sends and writes, held still: a change here is a change that users see."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from support.builders import TARGET, desired, digests, locked, record_set
from support.plans import family_plan, large_plan, small_plan, small_report, small_run
from support.saved import lines

import syncspec
from syncspec.cli.app import app
from syncspec.cli.invocation import Invocation
from syncspec.lockfile import Lockfile, OpenAttempt
from syncspec.lockfile.file import render_lockfile
from syncspec.planning.batches import wire_data
from syncspec.project.formats import render_report, render_run
from syncspec.records import AwaitConsumers, FieldRule, FieldRules, FieldType
from syncspec.render.annotations import plan_annotations
from syncspec.render.html import plan_html
from syncspec.render.markdown import plan_markdown
from syncspec.render.plan_json import plan_json
from syncspec.render.plan_text import plan_text
from syncspec.upstream.protocol import MutationKind, MutationRequest
from syncspec.upstream.sequin.wire import mutation_body

SCHEMAS = Path(__file__).parents[2] / "schemas"
MANIFESTS = Path(__file__).parents[2] / "manifests"
COMMANDS = [
    "",
    "init",
    "validate",
    "fmt",
    "plan",
    "apply",
    "show",
    "explain",
    "runs",
    "lock",
    "lock list",
    "lock check",
]
COMMANDS += ["changes", "undo", "destroy", "lock unlock", "doctor", "serve", "schema", "completion"]


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


@pytest.mark.parametrize("format", ["text", "json", "markdown", "html", "github"])
def test_plan_with_every_action(format: str, snapshot: Any) -> None:
    plan = small_plan()
    made = {
        "text": lambda: plan_text(plan),
        "json": lambda: plan_json(plan).decode(),
        "markdown": lambda: plan_markdown(plan),
        "html": lambda: without_assets(plan_html(plan)),
        "github": lambda: plan_annotations(plan, folder="crm"),
    }[format]()
    fits_its_schema(made, "plan", format)
    assert made == snapshot


@pytest.mark.parametrize("format", ["text", "json", "markdown", "html", "github"])
def test_plan_with_what_is_known_after_apply(format: str, snapshot: Any) -> None:
    plan = family_plan()
    made = {
        "text": lambda: plan_text(plan),
        "json": lambda: plan_json(plan).decode(),
        "markdown": lambda: plan_markdown(plan),
        "html": lambda: without_assets(plan_html(plan)),
        "github": lambda: plan_annotations(plan),
    }[format]()
    fits_its_schema(made, "plan", format)
    assert made == snapshot


def test_file_of_a_saved_plan(project: syncspec.Project, tmp_path: Path, snapshot: Any) -> None:
    project.apply(include=["contacts.paul"])
    project.plan(include=["contacts"]).save(tmp_path / "crm.plan")
    documents = lines(tmp_path / "crm.plan")
    schema = json.loads((SCHEMAS / "saved-plan.v1.schema.json").read_text(encoding="utf-8"))
    for document in documents:
        Draft202012Validator(schema).validate(document)
    text = json.dumps(documents, indent=1)
    # The upstream gives out IDs of its own making, and the stream and all digests follow from them.
    text = re.sub(r"\b003\w{15}\b", "<id>", text)
    text = re.sub(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uuid>", text)
    assert re.sub(r"\b([0-9a-f]{16}|[0-9a-f]{64})\b", "<digest>", text) == snapshot


@pytest.mark.parametrize("format", ["text", "markdown"])
def test_show_of_a_saved_plan(project: syncspec.Project, tmp_path: Path, format: str, snapshot: Any) -> None:
    project.plan(include=["contacts"]).save(tmp_path / "crm.plan")
    shown = CliRunner().invoke(app, ["show", str(tmp_path / "crm.plan"), "--format", format], obj=Invocation())
    assert shown.exit_code == 0
    assert shown.stdout == snapshot


@pytest.mark.parametrize("format", ["text", "markdown", "github"])
def test_plan_of_five_thousand_changes(format: str, snapshot: Any) -> None:
    plan = large_plan()
    made = {
        "text": lambda: plan_text(plan),
        "markdown": lambda: plan_markdown(plan),
        "github": lambda: plan_annotations(plan),
    }[format]()
    assert made == snapshot


@pytest.mark.parametrize("format", ["text", "json", "markdown"])
def test_plan_without_values(format: str, snapshot: Any) -> None:
    plan = small_plan()
    made = {
        "text": lambda: plan_text(plan, redact=True),
        "json": lambda: plan_json(plan, redact=True).decode(),
        "markdown": lambda: plan_markdown(plan, redact=True),
    }[format]()
    fits_its_schema(made, "plan", format)
    assert made == snapshot


@pytest.mark.parametrize("format", ["text", "json", "markdown", "html", "github"])
def test_report_with_every_outcome(format: str, snapshot: Any) -> None:
    made = render_report(small_report(), format, project="arrakis", environment="sandbox", folder="crm")
    fits_its_schema(made, "report", format)
    assert without_assets(made) == snapshot


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("requests", [False, True], ids=["report", "requests"])
def test_past_run_with_failed_batches(format: str, requests: bool, snapshot: Any) -> None:
    run = small_run(small_report())
    made = render_run(run, format, project="arrakis", environment="sandbox", requests=requests)
    fits_its_schema(made, "requests" if requests else "report", format)
    assert made == snapshot


def fits_its_schema(content: str, name: str, format: str) -> None:
    if format == "json":
        schema = json.loads((SCHEMAS / f"{name}.v1.schema.json").read_text(encoding="utf-8"))
        Draft202012Validator(schema).validate(json.loads(content))


def without_assets(page: str) -> str:
    """A page without the style, the script and their digests, which stand in files of their own."""
    page = re.sub(r"<style>.*</style>", "<style>…</style>", page, flags=re.DOTALL)
    page = re.sub(r"<script>.*</script>", "<script>…</script>", page, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-…", page)


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
