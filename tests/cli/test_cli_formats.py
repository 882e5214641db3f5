"""The formats for reviewers, as a pipeline gets them from the installed command."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support.command import COMMAND, CONTACTS, environ, run, write_project
from support.pages import read_html, read_markdown

FORMATS = ["text", "json", "markdown", "html", "github"]
HOSTILE = CONTACTS.replace("Atreides", '"</script><b>@everyone \\e[2J ::error::x 😀 | `"')


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


def test_a_plan_is_printed_in_every_format_and_twice_the_same(project: Path) -> None:
    begins = {
        "text": "contacts (salesforce:contact in crm)\n",
        "json": "{\n",
        "markdown": "<!-- syncspec:plan project=arrakis env= -->\n",
        "html": "<!doctype html>\n",
        "github": "::notice title=syncspec plan::Plan: 2 to create.\n",
    }
    for format in FORMATS:
        first = run("plan", "--format", format, folder=project)
        told = re.fullmatch(r"Digest [0-9a-f]{12}\.\n", first.err) if format == "text" else first.err == ""
        assert (first.code, bool(told)) == (0, True)
        assert first.out.startswith(begins[format])
        assert run("plan", "--format", format, folder=project).out == first.out


def test_a_report_is_printed_in_every_format_now_and_later(project: Path) -> None:
    now = run("apply", "-y", "--format", "markdown", folder=project)
    assert now.code == 0
    assert now.out.startswith("<!-- syncspec:report project=arrakis env= -->\n")
    assert read_markdown(now.out).tags.count("details") == 1
    listed = json.loads(run("runs", "--json", folder=project).out)
    name = listed["runs"][0]["run"]
    for format, words in {
        "markdown": "**Done: 2 created.**",
        "html": "Done: 2 created.",
        "github": "2 created",
    }.items():
        later = run("runs", name, "--format", format, folder=project)
        assert (later.code, later.err) == (0, "")
        assert words in later.out
    assert run("runs", name, "--format", "markdown", folder=project).out == now.out


def test_the_list_of_runs_is_text_or_json_only(project: Path) -> None:
    done = run("runs", "--format", "html", folder=project)
    assert (done.code, done.out) == (64, "")
    assert "--format html shows one run; name it." in done.err


def test_apply_prints_nothing_but_its_report_in_the_chosen_format(project: Path) -> None:
    done = run("apply", "-y", "--format", "html", folder=project)
    assert done.out.startswith("<!doctype html>\n")
    assert "2 created" in read_html(done.out).text


@pytest.mark.parametrize("format", FORMATS)
def test_the_bytes_do_not_depend_on_the_locale(project: Path, format: str) -> None:
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("Idaho", "Idahö 😀"), encoding="utf-8")
    outs = []
    for locale in ("C.UTF-8", "C"):
        done = subprocess.run(
            [*COMMAND, "plan", "--format", format],
            cwd=project,
            env=environ(LC_ALL=locale, PYTHONUTF8="0", PYTHONCOERCECLOCALE="0"),
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 0
        outs.append(done.stdout)
    assert format == "text" or outs[0] == outs[1]
    assert "Idah\\xf6" in outs[1].decode() if format == "text" else "Idahö 😀" in outs[1].decode()


@pytest.mark.parametrize("format", FORMATS)
def test_values_are_hidden_on_request(project: Path, format: str) -> None:
    plain = run("plan", "--format", format, folder=project)
    hidden = run("plan", "--format", format, "--redact", "values", folder=project)
    assert hidden.code == 0
    for value in ("paul@arrakis.org", "Atreides"):
        assert value in plain.out
        assert value not in hidden.out + hidden.err
    for name in ("contacts.paul", "LastName"):
        assert name in hidden.out


def test_values_are_hidden_in_the_plan_that_apply_shows(project: Path) -> None:
    done = run("apply", "-y", "--redact", "values", folder=project)
    assert done.code == 0
    assert "contacts.paul" in done.out
    assert "paul@arrakis.org" not in done.out + done.err


def test_values_are_hidden_in_errors_of_manifests(project: Path) -> None:
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("duncan@arrakis.org", "paul@arrakis.org"))
    assert "paul@arrakis.org" in run("plan", folder=project).err
    done = run("plan", "--redact", "values", folder=project)
    assert done.code == 1
    assert "paul@arrakis.org" not in done.out + done.err
    assert "manifests/contacts.yaml:" in done.err
    assert "Details are hidden" in done.err


def test_only_values_can_be_hidden(project: Path) -> None:
    assert run("plan", "--redact", "names", folder=project).code == 64


def test_errors_before_a_plan_are_annotated_too(project: Path) -> None:
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    done = run("plan", "crm", "--format", "github", folder=project.parent)
    assert done.code == 1
    assert done.out.startswith("::error file=crm/manifests/contacts.yaml,line=9,col=3,endColumn=11,title=")


def test_annotations_lead_from_the_repository_to_the_manifest(project: Path) -> None:
    env = environ(GITHUB_WORKSPACE=str(project.parent))
    done = run("plan", "--format", "github", folder=project, env=env)
    assert "::notice file=crm/manifests/contacts.yaml,line=" in done.out


def test_hostile_values_of_a_manifest_stay_text(project: Path) -> None:
    (project / "manifests" / "contacts.yaml").write_text(HOSTILE, encoding="utf-8")
    harmless = read_html(run("plan", "--format", "html", folder=project).out)
    assert "b" not in harmless.tags
    for format in FORMATS:
        done = run("plan", "--format", format, folder=project)
        assert done.code == 0
        assert "\x1b" not in done.out
        assert format == "github" or not any(line.lstrip().startswith("::") for line in done.out.splitlines())
