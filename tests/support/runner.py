"""A runner of GitHub workflows on this machine: jobs in fresh folders, the shell of their steps run as it stands.

Of other people's actions it knows checkout, upload-artifact and download-artifact; ours is read from `action.yml`.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.expressions import evaluate, fill, holds

ROOT = Path(__file__).parents[2]
OURS = "your-organisation/syncspec"
SHELL = ["bash", "--noprofile", "--norc", "-euo", "pipefail"]

Meanwhile = Callable[[str, Mapping[str, str], "subprocess.Popen[str]"], None]


class VanishedError(Exception):
    """The machine is gone, in the middle of a step."""


class CancelledError(Exception):
    """Somebody cancelled the job, and the step has ended."""


@dataclass
class Job:
    """What became of one job."""

    name: str
    result: str = "success"
    outputs: dict[str, str] = field(default_factory=dict)
    environment: str = ""
    log: str = ""
    summary: str = ""
    steps: dict[str, dict[str, Any]] = field(default_factory=dict)
    workspace: Path = Path()


@dataclass
class Runner:
    """Runs workflows for one repository, `remote`. `state` is the folder that the stand-in for `gh` works on.

    `meanwhile` is called with each step's name and environment while its shell runs, and may signal it, or raise
    VanishedError or CancelledError. What a run uploads stays in `artifacts` for its other jobs.
    """

    root: Path
    remote: Path
    tools: Path
    state: Path
    secrets: Mapping[str, str]
    meanwhile: Meanwhile | None = None
    jobs: int = 0

    @property
    def artifacts(self) -> Path:
        return self.root / "artifacts"

    def run(self, workflow: Path, github: Mapping[str, Any], *, only: Sequence[str] = ()) -> dict[str, Job]:
        """Run a workflow's jobs, or `only` some as “Re-run failed jobs” does, each after those that it needs."""
        whole = yaml.safe_load(workflow.read_text(encoding="utf-8"))
        done: dict[str, Job] = {name: Job(name) for name in self._kept if only and name not in only}
        for name in done:
            done[name] = self._kept[name]
        for name, job in whole["jobs"].items():
            if name not in done:
                done[name] = self._job(name, job, github, done)
        self._kept = done
        return done

    _kept: dict[str, Job] = field(default_factory=dict)

    def _job(self, name: str, job: Mapping[str, Any], github: Mapping[str, Any], done: Mapping[str, Job]) -> Job:
        needed = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        needs = {each: {"outputs": done[each].outputs, "result": done[each].result} for each in needed}
        made = Job(name)
        token = " ".join(f"{what}={how}" for what, how in self._permissions(job, github).items())
        self.jobs += 1
        folder = self.root / f"job-{self.jobs}"
        scope: dict[str, Any] = {
            "github": {**github, "token": token},
            "needs": needs,
            "secrets": {} if github.get("fork") else dict(self.secrets),
            "runner": {"temp": str(folder / "temp")},
            "steps": made.steps,
            "success": lambda: all(each["result"] == "success" for each in needs.values()),
        }
        if not holds(job.get("if"), _with_status(scope)):
            made.result = "skipped"
            return made
        made.environment = fill(job.get("environment", ""), scope)
        made.workspace = folder / "workspace"
        for each in (made.workspace, folder / "temp", folder / "files"):
            each.mkdir(parents=True)
        self._install(folder / "temp")
        _Steps(self, made, folder, scope, token).run(job["steps"])
        made.outputs = {key: fill(value, scope) for key, value in job.get("outputs", {}).items()}
        return made

    def _permissions(self, job: Mapping[str, Any], github: Mapping[str, Any]) -> dict[str, str]:
        granted = dict(job.get("permissions", {}))
        return dict.fromkeys(granted, "read") if github.get("fork") else granted

    def _install(self, temp: Path) -> None:
        """Put the tools where the action's first step would install them."""
        tools = temp / "syncspec-tools" / "bin"
        tools.mkdir(parents=True)
        for tool in self.tools.iterdir():
            (tools / tool.name).symlink_to(tool)


