"""Commands in a project that declares environments: which of them need one, and what they say without."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.command import CONTACTS, PROJECT, environ, run, write_project

import syncspec

DECLARED = PROJECT + "  environments:\n    prod: {}\n    test:\n      variables: {domain: test.example}\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm", project=DECLARED)


@pytest.mark.parametrize(
    "command",
    [
        "plan",
        "plan -o crm.plan",
        "apply -y",
        "apply --approved 3f9a1c77b2e4",
        "runs",
        "show 2026",
        "explain contacts.paul",
        "resolve contacts.paul --not-created",
        "lock list",
        "lock check",
        "lock unlock -y",
        "doctor",
    ],
)
def test_what_is_done_in_one_environment_asks_for_its_name(project: Path, command: str) -> None:
    done = run(*command.split(), folder=project)
    assert done.code == 64, done
    assert done.out == ""
    assert "The project declares prod, test." in done.err
    assert "-e prod" in done.err
    assert not list(project.glob("*.lock"))
    assert not (project / "crm.plan").exists()


def test_a_name_that_is_not_declared_is_wrong_usage(project: Path) -> None:
    for command in ("plan", "validate"):
        done = run(command, "-e", "tset", folder=project)
        assert (done.code, done.out) == (64, "")
        assert 'did you mean "test"' in done.err
    assert run("plan", folder=project, env=environ(SYNCSPEC_ENV="test")).code == 0


def test_validate_checks_every_environment_unless_one_is_chosen(project: Path) -> None:
    done = run("validate", folder=project)
    assert (done.code, done.out) == (0, "Valid in prod: 2 records in 1 set.\nValid in test: 2 records in 1 set.\n")
    assert run("validate", "-e", "test", folder=project).out == "Valid in test: 2 records in 1 set.\n"


def test_validate_says_in_which_environment_something_is_wrong(project: Path) -> None:
    manifest = project / "manifests" / "contacts.yaml"
    manifest.write_text(CONTACTS.replace("paul@arrakis.org", "paul@${var.domain}"))
    done = run("validate", folder=project)
    assert (done.code, done.out) == (1, "")
    assert "In the environment prod." in done.err
    assert "In the environment test" not in done.err
    assert done.err.count("error:") == 1
    assert run("validate", "-e", "test", folder=project).code == 0
    manifest.write_text(CONTACTS.replace("match_on", "match_no"))
    both = run("validate", folder=project)
    assert (both.code, both.err.count("error:"), "In the environment" in both.err) == (1, 1, False)


def test_the_library_says_the_same(project: Path) -> None:
    with syncspec.open(project, environ={}) as opened:
        with pytest.raises(syncspec.UsageError, match="The project declares prod, test"):
            opened.plan()
        result = opened.validate()
    assert [each.environment for each in result.projects] == ["prod", "test"]
    assert result.ok


def test_fmt_needs_no_environment(project: Path) -> None:
    assert run("fmt", "--check", folder=project).code == 0
