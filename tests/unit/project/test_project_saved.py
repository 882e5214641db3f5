"""Saved plans through the library: what the file is, what is refused, and what apply makes of it."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.command import CONTACTS, PROJECT, write_project
from support.pipeline import SEQUIN, Folder, contacts, manifest, project_file, served
from support.plans import small_plan
from support.saved import lines, printed, read_back

import syncspec
from syncspec.planning.binding import Ground
from syncspec.planning.fingerprint import plan_digest, step_parts
from syncspec.project.formats import FORMATS, render_plan

SCHEMA = Path(__file__).parents[3] / "schemas" / "saved-plan.v1.schema.json"
CANARY = "canary-078-05-1120"
SENSITIVE = CONTACTS.replace("    - Email\n", "    - Email\n  fields:\n    SSN__c:\n      sensitive: true\n").replace(
    "        LastName: Atreides\n", f"        LastName: Atreides\n        SSN__c: {CANARY}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "crm.plan"


def opened(folder: Path, **options: Any) -> syncspec.Project:
    return syncspec.open(folder, **{"environ": {}, **options})


def saved(folder: Path, file: Path, **options: Any) -> syncspec.SavedPlan:
    opened(folder, **options).plan().save(file)
    return syncspec.load_plan(file)


def declare(folder: Path, text: str) -> None:
    (folder / "manifests" / "contacts.yaml").write_text(text)


def locked(folder: Path) -> int:
    path = folder / "syncspec.lock"
    return path.read_text().count('"upstream_id"') if path.exists() else 0


# The file


def test_a_plan_read_back_is_shown_as_it_was_in_every_format(folder: Path, file: Path) -> None:
    plan = opened(folder).plan()
    plan.save(file)
    back = opened(folder).load_plan(file)
    assert (back.digest, back.summary, back.diagnostics) == (plan.digest, plan.summary, plan.diagnostics)
    assert (back.is_empty, len(back.changes)) == (False, 2)
    for format in FORMATS:
        for options in ({}, {"redact": True}, {"full": True}):
            assert back.render(format, **options) == plan.render(format, **options)


def test_a_plan_with_every_action_is_shown_as_it_was() -> None:
    plan = small_plan()
    steps = [parts for change in plan.changes if (parts := step_parts(change, {}, None))]
    plan = replace(plan, digest=plan_digest(plan.project, plan.environment, steps, plan.batches))
    back = read_back(printed(plan, Ground(sets={}, entries={}, attempts={}, upstreams={})))
    for format in FORMATS:
        assert render_plan(back.plan, format) == render_plan(plan, format)
        assert render_plan(back.plan, format, redact=True) == render_plan(plan, format, redact=True)


def test_a_protected_record_is_told_to_reviewers_of_the_saved_plan(folder: Path, file: Path) -> None:
    declare(folder, CONTACTS.replace("  records:\n", "  lifecycle:\n    protect: true\n  records:\n"))
    opened(folder).apply()
    path = folder / "manifests" / "contacts.yaml"
    path.write_text(path.read_text().replace("Idaho", "Ghola"))
    plan = opened(folder).plan()
    plan.save(file)
    assert "Protected" in plan.render("markdown")
    assert syncspec.load_plan(file).render("markdown") == plan.render("markdown")


def test_both_lines_fit_the_published_schema(folder: Path, file: Path) -> None:
    opened(folder).apply(include=["contacts.paul"])
    saved(folder, file)
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    for line in lines(file):
        validator.validate(line)
    assert [row[0] for row in lines(file)[1]["unchanged"]] == ["contacts.paul"]


def test_only_its_owner_may_read_the_file_and_nothing_is_left_beside_it(folder: Path, file: Path) -> None:
    file.write_text("old")
    file.chmod(0o644)
    saved(folder, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir() if path.is_file()] == [file.name]


def test_saving_twice_gives_the_same_bytes(folder: Path, file: Path) -> None:
    saved(folder, file)
    before = file.read_bytes()
    saved(folder, file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["plan.yaml", "plan.YML", "syncspec.lock"])
def test_a_plan_is_not_saved_under_the_name_of_a_manifest_or_a_lockfile(folder: Path, name: str) -> None:
    with pytest.raises(syncspec.PlanFileError, match="would be read as"):
        opened(folder).plan().save(folder / name)
    assert not (folder / name).exists()


def test_a_folder_that_is_not_there_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(syncspec.PlanFileError, match="No such file") as raised:
        opened(folder).plan().save(tmp_path / "nowhere" / "crm.plan")
    assert raised.value.exit_code == 1


# What is refused when it is read


def edited(change: Callable[[dict[str, Any], dict[str, Any]], None], *, sealed: bool) -> Callable[[bytes], bytes]:
    """Change the documents of a saved plan; `sealed`: and its checksum, as somebody who knows the format would."""

    def edit(content: bytes) -> bytes:
        header, body = map(json.loads, content.splitlines())
        change(header, body)
        line = json.dumps(body, separators=(",", ":")).encode()
        if sealed:
            header["sha256"] = sha256(line).hexdigest()
        return json.dumps(header, separators=(",", ":")).encode() + b"\n" + line + b"\n"

    return edit


def set_value(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["plan"]["changes"][0]["fields"][0]["after"] = "mallory@x.org"


def set_action(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["plan"]["changes"][0]["action"] = "delete"


def set_declaration(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["steps"][0]["declaration"] = "0" * 64


def set_id(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["plan"]["changes"][0]["upstream_id"] = "003X"


def set_endpoint(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["targets"][0]["endpoint"] = "0" * 16


def set_request(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["plan"]["requests"][0]["addresses"].pop()


def drop_change(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["plan"]["changes"].pop()
    body["steps"].pop()


def drop_step(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["steps"].pop()


def repeat_change(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["plan"]["changes"].append(body["plan"]["changes"][0])
    body["steps"].append(body["steps"][0])


def set_digest(header: dict[str, Any], body: dict[str, Any]) -> None:
    header["digest"] = "0" * 64


def set_project(header: dict[str, Any], body: dict[str, Any]) -> None:
    header["project"] = "caladan"


def set_index(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["steps"][0]["target"] = 99


def deepen(header: dict[str, Any], body: dict[str, Any]) -> None:
    body["plan"] = "not a plan"


EDITS = [set_action, set_declaration, set_id, set_endpoint, set_request, drop_change, drop_step, repeat_change]
EDITS += [set_digest, set_project, set_index, deepen]


@pytest.mark.parametrize("edit", [*EDITS, set_value])
def test_a_changed_file_is_refused(folder: Path, file: Path, edit: Any) -> None:
    saved(folder, file)
    file.write_bytes(edited(edit, sealed=False)(file.read_bytes()))
    with pytest.raises(syncspec.PlanFileError, match="not what was saved") as raised:
        syncspec.load_plan(file)
    assert raised.value.exit_code == 1


@pytest.mark.parametrize("edit", EDITS)
def test_a_changed_file_with_a_checksum_that_fits_is_refused_by_the_plan_s_digest(
    folder: Path, file: Path, edit: Any
) -> None:
    saved(folder, file)
    file.write_bytes(edited(edit, sealed=True)(file.read_bytes()))
    with pytest.raises(syncspec.PlanFileError, match="not what was saved"):
        syncspec.load_plan(file)


def test_a_value_that_only_reviewers_were_shown_is_refused_when_it_is_applied(folder: Path, file: Path) -> None:
    saved(folder, file)
    file.write_bytes(edited(set_value, sealed=True)(file.read_bytes()))
    with pytest.raises(syncspec.StalePlanError):
        opened(folder).apply(syncspec.load_plan(file))
    assert locked(folder) == 0


def test_a_file_that_was_cut_off_anywhere_is_refused(folder: Path, file: Path) -> None:
    saved(folder, file)
    content = file.read_bytes()
    for end in [*range(0, len(content), 97), len(content) - 1]:
        file.write_bytes(content[:end])
        with pytest.raises(syncspec.PlanFileError, match="not what was saved"):
            syncspec.load_plan(file)


def test_a_file_of_a_newer_minor_format_is_read_and_of_another_major_one_refused(folder: Path, file: Path) -> None:
    saved(folder, file)
    content = file.read_bytes()

    def newer(header: dict[str, Any], body: dict[str, Any]) -> None:
        header["format_version"] = "1.9"
        header["more"] = body["more"] = body["steps"][0]["more"] = "unknown"

    file.write_bytes(edited(newer, sealed=True)(content))
    assert syncspec.load_plan(file).summary["create"] == 2
    file.write_bytes(content.replace(b'"format_version":"1.0"', b'"format_version":"2.0"', 1))
    with pytest.raises(syncspec.PlanFileError, match=r"is of format 2\.0"):
        syncspec.load_plan(file)


def test_a_folder_and_what_is_not_there_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(syncspec.PlanFileError, match="cannot be read"):
            syncspec.load_plan(path)


# What is refused when it is applied


def test_a_plan_of_another_project_or_environment_is_refused(folder: Path, file: Path, tmp_path: Path) -> None:
    plan = saved(folder, file)
    other = write_project(tmp_path / "other", project=PROJECT.replace("arrakis", "caladan"))
    with pytest.raises(syncspec.UsageError, match='of "arrakis", and this is "caladan"'):
        opened(other).apply(plan)
    (folder / "syncspec.yaml").write_text(PROJECT + "  environments:\n    a: {}\n    b: {}\n")
    with pytest.raises(syncspec.UsageError, match='of none, and this run is for "a"'):
        opened(folder, env="a").apply(plan)
    plan = saved(folder, file, env="a")
    with pytest.raises(syncspec.UsageError, match='of "a", and this run is for "b"'):
        opened(folder, env="b").apply(plan)
    assert opened(folder, env="a").apply(plan).exit_code == 0


def test_a_plan_of_another_major_version_is_stale(folder: Path, file: Path) -> None:
    plan = replace(saved(folder, file), made_by="7.1.0")
    with pytest.raises(syncspec.StalePlanError, match=r"syncspec 7\.1\.0 made it"):
        opened(folder).apply(plan)
    plan = replace(plan, made_by=f"{syncspec.__version__.partition('.')[0]}.999.0")
    assert opened(folder).apply(plan).exit_code == 0


def test_a_plan_for_another_endpoint_is_stale(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    upstream = (
        "type: sequin\n      base_url: http://127.0.0.1:9\n      token: ${env.TOKEN}\n      syncs: {salesforce: s}"
    )
    (folder / "syncspec.yaml").write_text(PROJECT.replace("type: embedded", upstream))
    with pytest.raises(syncspec.StalePlanError) as raised:
        opened(folder, environ={"TOKEN": "t"}).apply(plan)
    assert "upstream crm: base_url changed." in [item.detail for item in raised.value.diagnostics]
    assert locked(folder) == 0


def test_a_changed_declaration_is_stale_and_named_at_its_place(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    declare(folder, CONTACTS.replace("Idaho", "Ginaz"))
    with pytest.raises(syncspec.StalePlanError) as raised:
        opened(folder).apply(plan)
    whole, step = raised.value.diagnostics
    assert whole.detail == "1 of its 2 steps cannot be done as approved. Nothing was sent."
    assert "plan again" in str(whole.hint)
    assert (step.address, step.detail) == ("contacts.duncan", "its declaration changed: LastName.")
    assert step.source is not None
    assert step.source.file == "manifests/contacts.yaml"
    assert raised.value.exit_code == 5
    assert locked(folder) == 0


def test_a_set_that_is_gone_is_stale(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    declare(folder, CONTACTS.replace("name: contacts", "name: people"))
    with pytest.raises(syncspec.StalePlanError) as raised:
        opened(folder).apply(plan)
    assert [item.detail for item in raised.value.diagnostics[1:]] == ["set contacts is not there any more."]


def test_very_many_stale_steps_are_counted(folder: Path, file: Path) -> None:
    head = CONTACTS.partition("  records:\n")[0] + "  records:\n"
    many = "".join(f"    p{n}:\n      data: {{Email: p{n}@x.org, LastName: A}}\n" for n in range(57))
    declare(folder, head + many)
    plan = saved(folder, file)
    declare(folder, head + many.replace("LastName: A", "LastName: B"))
    with pytest.raises(syncspec.StalePlanError) as raised:
        opened(folder).apply(plan)
    assert len(raised.value.diagnostics) == 22
    assert raised.value.diagnostics[-1].detail == "And 37 more."


def test_guards_are_checked_when_it_is_applied(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    (folder / "syncspec.yaml").write_text(PROJECT + "  guards:\n    max_creates: 1\n")
    with pytest.raises(syncspec.GuardError):
        opened(folder).apply(plan)
    assert locked(folder) == 0
    assert opened(folder).apply(plan, allow=["max_creates=2"]).exit_code == 0


def test_a_saved_plan_takes_no_other_selection_and_only_its_own_digest(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    with pytest.raises(syncspec.UsageError):
        opened(folder).apply(plan, include=["contacts.paul"])
    with pytest.raises(syncspec.StalePlanError):
        opened(folder).apply(plan, approved="0" * 64)
    with pytest.raises(syncspec.StalePlanError):
        opened(folder).apply(plan, approved=plan.digest[:11])
    assert locked(folder) == 0
    assert opened(folder).apply(plan, approved=plan.digest[:12]).exit_code == 0


# What is done


def test_a_saved_plan_is_applied_once(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    first = opened(folder).apply(plan)
    assert (first.summary["created"], first.report.requests, first.plan.digest) == (2, 1, plan.digest)
    again = opened(folder).apply(syncspec.load_plan(file))
    assert (again.summary["unchanged"], again.report.requests, again.exit_code) == (2, 0, 0)
    assert [item.code for item in again.plan.diagnostics] == ["already-applied"]


def test_what_was_applied_of_it_by_another_run_is_left_alone(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    opened(folder).apply(include=["contacts.paul"])
    report = opened(folder).apply(plan)
    assert {record.address: record.outcome for record in report.records} == {
        "contacts.duncan": "created",
        "contacts.paul": "unchanged",
    }
    assert [item.code for item in report.plan.diagnostics] == ["partly-applied"]


def test_a_saved_selection_is_the_one_that_is_applied(folder: Path, file: Path) -> None:
    opened(folder).plan(include=["contacts.p*"]).save(file)
    report = opened(folder).apply(syncspec.load_plan(file))
    assert [record.address for record in report.records] == ["contacts.paul"]
    assert locked(folder) == 1


def test_a_record_that_was_declared_since_is_not_created(folder: Path, file: Path) -> None:
    plan = saved(folder, file)
    declare(folder, CONTACTS + "    alia:\n      data:\n        Email: alia@arrakis.org\n        LastName: Atreides\n")
    report = opened(folder).apply(plan)
    assert {record.address for record in report.records} == {"contacts.duncan", "contacts.paul"}
    assert [item.code for item in report.plan.diagnostics] == ["not-in-saved-plan"]
    assert locked(folder) == 2


def test_an_update_is_saved_and_applied(folder: Path, file: Path) -> None:
    opened(folder).apply()
    declare(folder, CONTACTS.replace("Idaho", "Ghola"))
    plan = saved(folder, file)
    report = opened(folder).apply(plan)
    assert (report.summary["updated"], report.exit_code) == (1, 0)
    again = opened(folder).apply(plan)
    assert (again.report.requests, again.exit_code) == (0, 0)


# Secrets


def test_no_sensitive_value_is_in_the_file(folder: Path, file: Path) -> None:
    declare(folder, SENSITIVE)
    environ = {"SYNCSPEC_DIGEST_KEY": "canary-digest-key"}
    plan = saved(folder, file, environ=environ)
    assert b"canary" not in file.read_bytes()
    assert "SSN__c" in file.read_text()
    declare(folder, SENSITIVE.replace(CANARY, "another"))
    with pytest.raises(syncspec.StalePlanError) as raised:
        opened(folder, environ=environ).apply(plan)
    assert raised.value.diagnostics[1].detail == "its declaration changed: SSN__c."
    declare(folder, SENSITIVE)
    assert opened(folder, environ=environ).apply(plan).exit_code == 0
    assert opened(folder, environ=environ).apply(plan).report.requests == 0


def test_a_token_is_in_no_byte_of_the_file(tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    crm = Folder(tmp_path / "sequin", environ={"TOKEN": "canary-token"})
    crm.write(project=project_file(**SEQUIN), contacts=manifest("contacts", contacts(3)))
    monkeypatch.setattr("syncspec.project.reading.connect", served(tmp_path / "upstream.sqlite3"))
    loaded = crm.open().asynchronous.load()
    assert loaded.upstreams["crm"].token is not None
    assert loaded.upstreams["crm"].token.reveal() == "canary-token"
    crm.open().plan().save(file)
    assert b"canary" not in file.read_bytes()
    # A token is renewed now and then, and no plan is stale for that.
    crm.environ["TOKEN"] = "another"
    assert crm.open().apply(syncspec.load_plan(file)).summary["created"] == 3


def test_a_plan_with_sensitive_values_is_not_saved_without_a_key(folder: Path, file: Path) -> None:
    declare(folder, SENSITIVE)
    with pytest.raises(syncspec.PlanFileError, match="sensitive values of contacts") as raised:
        saved(folder, file)
    assert "SYNCSPEC_DIGEST_KEY" in str(raised.value.diagnostics[0].hint)
    assert not file.exists()


@pytest.mark.parametrize(
    ("environ", "why"), [({}, "is not set here"), ({"SYNCSPEC_DIGEST_KEY": "b"}, "is another one")]
)
def test_sensitive_values_that_cannot_be_compared_are_said_to_be(
    folder: Path, file: Path, environ: dict[str, str], why: str
) -> None:
    declare(folder, SENSITIVE)
    plan = saved(folder, file, environ={"SYNCSPEC_DIGEST_KEY": "a"})
    with pytest.raises(syncspec.StalePlanError, match=why):
        opened(folder, environ=environ).apply(plan)
    assert locked(folder) == 0