class _Steps:
    """The steps of one job, or of an action in it, one after the other."""

    def __init__(self, runner: Runner, job: Job, folder: Path, scope: dict[str, Any], token: str) -> None:
        self._runner = runner
        self._job = job
        self._folder = folder
        self._scope = scope
        self._token = token
        self._failed = False
        self._cancelled = False

    def run(self, steps: Sequence[Mapping[str, Any]], environ: Mapping[str, str] | None = None) -> bool:
        """Run all that are due; says whether none failed."""
        scope = self._scope
        scope["success"] = lambda: not self._failed and not self._cancelled
        for step in steps:
            if not holds(step.get("if"), _with_status(scope, failed=self._failed, cancelled=self._cancelled)):
                continue
            try:
                fine = self._step(step, dict(environ or {}))
            except CancelledError:
                self._cancelled, fine, self._job.result = True, True, "cancelled"
            if not fine:
                self._failed = True
                self._job.result = "failure" if self._job.result == "success" else self._job.result
        return not self._failed

    def _step(self, step: Mapping[str, Any], environ: dict[str, str]) -> bool:
        environ |= {key: fill(value, self._scope) for key, value in step.get("env", {}).items()}
        name = step.get("name", step.get("uses", step.get("id", "")))
        outputs: dict[str, str] = {}
        if "id" in step:
            self._scope["steps"][step["id"]] = {"outputs": outputs}
        if "run" in step:
            place = self._job.workspace / fill(step.get("working-directory", "."), self._scope)
            assert "${{" not in step["run"], f"{name}: an expression in the shell lets values become commands"
            return self._shell(name, step["run"], place, environ, outputs)
        inputs = {key: fill(value, self._scope) for key, value in step.get("with", {}).items()}
        action = step["uses"].partition("@")[0]
        if action == OURS:
            return self._action(inputs, environ, outputs)
        {
            "actions/checkout": self._checkout,
            "actions/upload-artifact": self._upload,
            "actions/download-artifact": self._download,
        }[action](inputs)
        return True

    def _shell(self, name: str, script: str, place: Path, environ: Mapping[str, str], outputs: dict[str, str]) -> bool:
        files = self._folder / "files"
        commands = {key: files / key for key in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_PATH")}
        for key, path in commands.items():
            if key != "GITHUB_PATH":
                path.write_text("")
        (files / "script.sh").write_text(script, encoding="utf-8")
        github = self._scope["github"]
        added = commands["GITHUB_PATH"].read_text().split() if commands["GITHUB_PATH"].exists() else []
        whole = {
            **_clean_environ(),
            "PATH": os.pathsep.join([*reversed(added), str(self._runner.tools), os.environ["PATH"]]),
            "HOME": str(self._runner.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": github["repository"],
            "GITHUB_SHA": github["sha"],
            "GITHUB_REF_NAME": github.get("ref_name", ""),
            "GITHUB_RUN_ID": github["run_id"],
            "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_WORKSPACE": str(self._job.workspace),
            "GITHUB_ACTION_PATH": str(ROOT),
            "RUNNER_TEMP": self._scope["runner"]["temp"],
            "RUNNER_TOKEN": self._token,
            "GITHUB_STATE": str(self._runner.state),
            **{key: str(path) for key, path in commands.items()},
            **environ,
        }
        log = files / "log"
        with log.open("w") as stream:
            process = subprocess.Popen(
                [*SHELL, str(files / "script.sh")],
                cwd=place,
                env=whole,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
            try:
                if self._runner.meanwhile is not None:
                    self._runner.meanwhile(name, environ, process)
                process.wait(300)
            except BaseException:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait(10)
                raise
            finally:
                self._job.log += log.read_text()
                self._job.summary += commands["GITHUB_STEP_SUMMARY"].read_text()
                outputs |= _outputs(commands["GITHUB_OUTPUT"])
        return process.returncode == 0

    def _action(self, inputs: dict[str, str], environ: Mapping[str, str], outputs: dict[str, str]) -> bool:
        action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
        unknown = set(inputs) - set(action["inputs"])
        assert not unknown, f"action.yml has no input {unknown}"
        given = {name: fill(about.get("default", ""), self._scope) for name, about in action["inputs"].items()}
        scope = {**self._scope, "inputs": {**given, **inputs}, "steps": {}}
        inner = _Steps(self._runner, self._job, self._folder, scope, self._token)
        try:
            return inner.run(action["runs"]["steps"], environ)
        finally:
            outputs |= {name: fill(about["value"], scope) for name, about in action["outputs"].items()}
            self._cancelled = self._cancelled or inner._cancelled

    def _checkout(self, inputs: Mapping[str, str]) -> None:
        ref = self._scope["github"]["ref"]
        depth = [] if inputs.get("fetch-depth") == "0" else ["--depth=1"]
        commands = [
            ["init", "--quiet", "--initial-branch=checkout", "."],
            ["remote", "add", "origin", self._runner.remote.as_uri()],
            ["fetch", "--quiet", *depth, "origin", f"+{ref}:refs/remotes/origin/head"],
            ["checkout", "--quiet", "--detach", "refs/remotes/origin/head"],
        ]
        if not depth:
            commands.append(["fetch", "--quiet", "origin", "+refs/heads/*:refs/remotes/origin/*"])
        if ref.startswith("refs/heads/"):
            commands.append(["checkout", "--quiet", "-B", ref.removeprefix("refs/heads/")])
        for command in commands:
            subprocess.run(["git", *command], cwd=self._job.workspace, check=True, capture_output=True)

    def _upload(self, inputs: Mapping[str, str]) -> None:
        target = self._runner.artifacts / inputs["name"]
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        for line in filter(None, map(str.strip, inputs["path"].splitlines())):
            shutil.copy(line, target)

    def _download(self, inputs: Mapping[str, str]) -> None:
        shutil.copytree(self._runner.artifacts / inputs["name"], inputs["path"])


def _with_status(scope: Mapping[str, Any], *, failed: bool = False, cancelled: bool = False) -> dict[str, Any]:
    return {**scope, "always": lambda: True, "failure": lambda: failed, "cancelled": lambda: cancelled}


def _outputs(file: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in file.read_text().splitlines())
    return {name: value for name, _, value in pairs}


def _clean_environ() -> dict[str, str]:
    ours = ("SYNCSPEC_", "GITHUB_", "NO_COLOR", "GIT_", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def cancel(process: subprocess.Popen[str]) -> None:
    """Cancel as GitHub does: an interrupt to the shell alone, a termination after 7.5 seconds, the end 2.5 later."""
    process.send_signal(signal.SIGINT)
    for patience, number in ((7.5, signal.SIGTERM), (2.5, signal.SIGKILL)):
        try:
            process.wait(patience)
            break
        except subprocess.TimeoutExpired:
            process.send_signal(number)
    process.wait(10)
    raise CancelledError


def vanish(process: subprocess.Popen[str]) -> None:
    """Take the machine away: everything that the step started ends at once."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
    raise VanishedError


__all__ = ["CancelledError", "Job", "Runner", "VanishedError", "cancel", "evaluate", "vanish"]
