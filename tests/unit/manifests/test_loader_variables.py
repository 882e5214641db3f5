from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncspec.errors import ManifestError
from syncspec.manifests.variables import read_var_file

RECORD = "match_on: [Email]\nrecords:\n  paul:\n    data:\n      Email: p@x.org\n      Value: "


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${var.count}", 5),
        ("n=${var.count}", "n=5"),
        ("${var.on}", True),
        ("on=${var.on}", "on=true"),
        ("${var.domain}", "arrakis.org"),
        ("$${var.domain}", "${var.domain}"),
        ("[1, '${var.count}', {a: '${var.domain}'}]", [1, 5, {"a": "arrakis.org"}]),
        ("\"${var['a.b']}\"", "dotted"),
    ],
)
def test_whole_expression_keeps_its_type_and_text_around_it_makes_text(
    workspace: Any, written: str, value: Any
) -> None:
    workspace.project("variables: {count: 5, on: true, domain: arrakis.org, a.b: dotted}\n")
    workspace.contacts(RECORD + written)
    assert workspace.data()["Value"] == value


def test_given_variable_wins_over_environment_and_project(workspace: Any) -> None:
    workspace.project(
        "variables: {d: project, e: project, f: project}\nenvironments: {dev: {variables: {d: dev, e: dev}}}\n"
    )
    workspace.contacts(RECORD + "${var.d} ${var.e} ${var.f}")
    assert workspace.data(environment="dev", variables={"d": "given"})["Value"] == "given dev project"


def test_given_variable_is_taken_as_it_stands(workspace: Any) -> None:
    workspace.contacts(RECORD + "${var.d}")
    assert workspace.data(variables={"d": "${var.x} $${"})["Value"] == "${var.x} $${"


def test_variable_may_name_others_and_the_environment(workspace: Any) -> None:
    workspace.project("variables: {a: 'a-${var.b}', b: 'b-${var.c}', c: '${env.C}'}\n")
    workspace.contacts(RECORD + "${var.a}")
    assert workspace.data(environ={"TOKEN": "t", "C": "c"})["Value"] == "a-b-c"


def test_variables_in_a_circle_are_an_error_that_shows_it(workspace: Any) -> None:
    workspace.project("variables: {a: '${var.b}', b: '${var.a}', c: x}\n")
    error = workspace.error()
    assert error.code == "variable-cycle"
    assert error.detail in ("a → b → a", "b → a → b")


def test_unknown_variable_is_an_error_at_its_column_with_the_nearest_name(workspace: Any) -> None:
    workspace.project("variables: {domain: x, count: 5}\n")
    workspace.contacts(RECORD + "a@${var.domian}")
    error = workspace.error()
    assert (error.code, error.source.line, error.source.column) == ("unknown-variable", 11, 18)
    assert error.detail == 'No variable is named "domian"; known: count, domain.'
    assert error.hint == 'did you mean "domain"?'
    assert error.address == "contacts.paul"


def test_environment_is_refused_in_a_manifest_with_the_way_out(workspace: Any) -> None:
    workspace.contacts(RECORD + "${env.HOME}")
    error = workspace.error(environ={"TOKEN": "t", "HOME": "/root"})
    assert error.code == "env-in-manifest"
    assert "${var.home}" in error.hint


def test_key_and_record_name_are_not_expanded(workspace: Any) -> None:
    workspace.project("variables: {a: x}\n")
    workspace.contacts(
        "match_on: [Email]\nrecords:\n"
        "  p: {data: {Email: x, '${var.a}': 1, Z: {'${var.a}': 1}}}\n  '${var.a}': {data: {}}\n"
    )
    assert [error.code for error in workspace.errors()] == ["expression-in-key"] * 3


def test_expression_works_in_upstream_sync_labels_and_upstream_id(workspace: Any) -> None:
    workspace.project("variables: {u: crm, s: sync-9, team: ops, id: '0031'}\n")
    workspace.write(
        "manifests/contacts.yaml",
        """\
        apiVersion: syncspec/v1
        kind: RecordSet
        metadata: {name: contacts, labels: {team: '${var.team}'}}
        spec:
          upstream: ${var.u}
          sync_id: ${var.s}
          collection_id: salesforce:contact
          match_on: [Email]
          records:
            paul: {upstream_id: '${var.id}', data: {Email: a}}
        """,
    )
    (loaded,) = workspace.load().sets
    assert (loaded.target.upstream, loaded.target.sync_id, loaded.labels) == ("crm", "sync-9", {"team": "ops"})
    assert loaded.records[0].upstream_id == "0031"


