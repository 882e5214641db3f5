"""Wrong usage, help, output formats and what is loaded."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.command import CONTACTS, PROJECT, environ, run, write_project

import syncspec

COMMANDS = [
    "init",
    "validate",
    "fmt",
    "plan",
    "apply",
    "explain",
    "runs",
    "lock",
    "doctor",
    "serve",
    "schema",
    "completion",
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["pln"],
        ["--no-such-option"],
        ["plan", "--no-such-option"],
        ["plan", "--format", "xml"],
        ["plan", "--color", "blue"],
        ["plan", "--var", "novalue"],
        ["plan", "--lock-timeout", "-1"],
        ["plan", "--lock-timeout", "soon"],
        ["plan", "--upstream", "other"],
        ["plan", "--fail-on", "everything"],
        ["apply", "-y", "--allow", "nonsense"],
        ["explain"],
        ["explain", "not-an-address"],
        ["explain", "contacts.nobody"],
        ["lock"],
        ["lock", "pick"],
        ["runs", "20000101"],
        ["schema", "nothing"],
        ["completion", "tcsh"],
        ["serve", "--port", "70000"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_64_and_prints_nothing_on_stdout(project: Path, arguments: list[str]) -> None:
    done = run(*arguments, folder=project)
    assert (done.code, done.out) == (64, ""), done
    assert done.err


def test_an_unknown_command_gets_the_nearest_one(project: Path) -> None:
    assert run("pln", folder=project).err == (
        'error: Wrong usage\n  There is no command "pln"; did you mean "plan"?\n  hint: syncspec --help tells more\n'
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_help_with_an_example(tmp_path: Path, name: str) -> None:
    done = run(name, "--help", folder=tmp_path)
    assert (done.code, done.err) == (0, "")
    assert f"syncspec {name}" in done.out.partition("Options:")[2] + done.out.partition("Commands:")[2]


def test_the_help_lists_every_command_and_exit_code(tmp_path: Path) -> None:
    out = run("--help", folder=tmp_path).out
    listed = re.findall(r"^ {2,4}(\w+)  +", out, re.MULTILINE)
    assert [name for name in listed if name in COMMANDS] == COMMANDS
    assert {"0", "1", "2", "3", "4", "5", "6", "7", "64", "130"} <= set(listed)


def test_the_version_is_printed_by_all_of_its_spellings(tmp_path: Path) -> None:
    assert run("--version", folder=tmp_path).out == f"syncspec {syncspec.__version__}\n"
    assert run("-v", "--version", folder=tmp_path).out == f"syncspec {syncspec.__version__}\n"


def imported(code: str, *, folder: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(' '.join(sys.modules), file=sys.stderr)"],
        cwd=folder,
        env=environ(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


def test_the_version_and_the_import_load_next_to_nothing(tmp_path: Path) -> None:
    heavy = {"click", "pydantic", "httpx", "anyio", "rich", "sqlite3", "yaml", "logging", "asyncio"}
    version = "import sys\nsys.argv = ['syncspec', '--version']\nfrom syncspec.cli import main\nmain()"
    assert heavy.isdisjoint(imported(version, folder=tmp_path))
    assert heavy.isdisjoint(imported("import syncspec", folder=tmp_path))


def test_validate_loads_nothing_that_reads_an_upstream(project: Path) -> None:
    code = "import sys\nsys.argv = ['syncspec', 'validate', '-q']\nfrom syncspec.cli import main\nmain()"
    assert {"httpx", "anyio", "rich", "sqlite3", "starlette", "jsonschema"}.isdisjoint(imported(code, folder=project))


def test_validate_counts_what_is_valid(project: Path) -> None:
    done = run("validate", folder=project)
    assert (done.code, done.out, done.err) == (0, "Valid: 2 records in 1 set.\n", "")


def test_validate_tells_all_errors_at_once_with_the_line_underlined(project: Path) -> None:
    text = CONTACTS.replace("match_on", "match_no").replace("LastName: Idaho", "LastName: 1.10")
    (project / "manifests" / "contacts.yaml").write_text(text)
    done = run("validate", folder=project)
    assert (done.code, done.out) == (1, "")
    assert "  manifests/contacts.yaml:9:3" in done.err
    assert "      9 |   match_no:\n        |   ^^^^^^^^\n" in done.err
    assert "manifests/contacts.yaml:18:" in done.err
    assert done.err.endswith("2 errors; nothing was sent.\n")


def test_validate_prints_one_json_document(project: Path) -> None:
    assert json.loads(run("validate", "--json", folder=project).out) == {"format_version": "1.0", "diagnostics": []}
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    done = run("--json", "validate", folder=project)
    assert done.code == 1
    (found,) = json.loads(done.out)["diagnostics"]
    assert list(found) == ["severity", "code", "summary", "detail", "hint", "address", "source"]
    assert found["source"] == {"file": "manifests/contacts.yaml", "line": 9, "column": 3}


def test_validate_annotates_lines_on_github(project: Path) -> None:
    (project / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    done = run("validate", "--format", "github", folder=project)
    assert done.code == 1
    assert done.out.startswith("::error file=manifests/contacts.yaml,line=9,col=3,endColumn=11,title=")
    assert done.out.count("\n") == 1
    above = run("validate", "crm", "--format", "github", folder=project.parent)
    assert above.out.startswith("::error file=crm/manifests/contacts.yaml,line=9,")


def test_variables_come_from_files_and_the_command_line(project: Path) -> None:
    text = CONTACTS.replace("paul@arrakis.org", "paul@${var.domain}")
    (project / "manifests" / "contacts.yaml").write_text(text)
    assert run("plan", folder=project).code == 1
    (project / "vars.yaml").write_text("domain: file.example\n")
    assert "paul@file.example" in run("plan", "--var-file", "vars.yaml", folder=project).out
    both = ["--var-file", "vars.yaml", "--var", "domain=a=b.example"]
    assert "paul@a=b.example" in run("plan", *both, folder=project).out
    assert "paul@a=b.example" in run(*both, "plan", folder=project).out
    assert run("plan", "--var-file", "missing.yaml", folder=project).code == 1


def test_the_environment_is_chosen_by_option_or_variable(project: Path) -> None:
    (project / "syncspec.yaml").write_text(PROJECT + "  environments:\n    sandbox: {}\n    live: {}\n")
    assert run("plan", folder=project).code == 64
    assert json.loads(run("plan", "--json", "-e", "sandbox", folder=project).out)["environment"] == "sandbox"
    chosen = run("plan", "--json", folder=project, env=environ(SYNCSPEC_ENV="live"))
    assert json.loads(chosen.out)["environment"] == "live"
    wrong = run("plan", "-e", "sandbx", folder=project)
    assert (wrong.code, "sandbox" in wrong.err) == (64, True)


def test_the_state_folder_can_be_elsewhere(project: Path, tmp_path: Path) -> None:
    env = environ(SYNCSPEC_STATE_DIR=str(tmp_path / "state"))
    assert run("apply", "-y", folder=project, env=env).code == 0
    assert not (project / ".syncspec").exists()
    assert (tmp_path / "state" / "journal.sqlite3").exists()


def test_quiet_leaves_only_the_result(project: Path) -> None:
    done = run("apply", "-y", "-q", folder=project)
    assert (done.code, done.err) == (0, "")


def test_a_fault_of_ours_is_told_in_two_lines_and_with_a_traceback_on_request(project: Path) -> None:
    def failed(*arguments: str) -> subprocess.CompletedProcess[str]:
        return _broken("syncspec.project.validation", "_validated", project, *arguments)

    short = failed()
    assert short.returncode == 1
    assert short.stderr.startswith("error: syncspec failed unexpectedly\n  ZeroDivisionError: boom\n  hint: ")
    assert "Traceback" not in short.stderr
    assert "Traceback" in failed("-vv").stderr
    assert json.loads(failed("--json").stdout)["diagnostics"][0]["code"] == "internal"


def test_a_fault_in_reading_the_project_is_told_without_its_words_since_nobody_knows_what_they_quote(
    project: Path,
) -> None:
    failed = _broken("syncspec.manifests.loader", "load", project)
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: syncspec failed unexpectedly\n  ZeroDivisionError: ")
    assert "boom" not in failed.stderr
    assert "Traceback" not in failed.stderr


def _broken(module: str, name: str, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`validate` where a function of syncspec fails in a way that nobody expects."""
    code = (
        f"import sys, {module} as module\n"
        "def broken(*_, **__): raise ZeroDivisionError('boom')\n"
        f"module.{name} = broken\n"
        "sys.argv = ['syncspec', 'validate', *sys.argv[1:]]\n"
        "from syncspec.cli import main\n"
        "sys.exit(main())\n"
    )
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=project, env=environ(), capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("place", ["drafts", "drafts/more.yaml"])
@pytest.mark.parametrize("command", [["plan"], ["apply", "-y"], ["destroy", "--plan"]])
def test_a_manifest_that_no_folder_of_manifests_holds_is_not_passed_over(
    tmp_path: Path, command: list[str], place: str
) -> None:
    folder = write_project(tmp_path / "crm")
    (folder / "drafts").mkdir()
    (folder / "drafts" / "more.yaml").write_text(CONTACTS.replace("name: contacts", "name: more"), encoding="utf-8")
    alone = run(*command, place, folder=folder)
    assert (alone.code, alone.out) == (1, "")
    assert f"{place} is not, and does not hold, a manifest of the project" in alone.err
    beside = run(*command, "manifests", place, folder=folder)
    assert (beside.code, beside.out) == (64, "")
    assert f"No record set of this project stands in {place}. Nothing was planned." in beside.err
    assert all("spec.manifests" in done.err for done in (alone, beside))
