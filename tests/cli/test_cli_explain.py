"""`syncspec explain` of a record whose outcome is unknown: what lies upstream is shown, not denied."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from starlette.responses import JSONResponse, Response

import syncspec
from syncspec.cli.app import app
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.mutations import Mutation
from syncspec.upstream.embedded.store import Store

PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata:
  name: p
spec:
  upstreams:
    crm:
      type: embedded
      wait_seconds: 0
"""
MANIFEST = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: contacts
spec:
  collection_id: salesforce:contact
  match_on:
    - Email
  records:
    paul:
      data:
        Email: paul@x.org
        LastName: Atreides
"""


class TimeOut:
    async def before(self, mutation: Mutation) -> Response | None:
        return None

    async def after(self, mutation: Mutation) -> Response | None:
        return JSONResponse({"error": "timed out"}, status_code=504)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "syncspec.yaml").write_text(PROJECT)
    (tmp_path / "contacts.yaml").write_text(MANIFEST)

    def with_fault(store: Store, **options: object) -> object:
        return create_app(store, **{**options, "fault": TimeOut()})  # type: ignore[arg-type]

    monkeypatch.setattr("syncspec.upstream.embedded.app.create_app", with_fault)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_unknown_record_is_shown_with_the_row_that_it_turns_out_to_be(folder: Path) -> None:
    report = syncspec.open(folder, environ={}).apply()
    assert report.exit_code == 4
    result = CliRunner().invoke(app, ["explain", "contacts.paul", "--json"], standalone_mode=False)
    assert result.exception is None
    known = json.loads(result.stdout)
    assert known["plan"]["action"] == "unchanged"
    assert [row["data"]["Email"] for row in known["observed"]] == ["paul@x.org"]
    assert [attempt["state"] for attempt in known["attempts"]] == ["unknown"]


REFERRING = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: accounts
spec:
  collection_id: salesforce:account
  match_on:
    - Name
  records:
    acme:
      data:
        Name: Acme
---
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: contacts
spec:
  collection_id: salesforce:contact
  match_on:
    - Email
  records:
    paul:
      data:
        Email: paul@arrakis.org
        AccountId: ${record.accounts.acme.upstream_id}
"""


def test_what_a_record_refers_to_is_shown_before_and_after_it_exists(tmp_path: Path) -> None:
    (tmp_path / "syncspec.yaml").write_text(PROJECT, encoding="utf-8")
    (tmp_path / "all.yaml").write_text(REFERRING, encoding="utf-8")

    def explained(*options: str) -> str:
        result = CliRunner().invoke(app, ["-C", str(tmp_path), "explain", "contacts.paul", *options])
        assert result.exit_code == 0, result.output
        return result.stdout

    before = explained()
    assert "AccountId  (not known yet)" in before
    assert "refers to accounts.acme: its ID is not known yet" in before
    assert json.loads(explained("--json"))["references"] == [
        {"address": "accounts.acme", "looked_up": False, "upstream_id": None}
    ]
    report = syncspec.open(tmp_path, environ={}).apply()
    acme = next(record.upstream_id for record in report.records if record.address == "accounts.acme")
    after = explained()
    assert f'AccountId  "{acme}"' in after
    assert f"refers to accounts.acme: {acme}" in after
