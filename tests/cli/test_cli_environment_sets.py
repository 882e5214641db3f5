"""Sets that belong to some environments only, from the first plan to their removal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.command import CONTACTS, PROJECT, Done, run, write_project

ENVIRONMENTS = PROJECT + (
    "  variables: {domain: arrakis.org}\n"
    "  environments:\n"
    "    sandbox:\n      variables: {domain: sandbox.arrakis.org, seed: s1}\n      lifecycle: {on_drift: restore}\n"
    "    prod: {}\n"
)
SEEDS = (
    CONTACTS.replace("name: contacts", "name: seeds")
    .replace("  collection_id", "  environments: [sandbox]\n  collection_id")
    .replace("@arrakis.org", "-${var.seed}@x.org")
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    contacts = CONTACTS.replace("@arrakis.org", "@${var.domain}")
    folder = write_project(tmp_path / "crm", project=ENVIRONMENTS, contacts=contacts)
    (folder / "manifests/seeds.yaml").write_text(SEEDS, encoding="utf-8")
    return folder


def addresses(done: Done) -> list[str]:
    assert done.code == 0, done.err
    return [each["address"] for each in json.loads(done.out)["changes"]]


def test_each_environment_has_its_sets_its_values_and_its_lockfile(project: Path) -> None:
    assert addresses(run("plan", "-e", "prod", "--json", folder=project)) == ["contacts.duncan", "contacts.paul"]
    assert run("apply", "-y", "-e", "sandbox", folder=project).code == 0
    locked = (project / "syncspec.sandbox.lock").read_text(encoding="utf-8")
    assert [name in locked for name in ("contacts.paul", "seeds.paul")] == [True, True]
    assert not (project / "syncspec.prod.lock").exists()
    plan = run("plan", "-e", "sandbox", "--json", folder=project)
    assert json.loads(plan.out)["summary"]["unchanged"] == 4


@pytest.mark.parametrize("arguments", [("--target", "seeds"), ("--target", "seeds.paul"), ("manifests/seeds.yaml",)])
def test_what_is_not_in_the_environment_cannot_be_planned_there(project: Path, arguments: tuple[str, ...]) -> None:
    done = run("plan", "-e", "prod", *arguments, folder=project)
    assert (done.code, done.out) == (64, "")
    assert 'The set "seeds" is declared for sandbox only (manifests/seeds.yaml:4:9)' in done.err
    assert "hint: name its environment with -e sandbox" in done.err
    assert run("plan", "-e", "sandbox", *arguments, folder=project).code == 0


def test_a_record_of_another_environment_is_explained_there(project: Path) -> None:
    done = run("explain", "seeds.paul", "-e", "prod", folder=project)
    assert done.code == 64
    assert 'seeds.paul is not locked, and the set "seeds" is declared for sandbox only' in done.err
    assert run("explain", "seeds.paul", "-e", "sandbox", folder=project).code == 0


def test_a_set_that_leaves_an_environment_is_treated_as_no_longer_declared_there(project: Path) -> None:
    assert run("apply", "-y", "-e", "sandbox", folder=project).code == 0
    text = SEEDS.replace("environments: [sandbox]", "environments: [prod]").replace("${var.seed}", "s1")
    (project / "manifests/seeds.yaml").write_text(text, encoding="utf-8")
    done = run("plan", "-e", "sandbox", folder=project)
    assert done.code == 0
    assert "no longer declared" in done.out + done.err
    assert addresses(run("plan", "-e", "prod", "--target", "seeds", "--json", folder=project)) == [
        "seeds.duncan",
        "seeds.paul",
    ]


@pytest.mark.parametrize(
    ("name", "on_remove"),
    [
        *((name, how) for name in ("text", "json", "markdown", "html") for how in ("keep", "delete")),
        ("github", "delete"),
    ],
)
def test_every_format_says_that_the_set_left_the_environment(project: Path, name: str, on_remove: str) -> None:
    text = SEEDS.replace("  records:\n", f"  lifecycle: {{on_remove: {on_remove}}}\n  records:\n", 1)
    (project / "manifests/seeds.yaml").write_text(text, encoding="utf-8")
    assert run("apply", "-y", "-e", "sandbox", folder=project).code == 0
    left = text.replace("environments: [sandbox]", "environments: [prod]").replace("${var.seed}", "s1")
    (project / "manifests/seeds.yaml").write_text(left, encoding="utf-8")
    done = run("plan", "-e", "sandbox", "--format", name, folder=project)
    assert done.code == 0
    assert "set seeds is not in environment sandbox any more" in (done.out + done.err).replace("\n", " ")


def test_an_environment_that_does_not_exist_is_told_with_the_nearest_name(project: Path) -> None:
    (project / "manifests/seeds.yaml").write_text(SEEDS.replace("[sandbox]", "[sandbx]"), encoding="utf-8")
    done = run("validate", "-e", "prod", folder=project)
    assert done.code == 1
    assert 'did you mean "sandbox"?' in done.err
