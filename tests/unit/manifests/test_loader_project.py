from __future__ import annotations

from typing import Any

import pytest

from syncspec.records import OnAdopt, OnDrift, OnRemove
from syncspec.settings import StateBackend, StateSettings

ENVIRONMENTS = """\
variables: {domain: prod.org}
lifecycle: {on_drift: report, on_adopt: block}
guards: {max_creates: 10, max_adopts: 1}
collections: {salesforce:contact: {batch: {max_records: 7}, fields: {Email: {compare: casefold}}}}
environments:
  sandbox:
    variables: {domain: sandbox.org}
    upstreams: {crm: {base_url: 'https://sandbox.example', syncs: {salesforce: sandbox-sync}}}
    lifecycle: {on_drift: fail}
    guards: {max_creates: null}
    collections: {salesforce:contact: {batch: {max_records: 3}}}
  prod: {}
"""


def test_environment_is_laid_over_key_by_key(workspace: Any) -> None:
    workspace.project(ENVIRONMENTS)
    project = workspace.load(environment="sandbox")
    crm, (contacts,) = project.upstreams["crm"], project.sets
    assert (crm.base_url, crm.syncs) == (
        "https://sandbox.example",
        {"salesforce": "sandbox-sync", "hubspot": "hs-sync"},
    )
    assert crm.token.reveal() == "t0ken"
    assert (project.guards.max_creates, project.guards.max_adopts) == (None, 1)
    assert contacts.max_records == 3
    assert contacts.rules.rule("Email").compare == "casefold"
    lifecycle = contacts.records[0].lifecycle
    assert (lifecycle.on_drift, lifecycle.on_adopt) == (OnDrift.FAIL, OnAdopt.BLOCK)
    assert project.lockfile.name == "syncspec.sandbox.lock"


def test_environment_must_be_chosen_where_there_are_any(workspace: Any) -> None:
    workspace.project(ENVIRONMENTS)
    error = workspace.error()
    assert (error.code, error.detail) == ("no-environment", "The project declares sandbox, prod.")
    assert "-e sandbox" in error.hint


def test_unknown_environment_gets_the_nearest_name(workspace: Any) -> None:
    workspace.project(ENVIRONMENTS)
    error = workspace.error(environment="sandbx")
    assert (error.code, error.hint) == ("unknown-environment", 'did you mean "sandbox"?')


def test_environment_where_none_is_declared_is_an_error(workspace: Any) -> None:
    assert "declares no environments" in workspace.error(environment="prod").detail


def test_secret_of_another_environment_is_not_needed(workspace: Any) -> None:
    workspace.project(
        "environments: {a: {upstreams: {crm: {token: '${env.A}'}}}, b: {upstreams: {crm: {token: '${env.B}'}}}}\n"
    )
    assert workspace.load(environment="a", environ={"A": "a"}).upstreams["crm"].token.reveal() == "a"
    assert str(workspace.error(environment="b", environ={"A": "a"}).source).startswith("syncspec.yaml:11")


def test_other_environments_are_checked_too(workspace: Any) -> None:
    workspace.project("environments: {a: {}, b: {variables: {x: '${var.y'}, guards: {max_creates: -1}}}\n")
    assert [error.code for error in workspace.errors(environment="a")] == ["invalid-expression", "out-of-range"]


