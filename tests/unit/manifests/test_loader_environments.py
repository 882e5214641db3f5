"""Sets that belong to some environments only, and lifecycles that are laid over each other."""

from __future__ import annotations

from typing import Any

import pytest

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.errors import UsageError
from syncspec.planning.selection import Selection
from syncspec.project.choice import choose
from syncspec.records import Lifecycle, OnAdopt, OnDrift

TWO = "environments:\n  sandbox: {variables: {owner: me}}\n  prod: {}\n"
SEEDS = "environments: [sandbox]\nmatch_on: [Email]\nrecords: {p: {data: {Email: seed@x, Owner: '${var.owner}'}}}\n"


def sets_of(workspace: Any, environment: str | None) -> list[str]:
    return [each.name for each in workspace.load(environment=environment).sets]


def place_of(found: Diagnostic) -> str:
    return str(found.source)


def test_a_set_is_declared_in_its_environments_only(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS, name="seeds")
    assert sets_of(workspace, "sandbox") == ["contacts", "seeds"]
    assert sets_of(workspace, "prod") == ["contacts"]


def test_a_set_that_is_left_out_is_known_with_its_place(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS, name="seeds")
    assert workspace.load(environment="sandbox").elsewhere == {}
    (name, other), *more = workspace.load(environment="prod").elsewhere.items()
    assert (name, other.environments, more) == ("seeds", ("sandbox",), [])
    assert other.source.file == "manifests/seeds.yaml"


def test_a_variable_that_only_the_environments_of_a_set_have_is_not_missed_elsewhere(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS, name="seeds")
    assert workspace.load(environment="prod").diagnostics == ()
    workspace.contacts(SEEDS.replace("environments: [sandbox]\n", ""), name="seeds")
    assert workspace.error(environment="prod").code == "unknown-variable"


HEAD = "apiVersion: syncspec/v1\nkind: Project\nmetadata: {name: arrakis}\nspec:\n  manifests: [manifests]\n"
SHARED = """\
upstreams: {crm: {type: embedded, syncs: {salesforce: s-1, hubspot: h-1}}, old: {type: embedded}}
collections: {"salesforce:contact": {match_on: [Email]}}
environments:
  plain: {}
  bare: {upstreams: {crm: {syncs: {salesforce: null}}, old: null}, collections: {"salesforce:contact": null}}
"""
NULLS = "variables: {owner: me, domain: x.org}\nenvironments:\n  plain: {}\n  bare: {variables: %s}\n"


@pytest.mark.parametrize("written", ["{owner: null}", "null", "{owner: null, domain: null}"])
def test_null_takes_a_variable_away_in_its_environment(workspace: Any, written: str) -> None:
    workspace.project(NULLS % written)
    workspace.contacts(SEEDS.replace("environments: [sandbox]\n", ""), name="seeds")
    (record,) = workspace.load(environment="plain").sets[1].records
    assert record.data["Owner"] == "me"
    found = workspace.error(environment="bare")
    assert (found.code, found.source.file) == ("unknown-variable", "manifests/seeds.yaml")


def test_null_takes_one_variable_away_and_leaves_the_others(workspace: Any) -> None:
    workspace.project(NULLS % "{owner: null}")
    workspace.contacts("match_on: [Email]\nrecords: {p: {data: {Email: 'p@${var.domain}'}}}\n", name="seeds")
    (record,) = workspace.load(environment="bare").sets[1].records
    assert record.data["Email"] == "p@x.org"


def test_null_takes_away_a_sync_an_upstream_and_what_a_collection_says(workspace: Any) -> None:
    workspace.project(SHARED, base=HEAD)
    workspace.contacts("upstream: crm\nrecords: {p: {data: {Email: p@x}}}\n")
    plain, bare = (workspace.load(environment=name) for name in ("plain", "bare"))
    assert (sorted(plain.upstreams), sorted(bare.upstreams)) == (["crm", "old"], ["crm"])
    assert (plain.upstreams["crm"].syncs, bare.upstreams["crm"].syncs) == (
        {"salesforce": "s-1", "hubspot": "h-1"},
        {"hubspot": "h-1"},
    )
    assert (plain.sets[0].match_on, bare.sets[0].match_on) == (("Email",), ())
    assert (plain.sets[0].target.sync_id, bare.sets[0].target.sync_id) == ("s-1", "salesforce")


