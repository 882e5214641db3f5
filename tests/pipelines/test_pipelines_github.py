"""The GitHub workflows, run whole: pull requests, merges, cancelled jobs and lost machines."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from support.command import environ, run
from support.faulty_server import TOKEN, serving
from support.forge import WORKFLOWS, Forge, contacts, git
from support.runner import Job, Meanwhile, VanishedError, cancel, vanish

# Many processes follow each other, and one test waits for a horizon.
pytestmark = pytest.mark.timeout(600)

MANY = [f"p{number}" for number in range(6)]
HANDS = environ(SEQUIN_API_KEY=TOKEN, RUNNER_TOKEN="merge")
SLOW = {"mutations": [{"fault": "latency", "delay_seconds": 1.5}]}


def emails(*names: str) -> list[str]:
    return sorted(f"{name}@arrakis.org" for name in names)


def said(jobs: dict[str, Job]) -> str:
    return "\n".join(f"== {job.name}: {job.result}\n{job.log}" for job in jobs.values())


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Forge]]:
    """Makes a repository, and an upstream behind a socket that misbehaves as told."""
    ends: list[Any] = []

    def make(faults: dict[str, Any] | None = None, **options: Any) -> Forge:
        block = serving(tmp_path, faults or {})
        server = block.__enter__()
        ends.append(block)
        (tmp_path / "forge").mkdir()
        return Forge(tmp_path / "forge", server).make(**options)

    yield make
    for block in ends:
        block.__exit__(None, None, None)


def in_the_middle(forge: Forge, end: Callable[[subprocess.Popen[str]], None]) -> Meanwhile:
    """Ends the apply once the upstream has its first record."""

    def meanwhile(name: str, environ: Mapping[str, str], process: subprocess.Popen[str]) -> None:
        if (name, environ.get("COMMAND")) != ("Run syncspec", "apply"):
            return
        while process.poll() is None:
            if forge.server.rows():
                end(process)

    return meanwhile


def applied(forge: Forge, jobs: dict[str, Job], *names: str) -> None:
    """Each record is upstream once, under the ID that is locked."""
    assert forge.emails() == emails(*names), said(jobs)
    rows = {row["data"]["Email"].partition("@")[0]: row["upstream_id"] for row in forge.server.rows()}
    assert {address.partition(".")[2]: upstream_id for address, upstream_id in forge.locked().items()} == rows


def test_what_was_reviewed_is_applied_after_the_merge_without_another_question(start: Callable[..., Forge]) -> None:
    forge = start()
    pull = forge.open_pull("people", people=contacts("paul", "duncan"))
    planned = forge.plan_pull(pull)
    assert planned["plan"].result == "success", said(planned)
    assert planned["changes"].result == "skipped"
    (comment,) = forge.said("comments")
    assert comment["body"].startswith("<!-- syncspec:plan project=arrakis env= -->\n")
    assert comment["body"].endswith(f"For commit {forge.pulls[0]['head']['sha']}.\n")
    assert comment["body"].startswith(planned["plan"].summary[:200])
    assert "::notice file=manifests/people.yaml," in planned["plan"].log
    assert forge.emails() == []

    forge.merge(pull)
    merged = forge.apply_main()
    assert (merged["plan"].result, merged["apply"].result) == ("success", "success"), said(merged)
    assert merged["apply"].environment == "syncspec"
    assert "2 created" in merged["apply"].summary
    applied(forge, merged, "paul", "duncan")
    assert git("rev-list", "--count", "main", cwd=forge.remote) == "3", "nothing was committed to main"


def test_a_second_commit_replaces_the_comment_and_leaves_those_of_others_alone(start: Callable[..., Forge]) -> None:
    forge = start()
    pull = forge.open_pull("people", people=contacts("paul"))
    marker = "<!-- syncspec:plan project=arrakis env= -->"
    others = [
        {"id": 1, "pull": "1", "user": {"login": "baron", "type": "User"}, "body": f"{marker}\nmine"},
        {"id": 2, "pull": "1", "user": {"login": "github-actions[bot]", "type": "Bot"}, "body": "coverage"},
        {"id": 3, "pull": "1", "user": {"login": "github-actions[bot]", "type": "Bot"}, "body": f"see {marker}"},
    ]
    (forge.state / "comments.json").write_text(json.dumps(others))
    forge.plan_pull(pull)
    forge.push_to_pull(pull, people=contacts("paul", "duncan"))
    jobs = forge.plan_pull(pull)
    comments = forge.said("comments")
    assert [each["body"] for each in comments[:3]] == [each["body"] for each in others], said(jobs)
    assert len(comments) == 4
    assert "2 to create" in comments[3]["body"]


def test_a_plan_that_is_not_the_reviewed_one_waits_for_another_review(start: Callable[..., Forge]) -> None:
    forge = start()
    pull = forge.open_pull("people", people=contacts("paul", "duncan"))
    forge.plan_pull(pull)
    # Somebody makes one of the records meanwhile: it would be adopted, which nobody has reviewed.
    forge.server.post("paul", records=[{"data": {"LastName": "paul", "Email": "paul@arrakis.org"}}])
    forge.merge(pull)
    jobs = forge.apply_main()
    assert jobs["plan"].outputs == {"due": "true", "as_reviewed": "false"}, said(jobs)
    assert jobs["apply"].environment == "syncspec-review"
    # A person lets that job go on.
    assert jobs["apply"].result == "success"
    applied(forge, jobs, "paul", "duncan")


def test_a_reviewed_plan_that_sends_nothing_is_applied_for_what_it_locks(start: Callable[..., Forge]) -> None:
    forge = start()
    first = forge.open_pull("people", people=contacts("paul"))
    forge.plan_pull(first)
    forge.merge(first)
    assert forge.apply_main()["apply"].result == "success"
    protected = contacts("paul").replace("      data:\n", "      lifecycle:\n        protect: true\n      data:\n")
    second = forge.open_pull("protect", people=protected)
    forge.plan_pull(second)
    forge.merge(second)
    jobs = forge.apply_main()
    assert jobs["plan"].outputs == {"due": "false", "as_reviewed": "true"}, said(jobs)
    assert jobs["apply"].result == "success", said(jobs)
    lockfile = git("show", "refs/syncspec/arrakis/_:lockfile", cwd=forge.remote)
    assert '"protect":true' in lockfile


def test_a_push_that_nobody_reviewed_waits_for_a_review(start: Callable[..., Forge]) -> None:
    forge = start()
    pull = forge.open_pull("people", people=contacts("paul"))
    git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=forge.desk)
    jobs = forge.apply_main()
    assert jobs["apply"].environment == "syncspec-review", said(jobs)
    assert forge.said("statuses") == []
    assert forge.pulls[pull - 1]["merge_commit_sha"] is None


def test_what_another_run_changed_since_the_plan_stops_the_apply_before_anything_is_sent(
    start: Callable[..., Forge],
) -> None:
    forge = start()
    first = forge.open_pull("people", people=contacts("paul"))
    forge.plan_pull(first)
    forge.merge(first)
    assert forge.apply_main()["apply"].result == "success"
    renamed = contacts("paul").replace("LastName: paul", "LastName: Atreides")
    second = forge.open_pull("rename", people=renamed)
    forge.plan_pull(second)
    forge.merge(second)
    clone = forge.clone("elsewhere")

    def meanwhile(name: str, environ: Mapping[str, str], process: subprocess.Popen[str]) -> None:
        if name == "Find the digest that was reviewed":
            manifest = clone / "manifests" / "people.yaml"
            manifest.write_text(manifest.read_text().replace("LastName: Atreides", "LastName: Muad'Dib"))
            assert run("apply", "--auto-approve", folder=clone, env=HANDS).code == 0

    jobs = forge.apply_main(meanwhile=meanwhile)
    assert jobs["plan"].outputs == {"due": "true", "as_reviewed": "true"}, said(jobs)
    assert jobs["apply"].result == "failure", said(jobs)
    assert "::error::What was approved is not what would be done now. Nothing was sent" in jobs["apply"].log
    assert [each["data"]["LastName"] for each in forge.server.rows()] == ["Muad'Dib"]


def test_two_branches_that_each_add_records_make_no_conflict_and_no_duplicate(start: Callable[..., Forge]) -> None:
    forge = start()
    one = forge.open_pull("one", one=contacts("paul", "duncan"))
    two = forge.open_pull("two", two=contacts("gurney", "thufir"))
    forge.plan_pull(one)
    forge.plan_pull(two)
    forge.merge(one)
    first = forge.apply_main()
    forge.merge(two)
    second = forge.apply_main()
    assert (first["apply"].result, second["apply"].result) == ("success", "success"), said(first) + said(second)
    applied(forge, second, "paul", "duncan", "gurney", "thufir")
    third = forge.apply_main()
    assert third["apply"].result == "skipped", said(third)


def test_a_protected_main_needs_no_push(start: Callable[..., Forge]) -> None:
    forge = start()
    forge.protect_main()
    pull = forge.open_pull("people", people=contacts("paul"))
    forge.plan_pull(pull)
    forge.merge(pull)
    jobs = forge.apply_main()
    assert jobs["apply"].result == "success", said(jobs)
    applied(forge, jobs, "paul")


def test_a_cancelled_job_is_gone_on_with_by_running_it_again(start: Callable[..., Forge]) -> None:
    forge = start(SLOW)
    pull = forge.open_pull("people", people=contacts(*MANY))
    forge.plan_pull(pull)
    forge.merge(pull)
    runner = forge.runner()
    jobs = forge.apply_main(runner=runner, meanwhile=in_the_middle(forge, cancel))
    assert jobs["apply"].result == "cancelled", said(jobs)
    assert 0 < len(forge.emails()) < len(MANY)
    runner.meanwhile = None
    again = runner.run(WORKFLOWS / "apply.yml", forge.main_event(), only=["apply"])
    assert again["apply"].result == "success", said(again)
    applied(forge, again, *MANY)


def test_a_runner_that_vanishes_loses_nothing(start: Callable[..., Forge]) -> None:
    forge = start(SLOW)
    pull = forge.open_pull("people", people=contacts(*MANY))
    forge.plan_pull(pull)
    forge.merge(pull)
    with pytest.raises(VanishedError):
        forge.apply_main(meanwhile=in_the_middle(forge, vanish))
    assert 0 < len(forge.emails()) < len(MANY)
    # The lock of a machine that is gone would be free by itself after two and a half minutes.
    clone = forge.clone("elsewhere")
    assert run("lock", "unlock", "--auto-approve", folder=clone, env=HANDS).code == 0
    jobs = forge.apply_main()
    # Nothing is sent again before time can tell; a job that finds out later, or a person who waits, goes on.
    assert jobs["apply"].result == "failure", said(jobs)
    assert "::error::What became of some records is not known." in jobs["apply"].log
    assert 0 < len(forge.emails()) < len(MANY)
    done = run("apply", "--auto-approve", "--wait-settled", folder=clone, env=HANDS, patience=200)
    assert done.code == 0, done.err
    applied(forge, jobs, *MANY)


def test_what_is_rejected_fails_the_job_and_keeps_the_rest(start: Callable[..., Forge]) -> None:
    refused = {"fault": "error", "status": 422, "message": "Email is not valid", "requests": [2], "commit": "none"}
    forge = start({"mutations": [refused]})
    pull = forge.open_pull("people", people=contacts("duncan", "gurney", "paul"))
    forge.plan_pull(pull)
    forge.merge(pull)
    jobs = forge.apply_main()
    assert jobs["apply"].result == "failure", said(jobs)
    assert "::error::Applied in part." in jobs["apply"].log
    assert "**Rejected (1)**" in jobs["apply"].summary
    assert "answered 422" in jobs["apply"].summary
    assert len(forge.emails()) == 2
    assert len(forge.locked()) == 2


def test_a_fork_gets_no_secret_and_is_told_what_its_manifests_change(start: Callable[..., Forge]) -> None:
    forge = start()
    pull = forge.open_pull("people", people=contacts("paul", "duncan"))
    jobs = forge.plan_pull(pull, fork=True)
    assert jobs["plan"].result == "skipped"
    assert jobs["changes"].result == "success", said(jobs)
    assert "people" in jobs["changes"].summary
    assert forge.said("calls") == []


# Local state, and the lockfile committed


@pytest.mark.parametrize("protected", [False, True])
def test_the_lockfile_is_committed_or_offered_where_main_is_protected(
    start: Callable[..., Forge], protected: bool
) -> None:
    forge = start(shared=False)
    if protected:
        forge.protect_main()
    one = forge.open_pull("one", one=contacts("paul"))
    two = forge.open_pull("two", two=contacts("duncan"))
    for pull, names in ((one, ("paul",)), (two, ("duncan", "paul"))):
        forge.plan_pull(pull)
        forge.merge(pull)
        jobs = forge.apply_main("apply-local-state.yml")
        assert jobs["apply"].result == "success", said(jobs)
        if protected:
            opened = forge.said("opened")[-1]
            assert opened["--base"] == "main"
            take_lockfile(forge, opened["--head"])
        applied(forge, jobs, *names)
    assert bool(forge.said("opened")) is protected


def test_the_lockfile_is_committed_though_main_moved_on_meanwhile(start: Callable[..., Forge]) -> None:
    forge = start(shared=False)
    one = forge.open_pull("one", one=contacts("paul"))
    two = forge.open_pull("two", two=contacts("duncan"))
    forge.merge(one)

    def meanwhile(name: str, environ: Mapping[str, str], process: subprocess.Popen[str]) -> None:
        if (name, environ.get("COMMAND")) == ("Run syncspec", "apply"):
            forge.merge(two)

    jobs = forge.apply_main("apply-local-state.yml", meanwhile=meanwhile)
    assert jobs["apply"].result == "success", said(jobs)
    assert git("ls-tree", "--name-only", "main", "manifests/", cwd=forge.remote).split() == [
        "manifests/.keep",
        "manifests/one.yaml",
        "manifests/two.yaml",
    ]
    applied(forge, jobs, "paul")
    again = forge.apply_main("apply-local-state.yml")
    applied(forge, again, "duncan", "paul")
    assert forge.said("opened") == []


def take_lockfile(forge: Forge, branch: str) -> None:
    """Merge the pull request that a run opened."""
    git("fetch", "--quiet", "origin", cwd=forge.desk)
    git("checkout", "--quiet", "--detach", "origin/main", cwd=forge.desk)
    git("merge", "--quiet", "--no-ff", "--message=lock", f"origin/{branch}", cwd=forge.desk)
    git("push", "--quiet", "origin", "HEAD:refs/heads/main", cwd=forge.desk)


def test_a_cancelled_job_keeps_the_lockfile(start: Callable[..., Forge]) -> None:
    forge = start(SLOW, shared=False)
    pull = forge.open_pull("people", people=contacts(*MANY))
    forge.plan_pull(pull)
    forge.merge(pull)
    jobs = forge.apply_main("apply-local-state.yml", meanwhile=in_the_middle(forge, cancel))
    assert jobs["apply"].result == "cancelled", said(jobs)
    there = [email.partition("@")[0] for email in forge.emails()]
    assert 0 < len(there) < len(MANY)
    applied(forge, jobs, *there)
    again = forge.apply_main("apply-local-state.yml")
    assert again["apply"].result == "success", said(again)
    applied(forge, again, *MANY)