def test_variables_of_another_environment_are_not_missed(workspace: Any) -> None:
    workspace.project(
        "environments: {a: {}, b: {variables: {x: 1, n: 5}, upstreams: {crm: {concurrency: '${var.n}'}}}}\n"
    )
    workspace.load(environment="a")
    assert workspace.load(environment="b").upstreams["crm"].concurrency == 5


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("name: arrakis", "name: a/b", "invalid-value"),
        ("name: arrakis", "name: a@b", "invalid-value"),
        ("  upstreams:", "  upstream:", "unknown-key"),
        ("type: sequin", "type: sequn", "unknown-choice"),
        ("type: sequin", "kind: sequin", "unknown-key"),
        ("token: ${env.TOKEN}", "concurrency: 0", "out-of-range"),
        ("token: ${env.TOKEN}", 'concurrency: "4"', "wrong-type"),
        ("token: ${env.TOKEN}", "concurrency: 4.5", "wrong-type"),
        ("token: ${env.TOKEN}", "rate_limit: {requests: 0, per_seconds: 1}", "out-of-range"),
        ("token: ${env.TOKEN}", "rate_limit: {requests: 1}", "missing-key"),
        ("token: ${env.TOKEN}", "settle_seconds: -1", "out-of-range"),
        ("token: ${env.TOKEN}", "request_timeout_seconds: 0", "out-of-range"),
        ("token: ${env.TOKEN}", "atomic_batches: yes", "wrong-type"),
        ("token: ${env.TOKEN}", "await_consumers: {ids: []}", "empty-value"),
        ("syncs: {salesforce: sf-sync, hubspot: hs-sync}", "syncs: {SalesForce: x}", "invalid-key"),
        ("    crm:", "    c r m:", "invalid-key"),
        ("[manifests]", "manifests", "wrong-type"),
        ("[manifests]", "[]", "empty-value"),
    ],
)
def test_wrong_setting_is_an_error_at_its_place(workspace: Any, old: str, new: str, code: str) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    workspace.project(base=text.replace(old, new))
    line = next(number for number, line in enumerate(text.splitlines(), 1) if old in line)
    assert (code, line) in [(error.code, error.source.line) for error in workspace.errors()]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("state: {backend: redis}\n", "unknown-choice"),
        ("state: {remote: origin}\n", "missing-key"),
        ("state: {backend: git, remote: 'https://x.example/y.git'}\n", "invalid-value"),
        ("state: {backend: git, remote: --upload-pack=x}\n", "invalid-value"),
        ("variables: {a: null}\n", "wrong-type"),
        ("variables: {a: [1]}\n", "wrong-type"),
        ("collections: {contact: {}}\n", "invalid-key"),
        ("collections: {salesforce:contact: {fields: {A: {scale: 2}}}}\n", "contradiction"),
        ("collections: {salesforce:contact: {fields: {A: {type: text, separator: ','}}}}\n", "contradiction"),
        ("lifecycle: {ignore_changes: Email}\n", "wrong-type"),
        ("environments: {'a b': {}}\n", "invalid-key"),
        ("guards: {max_deletes_percent: 101}\n", "out-of-range"),
    ],
)
def test_wrong_section_is_an_error(workspace: Any, more: str, code: str) -> None:
    workspace.project(more)
    assert code in [error.code for error in workspace.errors(environment="a b" if "a b" in more else None)]


@pytest.mark.parametrize("lifecycle", ["on_remove: destroy", "delete_adopted: yes please", "protect: 1"])
def test_what_a_lifecycle_may_not_say_is_an_error(workspace: Any, lifecycle: str) -> None:
    workspace.contacts(f"match_on: [Email]\nlifecycle: {{{lifecycle}}}\nrecords: {{p: {{data: {{Email: x}}}}}}\n")
    assert workspace.error().source.line == 7


def test_removal_is_declared_in_any_layer_and_protection_holds_where_any_asks_for_it(workspace: Any) -> None:
    workspace.project("lifecycle: {on_remove: delete, delete_adopted: true}\n")
    workspace.contacts(
        "match_on: [Email]\nlifecycle: {protect: true}\nrecords:\n"
        "  p: {data: {Email: x}, lifecycle: {on_drift: report}}\n"
        "  q: {data: {Email: y}, lifecycle: {on_remove: keep, delete_adopted: false}}\n"
    )
    p, q = (record.lifecycle for record in workspace.load().sets[0].records)
    assert (p.protect, p.on_remove, p.delete_adopted) == (True, OnRemove.DELETE, True)
    assert (q.protect, q.on_remove, q.delete_adopted) == (True, OnRemove.KEEP, False)


