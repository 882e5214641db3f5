"""What rows of a file become."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from syncspec.diagnostics import Source
from syncspec.errors import ManifestError
from syncspec.manifests.loader import load_sets
from syncspec.manifests.models import Metadata, RecordSet, RecordSetSpec, RecordsFromSpec, RecordSpec
from syncspec.manifests.reader import UNSET

KEYED = "match_on: [Email]\n"
FROM = KEYED + "records_from:\n  file: data/leads.csv\n  name: ${row.Email}\n"


def records(workspace: Any, **options: Any) -> dict[str, dict[str, Any]]:
    """The data of each record by its name, in order."""
    (loaded,) = workspace.load(**options).sets
    return {record.address.partition(".")[2]: record.data for record in loaded.records}


def test_without_data_every_column_is_the_field_of_its_name(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Email,Company\npaul@x.org,Atreides\nb@x.org,002134\n")
    workspace.contacts(FROM)
    assert records(workspace) == {
        "paul@x.org": {"Email": "paul@x.org", "Company": "Atreides"},
        "b@x.org": {"Email": "b@x.org", "Company": "002134"},
    }


def test_record_knows_the_row_that_declares_it(workspace: Any) -> None:
    workspace.write("data/leads.csv", 'Email,Note\na@x.org,"two\nlines"\n\n,\nb@x.org,\n')
    workspace.contacts(FROM)
    (loaded,) = workspace.load().sets
    assert loaded.source.file == "manifests/contacts.yaml"
    assert [record.source for record in loaded.records] == [
        Source(file="data/leads.csv", line=2),
        Source(file="data/leads.csv", line=6),
    ]


def test_quoted_cells_hold_delimiters_quotes_and_line_breaks(workspace: Any) -> None:
    workspace.write("data/leads.csv", 'Email,Note\n"a@x.org","a, ""b""\nc"\n')
    workspace.contacts(FROM)
    assert records(workspace)["a@x.org"]["Note"] == 'a, "b"\nc'


@pytest.mark.parametrize("line_break", ["\r\n", "\r", "\n"])
def test_line_ends_of_a_checkout_change_nothing(workspace: Any, line_break: str) -> None:
    text = '\ufeffEmail,Note\na@x.org,"two\nlines"\nb@x.org,x\n'.replace("\n", line_break)
    workspace.write("data/x", "")
    (workspace.root / "data/leads.csv").write_bytes(text.encode())
    workspace.contacts(FROM)
    assert records(workspace) == {
        "a@x.org": {"Email": "a@x.org", "Note": "two\nlines"},
        "b@x.org": {"Email": "b@x.org", "Note": "x"},
    }
    assert [record.source.line for record in workspace.load().sets[0].records] == [2, 4]


TYPES = """\
fields:
  Amount: {type: decimal}
  Count: {type: integer}
  Active: {type: boolean}
  Born: {type: date}
  Seen: {type: datetime}
  Tags: {type: multi, separator: "|"}
  Raw: {type: json}
  Owner: {type: id}
  Note: {type: text}
