from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from syncspec.errors import ManifestError, UsageError
from syncspec.manifests.discovery import find_project_file
from syncspec.manifests.loader import load


def names(project: Any) -> list[str]:
    return [each.name for each in project.sets]


def test_whole_project_is_loaded_whatever_path_is_given(workspace: Any) -> None:
    workspace.contacts(
        "match_on: [Name]\nrecords: {a: {data: {Name: x}}}\n", name="accounts", collection="salesforce:account"
    )
    for path in (".", "syncspec.yaml", "manifests", "manifests/contacts.yaml"):
        assert names(workspace.load(path)) == ["accounts", "contacts"]


def test_project_file_is_found_in_the_nearest_folder_above(workspace: Any) -> None:
    deep = workspace.root / "manifests" / "a" / "b"
    deep.mkdir(parents=True)
    assert find_project_file(deep) == workspace.root / "syncspec.yaml"
    assert find_project_file(workspace.root / "manifests/contacts.yaml") == workspace.root / "syncspec.yaml"


def test_path_that_does_not_exist_is_an_error(workspace: Any) -> None:
    assert workspace.error("nothing.yaml").summary == "A path cannot be found"


@pytest.mark.parametrize("path", ["empty", "notes.txt"])
def test_path_without_a_manifest_of_the_project_is_an_error(workspace: Any, path: str) -> None:
    (workspace.root / "empty").mkdir()
    workspace.write("notes.txt", "x")
    assert workspace.error(path).code == "no-manifests"


def test_manifest_outside_the_listed_folders_is_an_error_when_named(workspace: Any) -> None:
    workspace.write("other/x.yaml", "a: 1\n")
    assert workspace.error("other/x.yaml").detail.startswith("other/x.yaml is not")


def test_without_a_project_file_both_ways_out_are_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError) as caught:
        load(tmp_path)
    (error,) = caught.value.diagnostics
    assert error.summary == "No project file"
    assert "syncspec init" in (error.hint or "")
    assert "--upstream embedded" in (error.hint or "")


def test_embedded_upstream_needs_no_project_file(workspace: Any) -> None:
    (workspace.root / "syncspec.yaml").unlink()
    project = workspace.load("manifests", upstream="embedded", environ={})
    assert (project.name, project.has_file, project.root) == ("manifests", False, workspace.root / "manifests")
    assert project.lockfile == workspace.root / "manifests/syncspec.lock"
    assert project.sets[0].target.sync_id == "salesforce"
    assert {name: item.type for name, item in project.upstreams.items()} == {"embedded": "embedded"}
    assert project.upstreams["embedded"].settle == 0


def test_without_a_project_file_any_named_upstream_is_embedded(workspace: Any) -> None:
    (workspace.root / "syncspec.yaml").unlink()
    workspace.contacts("upstream: crm\nmatch_on: [Email]\nrecords: {a: {data: {Email: x}}}\n")
    project = workspace.load("manifests", upstream="embedded", environ={})
    assert project.upstreams[project.sets[0].target.upstream].type == "embedded"


def test_empty_folder_without_a_project_file_does_not_pass(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="No manifests"):
        load(tmp_path, upstream="embedded")


def test_environment_without_a_project_file_is_an_error(workspace: Any) -> None:
    (workspace.root / "syncspec.yaml").unlink()
    assert "declares any" in workspace.error(upstream="embedded", environment="prod").detail


def test_other_upstream_on_the_command_line_is_wrong_usage(workspace: Any) -> None:
    with pytest.raises(UsageError):
        workspace.load(upstream="crm")


def test_trial_keeps_away_from_the_real_lockfile_state_and_token(workspace: Any) -> None:
    real, trial = workspace.load(), workspace.load(upstream="embedded", environ={})
    assert real.lockfile == workspace.root / "syncspec.lock"
    assert trial.lockfile == workspace.root / ".syncspec/trial/syncspec.lock"
    assert trial.state_dir == workspace.root / ".syncspec/trial"
    assert trial.state_dir != real.state_dir
    assert trial.upstreams["crm"].type == "embedded"
    assert trial.upstreams["crm"].token is None
    assert trial.sets[0].target.endpoint != real.sets[0].target.endpoint


