"""plan and apply as a person or a pipeline runs them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.command import COMMAND, CONTACTS, PROJECT, environ, many_contacts, run, write_project

from syncspec.render.documents import PlanDocument, ReportDocument


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


def lockfile(project: Path) -> str:
    path = project / "syncspec.lock"
    return path.read_text() if path.exists() else ""


def test_a_plan_shows_what_would_be_created_and_exits_with_0(project: Path) -> None:
    done = run("plan", folder=project)
    assert done.code == 0
    assert "+ contacts.paul" in done.out
    assert done.out.endswith("Plan: 2 to create.\n")
    assert lockfile(project) == ""


def test_detailed_exitcode_is_2_before_and_0_after_apply(project: Path) -> None:
    assert run("plan", "--detailed-exitcode", folder=project).code == 2
    assert run("apply", "-y", folder=project).code == 0
    after = run("plan", "--detailed-exitcode", folder=project)
    assert (after.code, after.out) == (0, "No changes. 2 records are as declared.\n")


def test_a_json_plan_is_one_document_of_its_schema_and_the_same_twice(project: Path) -> None:
    first = run("plan", "--json", folder=project)
    document = json.loads(first.out)
    assert list(document) == [
        *("format_version", "syncspec_version", "project", "environment", "digest", "summary"),
        *("changes", "requests", "observations", "diagnostics"),
    ]
    assert list(document["changes"][0]) == [
        *("address", "action", "reason", "upstream", "sync_id", "collection_id"),
        *("upstream_id", "absence", "fields", "source", "waits_for"),
    ]
    PlanDocument.model_validate(document)
    assert run("plan", "--json", folder=project).out == first.out


def test_a_json_report_is_the_only_thing_on_stdout(project: Path) -> None:
    done = run("apply", "-y", "--json", folder=project)
    document = json.loads(done.out)
    assert list(document)[:4] == ["format_version", "run", "exit_code", "interrupted"]
    assert document["summary"] == {
        **dict.fromkeys(("adopted", "updated", "deleted", "unchanged", "rejected", "unknown", "not_attempted"), 0),
        "created": 2,
    }
    assert list(document["records"][0]) == ["address", "outcome", "upstream_id", "error", "source"]
    ReportDocument.model_validate(document)


def test_apply_without_a_terminal_and_without_y_does_nothing(project: Path) -> None:
    done = run("apply", folder=project, stdin="yes\n")
    assert (done.code, done.out) == (64, "")
    assert "give -y" in done.err
    assert not (project / ".syncspec").exists()
    assert lockfile(project) == ""


def test_apply_locks_every_id_and_a_second_apply_changes_nothing(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    before = lockfile(project)
    assert before.count("upstream_id") == 2
    again = run("apply", "-y", folder=project)
    assert again.code == 0
    assert "No changes" in again.out
    assert lockfile(project) == before


def test_a_selection_plans_only_what_it_names(project: Path) -> None:
    done = run("plan", "--target", "contacts.p*", folder=project)
    assert "contacts.paul" in done.out
    assert "contacts.duncan" not in done.out
    assert run("plan", "--exclude", "contacts.paul", "-l", "team=revops", folder=project).out.count("+ ") == 1
    assert run("plan", "manifests/contacts.yaml", folder=project).out.endswith("Plan: 2 to create.\n")
    assert run("plan", ".", folder=project).out.endswith("Plan: 2 to create.\n")


@pytest.mark.parametrize(
    "selection",
    [
        ["--target", "contacts.pual"],
        ["--exclude", "nothing"],
        ["-l", "team=sales"],
        ["-l", "team"],
        ["-l", "team=revops", "-l", "team=sales"],
        ["no/such/path"],
        ["--target", "contacts.paul", "--exclude", "contacts.paul"],
        ["--target", ""],
    ],
)
def test_a_selection_of_nothing_is_wrong_usage(project: Path, selection: list[str]) -> None:
    for command in (["plan"], ["apply", "-y"]):
        done = run(*command, *selection, folder=project)
        assert (done.code, done.out) == (64, ""), done
        assert done.err.startswith("error: ")
    assert lockfile(project) == ""


def test_a_path_in_another_folder_finds_its_own_project(project: Path) -> None:
    done = run("plan", str(project / "manifests"), folder=project.parent)
    assert (done.code, done.out[-19:]) == (0, "Plan: 2 to create.\n")


def test_the_folder_option_works_before_and_after_the_command(project: Path) -> None:
    before = run("-C", "crm", "plan", folder=project.parent)
    after = run("plan", "-C", "crm", "manifests", folder=project.parent)
    assert before.code == after.code == 0
    assert before.out == after.out
    assert run("-C", "nowhere", "plan", folder=project).code == 64


def test_without_a_project_file_plan_and_apply_fail(tmp_path: Path) -> None:
    (tmp_path / "contacts.yaml").write_text(CONTACTS)
    for command in (["plan"], ["apply", "-y"], ["validate"]):
        done = run(*command, folder=tmp_path)
        assert (done.code, done.out) == (1, "")
        assert "syncspec init" in done.err


def test_an_embedded_upstream_needs_no_project_file(tmp_path: Path) -> None:
    (tmp_path / "contacts.yaml").write_text(CONTACTS)
    assert run("apply", "-y", "--upstream", "embedded", folder=tmp_path).code == 0
    assert run("plan", "--detailed-exitcode", "--upstream", "embedded", folder=tmp_path).code == 0


def test_a_trial_run_leaves_the_real_lockfile_alone(project: Path) -> None:
    assert run("apply", "-y", "--upstream", "embedded", folder=project).code == 0
    assert lockfile(project) == ""


def test_a_guard_refuses_with_6_and_can_be_lifted_once(project: Path) -> None:
    (project / "syncspec.yaml").write_text(PROJECT + "  guards:\n    max_creates: 1\n")
    refused = run("apply", "-y", folder=project)
    assert refused.code == 6
    assert "--allow max_creates=2" in refused.err
    assert lockfile(project).count("upstream_id") == 0
    assert run("apply", "-y", "--allow", "max_create=2", folder=project).code == 64
    assert run("apply", "-y", "--allow", "max_creates=2", folder=project).code == 0


def test_adoptions_count_only_where_they_are_asked_for(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    (project / "syncspec.lock").unlink()
    (project / ".syncspec" / "journal.sqlite3").unlink()
    adopting = run("plan", "--detailed-exitcode", folder=project)
    assert adopting.code == 0
    assert adopting.out.endswith("Plan: 2 to adopt.\n")
    assert run("plan", "--fail-on", "drift,adopt", folder=project).code == 2
    assert run("plan", "--fail-on", "drift", "--fail-on", "blocked", folder=project).code == 0
    assert run("plan", "--fail-on", "create", folder=project).code == 64
    assert run("apply", "-y", folder=project).code == 0
    assert lockfile(project).count('"origin":"adopted"') == 2


def test_a_changed_manifest_is_shown_as_an_update_and_applied(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    manifest = project / "manifests" / "contacts.yaml"
    manifest.write_text(CONTACTS.replace("LastName: Idaho", "LastName: Ginaz"))
    plan = run("plan", "--detailed-exitcode", folder=project)
    assert plan.code == 2
    assert "~ contacts.duncan" in plan.out
    assert '"Idaho" -> "Ginaz"' in plan.out
    applied = run("apply", "-y", folder=project)
    assert applied.code == 0
    assert "1 updated, 1 unchanged" in applied.out
    assert run("plan", "--detailed-exitcode", folder=project).code == 0


def test_records_that_are_declared_elsewhere_are_blocked_and_apply_says_3(project: Path) -> None:
    assert run("apply", "-y", folder=project).code == 0
    manifest = project / "manifests" / "contacts.yaml"
    manifest.write_text(CONTACTS.replace("salesforce:contact", "salesforce:lead"))
    plan = run("plan", "--fail-on", "blocked", folder=project)
    assert plan.code == 2
    assert "! contacts.duncan" in plan.out
    applied = run("apply", "-y", folder=project)
    assert applied.code == 3
    assert "2 not attempted" in applied.out


def test_a_large_plan_is_short_unless_asked_otherwise(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm", contacts=many_contacts(100))
    short = run("plan", folder=project).out
    assert short.count("+ contacts.") == 5
    assert "… and 95 more to create (--full shows all)" in short
    assert run("plan", "--full", folder=project).out.count("+ contacts.") == 100


def test_a_reader_that_goes_away_ends_nothing_with_a_traceback(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm", contacts=many_contacts(3000))
    line = " ".join([*COMMAND, "plan", "--json", "|", "head", "-c", "10", ";", 'echo "${PIPESTATUS[0]}"', ">&2"])
    done = subprocess.run(["bash", "-c", line], cwd=project, env=environ(), capture_output=True, text=True, timeout=60)
    assert done.stderr == "0\n"


def test_an_apply_whose_report_nobody_reads_still_tells_what_it_did(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm", contacts=many_contacts(300))
    line = " ".join([*COMMAND, "apply", "-y", "|", "true", ";", 'echo "${PIPESTATUS[0]}"', ">&2"])
    done = subprocess.run(["bash", "-c", line], cwd=project, env=environ(), capture_output=True, text=True, timeout=60)
    assert done.stderr.endswith("0\n")
    assert "Traceback" not in done.stderr
    assert lockfile(project).count("upstream_id") == 300


def test_a_value_cannot_act_on_the_terminal(project: Path) -> None:
    text = '"\\e[31mred\\u202e"'
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("LastName: Idaho", f"LastName: {text}"))
    done = run("plan", "--color", "always", folder=project)
    assert done.code == 0
    assert "\x1b[31mred" not in done.out
    assert "\u202e" not in done.out
    assert "\\u001b[31mred\\u202e" in done.out


def test_sensitive_values_are_shown_nowhere(project: Path) -> None:
    fields = "  fields:\n    LastName:\n      sensitive: true\n  records:\n"
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("  records:\n", fields))
    seen = [
        run(*command, folder=project)
        for command in (
            ["plan", "--full"],
            ["plan", "--json"],
            ["apply", "-y", "--json"],
            ["explain", "contacts.duncan"],
            ["explain", "contacts.duncan", "--json"],
            ["runs"],
            ["lock", "list"],
        )
    ]
    assert [done.code for done in seen] == [0] * len(seen)
    assert all("Idaho" not in done.out + done.err for done in seen)
    assert "Idaho" not in lockfile(project)
    changes = json.loads(seen[1].out)["changes"]
    hidden = {"path": "LastName", "before": None, "after": None, "sensitive": True, "known_after_apply": False}
    assert changes[0]["fields"][1] == hidden


def test_colour_is_off_in_pipes_and_can_be_forced(project: Path) -> None:
    assert "\x1b[" not in run("plan", folder=project).out
    assert "\x1b[" in run("plan", "--color", "always", folder=project).out


def test_manifest_errors_stop_apply_with_1_and_nothing_is_sent(project: Path) -> None:
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    done = run("apply", "-y", folder=project)
    assert (done.code, done.out) == (1, "")
    assert "contacts.yaml" in done.err
    as_json = run("plan", "--json", folder=project)
    assert as_json.code == 1
    assert json.loads(as_json.out)["diagnostics"][0]["severity"] == "error"