def test_a_protection_cannot_be_taken_away_with_what_a_collection_says(workspace: Any) -> None:
    workspace.project(
        "collections: {'salesforce:contact': {lifecycle: {protect: true}}}\n"
        "environments: {bare: {collections: {'salesforce:contact': null}}}\n"
    )
    assert workspace.error(environment="bare").source.line > 1


@pytest.mark.parametrize("more", ["variables: {owner: null}", "environments: {bare: null}"])
def test_null_means_nothing_where_there_is_nothing_to_take_away(workspace: Any, more: str) -> None:
    workspace.project(f"{more}\n")
    assert workspace.errors(environment="bare" if "bare" in more else None)[0].code == "wrong-type"


def test_the_form_of_a_set_is_checked_in_every_environment(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS + "macth_on: [Email]\n", name="seeds")
    found = workspace.error(environment="prod")
    assert (found.code, place_of(found)) == ("unknown-key", "manifests/seeds.yaml:9:3")


def test_the_name_of_a_set_is_taken_in_every_environment(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.write(
        "manifests/more.yaml",
        "apiVersion: syncspec/v1\nkind: RecordSet\nmetadata: {name: contacts}\nspec:\n"
        "  collection_id: hubspot:contacts\n  environments: [sandbox]\n  records: {}\n",
    )
    assert workspace.error(environment="prod").code == "duplicate-set"


def test_equal_keys_in_different_environments_do_not_clash(workspace: Any) -> None:
    workspace.project(TWO)
    base = "match_on: [Email]\nrecords: {p: {data: {Email: same@x}}}\n"
    workspace.contacts("environments: [sandbox]\n" + base, name="a")
    workspace.contacts("environments: [prod]\n" + base, name="b")
    assert sets_of(workspace, "prod") == ["b", "contacts"]
    workspace.contacts("environments: [prod, sandbox]\n" + base, name="b")
    assert workspace.error(environment="sandbox").code == "duplicate-key-values"


@pytest.mark.parametrize("environment", ["sandbox", "prod"])
def test_an_unknown_environment_of_a_set_gets_the_nearest_name(workspace: Any, environment: str) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS.replace("[sandbox]", "[sandbox, prd]"), name="seeds")
    found = workspace.error(environment=environment)
    assert (found.code, found.hint) == ("set-environment", 'did you mean "prod"?')
    assert found.detail == '"prd" is not declared; known: sandbox, prod.'
    assert place_of(found) == "manifests/seeds.yaml:6:27"


def test_a_set_names_environments_in_a_project_with_environments_only(workspace: Any) -> None:
    workspace.contacts(SEEDS.replace("'${var.owner}'", "x"), name="seeds")
    found = workspace.error()
    assert (found.code, found.detail) == (
        "set-environment",
        '"sandbox" is not declared; the project declares no environments.',
    )


def test_an_environment_is_named_once(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS.replace("[sandbox]", "[sandbox, sandbox]"), name="seeds")
    assert workspace.error(environment="sandbox").code == "repeated-environment"


@pytest.mark.parametrize("written", ["[]", "sandbox", "['${var.owner}']", "[1]"])
def test_environments_of_a_set_are_a_list_of_names(workspace: Any, written: str) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS.replace("[sandbox]", written), name="seeds")
    assert {found.source.file for found in workspace.errors(environment="sandbox")} == {"manifests/seeds.yaml"}


def test_a_trial_without_a_project_file_takes_every_set(workspace: Any) -> None:
    (workspace.root / "syncspec.yaml").unlink()
    workspace.contacts(SEEDS.replace("'${var.owner}'", "x"), name="seeds")
    project = workspace.load(upstream="embedded")
    assert [each.name for each in project.sets] == ["contacts", "seeds"]


def test_a_move_to_a_set_of_another_environment_says_nothing_here(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS, name="seeds")
    workspace.contacts("match_on: [Email]\nmoved: [{from: old, to: seeds.p}]\nrecords: {paul: {data: {Email: x}}}\n")
    assert sets_of(workspace, "prod") == ["contacts"]
    seeds = workspace.load(environment="sandbox").sets[1]
    assert seeds.records[0].former[0] == "contacts.old"


