"""Imported records that name others: IDs, reference IDs and external IDs become references, and hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import SYNC, Folder, manifest, project_file

from syncspec.apply.clock import SystemClock
from syncspec.errors import ManifestError
from syncspec.manifests.imported import Imported

OWNERS = f"""\
apiVersion: syncspec/v1
kind: LookupSet
metadata:
  name: users
spec:
  collection_id: salesforce:user
  sync_id: {SYNC}
  match_on:
    - Username
  records:
    jessica:
      Username: jessica@x.org
"""


def held(name: str, collection: str, key: str, records: dict[str, Any]) -> str:
    return manifest(name, records, collection_id=f"salesforce:{collection}", match_on=(key,))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A project whose upstream holds a user, two accounts and two contacts, and which knows nothing of them."""
    folder = Folder(tmp_path, clock=SystemClock())
    folder.write(
        project=project_file(),
        users=manifest(
            "u", {"j": {"Username": "jessica@x.org"}}, collection_id="salesforce:user", match_on=("Username",)
        ),
        accounts=held("a", "account", "Name", {name: {"Name": f"{name} Inc."} for name in ("Acme", "Bene")}),
        contacts=manifest(
            "c",
            {
                "paul": {
                    "Email": "paul@x.org",
                    "AccountId": "${record.a.Acme.upstream_id}",
                    "OwnerId": "${record.u.j.upstream_id}",
                    "Other__c": "001000000000000AAA",
                },
                "leto": {"Email": "leto@x.org", "AccountId": "${record.a.Bene.upstream_id}"},
            },
        ),
    )
    assert folder.open().apply().summary["created"] == 5
    folder.forget_journal()
    folder.lockfile.unlink()
    for name in ("users", "accounts", "contacts"):
        (tmp_path / f"{name}.yaml").unlink()
    return folder


def take(folder: Folder, collection: str, *match_on: str, **options: Any) -> Imported:
    return folder.open().import_records(f"salesforce:{collection}", sync_id=SYNC, match_on=match_on, **options)


def check_settled(folder: Folder) -> None:
    planned = folder.open().plan()
    assert [(each.address, each.action, each.reason) for each in planned.changes if each.action != "unchanged"] == []
    assert folder.open().apply().report.requests == 0


def lines(folder: Folder, name: str) -> list[str]:
    return [line.strip() for line in (folder.root / f"{name}.yaml").read_text().splitlines()]


def test_ids_of_what_is_locked_or_looked_up_become_references(folder: Folder) -> None:
    folder.write(owners=OWNERS)
    take(folder, "account", "Name")
    ids = folder.locked_ids()
    take(folder, "contact", "Email", references=True)
    written = lines(folder, "contact")
    assert 'AccountId: "${record.account[\\"Acme..20Inc.\\"].upstream_id}"' in written
    assert 'OwnerId: "${lookup.users.jessica.upstream_id}"' in written
    assert "Other__c: 001000000000000AAA" in written
    assert not any(each in "\n".join(written) for each in ids.values())
    check_settled(folder)
    again = take(folder, "contact", references=True)
    assert (again.written, len(again.skipped)) == (False, 2)


def test_without_being_asked_ids_stay_as_they_are(folder: Folder) -> None:
    take(folder, "account", "Name")
    take(folder, "contact", "Email")
    assert "${" not in (folder.root / "contact.yaml").read_text()
    check_settled(folder)