def test_unset_variable_of_the_environment_is_an_error_that_names_it(workspace: Any) -> None:
    error = workspace.error(environ={})
    assert (error.code, str(error.source)) == ("unset-variable", "syncspec.yaml:9:14")
    assert error.detail == "TOKEN is not set, or is empty."
    assert "export TOKEN=" in error.hint


def test_empty_token_counts_as_not_set(workspace: Any) -> None:
    assert workspace.error(environ={"TOKEN": ""}).code == "unset-variable"
    assert workspace.load(environ={"TOKEN": ""}, resolve_env=False).upstreams["crm"].token is None


def test_checking_needs_no_secrets(workspace: Any) -> None:
    workspace.project(
        "variables: {a: '${env.A}', n: '${env.N}'}\n",
    )
    workspace.contacts(
        "match_on: [Email]\nfields: {N: {type: integer}}\nrecords:\n"
        "  p: {data: {Email: '${var.a}', N: '${var.n}'}}\n  q: {data: {Email: '${var.a}'}}\n"
    )
    project = workspace.load(environ={}, resolve_env=False)
    assert project.upstreams["crm"].token is None
    assert [error.code for error in workspace.errors(environ={"TOKEN": "x"})] == ["unset-variable"] * 2


def test_two_upstreams_with_unknown_addresses_are_two_places_while_checking(workspace: Any) -> None:
    base = (
        "apiVersion: syncspec/v1\nkind: Project\nmetadata: {name: a}\nspec:\n  manifests: [manifests]\n  upstreams:\n"
    )
    for name in ("one", "two"):
        base += (
            f"    {name}:\n      type: sequin\n      token: ${{env.T}}\n      syncs: {{salesforce: s}}\n"
            f"      base_url: https://${{env.{name}}}:${{env.P}}\n"
        )
        workspace.contacts(f"upstream: {name}\nmatch_on: [E]\nrecords: {{p: {{data: {{E: x}}}}}}\n", name=name)
    workspace.project(base=base)
    (workspace.root / "manifests/contacts.yaml").unlink()
    one, two = workspace.load(environ={}, resolve_env=False).sets
    assert one.target.endpoint != two.target.endpoint


def test_given_variable_that_looks_like_a_used_one_gets_a_warning(workspace: Any) -> None:
    workspace.project("variables: {domain: x}\n")
    (warning,) = workspace.load(variables={"domian": "y", "something": "z"}).diagnostics
    assert (warning.code, warning.hint) == ("unused-variable", 'did you mean "domain"?')


def test_var_file_gives_scalars_as_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "vars.yaml"
    path.write_text("domain: x.org\ncount: 5\non: true\nraw: ${var.x}\n")
    assert read_var_file(path) == {"domain": "x.org", "count": 5, "on": True, "raw": "${var.x}"}


@pytest.mark.parametrize(
    ("text", "place"),
    [("a: [1]\n", (1, 4)), ("a: 1\nb:\n", (2, 1)), ("- a\n", (1, 1)), ("a: 02134\n", (1, 4)), ("a: !unset\n", (1, 4))],
)
def test_var_file_with_other_content_is_an_error_at_its_place(
    tmp_path: Path, text: str, place: tuple[int, int]
) -> None:
    path = tmp_path / "vars.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError) as caught:
        read_var_file(path)
    (error,) = caught.value.diagnostics
    assert error.source is not None
    assert (error.source.line, error.source.column) == place


@pytest.mark.parametrize("text", ["", "a: 1\n---\nb: 2\n"])
def test_var_file_holds_exactly_one_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "vars.yaml"
    path.write_text(text)
    with pytest.raises(ManifestError, match="one mapping"):
        read_var_file(path)


def test_missing_var_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        read_var_file(tmp_path / "none.yaml")