def test_rows_of_a_set_that_is_left_out_are_not_read(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts("environments: [sandbox]\nrecords_from: {file: none.csv, name: '${row.Email}'}\n", name="seeds")
    assert sets_of(workspace, "prod") == ["contacts"]
    assert workspace.errors(environment="sandbox")


@pytest.mark.parametrize("pattern", ["seeds", "seeds.p"])
def test_a_target_in_a_set_of_another_environment_says_so(workspace: Any, pattern: str) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS, name="seeds")
    project = workspace.load(environment="prod")
    with pytest.raises(UsageError) as caught:
        Selection(include=(pattern,)).check(project.sets, elsewhere=project.elsewhere)
    (found,) = caught.value.diagnostics
    assert 'The set "seeds" is declared for sandbox only (manifests/seeds.yaml:' in found.detail
    assert found.hint == "name its environment with -e sandbox, or add this one to the set"


def test_a_path_that_holds_sets_of_other_environments_only_says_so(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts(SEEDS, name="seeds")
    path = workspace.root / "manifests/seeds.yaml"
    with pytest.raises(UsageError, match="declared for sandbox only"):
        choose(workspace.load(environment="prod"), include=(), exclude=(), labels={}, paths=[path])


def test_an_environment_may_declare_an_upstream_of_its_own(workspace: Any) -> None:
    workspace.project("environments: {a: {upstreams: {other: {type: embedded}}}, b: {}}\n")
    workspace.contacts("upstream: other\nmatch_on: [Email]\nrecords: {}\nenvironments: [a]\n", name="more")
    workspace.contacts("upstream: crm\nmatch_on: [Email]\nrecords: {}\n")
    assert list(workspace.load(environment="a").upstreams) == ["crm", "other"]
    assert list(workspace.load(environment="b").upstreams) == ["crm"]


def test_each_environment_has_its_own_lockfile_and_marker(workspace: Any) -> None:
    workspace.project(TWO)
    workspace.contacts("marker_field: M\nrecords: {p: {data: {Email: x}}}\n")
    seen = set()
    for name in ("sandbox", "prod"):
        project = workspace.load(environment=name)
        seen.add((project.lockfile.name, project.sets[0].records[0].marker))
    assert seen == {
        ("syncspec.sandbox.lock", "arrakis@sandbox/contacts.p"),
        ("syncspec.prod.lock", "arrakis@prod/contacts.p"),
    }


LAYERS = """\
lifecycle: {on_drift: fail, on_adopt: block, ignore_changes: [A]}
environments:
  e:
    lifecycle: {on_drift: restore}
    collections: {salesforce:contact: {lifecycle: {ignore_changes: [B]}}}
  plain: {}
collections: {salesforce:contact: {lifecycle: {on_missing: recreate}}}
"""


def lifecycle(workspace: Any, record: str = "p", environment: str | None = None) -> Lifecycle:
    found = {
        each.address: each.lifecycle for each in workspace.load(environment=environment or "plain").sets[0].records
    }
    result: Lifecycle = found[f"contacts.{record}"]
    return result


def test_the_nearest_word_wins_key_by_key(workspace: Any) -> None:
    workspace.project(LAYERS)
    workspace.contacts(
        "lifecycle: {on_adopt: update}\n"
        "records: {p: {data: {E: x}}, q: {data: {E: y}, lifecycle: {on_drift: report, ignore_changes: []}}}\n"
    )
    plain, laid_over = lifecycle(workspace), lifecycle(workspace, environment="e")
    assert (plain.on_drift, plain.on_adopt, plain.on_missing) == ("fail", "update", "recreate")
    assert plain.ignore_changes == ("A",)
    assert (laid_over.on_drift, laid_over.on_missing, laid_over.ignore_changes) == ("restore", "recreate", ("B",))
    record = lifecycle(workspace, "q", "e")
    assert (record.on_drift, record.on_adopt, record.ignore_changes) == (OnDrift.REPORT, OnAdopt.UPDATE, ())


def test_null_goes_back_to_what_holds_where_nothing_is_said(workspace: Any) -> None:
    workspace.project(LAYERS)
    workspace.contacts(
        "lifecycle: {on_drift: null}\n"
        "records: {p: {data: {E: x}}, q: {data: {E: y}, lifecycle: {ignore_changes: null, on_adopt: null}}}\n"
    )
    assert lifecycle(workspace, environment="e").on_drift is OnDrift.REPORT
    record = lifecycle(workspace, "q", "e")
    assert (record.on_adopt, record.ignore_changes) == (OnAdopt.REPORT, ())


def test_null_in_an_environment_takes_away_what_the_project_says(workspace: Any) -> None:
    workspace.project(
        "lifecycle: {on_drift: fail, on_adopt: block}\n"
        "environments: {a: {lifecycle: {on_drift: null}}, b: {lifecycle: null}}\n"
    )
    assert (lifecycle(workspace, "paul", "a").on_drift, lifecycle(workspace, "paul", "a").on_adopt) == (
        OnDrift.REPORT,
        OnAdopt.BLOCK,
    )
    assert lifecycle(workspace, "paul", "b") == Lifecycle()


COLLECTION = "collections: {salesforce:contact: {lifecycle: {protect: true}}}\n"


@pytest.mark.parametrize(
    ("project", "contacts", "place", "farther"),
    [
        ("lifecycle: {protect: true}\nenvironments:\n  e:\n    lifecycle: {protect: false}\n", "", "14:19", "11:24"),
        ("lifecycle: {protect: true}\nenvironments:\n  e:\n    lifecycle: {protect: null}\n", "", "14:19", "11:24"),
        ("lifecycle: {protect: true}\nenvironments:\n  e:\n    lifecycle: null\n", "", "14:7", "11:24"),
        (COLLECTION + "environments:\n  e:\n    " + COLLECTION.replace("true", "false"), "", "14:54", "11:59"),
        (COLLECTION + "environments:\n  e: {collections: null}\n", "", "13:9", "11:59"),
        ("lifecycle: {protect: true}\n" + COLLECTION.replace("true", "false"), "", "12:50", "11:24"),
        (
            "environments: {e: {lifecycle: {protect: true}}}\n" + COLLECTION.replace("true", "false"),
            "",
            "12:50",
            "11:43",
        ),
        ("lifecycle: {protect: true}\n", "lifecycle: {protect: false}\n", "set", "11:24"),
        (COLLECTION, "lifecycle: {protect: false}\n", "set", "11:59"),
    ],
)
def test_a_nearer_word_that_would_take_a_protection_away_is_an_error(
    workspace: Any, project: str, contacts: str, place: str, farther: str
) -> None:
    workspace.project(project)
    workspace.contacts(f"{contacts}match_on: [Email]\nrecords: {{p: {{data: {{Email: x}}}}}}\n")
    found = workspace.error(environment="e" if "environments" in project else None)
    assert (found.code, found.severity) == ("loosened-protection", Severity.ERROR)
    assert place_of(found) == ("manifests/contacts.yaml:6:15" if place == "set" else f"syncspec.yaml:{place}")
    assert f"protect: true stands at syncspec.yaml:{farther}" in found.detail


def test_a_record_cannot_take_away_what_its_set_protects(workspace: Any) -> None:
    workspace.contacts(
        "match_on: [Email]\nlifecycle: {protect: true}\nrecords:\n"
        "  p: {data: {Email: x}, lifecycle: {protect: false}}\n"
        "  q: {data: {Email: y}, lifecycle: {on_drift: fail}}\n"
    )
    found = workspace.error()
    assert (found.code, found.address) == ("loosened-protection", "contacts.p")
    assert place_of(found) == "manifests/contacts.yaml:9:39"
    assert "stands at manifests/contacts.yaml:7:24" in found.detail


def test_a_protection_may_be_added_anywhere_and_said_again(workspace: Any) -> None:
    workspace.project("environments: {e: {lifecycle: {protect: true}}, plain: {}}\n")
    workspace.contacts(
        "match_on: [Email]\nlifecycle: {on_drift: fail}\n"
        "records: {p: {data: {Email: x}, lifecycle: {protect: true}}, q: {data: {Email: y}}}\n"
    )
    assert [lifecycle(workspace, each, "plain").protect for each in "pq"] == [True, None]
    assert [lifecycle(workspace, each, "e").protect for each in "pq"] == [True, True]


def test_protect_false_is_fine_where_nothing_farther_protects(workspace: Any) -> None:
    workspace.project("lifecycle: {protect: false}\nenvironments: {e: {lifecycle: {protect: false}}}\n")
    workspace.contacts("match_on: [Email]\nrecords: {p: {data: {Email: x}, lifecycle: {protect: false}}}\n")
    assert lifecycle(workspace, "p", "e").protect is False
