"""The action and the workflows to copy: they fit the forges' schemas, linters find nothing, and values are no code."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.runner import OURS, ROOT

PIPELINES = ROOT / "examples" / "pipelines"
GITHUB = sorted((PIPELINES / "github").glob("*.yml"))
GITLAB = PIPELINES / "gitlab" / ".gitlab-ci.yml"
ACTION = ROOT / "action.yml"
TOOLS = Path(sys.executable).parent


def read(file: Path) -> Any:
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def scripts() -> Iterator[tuple[str, str]]:
    """Every piece of shell, with its place."""
    action = read(ACTION)
    holders = {"action.yml": {"action": {"steps": action["runs"]["steps"]}}} | {
        file.name: read(file)["jobs"] for file in GITHUB
    }
    for file, jobs in holders.items():
        for name, job in jobs.items():
            for number, step in enumerate(job["steps"]):
                if "run" in step:
                    yield f"{file}: {name}: {number}", step["run"]
    gitlab = read(GITLAB)
    before = "\n".join(gitlab["default"]["before_script"])
    for name, job in gitlab.items():
        if isinstance(job, dict) and "script" in job:
            yield f"{GITLAB.name}: {name}", "\n".join([before, *job["script"]])


def steps() -> Iterator[dict[str, Any]]:
    for file in GITHUB:
        for job in read(file)["jobs"].values():
            yield from job["steps"]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", GITHUB),
        ("vendor.github-actions", [ACTION]),
        ("vendor.gitlab-ci", [GITLAB]),
    ],
    ids=["workflows", "action", "gitlab"],
)
def test_files_fit_the_schemas_of_their_forge(schema: str, files: list[Path], tmp_path: Path) -> None:
    command = [str(TOOLS / "check-jsonschema"), "--builtin-schema", schema]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # The check has teeth: a word that no schema knows is found.
    broken = tmp_path / files[0].name
    broken.write_text(
        files[0]
        .read_text(encoding="utf-8")
        .replace("runs-on:", "runs-at:")
        .replace("using:", "used:")
        .replace("interruptible: false", "interruptible: [no]"),
        encoding="utf-8",
    )
    assert subprocess.run([*command, str(broken)], capture_output=True, check=False).returncode == 1


def linted(folder: Path) -> subprocess.CompletedProcess[str]:
    """What the linter says of a repository that holds the workflows and the action; it finds shellcheck on its PATH."""
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    workflows = folder / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for file in GITHUB:
        shutil.copy(file, workflows)
    shutil.copy(ACTION, folder)
    # Ours stands for the place where a reader keeps syncspec; and the jobs that read and write the state's ref need the
    # credentials that checkout leaves.
    allowed = [f'"{OURS}@.*unpinned-uses', "artipacked", f'"{OURS}@[^"]*" must be pinned']
    ignored = [part for pattern in allowed for part in ("--ignore", pattern)]
    return subprocess.run(
        [str(TOOLS / "jactionlint"), "--no-color", "--strict-exit", *ignored],
        cwd=folder,
        env={**os.environ, "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_linters_find_nothing_in_workflows_and_action(tmp_path: Path) -> None:
    done = linted(tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("place", "script"), list(scripts()), ids=[place for place, _ in scripts()])
def test_shellcheck_finds_nothing(place: str, script: str) -> None:
    command = [str(TOOLS / "shellcheck"), "--shell=bash", "--severity=style", "-"]
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("place", "script"), list(scripts()), ids=[place for place, _ in scripts()])
def test_values_reach_the_shell_through_the_environment_only(place: str, script: str) -> None:
    assert "${{" not in script
    assert "eval" not in script.split()


def test_other_peoples_actions_are_pinned_by_commit() -> None:
    used = {step["uses"] for step in steps() if "uses" in step}
    others = {name for name in used if not name.startswith(OURS)}
    assert others
    assert [name for name in others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", name)] == []


@pytest.mark.parametrize("file", GITHUB, ids=lambda file: file.stem)
def test_nothing_is_allowed_that_is_not_asked_for(file: Path) -> None:
    workflow = read(file)
    assert workflow["permissions"] == {}
    assert all("permissions" in job for job in workflow["jobs"].values())
    assert "pull_request_target" not in file.read_text(encoding="utf-8")


def test_applies_wait_for_each_other_and_are_not_cut_off() -> None:
    for file in GITHUB:
        if file.stem.startswith("apply"):
            assert read(file)["concurrency"] == {"group": "syncspec-apply", "cancel-in-progress": False}
    gitlab = read(GITLAB)
    for name in ("plan-merged", "apply", "apply-after-review"):
        assert (gitlab[name]["resource_group"], gitlab[name]["interruptible"]) == ("syncspec", False)


def test_every_input_and_output_of_the_action_that_is_used_is_there() -> None:
    action = read(ACTION)
    for step in steps():
        if step.get("uses", "").startswith(OURS):
            assert set(step.get("with", {})) <= set(action["inputs"])
    text = "".join(file.read_text(encoding="utf-8") for file in GITHUB)
    assert set(re.findall(r"steps\.(?:plan|apply)\.outputs\.([\w-]+)", text)) <= set(action["outputs"])


def test_the_version_to_install_is_one_argument_of_pip(tmp_path: Path) -> None:
    """What the input holds is no option and no command."""
    stub = tmp_path / "python3"
    stub.write_text(
        '#!/bin/sh\nif [ "$2" = venv ]; then mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; exit; fi\n'
        'for each; do printf "%s\\n" "$each"; done > "$RUNNER_TEMP/arguments"\n'
    )
    stub.chmod(0o755)
    install = next(step for step in read(ACTION)["runs"]["steps"] if step["name"] == "Install syncspec")
    for version, expected in (("syncspec==0.1; touch pwned", "syncspec==0.1; touch pwned"), ("", "/action")):
        temp = tmp_path / f"temp{len(version)}"
        temp.mkdir()
        environ = {
            "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
            "RUNNER_TEMP": str(temp),
            "VERSION": version,
            "GITHUB_ACTION_PATH": "/action",
            "GITHUB_PATH": str(temp / "path"),
        }
        command = ["bash", "-euo", "pipefail", "-c", install["run"]]
        subprocess.run(command, cwd=tmp_path, env=environ, check=True)
        assert (temp / "arguments").read_text().splitlines()[-2:] == ["--", expected]
        assert (temp / "path").read_text() == f"{temp}/syncspec-tools/bin\n"
    assert not (tmp_path / "pwned").exists()