"""


def test_cells_become_values_of_their_fields_types(workspace: Any) -> None:
    with (workspace.root / "leads.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["Email", "Amount", "Count", "Active", "Born", "Seen", "Tags", "Raw", "Owner", "Note"])
        rows.writerow(
            [
                "a",
                " 12.50 ",
                "+07",
                "Yes",
                "2024-01-05 ",
                "2024-01-05T10:00:00Z",
                "a| b |",
                '{"x": [1, 2.5]}',
                " 00A ",
                " 1 ",
            ]
        )
        rows.writerow(["b", "-3", "-5", "0", "", "2024-01-05 10:00", "a", "null", "", "true"])
    workspace.contacts(KEYED + TYPES + "records_from:\n  file: leads.csv\n  name: ${row.Email}\n")
    first, second = records(workspace).values()
    assert first == {
        "Email": "a",
        "Amount": 12.5,
        "Count": 7,
        "Active": True,
        "Born": "2024-01-05",
        "Seen": "2024-01-05T10:00:00Z",
        "Tags": ["a", "b"],
        "Raw": {"x": [1, 2.5]},
        "Owner": "00A",
        "Note": " 1 ",
    }
    assert second == {
        "Email": "b",
        "Amount": -3,
        "Count": -5,
        "Active": False,
        "Seen": "2024-01-05 10:00",
        "Tags": ["a"],
        "Raw": None,
        "Note": "true",
    }
    assert [type(value) for value in (second["Amount"], second["Active"])] == [int, bool]


@pytest.mark.parametrize(
    ("spelling", "value"),
    [
        *((word, True) for word in ("true", "TRUE", "yes", "Y", "t", "on", "1")),
        *((word, False) for word in ("false", "No", "n", "F", "off", "0")),
    ],
)
def test_every_spelling_of_a_boolean_is_read(workspace: Any, spelling: str, value: bool) -> None:
    workspace.write("data/leads.csv", f"Email,Active\na,{spelling}\n")
    workspace.contacts("fields: {Active: {type: boolean}}\n" + FROM)
    assert records(workspace)["a"]["Active"] is value


def test_empty_cell_is_not_managed_and_leaves_the_default(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Email,Company,Rating\na,,\nb,x,Hot\n")
    workspace.contacts("defaults: {Rating: Cold}\n" + FROM)
    assert records(workspace) == {
        "a": {"Email": "a", "Rating": "Cold"},
        "b": {"Email": "b", "Company": "x", "Rating": "Hot"},
    }


@pytest.mark.parametrize("written", ["null", '"null"', "~"])
def test_empty_cell_clears_the_field_where_the_manifest_says_so(workspace: Any, written: str) -> None:
    workspace.write("data/leads.csv", "Email,Company,Age\na,,\n")
    workspace.contacts("fields: {Age: {type: integer}}\n" + FROM + f"  empty: {written}\n")
    assert records(workspace) == {"a": {"Email": "a", "Company": None, "Age": None}}


def test_text_of_several_columns_and_variables_is_put_together(workspace: Any) -> None:
    workspace.project("variables: {domain: x.org, n: 5}\n")
    workspace.write("data/leads.csv", "first,last,site\nPaul,Atreides,www\nDuncan,,\n")
    workspace.contacts(
        "match_on: [Email]\nrecords_from:\n  file: data/leads.csv\n  name: ${row.first}-${var.n}\n  data:\n"
        "    Email: ${row.first}.${row.last}@${var.domain}\n    Site: https://${row.site}.${var.domain}\n"
        "    Number: ${var.n}\n    Fixed: [1]\n    Literal: $${row.first}\n"
    )
    fixed = {"Number": 5, "Fixed": [1], "Literal": "${row.first}"}
    assert records(workspace) == {
        "Paul-5": {"Email": "Paul.Atreides@x.org", "Site": "https://www.x.org", **fixed},
        "Duncan-5": {"Email": "Duncan.@x.org", **fixed},
    }


@pytest.mark.parametrize(
    ("empty", "second", "third"),
    [
        ("omit", {"City": "c", "Kind": "home"}, None),
        ("null", {"City": "c", "Zip": None, "Kind": "home"}, "cleared"),
    ],
)
def test_columns_inside_mappings_are_filled_in(
    workspace: Any, empty: str, second: dict[str, Any], third: str | None
) -> None:
    workspace.write("data/leads.csv", "Email,city,zip\na,b,1\nb,c,\nc,,\n")
    workspace.contacts(
        FROM + f"  empty: {empty}\n  data:\n    Email: ${{row.Email}}\n    Address:\n      City: ${{row.city}}\n"
        "      Zip: ${row.zip}\n      Kind: home\n"
    )
    found = records(workspace)
    assert found["a"]["Address"] == {"City": "b", "Zip": "1", "Kind": "home"}
    assert found["b"]["Address"] == second
    assert found["c"] == ({"Email": "c"} if third is None else {"Email": "c", "Address": None})


def test_what_a_cell_holds_is_never_expanded(workspace: Any) -> None:
    workspace.project("variables: {secret: s3cret}\n")
    workspace.write("data/leads.csv", "Email,Note\na,${var.secret} ${row.Email} $${x}\n")
    workspace.contacts(FROM)
    assert records(workspace)["a"]["Note"] == "${var.secret} ${row.Email} $${x}"


def test_json_lines_keep_the_types_of_their_values(workspace: Any) -> None:
    lines = [
        {"Email": "a", "Age": 15, "Tags": ["x"], "Gone": None, "Blank": "", "Ok": True, "Half": 0.5},
        {"Email": "b", "More": {"deep": [1]}},
    ]
    workspace.write("data/leads.ndjson", "\n".join(map(json.dumps, lines)))
    workspace.contacts(KEYED + "records_from:\n  file: data/leads.ndjson\n  name: ${row.Email}\n")
    assert list(records(workspace).values()) == lines
    workspace.contacts(
        KEYED + "records_from:\n  file: data/leads.ndjson\n  name: n-${row.Email}\n  data:\n    Email: ${row.Email}\n"
        "    Age: ${row.Age}\n    Gone: ${row.Gone}\n    Text: ${row.Age} and ${row.Gone} and ${row.Tags}\n"
    )
    assert records(workspace) == {
        "n-a": {"Email": "a", "Age": 15, "Gone": None, "Text": '15 and  and ["x"]'},
        "n-b": {"Email": "b"},
    }


def test_names_are_written_in_the_alphabet_of_names(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Email\nPaul Atreides\n+1555\npaul+x_1@a-b.org\n")
    workspace.write("data/numbers.jsonl", '{"Email": "m", "No": 5}\n{"Email": "n", "No": true}\n')
    workspace.contacts(
        KEYED + "records_from:\n  - file: data/leads.csv\n    name: ${row.Email}\n"
        "  - file: data/numbers.jsonl\n    name: ${row.No}\n"
    )
    assert list(records(workspace)) == ["Paul..20Atreides", "x..2B1555", "paul+x_1@a-b.org", "5", "true"]


def test_written_records_and_several_files_stand_side_by_side_in_order(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Email\nz\n")
    workspace.write("data/more.csv", "Email\na\n")
    workspace.contacts(
        KEYED + "records_from:\n  - {file: data/leads.csv, name: '${row.Email}'}\n"
        "  - {file: data/more.csv, name: '${row.Email}'}\nrecords: {m: {data: {Email: m}}}\n"
    )
    assert list(records(workspace)) == ["m", "z", "a"]


def test_two_sets_take_what_they_need_of_one_file(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Email,Company\na,House A\nb,House B\n")
    workspace.contacts(FROM + "  data:\n    Email: ${row.Email}\n")
    workspace.contacts(
        "match_on: [Name]\nrecords_from:\n  file: data/leads.csv\n  name: ${row.Company}\n"
        "  data:\n    Name: ${row.Company}\n",
        name="accounts",
        collection="salesforce:account",
    )
    loaded = workspace.load()
    assert [record.address for each in loaded.sets for record in each.records] == [
        *("accounts.House..20A", "accounts.House..20B", "contacts.a", "contacts.b"),
    ]


def test_marker_and_lifecycle_of_the_set_hold_for_rows(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Email\na\n")
    workspace.contacts("marker_field: M\nlifecycle: {protect: true}\n" + FROM)
    (record,) = workspace.load().sets[0].records
    assert (record.marker, record.lifecycle.protect) == ("arrakis/contacts.a", True)


def test_default_is_taken_away_by_the_template(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Email\na\n")
    workspace.contacts("defaults: {A: 1, B: 2}\n" + FROM + "  data:\n    Email: ${row.Email}\n    A: !unset\n")
    assert records(workspace) == {"a": {"Email": "a", "B": 2}}


def test_a_variable_that_no_environment_gives_is_no_error_of_a_check(workspace: Any) -> None:
    workspace.project("variables: {domain: '${env.DOMAIN}'}\n")
    workspace.write("data/leads.csv", "Email\na\n")
    workspace.contacts(FROM + "  data:\n    Email: ${row.Email}@${var.domain}\n    A: ${row.Email}\n")
    loaded = workspace.load(environ={}, resolve_env=False)
    assert loaded.sets[0].records == ()
    assert records(workspace, environ={"TOKEN": "t", "DOMAIN": "x.org"})["a"]["Email"] == "a@x.org"


def built(**spec: Any) -> RecordSet:
    return RecordSet(
        metadata=Metadata(name="contacts"),
        spec=RecordSetSpec(collection_id="salesforce:contact", match_on=("Email",), **spec),
    )


def test_sets_built_in_python_take_rows_from_files_of_the_root(tmp_path: Path) -> None:
    (tmp_path / "leads.csv").write_text("Email\na\n")
    leads = RecordsFromSpec(file="leads.csv", name="${row.Email}")
    more = RecordsFromSpec(file="leads.csv", name="2${row.Email}", data={"Email": "2${row.Email}", "A": UNSET})
    for source, addresses in [(leads, ["contacts.a"]), ((leads, more), ["contacts.a", "contacts.2a"])]:
        loaded = load_sets([built(records_from=source, defaults={"A": 1})], None, root=tmp_path, upstream="embedded")
        assert [record.address for record in loaded.sets[0].records] == addresses
    assert loaded.sets[0].records[1].data == {"Email": "2a"}
    assert loaded.sets[0].records[0].source == Source(file="leads.csv", line=2)
    both = built(records_from=leads, records={"a": RecordSpec(data={"Email": "x"})})
    with pytest.raises(ManifestError, match="also declared at <python>:1:1"):
        load_sets([both], None, root=tmp_path, upstream="embedded")
    with pytest.raises(ManifestError, match="Neither"):
        load_sets([built()], None, root=tmp_path, upstream="embedded")
