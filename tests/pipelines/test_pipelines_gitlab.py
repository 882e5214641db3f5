"""The GitLab pipeline: the shell of its jobs, run in fresh clones, against a stand-in for the API."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.faulty_server import TOKEN as UPSTREAM_TOKEN
from support.faulty_server import serving
from support.forge import Forge, contacts, git
from support.gitlab import TOKEN, US, GitLab, gitlab
from support.runner import ROOT

PIPELINE = yaml.safe_load((ROOT / "examples" / "pipelines" / "gitlab" / ".gitlab-ci.yml").read_text(encoding="utf-8"))


@dataclass
class Done:
    """One job that has run. `env` is what its dotenv report hands to the next one."""

    code: int
    log: str
    folder: Path
    env: dict[str, str]


@dataclass
class World:
    forge: Forge
    api: GitLab
    jobs: int = 0

    def job(self, name: str, ref: str, *, after: Done | None = None, **variables: str) -> Done:
        """Run a job's shell in a fresh clone, with the files that an earlier one handed on."""
        job = PIPELINE[name]
        self.jobs += 1
        folder = self.forge.root / f"job-{self.jobs}"
        git("clone", "--quiet", str(self.forge.remote), str(folder), cwd=self.forge.root)
        git("fetch", "--quiet", "origin", ref, cwd=folder)
        git("checkout", "--quiet", "--detach", "FETCH_HEAD", cwd=folder)
        for path in PIPELINE[name].get("needs", []) and PIPELINE["plan-merged"]["artifacts"]["paths"]:
            assert after is not None
            (folder / path).write_bytes((after.folder / path).read_bytes())
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SYNCSPEC_", "GIT_", "CI"))}
        environ = {
            **kept,
            "PATH": f"{self.forge.root / 'tools'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.forge.root),
            "GIT_CONFIG_NOSYSTEM": "1",
            "CI_API_V4_URL": self.api.url,
            "CI_PROJECT_ID": "42",
            "CI_COMMIT_SHA": git("rev-parse", "HEAD", cwd=folder),
            "SYNCSPEC_GITLAB_TOKEN": TOKEN,
            "SEQUIN_API_KEY": UPSTREAM_TOKEN,
            "RUNNER_TOKEN": "contents=write",
            **PIPELINE["variables"],
            **job.get("variables", {}),
            **(after.env if after is not None else {}),
            **variables,
        }
        script = "\n".join([*PIPELINE["default"]["before_script"], *job["script"]])
        command = ["bash", "-euo", "pipefail", "-c", script]
        ended = subprocess.run(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        report = folder / "plan.env"
        lines = report.read_text().splitlines() if report.exists() else []
        handed = dict(line.split("=", 1) for line in lines)
        return Done(code=ended.returncode, log=ended.stdout + ended.stderr, folder=folder, env=handed)

    def plan(self, number: int) -> Done:
        """The pipeline of a merge request."""
        pull = self.forge.pulls[number - 1]
        return self.job("plan", pull["branch"], CI_MERGE_REQUEST_IID=str(number))

    def merge(self, number: int) -> Done:
        """Merge, and plan what was merged."""
        self.forge.merge(number)
        pull = self.forge.pulls[number - 1]
        self.api.merge_requests.append(
            {
                "state": "merged",
                "sha": pull["head"]["sha"],
                "merge_commit_sha": pull["merge_commit_sha"],
                "squash_commit_sha": None,
            }
        )
        return self.job("plan-merged", "main")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with serving(tmp_path, {}) as server, gitlab() as api:
        (tmp_path / "forge").mkdir()
        forge = Forge(tmp_path / "forge", server).make()
        for tool in ("apt-get", "python3"):
            (forge.root / "tools" / tool).write_text("#!/bin/sh\n")
            (forge.root / "tools" / tool).chmod(0o755)
        yield World(forge, api)
        assert api.refused == 0


def test_what_was_reviewed_is_applied_after_the_merge(world: World) -> None:
    number = world.forge.open_pull("people", people=contacts("paul", "duncan"))
    planned = world.plan(number)
    assert planned.code == 0, planned.log
    (note,) = world.api.notes
    assert note["body"].startswith("<!-- syncspec:plan project=arrakis env= -->")
    assert "2 to create" in note["body"]
    assert TOKEN not in planned.log
    merged = world.merge(number)
    assert merged.env == {"DUE": "true", "AS_REVIEWED": "true"}, merged.log
    applied = world.job("apply", "main", after=merged)
    assert applied.code == 0, applied.log
    assert world.forge.emails() == ["duncan@arrakis.org", "paul@arrakis.org"]
    assert sorted(world.forge.locked()) == ["people.duncan", "people.paul"]
    # The same job again has nothing left to do.
    assert world.job("apply", "main", after=merged).code == 0
    assert len(world.forge.emails()) == 2


def test_a_second_plan_replaces_the_note_on_whatever_page_it_stands(world: World) -> None:
    marker = "<!-- syncspec:plan project=arrakis env= -->"
    for author, body in ((1, f"{marker}\nmine"), (US, "coverage"), (2, "fine"), (US, f"see {marker}")):
        world.api.notes.append(
            {"id": len(world.api.notes) + 1, "merge_request": "1", "author": {"id": author}, "body": body}
        )
    before = [dict(note) for note in world.api.notes]
    number = world.forge.open_pull("people", people=contacts("paul"))
    assert world.plan(number).code == 0
    world.forge.push_to_pull(number, people=contacts("paul", "duncan"))
    again = world.plan(number)
    assert again.code == 0, again.log
    assert world.api.notes[:4] == before
    assert len(world.api.notes) == 5
    assert "2 to create" in world.api.notes[4]["body"]


def test_another_plan_than_the_reviewed_one_waits_for_a_person(world: World) -> None:
    number = world.forge.open_pull("people", people=contacts("paul"))
    world.plan(number)
    world.forge.server.post(records=[{"data": {"LastName": "paul", "Email": "paul@arrakis.org"}}])
    merged = world.merge(number)
    assert merged.env == {"DUE": "true", "AS_REVIEWED": "false"}, merged.log
    refused = world.job("apply", "main", after=merged)
    assert refused.code == 75
    assert PIPELINE["apply"]["allow_failure"] == {"exit_codes": [75]}
    assert PIPELINE["apply-after-review"]["rules"][0]["when"] == "manual"
    assert world.forge.emails() == ["paul@arrakis.org"]
    reviewed = world.job("apply-after-review", "main", after=merged)
    assert reviewed.code == 0, reviewed.log
    assert world.forge.emails() == ["paul@arrakis.org"]
    assert list(world.forge.locked()) == ["people.paul"]


def test_a_status_that_somebody_else_wrote_approves_nothing(world: World) -> None:
    number = world.forge.open_pull("people", people=contacts("paul"))
    world.plan(number)
    world.api.statuses[0]["author"] = {"id": US + 1}
    assert world.merge(number).env["AS_REVIEWED"] == "false"


def test_a_fork_is_told_what_its_manifests_change(world: World) -> None:
    base = git("rev-parse", "origin/main", cwd=world.forge.desk)
    number = world.forge.open_pull("people", people=contacts("paul"))
    branch: Any = world.forge.pulls[number - 1]["branch"]
    secrets = {"SYNCSPEC_GITLAB_TOKEN": "", "SEQUIN_API_KEY": ""}
    done = world.job("changes", branch, CI_MERGE_REQUEST_DIFF_BASE_SHA=base, **secrets)
    assert done.code == 0, done.log
    assert "people" in (done.folder / "changes.md").read_text()
