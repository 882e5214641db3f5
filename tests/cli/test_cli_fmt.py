"""`fmt` as a command, and as the hooks that this repository offers run it."""

from __future__ import annotations

import json
import os
import shlex
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import CONTACTS, PROJECT, environ, run, write_project

ROOT = Path(__file__).parents[2]
MESSY = CONTACTS.replace("        ", "            ") + "\n\n\n"
BROKEN = CONTACTS.replace("LastName: Idaho", "Zip: 02134")
SECRET = "078-05-1120"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm", contacts=MESSY)


def manifest(project: Path) -> Path:
    return project / "manifests" / "contacts.yaml"


def stamps(folder: Path) -> dict[Path, tuple[bytes, int, int]]:
    """Content, inode and time of change of every file: what must not move where nothing is changed."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns) for path in files}


def test_fmt_rewrites_what_needs_it_and_names_it(project: Path) -> None:
    before = (project / "syncspec.yaml").stat()
    done = run("fmt", folder=project)
    assert (done.code, done.out) == (0, "manifests/contacts.yaml\n")
    assert done.err == "1 file rewritten, 1 file unchanged.\n"
    assert manifest(project).read_text() == CONTACTS
    after = (project / "syncspec.yaml").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    again = run("fmt", folder=project)
    assert (again.code, again.out, again.err) == (0, "", "2 files unchanged.\n")


def test_fmt_takes_the_project_file_and_every_folder_that_it_lists(project: Path) -> None:
    (project / "more").mkdir()
    (project / "syncspec.yaml").write_text(PROJECT.replace("    - manifests", "  - manifests\n  - more"))
    (project / "more" / "x.yml").write_text("apiVersion: syncspec/v1\nkind: RecordSet\n\n\n")
    (project / "elsewhere.yaml").write_text("a:   1\n")
    done = run("fmt", folder=project / "manifests")
    assert done.code == 0
    names = {Path(name).name for name in done.out.splitlines()}
    assert names == {"syncspec.yaml", "contacts.yaml", "x.yml"}
    assert (project / "elsewhere.yaml").read_text() == "a:   1\n"


def test_check_names_and_changes_nothing(project: Path) -> None:
    before = stamps(project)
    done = run("fmt", "--check", folder=project)
    assert (done.code, done.out) == (1, "manifests/contacts.yaml\n")
    assert done.err == "1 file would be rewritten, 1 file unchanged.\n"
    assert stamps(project) == before
    assert run("fmt", folder=project).code == 0
    assert run("fmt", "--check", folder=project).code == 0


def test_diff_shows_and_changes_nothing(project: Path) -> None:
    before = stamps(project)
    done = run("fmt", "--diff", folder=project)
    assert done.code == 0
    assert done.out.startswith("--- manifests/contacts.yaml\n+++ manifests/contacts.yaml\n@@ ")
    assert "\n-            LastName: Atreides\n" in done.out
    assert "\n+        LastName: Atreides\n" in done.out
    assert run("fmt", "--diff", "--check", folder=project).code == 1
    assert stamps(project) == before
    subprocess.run(["git", "apply", "-p0", "-"], cwd=project, input=done.out.encode(), check=True)
    assert manifest(project).read_text() == CONTACTS


def test_a_diff_hides_what_the_project_calls_sensitive(project: Path) -> None:
    fields = "  collections:\n    salesforce:contact:\n      fields:\n        SSN__c:\n          sensitive: true\n"
    (project / "syncspec.yaml").write_text(PROJECT + fields)
    manifest(project).write_text(MESSY.replace("LastName: Idaho", f"SSN__c: {SECRET}"))
    done = run("fmt", "--diff", folder=project)
    assert "(sensitive)" in done.out
    assert SECRET not in done.out + done.err
    manifest(project).write_text(MESSY.replace("LastName: Idaho", f"SSN__c: 0{SECRET.replace('-', '')}"))
    refused = run("fmt", folder=project)
    assert refused.code == 1
    assert "078" not in refused.out + refused.err


def test_json_tells_what_became_of_each_file(project: Path) -> None:
    (project / "manifests" / "broken.yaml").write_text(BROKEN)
    document = json.loads(run("fmt", "--check", "--json", folder=project).out)
    outcomes = {each["file"]: each["outcome"] for each in document["files"]}
    assert outcomes == {
        "syncspec.yaml": "unchanged",
        "manifests/broken.yaml": "failed",
        "manifests/contacts.yaml": "unformatted",
    }
    assert document["summary"]["failed"] == 1
    (item,) = document["diagnostics"]
    assert (item["code"], item["source"]["file"]) == ("ambiguous-number", "manifests/broken.yaml")


def test_a_file_that_is_refused_stays_and_stops_no_other(project: Path) -> None:
    broken = project / "manifests" / "broken.yaml"
    broken.write_text(BROKEN)
    done = run("fmt", folder=project)
    assert (done.code, done.out) == (1, "manifests/contacts.yaml\n")
    assert "error: An unquoted value reads as a different number\n  manifests/broken.yaml:" in done.err
    assert 'quote it: "02134"' in done.err
    assert "1 file rewritten, 1 file left as it is for an error, 1 file unchanged." in done.err
    assert broken.read_text() == BROKEN


def test_paths_choose_files_and_folders(project: Path) -> None:
    other = project / "other"
    other.mkdir()
    for name in ("a.yaml", "b.yml", ".hidden.yaml", "c.txt"):
        (other / name).write_text(MESSY)
    (other / "compose.yaml").write_text("services:   {}\n")
    done = run("fmt", "--check", "other", "manifests/contacts.yaml", "other/a.yaml", folder=project)
    assert done.code == 1
    assert done.out.splitlines() == ["other/a.yaml", "other/b.yml", "manifests/contacts.yaml"]
    assert done.err == "3 files would be rewritten, 1 file without a document of syncspec's.\n"
    assert run("fmt", "other/c.txt", folder=project).out == "other/c.txt\n"


def test_paths_need_no_project(tmp_path: Path) -> None:
    (tmp_path / "m.yaml").write_text(MESSY)
    assert run("fmt", "m.yaml", folder=tmp_path).code == 0
    assert (tmp_path / "m.yaml").read_text() == CONTACTS
    without = run("fmt", folder=tmp_path)
    assert (without.code, without.out) == (1, "")
    assert without.err.startswith("error: No project file\n")
    assert "name files or folders" in without.err


def test_a_path_that_does_not_exist_is_wrong_usage_and_nothing_is_changed(project: Path) -> None:
    done = run("fmt", "manifests", "nothing", folder=project)
    assert (done.code, done.out) == (64, "")
    assert manifest(project).read_text() == MESSY


def test_stdin_goes_to_stdout(project: Path) -> None:
    for text in (MESSY, CONTACTS, "b: 1\na:   2\n", ""):
        done = run("fmt", "-", folder=project, stdin=text)
        assert (done.code, done.err) == (0, "")
        assert run("fmt", "-", folder=project, stdin=done.out).out == done.out
    assert run("fmt", "-", folder=project, stdin=MESSY).out == CONTACTS
    assert run("fmt", "-", "--check", folder=project, stdin=CONTACTS).code == 0
    unformatted = run("fmt", "-", "--check", folder=project, stdin=MESSY)
    assert (unformatted.code, unformatted.out) == (1, "<stdin>\n")
    assert run("fmt", "-", "--diff", folder=project, stdin=MESSY).out.startswith("--- <stdin>\n+++ <stdin>\n@@ ")
    assert manifest(project).read_text() == MESSY


def test_stdin_that_is_refused_gives_no_output(project: Path) -> None:
    done = run("fmt", "-", folder=project, stdin=BROKEN)
    assert (done.code, done.out) == (1, "")
    assert "<stdin>:" in done.err


@pytest.mark.parametrize("arguments", [["-", "manifests"], ["-", "--json"], ["--diff", "--json"], ["-", "-"]])
def test_what_does_not_go_together_is_wrong_usage(project: Path, arguments: list[str]) -> None:
    done = run("fmt", *arguments, folder=project)
    assert done.code == 64
    assert manifest(project).read_text() == MESSY


def test_mode_and_links_within_the_project_stay(project: Path) -> None:
    real = project / "real.txt"
    manifest(project).rename(real)
    manifest(project).symlink_to("../real.txt")
    real.chmod(0o640)
    assert run("fmt", folder=project).out == "manifests/contacts.yaml\n"
    assert manifest(project).is_symlink()
    assert real.read_text() == CONTACTS
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    assert sorted(path.name for path in project.iterdir()) == ["manifests", "real.txt", "syncspec.yaml"]


@pytest.mark.parametrize("paths", [[], ["manifests"], ["manifests/contacts.yaml"]], ids=" ".join)
def test_no_link_is_followed_out_of_the_project(project: Path, tmp_path: Path, paths: list[str]) -> None:
    outside = tmp_path / "outside.yaml"
    manifest(project).rename(outside)
    manifest(project).symlink_to(outside)
    done = run("fmt", *paths, folder=project)
    assert done.code == 1
    assert "leads out of the project" in done.err
    assert outside.read_text() == MESSY
    assert manifest(project).is_symlink()


def test_a_project_file_with_errors_is_told_and_what_can_be_formatted_is(project: Path) -> None:
    (project / "syncspec.yaml").write_text(PROJECT + "  manifests: [x\n")
    done = run("fmt", folder=project)
    assert (done.code, done.out) == (1, "")
    assert "The manifests cannot be found" in done.err
    (project / "syncspec.yaml").write_text(PROJECT.replace("    - manifests", "    - manifests\n    - nowhere"))
    done = run("fmt", folder=project)
    assert (done.code, done.out) == (1, "manifests/contacts.yaml\n")
    assert '"nowhere": nothing is there.' in done.err


def test_an_environment_need_not_be_chosen(project: Path) -> None:
    (project / "syncspec.yaml").write_text(PROJECT + "  environments:\n    live: {}\n    sandbox: {}\n")
    assert run("fmt", folder=project).code == 0


def test_thousands_of_records_are_formatted_as_one_is(tmp_path: Path) -> None:
    records = "".join(
        f"     p{number}:\n       data:\n           Email: p{number}@x.org # {number}\n           Name: N\n"
        for number in range(5_000)
    )
    head = CONTACTS.partition("    paul")[0]
    project = write_project(tmp_path / "crm", contacts=head + records)
    assert run("fmt", folder=project).code == 0
    lines = manifest(project).read_text().splitlines()
    assert lines[-1] == "        Name: N"
    assert lines[-2] == "        Email: p4999@x.org # 4999"
    assert run("validate", folder=project).code == 0


def hooks() -> dict[str, dict[str, Any]]:
    listed = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    return {hook["id"]: hook for hook in listed}


def run_hook(name: str, folder: Path, *files: str) -> subprocess.CompletedProcess[str]:
    """Run a hook's entry on files as pre-commit does: in the repository's folder, from the environment's commands."""
    hook = hooks()[name]
    passed = files if hook.get("pass_filenames", True) else ()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [*shlex.split(hook["entry"]), *hook.get("args", []), *passed],
        cwd=folder,
        env=environ(PATH=path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_hooks_say_what_they_run_and_on_what() -> None:
    assert {name: hook["language"] for name, hook in hooks().items()} == {
        "syncspec-fmt": "python",
        "syncspec-validate": "python",
    }
    for hook in hooks().values():
        assert {"id", "name", "entry", "language"} <= set(hook)
        assert "yaml" in hook.get("types", hook.get("types_or"))


def test_the_fmt_hook_rewrites_manifests_and_leaves_other_yaml_alone(project: Path) -> None:
    (project / ".workflow.yaml").write_text("on:   push\n")
    (project / "helm.yaml").write_text("a: {{ .Values.a }}\n")
    files = ("manifests/contacts.yaml", "syncspec.yaml", ".workflow.yaml", "helm.yaml")
    done = run_hook("syncspec-fmt", project, *files)
    assert (done.returncode, done.stdout) == (0, "manifests/contacts.yaml\n")
    assert manifest(project).read_text() == CONTACTS
    assert (project / ".workflow.yaml").read_text() == "on:   push\n"
    again = run_hook("syncspec-fmt", project, *files)
    assert (again.returncode, again.stdout) == (0, "")


def test_the_validate_hook_checks_the_project_whatever_was_staged(project: Path) -> None:
    assert run_hook("syncspec-validate", project, "manifests/contacts.yaml", "README.md").returncode == 0
    manifest(project).write_text(BROKEN)
    done = run_hook("syncspec-validate", project, "syncspec.yaml")
    assert done.returncode == 1
    assert "manifests/contacts.yaml:" in done.stderr