@pytest.mark.parametrize(("word", "protect"), [("", None), ("protect: false", False), ("protect: true", True)])
def test_a_lifecycle_tells_whether_anybody_speaks_of_protection(
    workspace: Any, word: str, protect: bool | None
) -> None:
    workspace.contacts(f"match_on: [Email]\nlifecycle: {{{word}}}\nrecords: {{p: {{data: {{Email: x}}}}}}\n")
    assert workspace.load().sets[0].records[0].lifecycle.protect is protect


def test_drift_may_be_restored(workspace: Any) -> None:
    workspace.contacts("match_on: [Email]\nlifecycle: {on_drift: restore}\nrecords: {p: {data: {Email: x}}}\n")
    assert workspace.load().sets[0].records[0].lifecycle.on_drift is OnDrift.RESTORE


def test_nearest_lifecycle_wins_key_by_key(workspace: Any) -> None:
    workspace.project("lifecycle: {on_drift: fail, on_adopt: block, ignore_changes: [A]}\n")
    workspace.contacts(
        "match_on: [Email]\nlifecycle: {on_adopt: report}\nrecords:\n"
        "  p: {data: {Email: x}}\n  q: {data: {Email: y}, lifecycle: {on_drift: report, ignore_changes: []}}\n"
    )
    p, q = workspace.load().sets[0].records
    assert (p.lifecycle.on_drift, p.lifecycle.on_adopt, p.lifecycle.ignore_changes) == (
        OnDrift.FAIL,
        OnAdopt.REPORT,
        ("A",),
    )
    assert (q.lifecycle.on_drift, q.lifecycle.ignore_changes) == (OnDrift.REPORT, ())


@pytest.mark.parametrize(
    "url",
    [
        "ftp://x",
        "x.org",
        "https://",
        "https://user:pass@x.org",
        "https://token@x.org",
        "https://x.org/?a=1",
        "https://x.org/#a",
        "https://x.org:99999",
        "https://x.org:0",
        "https://[::1",
        "https://x .org",
        "'https://x.org\\evil'",
        "file:///etc/passwd",
        "javascript:alert(1)",
        '"https://x.org\\n.evil"',
    ],
)
def test_unusable_url_is_an_error_that_never_repeats_it(workspace: Any, url: str) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    workspace.project(base=text + f"      base_url: {url}\n")
    error = workspace.error()
    assert (error.code, error.source.line, error.snippet) == ("invalid-url", 11, None)
    assert "pass" not in error.detail.replace("passwd", "")


