"""Importing records from files of other tools: what is written, and what is wrong told at its place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.pipeline import Folder, manifest, project_file

from syncspec.errors import ManifestError, UsageError
from syncspec.manifests.formatting import format_manifest
from syncspec.manifests.imported import Imported
from syncspec.manifests.reader import read

LEADS = 'Email,LastName,Zip,Note\npaul@x.org,Atreides,02134,"=1+1\nsecond ${var.x}"\nduncan@x.org,Idaho,,yes\n'


def project(root: Path, collections: dict[str, Any] | None = None) -> Folder:
    folder = Folder(root)
    body = json.loads(project_file())
    body["spec"]["collections"] = collections or {}
    folder.write(project=json.dumps(body))
    return folder


def take(folder: Folder, name: str, collection: str | None = None, **options: Any) -> Imported:
    return folder.open().import_files(folder.root / name, collection, **options)


def tree(*records: Any) -> str:
    return json.dumps({"records": records}, indent=2)


def record(kind: str, reference: str, **data: Any) -> dict[str, Any]:
    return {"attributes": {"type": kind, "referenceId": reference}, **data}


def written(folder: Folder, name: str) -> dict[str, Any]:
    """The data of each record that a manifest holds, as it stands there."""
    (document,), found = read((folder.root / f"{name}.yaml").read_bytes(), file=name)
    assert found == []
    value: Any = document.value
    return {key: body["data"] for key, body in value["spec"]["records"].items()}


def problems(folder: Folder, name: str, collection: str | None = None, **options: Any) -> list[tuple[str, str]]:
    """What is wrong, as place and code; nothing was written."""
    before = sorted(path.name for path in folder.root.iterdir())
    with pytest.raises(ManifestError) as caught:
        take(folder, name, collection, **options)
    assert sorted(path.name for path in folder.root.iterdir()) == before
    *found, last = caught.value.diagnostics
    assert last.code == "not-imported"
    return [
        (f"{Path(each.source.file).name}:{each.source.line}:{each.source.column}" if each.source else "", each.code)
        for each in found
    ]


def test_rows_of_a_table_become_records_that_apply_creates(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (tmp_path / "leads.csv").write_text(LEADS)
    done = take(folder, "leads.csv", "salesforce:lead", match_on=["Email"])
    assert [each.address for each in done.records] == ["lead.paul@x.org", "lead.duncan@x.org"]
    assert written(folder, "lead") == {
        "paul@x.org": {
            "Email": "paul@x.org",
            "LastName": "Atreides",
            "Zip": "02134",
            "Note": "=1+1\nsecond $${var.x}",
        },
        "duncan@x.org": {"Email": "duncan@x.org", "LastName": "Idaho", "Note": "yes"},
    }
    content = (tmp_path / "lead.yaml").read_bytes()
    assert format_manifest(content, file="x").content == content
    assert folder.open().apply().summary["created"] == 2
    assert folder.open().plan().is_empty
    again = take(folder, "leads.csv", "salesforce:lead")
    assert (again.written, len(again.skipped)) == (False, 2)
    assert (tmp_path / "lead.yaml").read_bytes() == content


def test_cells_get_the_types_of_their_fields(tmp_path: Path) -> None:
    fields = {"Age": {"type": "integer"}, "Active": {"type": "boolean"}, "Tags": {"type": "multi"}}
    folder = project(tmp_path, {"salesforce:lead": {"fields": fields, "match_on": ["Email"]}})
    (tmp_path / "a.tsv").write_text("Email\tAge\tActive\tTags\na@x.org\t7\tyes\tb;a\n")
    take(folder, "a.tsv", "salesforce:lead")
    assert written(folder, "lead") == {"a@x.org": {"Email": "a@x.org", "Age": 7, "Active": True, "Tags": ["b", "a"]}}
    (tmp_path / "b.csv").write_text("Email,Age\nb@x.org,seven\n")
    assert problems(folder, "b.csv", "salesforce:lead") == [("b.csv:2:9", "wrong-value")]


def test_other_delimiters_and_encodings_are_read(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (tmp_path / "a.csv").write_bytes("Email;LastName\na@x.org;J\xfcrgen\n".encode("windows-1252"))
    assert problems(folder, "a.csv", "salesforce:lead", match_on=["Email"])[0][1] == "not-utf8"
    take(folder, "a.csv", "salesforce:lead", match_on=["Email"], delimiter=";", encoding="windows-1252")
    assert written(folder, "lead")["a@x.org"]["LastName"] == "Jürgen"


def test_lines_of_json_keep_their_types(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (tmp_path / "a.jsonl").write_text('{"email": "a@x.org", "n": 1.5, "on": true, "l": [1, {"k": null}]}\n')
    take(folder, "a.jsonl", "hubspot:contact", match_on=["email"], set_name="people")
    assert written(folder, "people")["a@x.org"] == {"email": "a@x.org", "n": 1.5, "on": True, "l": [1, {"k": None}]}


def test_a_set_that_is_there_is_added_to_and_never_changed(tmp_path: Path) -> None:
    folder = project(tmp_path)
    folder.write(
        people="""\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: people
