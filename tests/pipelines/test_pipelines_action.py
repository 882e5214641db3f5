"""The action by itself: what its inputs can do and cannot, and what it hands on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.command import PROJECT
from support.faulty_server import Server
from support.forge import REPOSITORY, Forge, contacts, git
from support.runner import OURS, Job

ENVIRONMENTS = "  environments:\n    sandbox: {}\n    live: {}\n"


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """A repository whose project needs no server."""
    (tmp_path / "forge").mkdir()
    return Forge(tmp_path / "forge", Server(url="http://127.0.0.1:9")).make()


def act(forge: Forge, project: str = PROJECT, manifest: str | None = None, **inputs: str) -> Job:
    """Run the action for a pull request that adds two people."""
    (forge.desk / "syncspec.yaml").write_text(project, encoding="utf-8")
    number = forge.open_pull("people", people=manifest or contacts("paul", "duncan"))
    (forge.desk / "syncspec.yaml").write_text(project, encoding="utf-8")
    forge.push_to_pull(number)
    step: dict[str, Any] = {"id": "it", "uses": f"{OURS}@v1", "with": inputs}
    given = yaml.safe_load((Path(__file__).parents[2] / "action.yml").read_text(encoding="utf-8"))["outputs"]
    job = {
        "permissions": {"contents": "read", "pull-requests": "write", "statuses": "write"},
        "outputs": {name: f"${{{{ steps.it.outputs.{name} }}}}" for name in given},
        "steps": [{"uses": "actions/checkout@v6"}, step],
    }
    workflow = forge.root / "workflow.yml"
    workflow.write_text(yaml.safe_dump({"jobs": {"job": job}}), encoding="utf-8")
    head = forge.pulls[number - 1]["head"]["sha"]
    event = {"pull_request": {"number": number, "head": {"sha": head, "repo": {"full_name": REPOSITORY}}}}
    github = {
        "repository": REPOSITORY,
        "ref": "refs/heads/people",
        "ref_name": "people",
        "sha": head,
        "run_id": "1",
        "event": event,
    }
    return forge.runner().run(workflow, github)["job"]


def test_a_plan_hands_on_digest_counts_and_files(forge: Forge) -> None:
    job = act(forge)
    assert job.result == "success", job.log
    assert job.outputs["exit-code"] == "0"
    assert job.outputs["due"] == "true"
    assert json.loads(job.outputs["summary"])["create"] == 2
    document = json.loads(Path(job.outputs["plan"]).with_name("plan.json").read_text())
    assert job.outputs["digest"] == document["digest"]
    assert Path(job.outputs["page"]).read_text().startswith("<!doctype html>")
    assert Path(job.outputs["comment"]).read_text() == job.summary
    assert (forge.said("comments"), forge.said("statuses")) == ([], []), "nothing is written unasked"


def test_arguments_are_handed_on_one_a_line(forge: Forge) -> None:
    job = act(forge, args="--target\npeople.paul\n\n--var=name=a b $(touch pwned) `touch pwned`; touch pwned\n")
    assert job.result == "success", job.log
    assert json.loads(job.outputs["summary"])["create"] == 1
    assert [*forge.root.rglob("pwned")] == []


@pytest.mark.parametrize(
    "inputs",
    [
        {"command": "plan; touch pwned"},
        {"command": "$(touch pwned)"},
        {"args": "--target=$(touch pwned)"},
        {"environment": "x'; touch pwned; '"},
        {"approved": '"; touch pwned; "', "command": "apply"},
        {"redact": "values; touch pwned"},
    ],
    ids=lambda inputs: "+".join(inputs),
)
def test_no_input_becomes_a_command(forge: Forge, inputs: dict[str, str]) -> None:
    job = act(forge, **inputs)
    assert job.result == "failure", job.log
    assert job.outputs["exit-code"] in ("", "1", "5", "64"), job.log
    assert [*forge.root.rglob("pwned")] == []


def test_comment_and_status_are_kept_apart_by_environment(forge: Forge) -> None:
    for environment in ("sandbox", "live"):
        job = act(forge, PROJECT + ENVIRONMENTS, environment=environment, comment="true", status="true")
        assert job.result == "success", job.log
    starts = [comment["body"].splitlines()[0] for comment in forge.said("comments")]
    assert starts == [f"<!-- syncspec:plan project=arrakis env={name} -->" for name in ("sandbox", "live")]
    assert [status["context"] for status in forge.said("statuses")] == ["syncspec/live", "syncspec/sandbox"]


def test_a_plan_that_asks_for_attention_is_shown_and_approves_nothing(forge: Forge) -> None:
    manifest = contacts("paul", "duncan")
    job = act(forge, manifest=manifest, comment="true", status="true", args="--detailed-exitcode")
    assert job.result == "failure", job.log
    assert job.outputs["exit-code"] == "2"
    assert len(forge.said("comments")) == 1
    assert forge.said("statuses") == []


def test_hidden_values_are_nowhere_but_in_the_saved_plan(forge: Forge) -> None:
    job = act(forge, redact="values", comment="true")
    assert job.result == "success", job.log
    page = Path(job.outputs["page"]).read_text()
    for text in (job.log, job.summary, page, json.dumps(forge.said("comments"))):
        assert "people.paul" in text
        assert "paul@arrakis.org" not in text


def test_a_digest_lets_just_that_plan_be_applied(forge: Forge) -> None:
    digest = act(forge).outputs["digest"]
    refused = act(forge, command="apply", approved="0" * 64)
    assert (refused.result, refused.outputs["exit-code"]) == ("failure", "5"), refused.log
    assert "**Nothing was sent.**" in refused.summary
    assert "(stale-plan, exit code 5)" in refused.summary
    report = json.loads(Path(refused.outputs["report"]).read_text())
    assert (report["exit_code"], report["error"]["code"]) == (5, "stale-plan")
    assert json.loads(refused.outputs["summary"])["created"] == 0
    applied = act(forge, command="apply", approved=digest)
    assert applied.result == "success", applied.log
    assert json.loads(applied.outputs["summary"])["created"] == 2
    assert json.loads(Path(applied.outputs["report"]).read_text())["summary"]["created"] == 2


def test_an_apply_that_nobody_approved_is_refused(forge: Forge) -> None:
    job = act(forge, command="apply")
    assert (job.result, job.outputs["exit-code"]) == ("failure", "64"), job.log


def test_problems_of_manifests_are_annotated(forge: Forge) -> None:
    job = act(forge, command="validate", manifest=contacts("paul").replace("match_on", "match_onn"))
    assert (job.result, job.outputs["exit-code"]) == ("failure", "1"), job.log
    assert "::error file=manifests/people.yaml,line=7," in job.log
    assert git("status", "--short", cwd=job.workspace) == ""