def test_state_folder_can_stand_elsewhere(workspace: Any, tmp_path: Path) -> None:
    assert workspace.load(state_dir=tmp_path / "state").state_dir == tmp_path / "state"
    trial = workspace.load(state_dir=tmp_path / "state", upstream="embedded")
    assert trial.state_dir == tmp_path / "state" / "trial"


def test_project_folder_is_searched_where_none_is_listed(workspace: Any) -> None:
    project = (workspace.root / "syncspec.yaml").read_text().replace("  manifests: [manifests]\n", "")
    workspace.project(base=project)
    workspace.write(".hidden/x.yaml", "a: 1\n")
    workspace.write(".syncspec/x.yaml", "a: 1\n")
    workspace.write("state/x.yaml", "a: 1\n")
    workspace.write("manifests/.x.yaml", "a: 1\n")
    workspace.write("manifests/x.json", "{}")
    assert names(workspace.load(state_dir=workspace.root / "state")) == ["contacts"]


@pytest.mark.parametrize("name", ["more.yml", "more.YAML", "deep/er/more.yaml"])
def test_manifests_are_found_at_any_depth_and_with_both_endings(workspace: Any, name: str) -> None:
    text = (workspace.root / "manifests/contacts.yaml").read_text().replace("contacts", "more")
    workspace.write(f"manifests/{name}", text.replace("paul@", "other@"))
    assert names(workspace.load()) == ["contacts", "more"]


def test_several_documents_of_one_file_are_several_sets(workspace: Any) -> None:
    text = (workspace.root / "manifests/contacts.yaml").read_text()
    second = text.replace("name: contacts", "name: more").replace("paul@", "x@")
    workspace.write("manifests/contacts.yaml", f"# nothing\n---\n{text}---\n{second}...\n")
    assert names(workspace.load()) == ["contacts", "more"]


def test_sources_are_relative_to_the_project(workspace: Any) -> None:
    assert str(workspace.load("manifests").sets[0].records[0].source) == "manifests/contacts.yaml:8:5"


def test_foreign_yaml_is_an_error_with_a_way_out(workspace: Any) -> None:
    workspace.write("manifests/docker-compose.yaml", "services: {}\n")
    error = workspace.error()
    assert (error.code, str(error.source)) == ("not-a-manifest", "manifests/docker-compose.yaml:1:1")
    assert "spec.manifests" in error.hint


@pytest.mark.parametrize(
    ("text", "code", "hint"),
    [
        ("apiVersion: syncspec/v2\nkind: RecordSet\n", "unknown-version", "write apiVersion: syncspec/v1"),
        ("apiVersion: 1\nkind: RecordSet\n", "unknown-version", "write apiVersion: syncspec/v1"),
        ("apiversion: syncspec/v1\nkind: RecordSet\n", "unknown-key", 'did you mean "apiVersion"?'),
        ("apiVersion: syncspec/v1\n", "missing-key", "add kind: RecordSet"),
        ("apiVersion: syncspec/v1\nkind: Recordset\n", "unknown-kind", 'did you mean "RecordSet"?'),
        ("apiVersion: syncspec/v1\nkind: LookupSets\n", "unknown-kind", 'did you mean "LookupSet"?'),
        ("apiVersion: syncspec/v1\nkind: [RecordSet]\n", "unknown-kind", "write kind: RecordSet"),
        ("apiVersion: syncspec/v1\nkind: Project\n", "unknown-kind", "the project file is named syncspec.yaml"),
    ],
)
def test_document_must_say_what_it_is(workspace: Any, text: str, code: str, hint: str) -> None:
    workspace.write("manifests/x.yaml", text)
    error = workspace.error()
    assert error.code == code
    assert error.hint is not None
    assert hint in error.hint or error.hint in hint


