"""A repository on a stand-in for GitHub, with pull requests, an upstream behind a socket, and runners for workflows."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.faulty_server import SYNC, TOKEN, Server
from support.runner import ROOT, Job, Meanwhile, Runner

WORKFLOWS = ROOT / "examples" / "pipelines" / "github"
WHO = ["-c", "user.name=Jessica", "-c", "user.email=jessica@arrakis.org"]
REPOSITORY = "arrakis/crm"
REQUIRE = "SYNCSPEC_REQUIRE_PIPELINES"

PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata:
  name: arrakis
spec:
  manifests:
    - manifests
  upstreams:
    crm:
      type: sequin
      base_url: URL
      token: ${env.SEQUIN_API_KEY}
      syncs:
        salesforce: SYNC
      concurrency: 1
      settle_seconds: SETTLE
      request_timeout_seconds: TIMEOUT
      wait_seconds: 5
"""

SHARED = "  state:\n    backend: git\n"

# A push needs a token that may write, and where main is protected nobody pushes to it but by a merge.
HOOK = """\
#!/bin/sh
case "$RUNNER_TOKEN" in *contents=write*|merge) ;; *) echo "this token may not write" >&2; exit 1 ;; esac
if [ -e protected ] && [ "$1" = refs/heads/main ] && [ "$RUNNER_TOKEN" != merge ]; then
  echo "main is protected" >&2
  exit 1
fi
"""


def require_tools() -> None:
    """Skip the test where the tools that the pipelines' shell uses are not there, or fail it where they must be."""
    lacking = [tool for tool in ("bash", "curl", "git", "jq") if shutil.which(tool) is None]
    if not lacking:
        return
    words = f"the pipelines are not run, for this machine lacks {' and '.join(lacking)}"
    if os.environ.get(REQUIRE):
        pytest.fail(f"{words}; {REQUIRE} asks for them")
    pytest.skip(words)