spec:
  collection_id: salesforce:lead
  match_on: [Email]
  records:
    # Ours.
    p: {data: {Email: PAUL@x.org}}   # another name
"""
    )
    (tmp_path / "leads.csv").write_text(LEADS)
    before = (tmp_path / "people.yaml").read_text()
    done = take(folder, "leads.csv", "salesforce:lead")
    assert [each.reason for each in done.skipped] == ["it is declared as people.p, and left as it is there"]
    assert (tmp_path / "people.yaml").read_text().startswith(before)
    assert list(written(folder, "people")) == ["p", "duncan@x.org"]


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (tmp_path / "leads.csv").write_text(LEADS)
    done = take(folder, "leads.csv", "salesforce:lead", match_on=["Email"], dry_run=True, where=[("Note", "yes")])
    assert (done.written, [each.address for each in done.records]) == (False, ["lead.duncan@x.org"])
    assert not (tmp_path / "lead.yaml").exists()


def test_sensitive_values_are_neither_written_nor_shown(tmp_path: Path) -> None:
    rules = {"fields": {"SSN": {"sensitive": True, "type": "integer"}, "Age": {"type": "integer"}}}
    folder = project(tmp_path, {"salesforce:lead": rules})
    (tmp_path / "a.csv").write_text("Email,SSN,Age\na@x.org,078-05-1120,x\n")
    with pytest.raises(ManifestError) as caught:
        take(folder, "a.csv", "salesforce:lead", match_on=["Email"])
    assert "078-05-1120" not in repr(caught.value.diagnostics)
    (tmp_path / "a.csv").write_text("Email,SSN,Age\na@x.org,078-05-1120,1\n")
    done = take(folder, "a.csv", "salesforce:lead", match_on=["Email"])
    assert [(each.field, each.reason) for each in done.left_out] == [("SSN", "it is sensitive")]
    assert written(folder, "lead") == {"a@x.org": {"Email": "a@x.org", "Age": 1}}
    for options in ({"match_on": ["SSN"], "set_name": "other"}, {"name_from": "SSN"}):
        with pytest.raises(UsageError, match="sensitive"):
            take(folder, "a.csv", "salesforce:lead", **options)


def test_records_of_a_tree_are_named_by_their_reference_ids(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (tmp_path / "tree.json").write_text(
        tree(record("Account", "Acme Ref", Name="Acme", Fax=None), record("Lead", "L1", LastName="Idaho"))
    )
    done = take(folder, "tree.json")
    assert [each.address for each in done.records] == ["account.Acme..20Ref", "lead.L1"]
    assert [each.code for each in done.diagnostics] == ["no-match-key", "no-match-key"]
    assert written(folder, "account") == {"Acme..20Ref": {"Name": "Acme"}}
    assert {each.target.collection_id for each in folder.open().asynchronous.load().sets} == {
        "salesforce:account",
        "salesforce:lead",
    }


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("", [("tree.json:1:1", "not-json")]),
        ('{"records": [', [("tree.json:1:14", "not-json")]),
        ('{"records": 1}', [("tree.json:1:13", "sobject-tree")]),
        ("[1]", [("tree.json:1:1", "unknown-format")]),
        ('{"records": [{"Name": "x"}]}', [("tree.json:1:14", "sobject-tree")]),
        ('{"records": [{"attributes": {"type": "A"}, "N": 1}]}', [("tree.json:1:29", "sobject-tree")]),
        (
            tree(record("A", "r1", N="x"), record("B", "r1", N="y")),
            [("tree.json:13:24", "sobject-tree")],
        ),
        (tree(record("A", "Fuse", N="@Fusee")), [("tree.json:8:12", "unknown-reference")]),
        (tree(record("A", "r1", Contacts={"records": []})), [("tree.json:8:19", "sobject-tree")]),
        ('{"records": [], "records": []}', [("tree.json:1:17", "duplicate-key")]),
        (
            '{"records": [{"attributes": {"type": "A", "referenceId": "r"}, "N": 1e999}]}',
            [("tree.json:1:69", "inexact-number")],
        ),
    ],
)
def test_what_is_wrong_with_a_tree_is_told_at_its_place(
    tmp_path: Path, content: str, found: list[tuple[str, str]]
) -> None:
    folder = project(tmp_path)
    (tmp_path / "tree.json").write_text(content)
    assert problems(folder, "tree.json") == found


def test_what_is_wrong_with_a_plan_is_told_at_its_place(tmp_path: Path) -> None:
    folder = project(tmp_path / "crm")
    (tmp_path / "outside.json").write_text(tree())
    (tmp_path / "crm" / "lead.json").write_text(tree(record("Lead", "l", LastName="x")))
    (tmp_path / "crm" / "a.json").write_bytes(b"\xff\xfe\x00")
    plan = [
        {"sobject": "A", "files": ["../outside.json"]},
        {"sobject": "A", "files": ["missing.json"]},
        {"sobject": "A", "files": ["lead.json"]},
        {"sobject": "A", "files": "lead.json"},
        {"files": []},
        {"sobject": "A", "files": ["a.json"]},
    ]
    (tmp_path / "crm" / "plan.json").write_text(json.dumps(plan, indent=1))
    assert sorted(problems(folder, "plan.json")) == [
        ("a.json:1:1", "not-utf8"),
        ("lead.json:5:17", "sobject-tree"),
        ("plan.json:11:4", "sobject-tree"),
        ("plan.json:22:12", "sobject-tree"),
        ("plan.json:24:2", "sobject-tree"),
        ("plan.json:5:4", "sobject-tree"),
    ]


@pytest.mark.parametrize(
    ("content", "options", "found"),
    [
        ("", {}, [("a.csv:1:1", "no-header")]),
        ("Email,Email\n", {}, [("a.csv:1:7", "duplicate-column")]),
        ("Email,N\na@x.org\n", {}, [("a.csv:2:1", "ragged-row")]),
        ("Email;N\na@x.org;x\n", {}, [("a.csv:1:1", "one-column")]),
        ('Email,N\na@x.org,"x\n', {}, [("a.csv:2:9", "csv-syntax")]),
        ("Email,N\n,x\n", {}, [("a.csv:2:1", "no-name")]),
        (f"Email,N\n{'x' * 300},x\n", {}, [("a.csv:2:1", "no-name")]),
        ("Email,N\n,x\n", {"name_from": "N"}, [("a.csv:2:1", "no-key")]),
        ("Email,N\na@x.org,x\nA@x.org,x\n", {}, [("a.csv:3:1", "duplicate-record")]),
        ("Email,N\na@x.org,x\nb@x.org,x\n", {"name_from": "N"}, [("a.csv:3:1", "duplicate-record")]),
        ("Email,Account.Name\na@x.org,Acme\n", {}, [("a.csv:2:9", "unknown-object")]),
        ("Email,Account.Name,Account.Ext\na@x.org,Acme,1\n", {}, [("a.csv:1:20", "same-field")]),
    ],
)
def test_what_is_wrong_with_a_table_is_told_at_its_place(
    tmp_path: Path, content: str, options: dict[str, Any], found: list[tuple[str, str]]
) -> None:
    folder = project(tmp_path)
    (tmp_path / "a.csv").write_text(content)
    assert problems(folder, "a.csv", "salesforce:lead", **{"match_on": ["Email"], **options}) == found


def test_a_file_that_is_not_there_or_not_told_is_refused(tmp_path: Path) -> None:
    folder = project(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        take(folder, "a.csv", "salesforce:lead")
    (tmp_path / "a.csv").write_text(LEADS)
    assert [code for _, code in problems(folder, "a.csv")] == ["no-collection"]
    with pytest.raises(UsageError, match="no match key of one field"):
        take(folder, "a.csv", "salesforce:lead")
    with pytest.raises(UsageError) as caught:
        take(folder, "a.csv", "salesforce:lead", match_on=["Emial"])
    assert caught.value.diagnostics[0].hint == 'did you mean "Email"?'


@pytest.mark.parametrize("options", [{"delimiter": ""}, {"delimiter": '"'}, {"encoding": "hex"}, {"format": "xml"}])
def test_what_no_table_can_be_written_in_is_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    folder = project(tmp_path)
    (tmp_path / "a.csv").write_text(LEADS)
    with pytest.raises(UsageError):
        take(folder, "a.csv", "salesforce:lead", match_on=["Email"], **options)


def export(folder: Folder, objects: list[dict[str, Any]], **files: str) -> None:
    (folder.root / "export.json").write_text(json.dumps({"objects": objects}, indent=1))
    for name, content in files.items():
        (folder.root / f"{name}.csv").write_text(content)


def test_the_external_ids_of_an_export_become_match_keys(tmp_path: Path) -> None:
    folder = project(tmp_path)
    export(
        folder,
        [
            {"query": "SELECT Id, Name FROM Account WHERE x = 1", "externalId": "Ext__c", "operation": "Upsert"},
            {"query": "select Id from Product__c", "externalId": "Name;Code__c"},
            {"query": "SELECT Id FROM Case", "excluded": True},
            {"query": "SELECT Id FROM Task", "operation": "Delete"},
        ],
        Account="Id,Ext__c,Name\n0018b000021BldZAAS,A1,Acme\n",
        Product__c="Name,Code__c\nFuse,F\n",
    )
    done = take(folder, "export.json", name_from="Name")
    assert sorted(each.address for each in done.records) == ["account.Acme", "product.Fuse"]
    assert [(each.field, each.records) for each in done.left_out] == [("Id", 1)]
    keys = {each.name: each.match_on for each in folder.open().asynchronous.load().sets}
    assert keys == {"account": ("Ext__c",), "product": ("Name", "Code__c")}
    assert folder.open().apply().summary["created"] == 2
    assert folder.open().plan().is_empty


def test_what_is_wrong_with_an_export_is_told_at_its_place(tmp_path: Path) -> None:
    folder = project(tmp_path)
    export(
        folder,
        [
            {"query": "SELECT Id"},
            {"query": "SELECT Id FROM Missing"},
            {"query": "SELECT Id FROM Account", "externalId": "Ext__c"},
            {"query": "SELECT Id FROM Account"},
            {},
        ],
        Account="Name\nAcme\n",
    )
    assert sorted(problems(folder, "export.json")) == [
        ("export.json:11:18", "sfdmu-export"),
        ("export.json:13:3", "sfdmu-export"),
        ("export.json:16:3", "sfdmu-export"),
        ("export.json:4:13", "sfdmu-export"),
        ("export.json:7:13", "sfdmu-export"),
    ]


def test_several_collections_go_to_a_folder(tmp_path: Path) -> None:
    folder = project(tmp_path)
    (tmp_path / "tree.json").write_text(tree(record("Account", "a", Name="A"), record("Lead", "l", LastName="B")))
    with pytest.raises(UsageError, match="2 collections"):
        take(folder, "tree.json", output=tmp_path / "all.yaml")
    with pytest.raises(UsageError, match="One set cannot"):
        take(folder, "tree.json", set_name="all")
    take(folder, "tree.json", output=tmp_path / "seed")
    assert sorted(path.name for path in (tmp_path / "seed").iterdir()) == ["account.yaml", "lead.yaml"]
    assert folder.open().validate().ok


def test_sets_that_share_a_file_are_both_added_to(tmp_path: Path) -> None:
    folder = project(tmp_path)
    keys = {"account": "Name", "lead": "LastName"}
    sets = [manifest(f"{n}s", {}, collection_id=f"salesforce:{n}", match_on=(key,)) for n, key in keys.items()]
    folder.write(all="\n---\n".join(sets))
    (tmp_path / "tree.json").write_text(tree(record("Account", "a", Name="A"), record("Lead", "l", LastName="B")))
    done = take(folder, "tree.json")
    assert [each.address for each in done.records] == ["accounts.a", "leads.l"]
    assert len(done.files) == 1
    loaded = folder.open().asynchronous.load()
    assert [record.address for each in loaded.sets for record in each.records] == ["accounts.a", "leads.l"]
