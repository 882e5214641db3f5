"""Loading for a review: environment variables that are not known stand for themselves."""

from __future__ import annotations

from typing import Any

import pytest


def reviewed(workspace: Any, **options: Any) -> Any:
    return workspace.load(placeholders=True, **{"environ": {}, **options})


def test_a_variable_of_the_environment_stands_in_the_data_as_it_is_written(workspace: Any) -> None:
    workspace.project("variables: {owner: '${env.OWNER}', mail: 'a-${env.HOST}@${var.owner}'}\n")
    workspace.contacts("match_on: [Email]\nrecords: {p: {data: {Email: '${var.mail}', Owner: '${var.owner}'}}}\n")
    (record,) = reviewed(workspace).sets[0].records
    assert record.data == {"Email": "a-${env.HOST}@${env.OWNER}", "Owner": "${env.OWNER}"}
    assert record.key is not None


def test_what_is_given_is_put_in(workspace: Any) -> None:
    workspace.project("variables: {owner: '${env.OWNER}'}\n")
    workspace.contacts("match_on: [Email]\nrecords: {p: {data: {Email: '${var.owner}'}}}\n")
    for options in ({"environ": {"OWNER": "me"}}, {"variables": {"owner": "me"}}):
        (record,) = reviewed(workspace, **options).sets[0].records
        assert record.data == {"Email": "me"}


def test_neither_token_nor_address_needs_the_environment(workspace: Any) -> None:
    workspace.project("", base=workspace_base("base_url: ${env.URL}"))
    project = reviewed(workspace)
    assert project.declared["upstreams.crm.base_url"].value == "${env.URL}"
    assert project.upstreams["crm"].token is None


def workspace_base(more: str) -> str:
    return (
        "apiVersion: syncspec/v1\nkind: Project\nmetadata: {name: arrakis}\nspec:\n  manifests: [manifests]\n"
        f"  upstreams:\n    crm:\n      type: sequin\n      token: ${{env.TOKEN}}\n      {more}\n"
        "      syncs: {salesforce: ${env.SYNC}}\n".replace("${env.SYNC}", "'${env.SYNC}'")
    )


def test_a_sync_from_the_environment_is_shown_as_such(workspace: Any) -> None:
    workspace.project("", base=workspace_base("concurrency: 2"))
    assert reviewed(workspace).sets[0].target.sync_id == "${env.SYNC}"


@pytest.mark.parametrize(
    "spec",
    [
        "match_on: [Email]\nfields: {Age: {type: integer}}\nrecords: {p: {data: {Email: x, Age: '${var.n}'}}}\n",
        "match_on: [Email]\nfields: {Age: {type: integer}}\ndefaults: {Age: '${var.n}'}\n"
        "records: {p: {data: {Email: x}}}\n",
        "match_on: [Email]\ndata_schema: s.json\nrecords: {p: {data: {Email: x, Age: '${var.n}'}}}\n",
    ],
)
def test_a_value_that_is_not_known_is_not_judged(workspace: Any, spec: str) -> None:
    workspace.write("s.json", '{"properties": {"Age": {"type": "integer"}}}')
    workspace.project("variables: {n: '${env.N}'}\n")
    workspace.contacts(spec)
    (record,) = reviewed(workspace).sets[0].records
    assert record.data["Age"] == "${env.N}"


def test_what_is_known_is_judged(workspace: Any) -> None:
    workspace.project("variables: {n: '${env.N}'}\n")
    workspace.contacts(
        "match_on: [Email]\nfields: {Age: {type: integer}}\n"
        "records: {p: {data: {Email: x, Age: y}}, q: {data: {Email: '${var.n}', Age: 1}}}\n"
    )
    found = workspace.error(placeholders=True, environ={})
    assert (found.code, found.address) == ("wrong-value", "contacts.p")


def test_a_number_from_the_environment_leaves_the_project_undecided_and_says_so(workspace: Any) -> None:
    workspace.project("", base=workspace_base("concurrency: ${env.N}"))
    found = workspace.error(placeholders=True, environ={})
    assert (found.code, found.hint) == ("needs-environment", "give the variable with --env-file")


def test_without_a_review_nothing_stands_for_what_is_missing(workspace: Any) -> None:
    workspace.project("variables: {owner: '${env.OWNER}'}\n")
    assert workspace.error(environ={"TOKEN": "x"}).code == "unset-variable"
    assert workspace.load(environ={"TOKEN": "x", "OWNER": "y"}).declared == {}


def test_the_settings_of_the_environment_are_laid_over_and_placed(workspace: Any) -> None:
    workspace.project("guards: {max_deletes: 1}\nenvironments: {e: {guards: {max_deletes: 2}}, f: {}}\n")
    found = {name: reviewed(workspace, environment=name).declared["guards.max_deletes"] for name in "ef"}
    assert [(found[name].value, str(found[name].source)) for name in "ef"] == [
        (2, "syncspec.yaml:12:44"),
        (1, "syncspec.yaml:11:25"),
    ]
    assert reviewed(workspace, environment="e").declared["upstreams.crm.token"].secret