def test_plain_http_is_for_this_machine_only(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    for url, warned in [
        ("http://x.org", True),
        ("http://127.0.0.1:80", False),
        ("http://localhost:1", False),
        ("http://[::1]:9", False),
    ]:
        workspace.project(base=text + f"      base_url: '{url}'\n")
        assert [item.code for item in workspace.load().diagnostics] == (["unencrypted"] if warned else [])


def test_token_written_out_gets_a_warning_and_is_shown_nowhere(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    workspace.project(base=text.replace("${env.TOKEN}", "s3cret-canary"))
    project = workspace.load()
    (warning,) = project.diagnostics
    assert (warning.code, warning.snippet) == ("literal-token", None)
    assert "s3cret-canary" not in repr(project)


@pytest.mark.parametrize(
    "upstream", ["{type: sequin, token: s3cret-canary, concurency: 4}", "{type: sequin, token: s3cret-canary: x}"]
)
def test_no_message_shows_a_line_that_holds_a_token(workspace: Any, upstream: str) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    workspace.project(base=text[: text.index("    crm:")] + f"    crm: {upstream}\n")
    assert "s3cret-canary" not in repr(workspace.errors())


def test_token_that_cannot_be_a_header_is_an_error_without_its_text(workspace: Any) -> None:
    error = workspace.error(environ={"TOKEN": "abc\ndef"})
    assert error.code == "invalid-token"
    assert "abc" not in repr(error)


def test_sequin_needs_a_token_and_every_upstream_a_type(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    workspace.project(base=text.replace("      token: ${env.TOKEN}\n", ""))
    assert workspace.error().detail == 'The upstream "crm" has no token.'
    workspace.project(base=text.replace("      type: sequin\n", ""))
    assert workspace.error().detail == 'The upstream "crm" has no type.'


def test_settings_of_an_upstream_are_carried_over(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    more = (
        "      concurrency: 2\n      rate_limit: {requests: 10, per_seconds: 1.5}\n      request_timeout_seconds: 5\n"
        "      settle_seconds: 7\n      wait_seconds: 0\n      atomic_batches: true\n      unique_upstream: true\n"
        "      assume_complete: true\n      await_consumers: {ids: [wh-1], timeout_ms: 9}\n"
    )
    workspace.project(base=text + more)
    crm = workspace.load().upstreams["crm"]
    assert (crm.concurrency, crm.request_timeout, crm.settle, crm.wait) == (2, 5, 7, 0)
    assert (crm.rate_limit.requests, crm.rate_limit.per_seconds) == (10, 1.5)
    assert crm.atomic_batches
    assert crm.assume_complete
    assert (crm.await_consumers.ids, crm.await_consumers.timeout_ms) == (("wh-1",), 9)
    assert workspace.load().sets[0].await_consumers == crm.await_consumers


def test_embedded_upstream_settles_at_once_and_has_its_own_settings(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    embedded = "type: embedded\n      profiles: {salesforce: lower}\n      enforce_schemas: true"
    workspace.project(base=text.replace("type: sequin", embedded))
    crm = workspace.load().upstreams["crm"]
    assert (crm.type, crm.settle, crm.profiles, crm.enforce_schemas) == ("embedded", 0, {"salesforce": "lower"}, True)
    workspace.project(base=text + "      enforce_schemas: true\n")
    assert [item.code for item in workspace.load().diagnostics] == ["without-effect"]


def test_an_embedded_upstream_is_atomic_unless_it_is_told_not_to_be(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text().replace("type: sequin", "type: embedded")
    workspace.project(base=text)
    assert workspace.load().upstreams["crm"].atomic_batches
    workspace.project(base=text + "      atomic_batches: false\n")
    assert not workspace.load().upstreams["crm"].atomic_batches


def test_an_upstream_may_be_known_to_refuse_a_second_record(workspace: Any) -> None:
    text = (workspace.root / "syncspec.yaml").read_text()
    workspace.project(base=text + "      unique_upstream: true\n")
    assert workspace.load().upstreams["crm"].unique
    workspace.project(base=text + "      unique_upstream: false\n")
    assert not workspace.load().upstreams["crm"].unique


def test_state_is_local_unless_the_project_file_says_otherwise(workspace: Any) -> None:
    assert workspace.load().state == StateSettings(backend=StateBackend.LOCAL, remote="origin")
    workspace.project("state: {backend: local}\n")
    assert workspace.load().state == StateSettings()


def test_state_in_git_is_kept_at_the_remote_that_the_project_file_names(workspace: Any) -> None:
    workspace.project("variables: {backend: git}\nstate:\n  remote: fork\n  backend: ${var.backend}\n")
    assert workspace.load().state == StateSettings(backend=StateBackend.GIT, remote="fork")
    workspace.project("state: {backend: git}\n")
    assert workspace.load().state == StateSettings(backend=StateBackend.GIT, remote="origin")


def test_a_remote_has_no_effect_on_a_local_state(workspace: Any) -> None:
    workspace.project("state: {backend: local, remote: fork}\n")
    (warning,) = workspace.load().diagnostics
    assert (warning.code, warning.severity.value) == ("without-effect", "warning")
    assert warning.snippet == "  state: {backend: local, remote: fork}"
