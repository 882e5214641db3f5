"""For any rows of an upstream: importing them leaves nothing to plan, and importing them again changes nothing."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import memory
from support.pipeline import SYNC, Folder, project_file

from syncspec.records import ObservedRecord
from syncspec.upstream.protocol import Page, SyncInfo

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["=1+1", "${var.x}", "$${", "a\nb\n", "\u2028", "yes", "0123", "1e3", " x ", "- a", "# a", "\x00", "2024-01-05"]
)
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
NAMES = st.sampled_from(["Email", "LastName", "Amount", "Note", "yes", "A b", "${x}", "OwnerId", "CreatedDate"]) | TEXT
ROWS = st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=4)


class Fixed:
    """An upstream that holds these rows and takes nothing."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self.rows = tuple(ObservedRecord(upstream_id=f"ID{number}", data=row) for number, row in enumerate(rows))

    async def __aenter__(self) -> Fixed:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    async def describe(self, sync_id: str) -> SyncInfo:
        return SyncInfo(sync_id=sync_id, backfilled=True, healthy=True)

    async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        yield Page(records=self.rows, cursor="1")


@given(
    rows=ROWS,
    match_on=st.sampled_from([None, ["Email"], ["LastName", "Note"]]),
    name_from=st.sampled_from([None, "Note"]),
    empty=st.sampled_from(["omit", "null"]),
    rules=st.sampled_from([{}, {"Note": {"compare": "exact"}, "Amount": {"type": "decimal", "scale": 2}}]),
    defaults=st.sampled_from([{}, {"Note": "default", "LastName": None}]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_after_an_import_planning_is_empty(
    rows: list[dict[str, Any]],
    match_on: list[str] | None,
    name_from: str | None,
    empty: Any,
    rules: dict[str, Any],
    defaults: dict[str, Any],
) -> None:
    from _pytest.monkeypatch import MonkeyPatch

    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as name, MonkeyPatch.context() as patch:
        patch.setattr("syncspec.project.reading.connect", lambda *_: Fixed(rows))
        project = json.loads(project_file())
        project["spec"]["collections"] = {"salesforce:contact": {"fields": rules, "defaults": defaults}}
        folder = Folder(Path(name))
        folder.write(project=json.dumps(project))
        if not any(name_from in row for row in rows):
            name_from = None
        wish: dict[str, Any] = {"sync_id": SYNC, "match_on": match_on, "name_from": name_from, "empty": empty}
        done = folder.open().import_records("salesforce:contact", **wish)
        assert len(done.records) + len(done.skipped) == len(rows)
        if not done.written:
            return
        planned = folder.open().plan()
        assert [(each.address, each.reason) for each in planned.changes if each.action != "unchanged"] == []
        before = (Path(name) / "contact.yaml").read_bytes(), folder.lockfile.read_bytes()
        again = folder.open().import_records("salesforce:contact", **{**wish, "match_on": None})
        assert (again.written, len(again.skipped)) == (False, len(rows))
        assert ((Path(name) / "contact.yaml").read_bytes(), folder.lockfile.read_bytes()) == before


WRITABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=4,
)
FIELDS = ["Email", "LastName", "Note", "Amount"]
DATA = st.dictionaries(st.sampled_from(FIELDS), WRITABLE, min_size=1)


@given(
    pairs=st.lists(st.tuples(DATA, DATA), min_size=1, max_size=3),
    rules=st.sampled_from([{}, {"Note": {"compare": "exact"}}, {"LastName": {"compare": "casefold"}}]),
    defaults=st.sampled_from([{}, {"Note": "default", "LastName": None}]),
    empty=st.sampled_from(["omit", "null"]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_changes_upstream_can_be_accepted_and_then_planning_is_empty(
    pairs: list[tuple[dict[str, Any], dict[str, Any]]], rules: dict[str, Any], defaults: dict[str, Any], empty: Any
) -> None:
    from _pytest.monkeypatch import MonkeyPatch

    with tempfile.TemporaryDirectory(dir=memory.FOLDER) as name, MonkeyPatch.context() as patch:
        project = json.loads(project_file())
        project["spec"]["collections"] = {"salesforce:contact": {"fields": rules, "defaults": defaults}}
        folder = Folder(Path(name))
        folder.write(project=json.dumps(project))
        patch.setattr("syncspec.project.reading.connect", lambda *_: Fixed([before for before, _ in pairs]))
        if not folder.open().import_records("salesforce:contact", sync_id=SYNC, empty=empty).written:
            return
        path = Path(name) / "contact.yaml"
        written = path.read_bytes()
        patch.setattr("syncspec.project.reading.connect", lambda *_: Fixed([after for _, after in pairs]))
        drifted = {change.address for change in folder.open().plan().changes if change.action == "drift"}
        done = folder.open().accept(["contact"])
        assert {each.address for each in done.fields} == drifted
        assert done.written == (path.read_bytes() != written) == bool(drifted)
        planned = folder.open().plan()
        assert [(each.address, each.reason) for each in planned.changes if each.action != "unchanged"] == []
