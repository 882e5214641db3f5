"""Importing what an upstream holds: what is written, locked, skipped and left out, and that nothing is left to plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.pipeline import SYNC, Folder, Wrapped, manifest, project_file, served, served_folder
from support.team import Team

from syncspec.apply import run
from syncspec.apply.opening import open_run
from syncspec.errors import ManifestError, RunLockedError, StateError, UpstreamError, UsageError
from syncspec.manifests.formatting import format_manifest
from syncspec.manifests.imported import Imported
from syncspec.project import importing
from syncspec.upstream.embedded.profiles import PROFILES
from syncspec.upstream.protocol import NoAnswer, Page

PEOPLE: dict[str, dict[str, Any]] = {
    "paul": {"Email": "paul@x.org", "LastName": "Atreides", "Title": None, "Zip": "02134"},
    "duncan": {"Email": "duncan@x.org", "LastName": "Idaho", "Title": "Swordmaster", "Score": 7},
}


def seeded(root: Path, people: dict[str, Any] | None = None, *, project: Any = None, **upstream: Any) -> Folder:
    """A project without manifests or memory, whose upstream holds these contacts."""
    folder = Folder(root)
    folder.write(
        project=project_file(**upstream) if project is None else project,
        seed=manifest("seed", PEOPLE if people is None else people, match_on=()),
    )
    assert folder.open().apply().exit_code == 0
    forget(folder)
    (root / "seed.yaml").unlink()
    return folder


def forget(folder: Folder) -> None:
    folder.forget_journal()
    folder.lockfile.unlink()


def take(folder: Folder, **options: Any) -> Imported:
    return folder.open().import_records("salesforce:contact", **{"sync_id": SYNC, "match_on": ["Email"], **options})


def text(folder: Folder, name: str = "contact") -> str:
    return (folder.root / f"{name}.yaml").read_text()


def check_settled(folder: Folder) -> None:
    planned = folder.open().plan()
    assert [(change.address, change.action) for change in planned.changes if change.action != "unchanged"] == []
    assert planned.is_empty
    before = folder.lockfile.read_bytes()
    assert folder.open().apply().report.requests == 0
    assert folder.lockfile.read_bytes() == before


def origins(folder: Folder) -> dict[str, str]:
    lines = map(json.loads, folder.lockfile.read_text().splitlines()[1:])
    return {line["address"]: line["origin"] for line in lines}


def test_records_are_declared_and_locked_and_nothing_is_left_to_plan(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    done = take(folder)
    assert (done.written, sorted(each.address for each in done.records)) == (
        True,
        ["contact.duncan@x.org", "contact.paul@x.org"],
    )
    paul = """\
    paul@x.org:
      data:
        Email: paul@x.org
        LastName: Atreides
        Zip: "02134"
"""
    assert paul in text(folder)
    assert folder.locked_ids() == {each.address: each.upstream_id for each in done.records}
    assert set(origins(folder).values()) == {"imported"}
    check_settled(folder)


def test_importing_twice_changes_nothing(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    take(folder)
    before = text(folder), folder.lockfile.read_bytes()
    again = take(folder)
    assert (again.written, again.records, len(again.skipped)) == (False, (), 2)
    assert {each.reason for each in again.skipped} == {
        "it is locked as contact.paul@x.org",
        "it is locked as contact.duncan@x.org",
    }
    assert (text(folder), folder.lockfile.read_bytes()) == before


def test_what_is_written_is_canonical(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    take(folder)
    assert format_manifest(text(folder).encode(), file="x").content == text(folder).encode()


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    done = take(folder, dry_run=True)
    assert (done.written, len(done.records), done.files[0].is_new) == (False, 2, True)
    assert b"paul@x.org" in done.files[0].change.after
    assert not (tmp_path / "contact.yaml").exists()
    assert not folder.lockfile.exists()


def test_a_set_that_is_there_is_added_to_and_keeps_its_comments_and_order(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    written = """\
# Our people.
apiVersion: syncspec/v1
kind: RecordSet
metadata: {name: people}   # the name stays
spec:
  collection_id: salesforce:contact
  sync_id: SYNC
  match_on: [Email]
  records:
    # He comes first.
    duncan:
      data: {Email: duncan@x.org}   # not locked yet
  # Nothing else.