@pytest.mark.parametrize("entry", ["..", "../other", "/etc", "~/x", "a/../../b", "C:/x", "missing", "out"])
def test_manifest_folders_stay_inside_the_project(workspace: Any, entry: str) -> None:
    (workspace.root / "out").symlink_to(workspace.root.parent)
    base = (workspace.root / "syncspec.yaml").read_text().replace("[manifests]", f"[manifests, '{entry}']")
    workspace.project(base=base)
    assert workspace.error().code == "manifests-path"


def test_link_out_of_the_project_is_refused(workspace: Any, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.yaml").write_text("secret: 1\n")
    (workspace.root / "manifests/link").symlink_to(outside)
    (workspace.root / "manifests/file.yaml").symlink_to(outside / "x.yaml")
    errors = workspace.errors()
    assert [error.code for error in errors] == ["unreadable-path"] * 2
    assert [error.source.file for error in errors] == ["manifests/file.yaml", "manifests/link"]


def test_links_in_a_circle_and_to_the_same_file_are_read_once(workspace: Any) -> None:
    (workspace.root / "manifests/again").symlink_to(workspace.root / "manifests")
    (workspace.root / "manifests/up").symlink_to("..")
    (workspace.root / "manifests/copy.yaml").symlink_to("contacts.yaml")
    assert names(workspace.load()) == ["contacts"]


def test_dangling_link_and_pipe_are_errors_and_not_a_wait(workspace: Any) -> None:
    (workspace.root / "manifests/gone.yaml").symlink_to("nowhere.yaml")
    os.mkfifo(workspace.root / "manifests/pipe.yaml")
    assert sorted(error.code for error in workspace.errors()) == ["not-a-file", "unreadable-file"]


def test_project_file_must_hold_one_project(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    workspace.project(base=f"{text}---\n{text}")
    assert workspace.error().code == "project-file"
    workspace.project(base="")
    assert workspace.error().code == "project-file"
    workspace.project(base="apiVersion: syncspec/v1\nkind: RecordSet\n")
    assert workspace.error().code == "unknown-kind"


def test_project_without_manifests_gets_a_warning(workspace: Any) -> None:
    (workspace.root / "manifests/contacts.yaml").unlink()
    assert [item.code for item in workspace.load().diagnostics] == ["no-manifests"]


def test_errors_of_all_files_come_at_once_sorted_by_place(workspace: Any) -> None:
    workspace.project("guards: {max_creates: many}\n")
    workspace.write("manifests/a.yaml", "a: 02134\nb: [\n")
    workspace.write("manifests/b.yaml", "apiVersion: syncspec/v1\nkind: RecordSet\nmetadata: {nme: b}\nspec: {}\n")
    errors = workspace.errors()
    places = [(error.source.file, error.source.line) for error in errors]
    assert places == sorted(places)
    assert {file for file, _ in places} == {"manifests/a.yaml", "manifests/b.yaml", "syncspec.yaml"}


def test_findings_of_the_reader_and_of_the_models_come_together(workspace: Any) -> None:
    workspace.contacts("match_on: [Email]\nrecords:\n  a: {data: {Email: x, Zip: 02134}}\n  b: {data: {Emial: y}}\n")
    assert [error.code for error in workspace.errors()] == ["ambiguous-number", "no-match-key"]


def test_many_errors_are_counted_and_not_all_shown(workspace: Any) -> None:
    records = "".join(f"  r{number}: {{dta: {{}}}}\n" for number in range(2000))
    workspace.contacts(f"match_on: [Email]\nrecords:\n{records}")
    errors = workspace.errors()
    assert len(errors) <= 102
    assert errors[-1].code == "more-findings"
    assert "3,900 more" in errors[-1].detail


def test_name_that_is_not_utf8_does_not_stop_the_message(workspace: Any) -> None:
    path = os.fsencode(workspace.root / "manifests") + b"/\xff.yaml"
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(b"a: 1\n")
    assert workspace.error().source.file.encode().endswith(b".yaml")
