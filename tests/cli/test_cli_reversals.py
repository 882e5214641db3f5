"""undo and destroy, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import CONTACTS, Terminal, run, write_project

DELETING = CONTACTS.replace("  records:\n", "  lifecycle:\n    on_remove: delete\n  records:\n")


@pytest.fixture
def applied(tmp_path: Path) -> Path:
    project = write_project(tmp_path / "crm")
    assert run("apply", "-y", folder=project).code == 0
    return project


def run_name(project: Path) -> str:
    return str(json.loads(run("runs", "--json", folder=project).out)["runs"][0]["run"])


def locked(project: Path) -> int:
    return (project / "syncspec.lock").read_text().count('"upstream_id"')


def test_destroy_shows_its_plan_and_changes_nothing_where_only_that_is_asked_for(applied: Path) -> None:
    done = run("destroy", "--plan", folder=applied)
    assert (done.code, locked(applied)) == (0, 2)
    assert "2 to delete" in done.out
    assert "the next apply creates them again" in done.err
    document = json.loads(run("destroy", "--plan", "--json", folder=applied).out)
    assert (document["summary"]["delete"], document["requests"][0]["kind"]) == (2, "delete")


def test_destroy_asks_and_without_anybody_to_ask_it_does_nothing(applied: Path) -> None:
    assert run("destroy", folder=applied).code == 64
    terminal = Terminal("destroy", folder=applied)
    terminal.read_until("Only yes is taken as yes")
    terminal.type("no\n")
    assert (terminal.wait(), locked(applied)) == (1, 2)
    terminal = Terminal("destroy", folder=applied)
    terminal.read_until("Only yes is taken as yes")
    terminal.type("yes\n")
    assert (terminal.wait(), locked(applied)) == (0, 0)


def test_destroy_reports_what_it_did_and_is_a_run(applied: Path) -> None:
    report = json.loads(run("destroy", "-y", "--json", "--target", "contacts.paul", folder=applied).out)
    assert (report["summary"]["deleted"], locked(applied)) == (1, 1)
    assert run_name(applied) == report["run"]
    assert "1 deleted" in run("runs", report["run"], folder=applied).out


def test_undo_takes_back_a_run_by_the_beginning_of_its_name(applied: Path) -> None:
    name = run_name(applied)
    assert "2 to delete" in run("undo", name, "--plan", folder=applied).out
    done = run("undo", name, "-y", folder=applied)
    assert (done.code, locked(applied)) == (0, 0)
    assert "2 deleted" in done.out
    done = run("undo", name, "-y", folder=applied)
    assert done.code == 0
    assert run("undo", "1999", "-y", folder=applied).code == 64


def test_a_removal_is_shown_in_every_format_and_carried_out(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm", contacts=DELETING)
    run("apply", "-y", folder=project)
    (project / "manifests/contacts.yaml").write_text(DELETING.partition("    duncan:\n")[0])
    shown = run("plan", folder=project).out
    assert "- contacts.duncan" in shown
    assert "duncan@arrakis.org" in shown
    assert "on_remove is delete" in shown
    for name in ("markdown", "html", "github"):
        assert "contacts.duncan" in run("plan", "--format", name, folder=project).out
    assert run("plan", "--detailed-exitcode", folder=project).code == 2
    done = run("apply", "-y", folder=project)
    assert (done.code, locked(project)) == (0, 1)
    assert "1 deleted" in done.out
    assert run("plan", "--detailed-exitcode", folder=project).code == 0


def test_a_word_on_removal_alone_is_shown_asked_for_and_then_settled(applied: Path) -> None:
    (applied / "manifests/contacts.yaml").write_text(DELETING)
    shown = run("plan", folder=applied)
    assert "on_remove delete: 2 records" in shown.err
    terminal = Terminal("apply", folder=applied)
    terminal.read_until("Only yes is taken as yes")
    terminal.type("yes\n")
    assert terminal.wait() == 0
    assert (applied / "syncspec.lock").read_text().count('"on_remove":"delete"') == 2
    assert "on_remove" not in run("plan", folder=applied).err


def test_a_missing_manifest_deletes_nothing_and_the_way_to_mean_it_is_told(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm", contacts=DELETING)
    run("apply", "-y", folder=project)
    (project / "manifests/contacts.yaml").unlink()
    done = run("apply", "-y", folder=project)
    assert (done.code, locked(project)) == (6, 2)
    assert "--allow max_emptied_collections=1" in done.err
    assert run("apply", "-y", "--allow", "max_emptied_collections=1", folder=project).code == 0
    assert locked(project) == 0


def test_explain_tells_what_becomes_of_a_record_that_is_no_longer_declared(tmp_path: Path) -> None:
    project = write_project(tmp_path / "crm", contacts=DELETING)
    run("apply", "-y", folder=project)
    (project / "manifests/contacts.yaml").write_text(DELETING.partition("    duncan:\n")[0])
    done = run("explain", "contacts.duncan", folder=project)
    assert done.code == 0
    assert "delete (removed)" in done.out
    assert "no longer declared, and on_remove is delete" in done.out


def test_a_run_that_is_not_there_is_told_before_a_missing_terminal_is(applied: Path) -> None:
    done = run("undo", "19990101", folder=applied)
    assert (done.code, locked(applied)) == (64, 2)
    assert "No such run" in done.err
    assert "Nobody can be asked" not in done.err
    asked = run("undo", run_name(applied), folder=applied)
    assert (asked.code, locked(applied)) == (64, 2)
    assert "Nobody can be asked" in asked.err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("apply", "missing.plan"), "No such path"),
        (("destroy", "missing"), "No such path"),
        (("lock", "forget", "contacts.nobody"), "contacts.nobody"),
    ],
)
def test_what_is_not_there_is_told_before_a_missing_terminal_is(
    applied: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = run(*arguments, folder=applied)
    assert (done.code, locked(applied)) == (64, 2)
    assert told in done.err
    assert "Nobody can be asked" not in done.err


@pytest.mark.parametrize("command", ["apply", "destroy"])
def test_a_manifest_that_is_wrong_is_told_before_a_missing_terminal_is(applied: Path, command: str) -> None:
    (applied / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    done = run(command, folder=applied)
    assert (done.code, locked(applied)) == (1, 2)
    assert "manifests/contacts.yaml:9:3" in done.err
    assert "Nobody can be asked" not in done.err