---
# Another one.
apiVersion: syncspec/v1
kind: RecordSet
metadata: {name: others}
spec: {collection_id: "salesforce:lead", match_on: [Email], records: {}}
""".replace("SYNC", SYNC)
    folder.write(people=written)
    done = take(folder, match_on=None)
    assert [each.reason for each in done.skipped] == ["it is declared as people.duncan, which the next apply adopts"]
    assert [each.address for each in done.records] == ["people.paul@x.org"]
    added = """\
    paul@x.org:
      data:
        Email: paul@x.org
        LastName: Atreides
        Zip: "02134"
"""
    where = written.index("  # Nothing else.")
    assert text(folder, "people") == written[:where] + added + written[where:]
    folder.open().apply()
    check_settled(folder)


def test_defaults_of_a_set_declare_nothing_that_the_upstream_does_not_show(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    folder.write(people=manifest("people", {}, defaults={"Title": "Swordmaster", "Zip": "1", "Mood": "good"}))
    take(folder, match_on=None)
    planned = folder.open().plan()
    data = {change.address: change.desired.data for change in planned.changes if change.desired is not None}
    assert data["people.duncan@x.org"]["Title"] == "Swordmaster"
    assert (data["people.paul@x.org"]["Title"], data["people.paul@x.org"]["Zip"]) == (None, "02134")
    assert data["people.duncan@x.org"]["Mood"] is None
    check_settled(folder)


def test_a_default_of_a_field_that_was_not_chosen_is_taken_away(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    folder.write(people=manifest("people", {}, defaults={"Title": "Swordmaster"}))
    take(folder, match_on=None, fields=["LastName"])
    planned = folder.open().plan()
    data = {change.address: change.desired.data for change in planned.changes if change.desired is not None}
    assert data == {
        "people.duncan@x.org": {"Email": "duncan@x.org", "LastName": "Idaho", "Title": "Swordmaster"},
        "people.paul@x.org": {"Email": "paul@x.org", "LastName": "Atreides"},
    }
    check_settled(folder)


def test_sensitive_fields_are_not_written_and_that_is_said(tmp_path: Path) -> None:
    project = json.loads(project_file())
    project["spec"]["collections"] = {"salesforce:contact": {"fields": {"Zip": {"sensitive": True}}}}
    folder = seeded(tmp_path, project=json.dumps(project))
    done = take(folder, fields=["Zip", "LastName"])
    assert [(each.field, each.reason, each.records) for each in done.left_out] == [("Zip", "it is sensitive", 2)]
    assert "02134" not in text(folder) + folder.lockfile.read_text()
    check_settled(folder)
    with pytest.raises(UsageError, match="sensitive"):
        take(folder, name_from="Zip")
    with pytest.raises(UsageError, match="match key is sensitive"):
        take(folder, match_on=["Zip"], set_name="other")


def test_fields_that_the_provider_writes_are_left_out_unless_they_are_chosen(tmp_path: Path) -> None:
    people = {"a": {"Email": "a@x.org", "LastName": "A", "CreatedDate": "2024-01-05T10:00:00Z", "IsDeleted": False}}
    folder = seeded(tmp_path, people)
    done = take(folder, dry_run=True)
    assert {"CreatedDate", "IsDeleted"} <= {each.field for each in done.left_out}
    assert b"CreatedDate" not in done.files[0].change.after
    assert b"CreatedDate" in take(folder, dry_run=True, fields=["CreatedDate"]).files[0].change.after


def test_only_what_is_asked_for_is_imported(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    done = take(folder, where=[("Score", "7")], fields=["LastName"], name_from="LastName", empty="null")
    assert [each.address for each in done.records] == ["contact.Idaho"]
    assert "Title" not in text(folder)
    assert [each.address for each in take(folder, where=[("Title", "")], dry_run=True).records] == [
        "contact.paul@x.org"
    ]
    assert take(folder, where=[("LastName", "Nobody")]).records == ()
    with pytest.raises(UsageError) as caught:
        take(folder, where=[("LastNam", "x")])
    assert caught.value.diagnostics[0].hint == 'did you mean "LastName"?'


def test_empty_fields_are_kept_empty_where_that_is_asked_for(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    take(folder, empty="null")
    assert "Title: null" in text(folder)
    check_settled(folder)


def test_records_without_a_key_carry_their_upstream_id(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    done = take(folder, match_on=None, name_from="LastName")
    assert [each.code for each in done.diagnostics] == ["no-match-key"]
    ids = folder.locked_ids()
    assert f"    Atreides:\n      upstream_id: {ids['contact.Atreides']}\n      data:" in text(folder)
    check_settled(folder)
    forget(folder)
    assert folder.open().apply().summary["adopted"] == 2
    assert folder.locked_ids() == ids


def test_names_are_unique_and_in_their_alphabet(tmp_path: Path) -> None:
    people = {
        "a": {"Email": "a@x.org", "LastName": "Ä b/c"},
        "b": {"Email": "b@x.org", "LastName": "Ä b/c"},
        "c": {"Email": "c@x.org", "LastName": ""},
        "d": {"Email": "d@x.org", "LastName": "x" * 300},
    }
    folder = seeded(tmp_path, people)
    done = take(folder, name_from="LastName")
    ids = sorted(str(each.upstream_id) for each in done.records)
    names = sorted(each.address.removeprefix("contact.") for each in done.records)
    assert len(set(names)) == 4
    assert "x..C3..84..20b..2Fc" in names
    assert sum(name.startswith("x..C3..84..20b..2Fc-003") or name in ids for name in names) == 3
    check_settled(folder)


def test_what_no_key_tells_apart_is_skipped(tmp_path: Path) -> None:
    people = {
        "a": {"Email": "a@x.org", "LastName": "A"},
        "b": {"Email": "b@x.org", "LastName": "A"},
        "c": {"Email": None, "LastName": "C"},
    }
    folder = seeded(tmp_path, people)
    done = take(folder, match_on=["LastName"])
    assert [each.address for each in done.records] == ["contact.C"]
    assert all(each.reason.startswith("its match key is that of 003") for each in done.skipped)
    other = take(folder, match_on=["Email"], set_name="by-email", dry_run=True)
    reasons = sorted(each.reason for each in other.skipped)
    assert (len(other.records), reasons) == (2, ["it is locked as contact.C"])


def test_a_record_that_lacks_its_key_is_skipped(tmp_path: Path) -> None:
    folder = seeded(tmp_path, {"a": {"Email": None, "LastName": "A"}, "b": {"Email": "b@x.org", "LastName": "B"}})
    done = take(folder)
    assert [each.reason for each in done.skipped] == ["it has no value for Email, its match key"]
    check_settled(folder)


@pytest.mark.parametrize("collection", ["salesforce:contact", "hubspot:contact"])
@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_is_left_to_plan_under_any_profile(tmp_path: Path, profile: str, collection: str) -> None:
    people = {
        "a": {
            "email": " A@X.org ",
            "Email": " A@X.org ",
            "Amount": 19.995,
            "Count": 7,
            "Ratio": 2.0,
            "Active": True,
            "Many": "b;a",
            "List": ["b", "a"],
            "Joined": "2024-01-05T10:00:00+02:00",
            "Note": "a\n b \u2028",
            "Formula": "=1+1",
            "Code": "$${var.x}",
            "Empty": "",
            "None": None,
        },
        "b": {"email": "b@x.org", "Email": "b@x.org", "Count": 0, "Active": False, "Zip": "0123"},
    }
    schema = {"type": "object", "properties": {name: {} for name in {**people["a"], **people["b"]}}}
    folder = Folder(tmp_path)
    (tmp_path / "any.schema.json").write_text(json.dumps(schema))
    folder.write(
        project=project_file(profiles={collection.partition(":")[0]: profile}),
        seed=manifest("seed", people, collection_id=collection, match_on=(), data_schema="any.schema.json"),
    )
    assert folder.open().apply().exit_code == 0
    forget(folder)
    (tmp_path / "seed.yaml").unlink()
    email = "email" if collection.startswith("hubspot") else "Email"
    done = folder.open().import_records(collection, sync_id=SYNC, match_on=[email], set_name="people")
    assert (len(done.records), done.skipped) == (2, ())
    check_settled(folder)


def test_after_a_crash_between_manifest_and_lock_the_next_apply_adopts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key in (["Email"], None):
        root = tmp_path / str(key)
        folder = seeded(root)
        with monkeypatch.context() as patch:
            patch.setattr("syncspec.apply.run.Run.put", died)
            with pytest.raises(Died):
                take(folder, match_on=key)
        assert (root / "contact.yaml").exists()
        assert folder.locked_ids() == {}
        report = folder.open().apply()
        assert (report.summary["adopted"], report.report.requests) == (2, 0)
        check_settled(folder)
        assert take(folder, match_on=key).records == ()


def test_after_a_crash_between_journal_and_lockfile_everything_is_locked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = seeded(tmp_path)
    folds: list[object] = []
    fold = run.write_lockfile

    def dies_at_the_second(*arguments: Any) -> None:
        folds.append(arguments)
        if len(folds) > 1:
            raise Died
        fold(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(run, "write_lockfile", dies_at_the_second)
        with pytest.raises(Died):
            take(folder)
    assert folder.locked_ids() == {}
    assert folder.open().plan().is_empty
    assert folder.open().apply().report.requests == 0
    assert set(origins(folder).values()) == {"imported"}
    check_settled(folder)


def test_where_locking_fails_it_is_said_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = seeded(tmp_path)

    def full(*_: object, **__: object) -> None:
        raise StateError("The journal cannot be written", detail="disk full")

    with monkeypatch.context() as patch:
        patch.setattr(run.Run, "put", full)
        with pytest.raises(StateError) as caught:
            take(folder)
    assert [each.summary for each in caught.value.diagnostics] == [
        "The journal cannot be written",
        "The records are declared, and not all of them locked",
    ]
    assert folder.open().apply().summary["adopted"] == 2


class Died(BaseException):
    """Stands for the end of the process."""


def died(*_: object, **__: object) -> None:
    raise Died


def test_a_list_that_breaks_off_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(Wrapped):
        async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
            async for page in self.inner.pages(sync_id, collection_id, after=after):
                yield page
                raise UpstreamError("broken", detail="the connection was lost")

    folder = served_folder(tmp_path / "project")
    monkeypatch.setattr("syncspec.project.reading.connect", served(tmp_path / "store"))
    folder.write(seed=manifest("seed", PEOPLE))
    folder.open().apply(no_prior_run=True)
    forget(folder)
    (folder.root / "seed.yaml").unlink()
    monkeypatch.setattr("syncspec.project.reading.connect", served(tmp_path / "store", wrap=Broken))
    with pytest.raises(UpstreamError, match="connection was lost"):
        take(folder)
    assert not (folder.root / "contact.yaml").exists()
    assert not folder.lockfile.exists()


def test_a_manifest_that_changes_meanwhile_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = seeded(tmp_path)
    folder.write(people=manifest("people", {}))
    write = importing.write_files

    def late(changes: Any) -> None:
        (tmp_path / "people.yaml").write_text("# somebody else's\n")
        write(changes)

    monkeypatch.setattr(importing, "write_files", late)
    with pytest.raises(StateError, match="changed meanwhile"):
        take(folder, match_on=None)
    assert text(folder, "people") == "# somebody else's\n"
    assert folder.locked_ids() == {}


def test_what_would_not_be_valid_is_not_written(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    schema = {"type": "object", "properties": {"LastName": {"maxLength": 5}}}
    (tmp_path / "short.schema.json").write_text(json.dumps(schema))
    folder.write(people=manifest("people", {}, data_schema="short.schema.json"))
    before = text(folder, "people")
    with pytest.raises(ManifestError) as caught:
        take(folder, match_on=None)
    assert caught.value.diagnostics[-1].code == "not-imported"
    assert text(folder, "people") == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"upstream": "crn"}, 'no upstream "crn"'),
        ({"set_name": "Contacts"}, '"Contacts" cannot be one'),
        ({"output": "/tmp/elsewhere.yaml"}, "is not in"),
        ({"output": "contacts.txt"}, "no .yaml file"),
        ({"output": ".hidden/x.txt"}, "no .yaml file"),
    ],
)
def test_where_records_cannot_go_is_said_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], message: str
) -> None:
    folder = seeded(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=message):
        take(folder, **options)
    assert not folder.lockfile.exists()


def test_a_file_of_the_same_name_is_not_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = seeded(tmp_path)
    monkeypatch.chdir(tmp_path)
    held = manifest("companies", {}, collection_id="salesforce:account")
    folder.write(contact=held)
    with pytest.raises(UsageError, match="holds something else"):
        take(folder)
    assert text(folder) == held
    take(folder, output="contact.yaml")
    assert text(folder).startswith(f"{held}\n---\n")
    check_settled(folder)


def test_several_sets_of_a_collection_have_to_be_told_apart(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    folder.write(one=manifest("one", {}), two=manifest("two", {}))
    with pytest.raises(UsageError, match="Several sets"):
        take(folder, match_on=None)
    take(folder, match_on=None, set_name="two")
    assert "paul@x.org" in text(folder, "two")
    check_settled(folder)


def test_a_record_that_may_be_one_of_unknown_outcome_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = served_folder(tmp_path / "project", settle_seconds=3600, wait_seconds=0)

    class Lossy(Wrapped):
        async def run(self, request: Any) -> Any:
            await self.inner.run(request)
            return NoAnswer(reason="closed")

        async def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
            yield Page(records=(), cursor="1")

    monkeypatch.setattr("syncspec.project.reading.connect", served(tmp_path / "store", wrap=Lossy))
    one = {"paul": PEOPLE["paul"]}
    folder.write(people=manifest("people", one))
    assert folder.open().apply(no_prior_run=True).exit_code == 4
    monkeypatch.setattr("syncspec.project.reading.connect", served(tmp_path / "store"))
    for options in ({"match_on": None}, {"set_name": "other"}, {"set_name": "other", "match_on": ["LastName"]}):
        done = take(folder, **{"fields": ["LastName"], **options, "dry_run": True})
        assert done.records == ()
        assert "people.paul" in done.skipped[0].reason


def test_while_another_run_holds_the_lock_nothing_is_written(tmp_path: Path) -> None:
    folder = seeded(tmp_path)
    project = folder.open().asynchronous

    async def both() -> None:
        async with open_run(project.load(), command="another", clock=folder.clock):
            await project.import_records("salesforce:contact", sync_id=SYNC, set_name="other")

    folder.write(other=manifest("other", {}))
    with pytest.raises(RunLockedError):
        anyio.run(both)
    assert not (tmp_path / "contact.yaml").exists()
    assert folder.locked_ids() == {}


def test_entries_are_published_where_runs_share_their_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    team = Team(tmp_path, monkeypatch)
    team.make(other=manifest("other", {}, collection_id="salesforce:lead"))
    seed = served_folder(tmp_path / "elsewhere")
    seed.write(people=manifest("people", PEOPLE))
    assert seed.open().apply(no_prior_run=True).summary["created"] == 2
    folder = team.clone("one")
    done = take(folder)
    assert team.locked_ids() == {each.address: each.upstream_id for each in done.records}
    assert (len(done.records), team.lock()["holder"]) == (2, None)
    assert folder.open().plan().is_empty
