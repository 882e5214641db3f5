"""The hooks of `.pre-commit-hooks.yaml`, run by pre-commit itself; only their installation is left out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.command import write_project
from support.forge import git
from support.runner import ROOT

HOOKS = ROOT / ".pre-commit-hooks.yaml"
TOOLS = Path(sys.executable).parent


def pre_commit(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "SYNCSPEC_"))},
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "PRE_COMMIT_HOME": str(folder.parent / "pre-commit"),
        "PRE_COMMIT_COLOR": "never",
    }
    command = [str(TOOLS / "pre-commit"), *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a project, and all hooks set up as they are declared, but for the installed package."""
    folder = write_project(tmp_path / "crm")
    hooks = [{**hook, "language": "system"} for hook in yaml.safe_load(HOOKS.read_text(encoding="utf-8"))]
    (folder / ".pre-commit-config.yaml").write_text(json.dumps({"repos": [{"repo": "local", "hooks": hooks}]}))
    git("init", "--quiet", ".", cwd=folder)
    git("add", ".", cwd=folder)
    return folder


def test_the_manifest_of_hooks_is_one(tmp_path: Path) -> None:
    done = pre_commit("validate-manifest", str(HOOKS), folder=tmp_path)
    assert done.returncode == 0, done.stdout


def test_all_hooks_pass_where_manifests_are_in_order(repository: Path) -> None:
    done = pre_commit("run", "--all-files", folder=repository)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("Passed") == len(yaml.safe_load(HOOKS.read_text(encoding="utf-8")))


def test_a_manifest_that_is_not_in_its_form_is_formatted_and_stops_the_commit(repository: Path) -> None:
    manifest = repository / "manifests" / "contacts.yaml"
    before = manifest.read_text()
    manifest.write_text(before.replace("    - Email", "  - Email"))
    git("add", ".", cwd=repository)
    done = pre_commit("run", "syncspec-fmt", folder=repository)
    assert done.returncode == 1, done.stdout
    assert "files were modified by this hook" in done.stdout
    assert manifest.read_text() == before


def test_a_bad_manifest_stops_the_commit_with_its_place(repository: Path) -> None:
    manifest = repository / "manifests" / "contacts.yaml"
    manifest.write_text(manifest.read_text().replace("match_on", "match_onn"))
    git("add", ".", cwd=repository)
    done = pre_commit("run", "syncspec-validate", folder=repository)
    assert done.returncode == 1, done.stdout
    assert "manifests/contacts.yaml:9:3" in done.stdout
