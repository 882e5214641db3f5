"""plan -o, show, apply FILE and apply --approved, as a person or a pipeline runs them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from support.command import CONTACTS, PROJECT, Terminal, environ, run, write_project
from support.saved import lines

FORMATS = ("text", "json", "markdown", "html", "github")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


def locked(project: Path, name: str = "syncspec.lock") -> int:
    path = project / name
    return path.read_text().count('"upstream_id"') if path.exists() else 0


def declare(project: Path, text: str) -> None:
    (project / "manifests" / "contacts.yaml").write_text(text)


def digest_of(project: Path) -> str:
    found: str = json.loads(run("plan", "--json", folder=project).out)["digest"]
    return found


def test_a_plan_is_saved_beside_being_printed_in_any_format(project: Path) -> None:
    plain = run("plan", folder=project)
    done = run("plan", "-o", "crm.plan", folder=project)
    assert (done.code, done.out) == (0, plain.out)
    assert "Saved as crm.plan, digest" in done.err
    as_json = run("plan", "--out", "other.plan", "--format", "json", "--detailed-exitcode", folder=project)
    assert (as_json.code, json.loads(as_json.out)["digest"]) == (2, lines(project / "crm.plan")[0]["digest"])
    assert (project / "other.plan").read_bytes() == (project / "crm.plan").read_bytes()
    assert "Saved" not in run("plan", "-q", "-o", "crm.plan", folder=project).err


@pytest.mark.parametrize(
    ("format", "options"), [*((format, []) for format in FORMATS), ("markdown", ["--redact", "values"])]
)
def test_show_prints_what_plan_printed_and_reads_nothing_but_the_file(
    project: Path, tmp_path: Path, format: str, options: list[str]
) -> None:
    made = run("plan", "-o", "crm.plan", "--format", format, *options, folder=project)
    (tmp_path / "elsewhere").mkdir()
    shown = run("show", str(project / "crm.plan"), "--format", format, *options, folder=tmp_path / "elsewhere")
    assert (shown.code, shown.out) == (0, made.out)


def test_show_of_a_large_plan_is_short_unless_it_is_asked_for_full(project: Path) -> None:
    head = CONTACTS.partition("  records:\n")[0] + "  records:\n"
    declare(project, head + "".join(f"    p{n}:\n      data: {{Email: p{n}@x.org}}\n" for n in range(60)))
    run("plan", "-o", "crm.plan", folder=project)
    assert "more to create" in run("show", "crm.plan", folder=project).out
    assert run("show", "crm.plan", "--full", folder=project).out.count("+ contacts.") == 60


def test_show_of_a_run_is_its_report(project: Path) -> None:
    name = json.loads(run("apply", "-y", "--json", folder=project).out)["run"]
    for format in FORMATS:
        shown = run("show", name, "--format", format, folder=project)
        assert (shown.code, shown.out) == (0, run("runs", name, "--format", format, folder=project).out)
    assert run("show", "20010101", folder=project).code == 64
    other = run("show", "manifests/contacts.yaml", folder=project)
    assert (other.code, "is not a saved plan" in other.err) == (64, True)


def test_a_saved_plan_is_applied_without_a_question_whatever_its_name(project: Path) -> None:
    run("plan", "-o", "manifests/what.ever", folder=project)
    done = run("apply", "manifests/what.ever", folder=project)
    assert (done.code, locked(project)) == (0, 2)
    assert "2 created" in done.out
    again = run("apply", "manifests/what.ever", folder=project)
    assert (again.code, locked(project)) == (0, 2)
    assert "The saved plan is applied already" in again.err
    assert "2 unchanged" in again.out


def test_paths_of_manifests_are_applied_as_before(project: Path) -> None:
    assert run("apply", "manifests", folder=project).code == 64
    assert run("apply", "-y", "manifests/contacts.yaml", folder=project).code == 0
    assert locked(project) == 2


@pytest.mark.parametrize(
    "more", [["--target", "contacts.paul"], ["--exclude", "contacts"], ["-l", "team=revops"], ["manifests"]]
)
def test_a_saved_plan_with_another_choice_is_wrong_usage(project: Path, more: list[str]) -> None:
    run("plan", "-o", "crm.plan", folder=project)
    done = run("apply", "crm.plan", *more, folder=project)
    assert (done.code, done.out, locked(project)) == (64, "", 0)
    assert "it is applied as it is" in done.err


def test_a_stale_plan_says_what_changed_where_and_sends_nothing(project: Path) -> None:
    run("plan", "-o", "crm.plan", folder=project)
    declare(project, CONTACTS.replace("Idaho", "Ginaz"))
    done = run("apply", "crm.plan", folder=project)
    assert (done.code, done.out, locked(project)) == (5, "", 0)
    assert "error: The saved plan is stale\n" in done.err
    assert re.search(r"manifests/contacts.yaml:\d+:\d+ contacts.duncan\n  its declaration changed: LastName", done.err)
    assert "Nothing was sent." in done.err
    assert "hint: plan again" in done.err
    document = json.loads(run("apply", "crm.plan", "--json", folder=project).out)
    assert {item["code"] for item in document["diagnostics"]} == {"stale-plan"}


def test_a_plan_that_was_changed_or_cut_off_is_refused(project: Path) -> None:
    run("plan", "-o", "crm.plan", folder=project)
    content = (project / "crm.plan").read_bytes()
    for spoilt in (content.replace(b"paul@", b"evil@"), content[:-30], content.replace(b'"kind"', b' "kind"') + b"x"):
        (project / "crm.plan").write_bytes(spoilt)
        for command in ("apply", "show"):
            done = run(command, "crm.plan", folder=project)
            assert (done.code, done.out) == (1, "")
            assert "error: The saved plan is not what was saved" in done.err
    assert locked(project) == 0


def test_guards_refuse_a_saved_plan_with_6_and_allow_lifts_them(project: Path) -> None:
    run("plan", "-o", "crm.plan", folder=project)
    (project / "syncspec.yaml").write_text(PROJECT + "  guards:\n    max_creates: 1\n")
    assert run("apply", "crm.plan", folder=project).code == 6
    assert locked(project) == 0
    assert run("apply", "crm.plan", "--allow", "max_creates=2", folder=project).code == 0


def test_a_plan_of_another_environment_is_refused_and_its_own_needs_no_naming(project: Path) -> None:
    (project / "syncspec.yaml").write_text(PROJECT + "  environments:\n    prod: {}\n    test: {}\n")
    assert run("plan", "-e", "test", "-o", "test.plan", folder=project).code == 0
    refused = run("apply", "test.plan", "-e", "prod", folder=project)
    assert (refused.code, locked(project, "syncspec.prod.lock")) == (64, 0)
    assert 'It is of "test", and this run is for "prod".' in refused.err
    assert run("apply", "test.plan", folder=project, env=environ(SYNCSPEC_ENV="prod")).code == 64
    assert run("apply", "test.plan", folder=project).code == 0
    assert (locked(project, "syncspec.test.lock"), locked(project, "syncspec.prod.lock")) == (2, 0)


def test_a_plan_of_another_project_is_told_as_that_and_not_by_its_environment(project: Path, tmp_path: Path) -> None:
    (project / "syncspec.yaml").write_text(PROJECT + "  environments:\n    test: {}\n")
    assert run("plan", "-e", "test", "-o", "test.plan", folder=project).code == 0
    other = write_project(tmp_path / "other", project=PROJECT.replace("arrakis", "caladan"))
    refused = run("apply", str(project / "test.plan"), folder=other)
    assert (refused.code, (other / "syncspec.lock").exists()) == (64, False)
    assert 'It is of "arrakis", and this is "caladan". Nothing was sent.' in refused.err
    assert "environment" not in refused.err


def test_only_the_approved_plan_is_applied_and_nothing_is_asked(project: Path) -> None:
    digest = digest_of(project)
    assert run("apply", "--approved", "0" * 64, folder=project).code == 5
    for wrong in ("0", digest[:11], "not a digest", digest + "0", ""):
        done = run("apply", "--approved", wrong, folder=project)
        assert (done.code, done.out) == (64, ""), wrong
    assert locked(project) == 0
    assert run("apply", "--approved", digest[:12].upper(), folder=project).code == 0
    assert locked(project) == 2
    assert run("apply", "--approved", digest, folder=project).code == 5


def test_a_saved_plan_can_be_approved_too(project: Path) -> None:
    run("plan", "-o", "crm.plan", folder=project)
    assert run("apply", "crm.plan", "--approved", "0" * 12, folder=project).code == 5
    assert locked(project) == 0
    assert run("apply", "crm.plan", "--approved", digest_of(project), folder=project).code == 0


def test_a_plan_with_something_blocked_is_saved_and_applied_in_part(project: Path) -> None:
    declare(project, CONTACTS.replace("    duncan:\n", "    duncan:\n      upstream_id: 003none\n"))
    saved = run("plan", "-o", "crm.plan", "--fail-on", "blocked", folder=project)
    assert saved.code == 2
    done = run("apply", "crm.plan", folder=project)
    assert (done.code, locked(project)) == (3, 1)
    assert "1 created, 1 not attempted" in done.out


def test_at_a_terminal_a_saved_plan_is_applied_without_a_question(project: Path) -> None:
    run("plan", "-o", "crm.plan", folder=project)
    terminal = Terminal("apply", "crm.plan", folder=project)
    assert terminal.wait() == 0
    assert "Only yes is taken" not in terminal.text
    assert locked(project) == 2


def test_a_name_that_would_be_read_as_a_manifest_is_refused(project: Path) -> None:
    done = run("plan", "-o", "manifests/plan.yaml", folder=project)
    assert (done.code, done.out) == (1, "")
    assert "plan.plan" in done.err
    assert not (project / "manifests" / "plan.yaml").exists()


def test_sensitive_values_are_in_no_file_and_no_stream(project: Path) -> None:
    text = CONTACTS.replace("    - Email\n", "    - Email\n  fields:\n    SSN__c: {sensitive: true}\n")
    text = text.replace("        LastName: Idaho\n", "        LastName: Idaho\n        SSN__c: canary-078\n")
    declare(project, text)
    env: dict[str, Any] = environ(SYNCSPEC_DIGEST_KEY="canary-key")
    refused = run("plan", "-o", "crm.plan", folder=project)
    assert (refused.code, (project / "crm.plan").exists()) == (1, False)
    told = [run("plan", "-o", "crm.plan", folder=project, env=env)]
    told += [run("show", "crm.plan", "--format", format, folder=project, env=env) for format in FORMATS]
    declare(project, text.replace("canary-078", "canary-079"))
    told.append(run("apply", "crm.plan", "-vv", folder=project, env=env))
    assert told[-1].code == 5
    assert "SSN__c" in told[-1].err
    declare(project, text)
    told.append(run("apply", "crm.plan", folder=project, env=env))
    assert told[-1].code == 0
    assert not any("canary" in each.out + each.err for each in told)
    assert b"canary" not in (project / "crm.plan").read_bytes()
