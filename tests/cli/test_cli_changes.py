"""`syncspec changes` from the installed command, in throw-away repositories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from support.command import CONTACTS, PROJECT, Done, environ, run
from support.history import GIT_ENVIRONMENT, History, started

SCHEMA = Path(__file__).parents[2] / "schemas" / "changes.v1.schema.json"
SECRETS = PROJECT.replace(
    "type: embedded",
    "type: sequin\n      base_url: ${env.CRM_URL}\n      token: ${env.CRM_TOKEN}\n      syncs:\n        salesforce: sf",
)


def command(history: History, *arguments: str, folder: Path | None = None, **env: str) -> Done:
    return run("changes", *arguments, folder=folder or history.root, env=environ(**GIT_ENVIRONMENT, **env))


@pytest.fixture
def history(tmp_path: Path) -> History:
    made = started(tmp_path / "repo", "crm", project=SECRETS)
    made.edit("Idaho", "Ginaz")
    made.commit()
    return made


def test_a_pull_request_from_a_fork_is_reviewed_without_secrets_and_without_a_trace(history: History) -> None:
    before = sorted(path for path in history.top.rglob("*") if ".git" not in path.parts)
    done = command(history, "first...HEAD")
    assert (done.code, done.err) == (0, "")
    head = history.git("rev-parse", "HEAD")[:12]
    assert done.out == (
        f"From the merge base of first and HEAD ({history.git('rev-parse', 'first')[:12]}) to HEAD ({head}):\n"
        "\n"
        "contacts (salesforce:contact in crm)\n"
        "  ~ contacts.duncan\n"
        "      not locked: to create, or to adopt where it exists\n"
        '      LastName  "Idaho" -> "Ginaz"\n'
        "\n"
        "Declared: 1 changed.\n"
    )
    assert sorted(path for path in history.top.rglob("*") if ".git" not in path.parts) == before


def test_without_revisions_what_is_not_committed_is_told(history: History) -> None:
    assert command(history).out.endswith("No record is declared in another way.\n")
    history.edit("Ginaz", "Harkonnen")
    assert '"Ginaz" -> "Harkonnen"' in command(history, "-C", "crm", folder=history.top).out


def test_the_exit_code_tells_whether_anything_differs(history: History) -> None:
    assert command(history, "first..HEAD", "--detailed-exitcode").code == 2
    assert command(history, "HEAD..HEAD", "--detailed-exitcode").code == 0
    assert command(history, "first..HEAD").code == 0


def test_the_json_document_fits_its_published_schema(history: History) -> None:
    done = command(history, "first..HEAD", "--json")
    document = json.loads(done.out)
    Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8"))).validate(document)
    assert [each["address"] for each in document["comparisons"][0]["changes"]] == ["contacts.duncan"]


def test_each_format_is_printed_twice_the_same(history: History) -> None:
    begins = {
        "markdown": "<!-- syncspec:changes project=arrakis env= -->\n",
        "html": "<!doctype html>\n",
        "github": "::notice title=syncspec changes::Declared: 1 changed.\n",
    }
    for format, begin in begins.items():
        first = command(history, "first..HEAD", "--format", format)
        assert (first.code, first.out[: len(begin)]) == (0, begin)
        assert command(history, "first..HEAD", "--format", format).out == first.out


def test_annotations_name_files_from_the_repositorys_top(history: History) -> None:
    done = command(history, "first..HEAD", "--format", "github", GITHUB_WORKSPACE=str(history.top))
    assert "::notice file=crm/manifests/contacts.yaml,line=16," in done.out


def test_values_are_hidden_on_demand(history: History) -> None:
    for format in ("text", "json", "markdown", "html", "github"):
        done = command(history, "first..HEAD", "--redact", "values", "--format", format)
        assert "Ginaz" not in done.out + done.err
        assert "contacts.duncan" in done.out


def test_a_path_whose_file_is_gone_still_selects(history: History) -> None:
    (history.root / "manifests/contacts.yaml").unlink()
    history.write("manifests/more.yaml", CONTACTS.replace("name: contacts", "name: more").replace("arrakis", "x"))
    done = command(history, "HEAD", "crm/manifests/contacts.yaml", folder=history.top)
    assert done.out.endswith("Declared: 2 removed.\n")
    assert command(history, "HEAD", "-l", "team=revops", "--exclude", "contacts").out.endswith("Declared: 2 added.\n")


@pytest.mark.parametrize("revisions", ["-x..HEAD", "--upload-pack=x", "HEAD..-x"])
def test_what_looks_like_an_option_is_wrong_usage(history: History, revisions: str) -> None:
    done = command(history, "--", revisions)
    assert (done.code, done.out) == (64, "")
    assert "cannot name a revision" in done.err


def test_a_revision_that_is_missing_is_exit_code_1(history: History) -> None:
    done = command(history, "nope..HEAD")
    assert (done.code, done.out) == (1, "")
    assert (
        'error: A revision was not found\n  "nope" names no commit of this clone. Nothing was compared.\n' in done.err
    )


def test_a_path_in_the_place_of_a_revision_is_told(history: History) -> None:
    assert "hint: to choose a path, write: HEAD manifests" in command(history, "manifests").err


def test_a_newer_side_with_errors_is_exit_code_1_and_shows_them(history: History) -> None:
    history.edit("match_on:", "macth_on:")
    done = command(history)
    assert (done.code, done.out) == (1, "")
    assert "The newer side has errors" in done.err
    assert 'did you mean "match_on"?' in done.err


def test_an_older_side_with_errors_is_a_warning(history: History) -> None:
    history.edit("match_on:", "macth_on:")
    history.commit()
    history.git("tag", "broken")
    history.edit("macth_on:", "match_on:")
    done = command(history, "broken")
    assert (done.code, done.out.endswith("Declared: 2 added.\n")) == (0, True)
    assert "warning: The older side has errors, so that all records are shown as added\n" in done.err


def test_the_environment_may_come_from_the_environment(tmp_path: Path) -> None:
    project = PROJECT + "  environments:\n    a: {}\n    b: {}\n"
    history = started(tmp_path / "repo", project=project)
    history.edit("Idaho", "Ginaz")
    assert "Environment a, b\n" in command(history).out
    assert "Environment b\n" in command(history, SYNCSPEC_ENV="b").out
    assert "Environment a\n" in command(history, "-e", "a", SYNCSPEC_ENV="b").out


def test_nothing_that_the_project_or_the_repository_holds_is_run(history: History) -> None:
    trap = history.top / "ran"
    hook = history.top / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{trap}'\n", encoding="utf-8")
    hook.chmod(0o755)
    (history.top / ".gitattributes").write_text("* filter=trap diff=trap\n", encoding="utf-8")
    for name in ("filter.trap.smudge", "filter.trap.clean", "diff.trap.textconv", "core.fsmonitor", "core.pager"):
        history.git("config", name, f"touch '{trap}'")
    assert command(history, "first..HEAD").code == 0
    assert not trap.exists()


def test_an_upstream_on_the_command_line_has_no_use(history: History) -> None:
    assert command(history, "--upstream", "embedded").code == 64


def test_ten_thousand_records_are_told_in_short(tmp_path: Path) -> None:
    head = CONTACTS.partition("    paul:")[0]
    lines = [f"    p{n}:\n      data:\n        LastName: old\n        Email: p{n}@x\n" for n in range(10_000)]
    history = started(tmp_path / "repo", contacts=head + "".join(lines))
    history.edit("LastName: old", "LastName: new")
    done = command(history, "HEAD")
    assert done.code == 0
    assert "… and 9,995 more changed (--full shows all); of all 10,000:\n" in done.out
    assert done.out.count("\n") < 60