def git(*arguments: str, cwd: Path) -> str:
    environ = {**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(cwd), "RUNNER_TOKEN": "merge"}
    done = subprocess.run(["git", *WHO, *arguments], cwd=cwd, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def contacts(*names: str) -> str:
    """A set of contacts, one to a request."""
    head = (
        "apiVersion: syncspec/v1\nkind: RecordSet\nmetadata:\n  name: SET\nspec:\n"
        "  collection_id: salesforce:contact\n  match_on:\n    - Email\n  batch:\n    max_records: 1\n  records:\n"
    )
    records = "".join(
        f"    {name}:\n      data:\n        LastName: {name}\n        Email: {name}@arrakis.org\n" for name in names
    )
    return head + records


@dataclass
class Forge:
    """`remote` is the bare repository; `desk` is its author's clone; every job gets a folder of its own."""

    root: Path
    server: Server
    runs: int = 0
    pulls: list[dict[str, Any]] = field(default_factory=list)

    @property
    def remote(self) -> Path:
        return self.root / "remote.git"

    @property
    def desk(self) -> Path:
        return self.root / "desk"

    @property
    def state(self) -> Path:
        return self.root / "github"

    def make(self, *, shared: bool = True, settle: int = 1, timeout: int = 5) -> Forge:
        """Make the repository with an empty set, and the tools that jobs find on their PATH."""
        require_tools()
        for folder in (self.desk, self.state, self.root / "tools"):
            folder.mkdir()
        git("init", "--quiet", "--bare", "--initial-branch=main", str(self.remote), cwd=self.root)
        hook = self.remote / "hooks" / "update"
        hook.write_text(HOOK)
        hook.chmod(0o755)
        git("clone", "--quiet", str(self.remote), ".", cwd=self.desk)
        text = PROJECT.replace("URL", self.server.url).replace("SYNC", SYNC)
        text = text.replace("SETTLE", str(settle)).replace("TIMEOUT", str(timeout))
        (self.desk / "syncspec.yaml").write_text(text + (SHARED if shared else ""), encoding="utf-8")
        (self.desk / ".gitattributes").write_text("*.lock merge=union\n")
        (self.desk / ".gitignore").write_text(".syncspec/\n")
        self._commit("main", {})
        for name, command in (
            ("syncspec", f'exec "{sys.executable}" -m syncspec "$@"'),
            ("gh", f'exec "{sys.executable}" "{ROOT / "tests/support/gh.py"}" "$@"'),
        ):
            tool = self.root / "tools" / name
            tool.write_text(f"#!/bin/sh\n{command}\n")
            tool.chmod(0o755)
        return self

    def clone(self, name: str) -> Path:
        """A clone of a person's own."""
        git("clone", "--quiet", str(self.remote), str(self.root / name), cwd=self.root)
        return self.root / name

    def protect_main(self) -> None:
        (self.remote / "protected").touch()

    def _commit(self, branch: str, sets: dict[str, str]) -> str:
        (self.desk / "manifests").mkdir(exist_ok=True)
        (self.desk / "manifests" / ".keep").touch()
        for name, text in sets.items():
            (self.desk / "manifests" / f"{name}.yaml").write_text(text.replace("SET", name), encoding="utf-8")
        git("add", ".", cwd=self.desk)
        git("commit", "--quiet", "--allow-empty", "--message=work", cwd=self.desk)
        git("push", "--quiet", "--force", "origin", f"HEAD:refs/heads/{branch}", cwd=self.desk)
        return git("rev-parse", "HEAD", cwd=self.desk)

    def open_pull(self, branch: str, **sets: str) -> int:
        """Open a pull request from main as it is now, with these sets; gives its number."""
        git("fetch", "--quiet", "origin", cwd=self.desk)
        git("checkout", "--quiet", "-B", branch, "origin/main", cwd=self.desk)
        head = self._commit(branch, sets)
        number = len(self.pulls) + 1
        self.pulls.append({"number": number, "branch": branch, "head": {"sha": head}, "merge_commit_sha": None})
        return number

    def push_to_pull(self, number: int, **sets: str) -> None:
        """Add a commit to a pull request."""
        pull = self.pulls[number - 1]
        git("checkout", "--quiet", "-B", pull["branch"], f"origin/{pull['branch']}", cwd=self.desk)
        pull["head"]["sha"] = self._commit(pull["branch"], sets)

    def _merged(self, number: int) -> str:
        """The commit that merging a pull request now gives."""
        pull = self.pulls[number - 1]
        git("fetch", "--quiet", "origin", cwd=self.desk)
        git("checkout", "--quiet", "--detach", "origin/main", cwd=self.desk)
        git("merge", "--quiet", "--no-ff", "--message=merge", pull["head"]["sha"], cwd=self.desk)
        return git("rev-parse", "HEAD", cwd=self.desk)

    def merge(self, number: int) -> None:
        """Merge a pull request into main."""
        commit = self._merged(number)
        git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=self.desk)
        self.pulls[number - 1]["merge_commit_sha"] = commit
        (self.state / "pulls.json").write_text(json.dumps(self.pulls))

    def plan_pull(self, number: int, *, fork: bool = False) -> dict[str, Job]:
        """Run plan.yml as a pull request does: in what merging it now would give."""
        self._merged(number)
        ref = f"refs/pull/{number}/merge"
        git("push", "--quiet", "--force", "origin", f"HEAD:{ref}", cwd=self.desk)
        pull = self.pulls[number - 1]
        event = {
            "number": number,
            "head": {"sha": pull["head"]["sha"], "repo": {"full_name": "harkonnen/crm" if fork else REPOSITORY}},
            "base": {"sha": git("rev-parse", "origin/main", cwd=self.desk)},
        }
        sha = git("rev-parse", "HEAD", cwd=self.desk)
        return self.runner().run(
            WORKFLOWS / "plan.yml",
            {**self._github(ref, sha), "event": {"pull_request": event}, "fork": fork},
        )

    def apply_main(
        self, workflow: str = "apply.yml", *, meanwhile: Meanwhile | None = None, runner: Runner | None = None
    ) -> dict[str, Job]:
        """Run the workflow of a push to main, for what main is now."""
        runner = runner or self.runner()
        runner.meanwhile = meanwhile
        return runner.run(WORKFLOWS / workflow, self.main_event())

    def main_event(self) -> dict[str, Any]:
        git("fetch", "--quiet", "origin", cwd=self.desk)
        return {**self._github("refs/heads/main", git("rev-parse", "origin/main", cwd=self.desk)), "event": {}}

    def runner(self) -> Runner:
        """A runner for one run of a workflow."""
        self.runs += 1
        folder = self.root / f"run-{self.runs}"
        folder.mkdir()
        return Runner(folder, self.remote, self.root / "tools", self.state, {"SEQUIN_API_KEY": TOKEN})

    def _github(self, ref: str, sha: str) -> dict[str, Any]:
        return {
            "repository": REPOSITORY,
            "ref": ref,
            "ref_name": ref.rpartition("/")[2],
            "sha": sha,
            "run_id": str(1000 + self.runs),
            "run_attempt": "1",
        }

    def said(self, name: str) -> Any:
        """What `gh` was told: comments, statuses, calls or opened pull requests."""
        file = self.state / f"{name}.json"
        return json.loads(file.read_text()) if file.exists() else []

    def emails(self) -> list[str]:
        """The e-mail addresses of all records upstream, sorted: twice where there are two records."""
        return sorted(row["record"]["Email"] if "record" in row else row["data"]["Email"] for row in self.server.rows())

    def locked(self) -> dict[str, str]:
        """Address to ID, as main's lockfile or the shared state has it."""
        shared = subprocess.run(
            ["git", "show", "refs/syncspec/arrakis/_:lockfile"], cwd=self.remote, capture_output=True, text=True
        )
        text = shared.stdout if shared.returncode == 0 else git("show", "main:syncspec.lock", cwd=self.remote)
        lines = [json.loads(line) for line in text.splitlines()[1:]]
        return {line["address"]: line.get("upstream_id", "") for line in lines}