def test_after_a_crash_between_manifest_and_lock_records_that_refer_to_others_are_adopted(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    take(folder, "account", "Name")
    with monkeypatch.context() as patch:
        patch.setattr("syncspec.apply.run.Run.put", died)
        with pytest.raises(Died):
            take(folder, "contact", "AccountId", "Email", references=True)
    report = folder.open().apply()
    assert (report.summary["adopted"], report.report.requests) == (2, 0)
    check_settled(folder)


class Died(BaseException):
    """Stands for the end of the process."""


def died(*_: object, **__: object) -> None:
    raise Died


def test_a_drifted_reference_is_refused_and_other_fields_are_accepted(folder: Folder) -> None:
    take(folder, "account", "Name")
    take(folder, "contact", "Email", references=True)
    path = folder.root / "contact.yaml"
    path.write_text(
        path.read_text().replace('record.account[\\"Acme..20Inc.\\"]', 'record.account[\\"Bene..20Inc.\\"]')
    )
    with pytest.raises(ManifestError, match="made of"):
        folder.open().accept(["contact"], fields=["AccountId"])


def tree(*records: Any) -> str:
    return json.dumps({"records": records})


def record(kind: str, reference: str, **data: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": reference}, **data}


def test_the_files_of_a_plan_are_imported_applied_and_planned_empty(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "crm", clock=SystemClock())
    folder.write(project=project_file())
    seed = tmp_path / "seed"
    seed.mkdir()
    (seed / "Family.json").write_text(
        tree(record("Family__c", "FuseRef", Name="Fuse"), record("Family__c", "B.x", Name="B"))
    )
    (seed / "Product.json").write_text(
        tree(
            record("Product__c", "P1", Name="FUSE X1", Family__c="@FuseRef", MSRP__c=2500, Rank__c="@P3"),
            record("Product__c", "P2", Name="B 1", Family__c="@B.x"),
            record("Product__c", "P3", Name="B 2", Handle__c=None),
        )
    )
    (seed / "Account.json").write_text(
        tree(record("Account", "A1", Name="Wheelworks", BillingPostalCode="02478", X="@literal"))
    )
    plan = [
        {"sobject": "Account", "saveRefs": False, "resolveRefs": False, "files": ["Account.json"]},
        {"sobject": "Family__c", "saveRefs": True, "files": ["Family.json"]},
        {"sobject": "Product__c", "resolveRefs": True, "files": ["Product.json"]},
    ]
    (seed / "plan.json").write_text(json.dumps(plan))
    done = folder.open().import_files(seed / "plan.json", match_on=["Name"])
    assert [each.address for each in done.records] == [
        "account.A1",
        "family.FuseRef",
        "family.B.x",
        "product.P1",
        "product.P2",
        "product.P3",
    ]
    written = lines(folder, "product")
    assert 'Family__c: "${record.family.FuseRef.upstream_id}"' in written
    assert 'Family__c: "${record.family[\\"B.x\\"].upstream_id}"' in written
    assert 'X: "@literal"' in lines(folder, "account")
    assert folder.open().apply().summary["created"] == 6
    check_settled(folder)
    again = folder.open().import_files(seed / "plan.json")
    assert (again.written, len(again.skipped)) == (False, 6)


def export(folder: Folder, objects: list[dict[str, Any]], **files: str) -> Imported:
    seed = folder.root.parent / "seed"
    seed.mkdir()
    (seed / "export.json").write_text(json.dumps({"objects": objects}))
    for name, content in files.items():
        (seed / f"{name}.csv").write_text(content)
    return folder.open().import_files(seed / "export.json")


def test_external_ids_of_an_export_become_references(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "crm", clock=SystemClock())
    folder.write(project=project_file(), owners=OWNERS)
    files = {
        "Account": "Ext__c,Name,Parent.Ext__c\nA 1,Acme,\nA2,Acme East,A 1\n",
        "Part__c": "Code__c,Year__c,Name\nx,2020,P0\nx,2021,P1\n",
        "Contact": "Email,AccountId,Account.Ext__c,Part__r.$$Code__c$Year__c,Owner.Username,ReportsTo.Email\n"
        "paul@x.org,0018b000021BldZAAS,A 1,x;2021,,\nleto@x.org,,A2,,jessica@x.org,paul@x.org\n",
    }
    objects = [
        {"query": "SELECT Id FROM Account", "externalId": "Ext__c"},
        {"query": "SELECT Id FROM Part__c", "externalId": "Name"},
        {"query": "SELECT Id FROM Contact", "externalId": "Email"},
    ]
    done = export(folder, objects, **files)
    assert len(done.records) == 6
    account, contact = lines(folder, "account"), lines(folder, "contact")
    assert 'ParentId: "${record.account.A..201.upstream_id}"' in account or (
        'ParentId: "${record.account[\\"A..201\\"].upstream_id}"' in account
    )
    assert contact[contact.index("leto@x.org:") :] == [
        "leto@x.org:",
        "data:",
        "Email: leto@x.org",
        'AccountId: "${record.account.A2.upstream_id}"',
        'OwnerId: "${lookup.users.jessica.upstream_id}"',
        'ReportsToId: "${record.contact[\\"paul@x.org\\"].upstream_id}"',
    ]
    assert 'Part__c: "${record.part.P1.upstream_id}"' in contact
    assert "0018b000021BldZAAS" not in (folder.root / "contact.yaml").read_text()
    assert folder.open().validate().ok


@pytest.mark.parametrize(
    ("cell", "code", "hint"),
    [
        ("Account.Ext__c\nacme 3", "unknown-reference", "acme 2"),
        ("Account.Name\nAcme", "unknown-reference", None),
        ("Owner.Username\njessica", "unknown-reference", "jessica@x.org"),
        ("RecordType.DeveloperName\nx", "unknown-object", None),
    ],
)
def test_a_value_that_names_no_single_record_is_told_at_its_cell(
    tmp_path: Path, cell: str, code: str, hint: str | None
) -> None:
    folder = Folder(tmp_path / "crm", clock=SystemClock())
    folder.write(project=project_file(), owners=OWNERS)
    header, value = cell.split("\n")
    with pytest.raises(ManifestError) as caught:
        export(
            folder,
            [
                {"query": "SELECT Id FROM Account", "externalId": "Ext__c"},
                {"query": "SELECT Id FROM Contact", "externalId": "Email"},
            ],
            Account="Ext__c,Name\nacme 1,Acme\nacme 2,Acme\n",
            Contact=f"Email,{header}\na@x.org,{value}\n",
        )
    found = caught.value.diagnostics[0]
    assert (found.code, found.source and (Path(found.source.file).name, found.source.line, found.source.column)) == (
        code,
        ("Contact.csv", 2, 9),
    )
    assert hint is None or hint in str(found.hint)
    assert sorted(path.name for path in folder.root.iterdir()) == ["owners.yaml", "syncspec.yaml"]


def test_references_in_a_circle_are_told_and_nothing_is_written(tmp_path: Path) -> None:
    folder = Folder(tmp_path, clock=SystemClock())
    folder.write(project=project_file())
    (tmp_path / "t.json").write_text(
        tree(record("A__c", "r1", Name="x", B="@r2"), record("A__c", "r2", Name="y", B="@r1"))
    )
    with pytest.raises(ManifestError) as caught:
        folder.open().import_files(tmp_path / "t.json")
    assert [each.code for each in caught.value.diagnostics] == ["reference-cycle", "not-imported"]
    assert not (tmp_path / "a.yaml").exists()
