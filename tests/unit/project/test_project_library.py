"""The library as its users see it."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import CONTACTS, PROJECT, write_project

import syncspec
from syncspec.apply.events import RunFinished, RunStarted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_project(tmp_path / "crm")


@pytest.fixture
def project(folder: Path) -> Iterator[syncspec.Project]:
    with syncspec.open(folder, environ={}) as project:
        yield project


def locked(folder: Path) -> int:
    path = folder / "syncspec.lock"
    return path.read_text().count('"upstream_id"') if path.exists() else 0


def test_every_public_name_can_be_loaded() -> None:
    assert list(syncspec.__all__) == sorted(set(syncspec.__all__))
    assert all(getattr(syncspec, name) is not None for name in syncspec.__all__)
    assert set(syncspec.__all__) <= set(dir(syncspec))
    with pytest.raises(AttributeError, match="nothing_like_it"):
        syncspec.nothing_like_it  # noqa: B018


def test_importing_prints_nothing_and_installs_nothing() -> None:
    code = (
        "import logging, os, signal, sys, warnings\n"
        "def state():\n"
        "    handlers = logging.root.handlers[:], signal.getsignal(signal.SIGINT), sys.excepthook\n"
        "    return handlers, warnings.filters[:]\n"
        "before = state()\n"
        "import syncspec, syncspec.project.core, syncspec.project.facade, syncspec.manifests.loader\n"
        "assert state() == before\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_plan_and_apply_give_the_ids(folder: Path, project: syncspec.Project) -> None:
    project.validate().raise_for_errors()
    plan = project.plan(include=["contacts.*"])
    assert not plan.is_empty
    assert plan.summary[syncspec.Action.CREATE] == 2
    events: list[object] = []
    report = project.apply(plan, approved=plan.digest, on_event=events.append)
    ids = {record.address: record.upstream_id for record in report.records}
    assert set(ids) == {"contacts.paul", "contacts.duncan"}
    assert all(ids.values())
    assert report.exit_code == 0
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], RunFinished)
    assert project.plan().is_empty
    assert "2 created" in report.render("text")
    assert json.loads(report.render("json"))["summary"]["created"] == 2


def test_validate_gives_all_findings_and_raises_on_request(folder: Path, project: syncspec.Project) -> None:
    (folder / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("match_on", "match_no"))
    result = project.validate()
    assert not result.ok
    assert [item.is_error for item in result.diagnostics] == [True]
    with pytest.raises(syncspec.ManifestError) as raised:
        result.raise_for_errors()
    assert raised.value.diagnostics == result.diagnostics


@pytest.mark.parametrize("approved", ["0" * 64, ""])
def test_only_the_approved_plan_is_applied(folder: Path, project: syncspec.Project, approved: str) -> None:
    with pytest.raises(syncspec.StalePlanError):
        project.apply(approved=approved)
    assert locked(folder) == 0


def test_a_plan_from_before_a_change_is_stale(folder: Path, project: syncspec.Project) -> None:
    plan = project.plan()
    (folder / "manifests" / "contacts.yaml").write_text(CONTACTS.replace("Idaho", "Ginaz"))
    with pytest.raises(syncspec.StalePlanError) as raised:
        project.apply(plan)
    assert raised.value.exit_code == 5
    with pytest.raises(syncspec.StalePlanError):
        project.apply(plan, approved=project.plan().digest)
    assert locked(folder) == 0


def test_a_plan_keeps_its_selection(folder: Path, project: syncspec.Project) -> None:
    plan = project.plan(include=["contacts.paul"])
    with pytest.raises(syncspec.UsageError):
        project.apply(plan, include=["contacts.duncan"])
    report = project.apply(plan)
    assert [record.address for record in report.records] == ["contacts.paul"]
    assert locked(folder) == 1


def test_a_callback_may_refuse(folder: Path, project: syncspec.Project) -> None:
    shown: list[str] = []

    def refuse(plan: syncspec.ReviewablePlan) -> bool:
        shown.append(plan.digest)
        return False

    with pytest.raises(syncspec.NotConfirmedError):
        project.apply(confirm=refuse)
    assert len(shown) == 1
    assert locked(folder) == 0


def test_guards_refuse_and_can_be_lifted(folder: Path, project: syncspec.Project) -> None:
    (folder / "syncspec.yaml").write_text(PROJECT + "  guards:\n    max_creates: 1\n")
    (warning,) = [found for found in project.plan().diagnostics if found.code == "guard"]
    assert (warning.is_error, "--allow max_creates=2" in str(warning.hint)) == (False, True)
    with pytest.raises(syncspec.GuardError):
        project.apply()
    assert locked(folder) == 0
    assert project.apply(allow=["max_creates=2"]).exit_code == 0


def test_the_asynchronous_project_does_the_same(folder: Path) -> None:
    async def main() -> int:
        async with syncspec.open_async(folder, environ={}) as project:
            plan = await project.plan()
            report = await project.apply(plan, approved=plan.digest)
            with pytest.raises(syncspec.UsageError) as raised:
                syncspec.open(folder, environ={}).plan()
            assert "open_async" in str(raised.value.diagnostics[0].hint)
            return report.exit_code

    assert asyncio.run(main()) == 0
    assert locked(folder) == 2


def test_sets_built_in_python_plan_and_apply(tmp_path: Path) -> None:
    record_set = syncspec.RecordSet.model_validate(
        {
            "apiVersion": "syncspec/v1",
            "kind": "RecordSet",
            "metadata": {"name": "contacts"},
            "spec": {
                "collection_id": "salesforce:contact",
                "match_on": ["Email"],
                "records": {"paul": {"data": {"LastName": "Atreides", "Email": "p@x.org"}}},
            },
        }
    )
    with syncspec.from_sets([record_set], root=tmp_path, upstream="embedded", environ={}) as project:
        assert project.apply().summary[syncspec.RecordOutcome.CREATED] == 1
        assert project.plan().is_empty
    with pytest.raises(syncspec.ManifestError):
        syncspec.from_sets([record_set], root=tmp_path, environ={}).plan()


def test_the_environment_is_what_was_given(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYNCSPEC_STATE_DIR", str(tmp_path / "from-the-process"))
    syncspec.open(folder, environ={"SYNCSPEC_STATE_DIR": str(tmp_path / "given")}).apply()
    assert (tmp_path / "given" / "journal.sqlite3").exists()
    assert not (tmp_path / "from-the-process").exists()
    syncspec.open(folder).plan()
    assert (tmp_path / "from-the-process").exists()


@pytest.mark.parametrize("options", [{"include": "contacts"}, {"paths": "manifests"}, {"include": ["nobody"]}])
def test_a_selection_of_nothing_or_of_letters_is_refused(project: syncspec.Project, options: dict[str, object]) -> None:
    with pytest.raises(syncspec.UsageError):
        project.plan(**options)  # type: ignore[arg-type]


def test_another_format_is_refused(project: syncspec.Project) -> None:
    with pytest.raises(syncspec.UsageError, match="yaml"):
        project.plan().render("yaml")


def test_every_failure_is_a_syncspec_error(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", tmp_path / "nul\0"):
        with pytest.raises(syncspec.SyncspecError) as raised:
            syncspec.open(path, environ={}).plan()
        assert raised.value.diagnostics
    with pytest.raises(syncspec.UsageError):
        syncspec.open("")
