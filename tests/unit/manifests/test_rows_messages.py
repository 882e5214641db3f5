"""What is said about rows that make no record."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import pytest

from syncspec.manifests.limits import Limits
from syncspec.manifests.problems import Problems
from syncspec.manifests.rows.csv_rows import csv_spans, read_csv
from syncspec.manifests.rows.data_file import DataFile
from syncspec.manifests.rows.json_lines import json_spans, read_json_lines
from syncspec.manifests.source_text import SourceText

KEYED = "match_on: [Email]\n"
FROM = KEYED + "records_from:\n  file: data/leads.csv\n  name: ${row.Id}\n"


def test_cell_that_does_not_convert_is_underlined_in_its_row(workspace: Any) -> None:
    workspace.write("data/leads.csv", 'Id,Email,Amount\n1,"a\n@x","12,50"\n')
    workspace.contacts("fields: {Amount: {type: decimal}}\n" + FROM)
    error = workspace.error()
    assert (error.code, str(error.source), error.address) == ("wrong-value", "data/leads.csv:3:5", "contacts.1")
    assert (error.snippet, error.length) == ('@x","12,50"', 7)
    assert error.detail == (
        'The column "Amount" gives "Amount", which has the type decimal, and the value is "12,50": expected a number '
        "such as 1234.5."
    )


def test_every_bad_cell_of_every_row_is_reported_up_to_a_number(workspace: Any) -> None:
    rows = "".join(f"{number},{number}@x,old,young\n" for number in range(60))
    workspace.write("data/leads.csv", "Id,Email,A,B\n" + rows)
    workspace.contacts("fields: {A: {type: integer}, B: {type: integer}}\n" + FROM)
    *shown, last = workspace.errors()
    assert len(shown) == 100
    assert [str(item.source) for item in shown[:3]] == [
        *("data/leads.csv:2:7", "data/leads.csv:2:11", "data/leads.csv:3:7")
    ]
    assert (last.code, last.detail) == ("more-findings", "20 more were found in data/leads.csv.")


def test_value_of_a_sensitive_field_is_shown_nowhere(workspace: Any) -> None:
    secret = "078-05-1120"
    workspace.write("data/leads.csv", f"Id,Email,SSN\n1,a,{secret}\n2,,{secret}\n3,c,{secret},x\n2,c,{secret}\n")
    workspace.write("data/lines.jsonl", f'{{"Id": "9", "Email": "z", "SSN": "{secret}"}}\n{{"SSN": "{secret}",}}\n')
    workspace.contacts(
        "data_schema: s.json\nfields: {SSN: {sensitive: true, type: integer}}\n" + KEYED + "records_from:\n"
        "  - {file: data/leads.csv, name: '${row.Id}'}\n  - {file: data/lines.jsonl, name: '${row.Id}'}\n"
    )
    workspace.write("s.json", '{"properties": {"SSN": {"pattern": "^x"}}}')
    errors = workspace.errors()
    assert {error.code for error in errors} == {"wrong-value", "ragged-row", "duplicate-record", "not-json"}
    assert secret not in repr(errors)
    assert errors[0].detail == (
        'The column "SSN" gives "SSN", which has the type integer, and the value does not fit it.'
    )


@pytest.mark.parametrize(
    "content",
    [
        b"Id,Email,SSN\n1,\xff,078-05-1120\n",
        b"Id,Email,SSN\n1,\0,078-05-1120\n",
        b'Id,Email,SSN\n1,"a"b,078-05-1120\n',
        b"Id,Email,SSN,SSN\n1,a,078-05-1120\n",
    ],
)
def test_no_line_of_a_broken_file_with_sensitive_values_is_shown(workspace: Any, content: bytes) -> None:
    workspace.write("data/leads.csv", "")
    (workspace.root / "data/leads.csv").write_bytes(content)
    workspace.contacts("fields: {SSN: {sensitive: true}}\n" + FROM)
    assert workspace.error().snippet is None


def test_no_set_shows_lines_of_a_file_that_holds_sensitive_values_for_another(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email,SSN,Age\n1,a,078-05-1120,old\n")
    (workspace.root / "data/link.csv").symlink_to("leads.csv")
    workspace.contacts("fields: {SSN: {sensitive: true}}\n" + FROM)
    workspace.contacts(
        "match_on: [Age]\nfields: {Age: {type: integer}}\nrecords_from:\n  file: data/link.csv\n  name: ${row.Id}\n"
        "  data:\n    Age: ${row.Age}\n",
        name="ages",
        collection="salesforce:age",
    )
    error = workspace.error()
    assert (str(error.source), error.snippet) == ("data/leads.csv:2:17", None)


def test_missing_key_field_is_an_error_at_its_cell(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email,Name\n1,a,x\n2,,y\n")
    workspace.contacts(FROM)
    error = workspace.error()
    assert (error.code, str(error.source), error.address) == ("no-match-key", "data/leads.csv:3:3", "contacts.2")
    assert '"Email" is in match_on, and is empty here' in error.detail


def test_key_field_that_no_row_gives_is_an_error_in_the_manifest(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Emial\n1,a\n2,b\n")
    workspace.contacts(FROM)
    error = workspace.error()
    assert (error.code, error.source.file, error.hint) == (
        *("unknown-key-field", "manifests/contacts.yaml", 'did you mean "Emial"?'),
    )


def test_key_field_that_is_empty_in_all_rows_is_an_error_in_each(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email\n1,\n2,\n")
    workspace.contacts(FROM)
    assert [(item.code, item.source.line) for item in workspace.errors()] == [("no-match-key", 2), ("no-match-key", 3)]


def test_two_rows_with_one_key_are_an_error_that_names_both(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email\n1,a@x\n2,b@x\n3, A@x\n")
    workspace.contacts(FROM)
    error = workspace.error()
    assert (error.code, str(error.source)) == ("duplicate-key-values", "data/leads.csv:4:1")
    assert 'contacts.1 (Email: "a@x") at data/leads.csv:2:1' in error.detail


def test_row_and_written_record_with_one_key_are_an_error_at_the_row(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email\n1,a@x\n")
    workspace.contacts(FROM + "records: {w: {data: {Email: a@x}}}\n")
    error = workspace.error()
    assert (str(error.source), error.address) == ("data/leads.csv:2:1", "contacts.1")
    assert "manifests/contacts.yaml:" in error.detail


def test_name_in_the_manifest_and_in_a_file_is_an_error_that_names_both_places(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email\nw,a@x\n")
    workspace.write("data/more.csv", "Id,Email\nw,b@x\n")
    workspace.contacts(
        KEYED + "records: {w: {data: {Email: c@x}}}\nrecords_from:\n  - {file: data/leads.csv, name: '${row.Id}'}\n"
        "  - {file: data/more.csv, name: '${row.Id}'}\n"
    )
    first, second = workspace.errors()
    assert [str(item.source) for item in (first, second)] == ["data/leads.csv:2:1", "data/more.csv:2:1"]
    assert first.detail == "contacts.w is also declared at manifests/contacts.yaml:7:13."


def test_schema_violation_is_an_error_at_the_cell_or_the_row(workspace: Any) -> None:
    workspace.write(
        "s.json", '{"required": ["Name"], "properties": {"Email": {"pattern": "@"}, "Kind": {"enum": ["x"]}}}'
    )
    workspace.write("data/leads.csv", "Id,Email,Name\n1,a@x,n\n2,b,n\n3,c@x,\n")
    workspace.contacts(
        "data_schema: s.json\n" + FROM + "  data:\n    Email: ${row.Email}\n    Name: ${row.Name}\n    Kind: x\n"
    )
    first, second = workspace.errors()
    assert (first.code, str(first.source), first.address) == ("schema-violation", "data/leads.csv:3:3", "contacts.2")
    assert (str(second.source), second.detail) == ("data/leads.csv:4:1", '"Name" is missing.')


def test_unknown_column_is_an_error_where_the_manifest_names_it(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email\n1,a@x\nragged\n")
    workspace.contacts(FROM + "  data:\n    Email: x ${row.Emial}\n")
    error = workspace.error()
    assert (error.code, error.hint, error.length) == ("unknown-column", 'did you mean "Email"?', 12)
    assert (str(error.source), error.address) == ("manifests/contacts.yaml:11:16", None)
    assert error.detail == 'data/leads.csv has no column "Emial"; it has: Id, Email.'


def test_column_that_is_the_marker_field_is_an_error_at_the_header(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email,M\n1,a@x,x\n")
    workspace.contacts("marker_field: M\n" + FROM)
    error = workspace.error()
    assert (error.code, str(error.source)) == ("marker-in-data", "data/leads.csv:1:10")


def test_wrong_fixed_value_is_reported_once_and_in_the_manifest(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email\n1,a@x\n2,b@x\n")
    workspace.contacts("fields: {A: {type: integer}}\n" + FROM + "  data:\n    Email: ${row.Email}\n    A: much\n")
    error = workspace.error()
    assert (error.code, error.source.file, error.source.line) == ("wrong-value", "manifests/contacts.yaml", 13)


@pytest.mark.parametrize("name", ["../out.csv", "data/../../out.csv", "data/link.csv", "/etc/hostname", "~/x.csv"])
def test_file_outside_the_project_is_not_read(workspace: Any, name: str) -> None:
    (workspace.root.parent / "out.csv").write_text("Id,Email\n1,a@x\n")
    (workspace.root / "data").mkdir()
    (workspace.root / "data/link.csv").symlink_to("../../out.csv")
    workspace.contacts(FROM.replace("data/leads.csv", name).replace("records_from:", "records_from:\n  format: csv"))
    error = workspace.error()
    assert (error.code, error.source.file) == ("data-file", "manifests/contacts.yaml")
    assert "project" in error.detail or "relative" in error.detail


def test_pipe_is_not_waited_for(workspace: Any) -> None:
    (workspace.root / "data").mkdir()
    os.mkfifo(workspace.root / "data/leads.csv")
    workspace.contacts(FROM)
    assert "a pipe, a device or a socket" in workspace.error().detail


def test_file_that_is_too_large_is_not_read(workspace: Any) -> None:
    (workspace.root / "data").mkdir()
    with (workspace.root / "data/leads.csv").open("wb") as file:
        file.truncate(64 * 2**20 + 1)
    workspace.contacts(FROM)
    error = workspace.error()
    assert "at most 67,108,864 are read" in error.detail
    assert error.hint == "split it, and name the parts in a list"


def data_file(text: str) -> DataFile:
    return DataFile(SourceText("x", text), csv_spans(","))


def found(problems: Problems) -> list[tuple[str, str]]:
    return [(item.code, str(item.source)) for item in problems.diagnostics()]


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        ("a\n1\n2\n3\n", Limits(max_rows=2), [("too-many-rows", "x:4:1")]),
        ("a,b,c\n1,2,3\n", Limits(max_columns=2), [("too-many-columns", "x:1:5")]),
        ("a\n1\n2\n", Limits(max_rows=2, max_columns=1), []),
    ],
)
def test_csv_is_read_up_to_its_limits(text: str, limits: Limits, expected: list[tuple[str, str]]) -> None:
    problems = Problems()
    read_csv(data_file(text), delimiter=",", accepts=lambda _: True, limits=limits, problems=problems)
    assert found(problems) == expected


@pytest.mark.parametrize("limit", [100, 10**9])
def test_length_of_a_cell_is_bounded_whatever_limit_the_process_has_set(limit: int) -> None:
    before = csv.field_size_limit(limit)
    problems = Problems()
    try:
        text = "a,b\n1,2\n3," + "y" * min(limit + 1, 200) + "\n"
        rows = read_csv(
            data_file(text), delimiter=",", accepts=lambda _: True, limits=Limits(max_cell=150), problems=problems
        )
    finally:
        csv.field_size_limit(before)
    assert rows == [["1", "2"]]
    assert [code for code, _ in found(problems)] == ["cell-too-long"]


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        ('{"a": 1}\n\n{"a": 2}\n{"a": 3}\n', Limits(max_rows=2), [("too-many-rows", "x:4:1")]),
        ('{"a": 1, "b": 2}\n{"c": 2}\n', Limits(max_columns=2), [("too-many-columns", "x:2:1")]),
        ('{"a": "12345"}\n', Limits(max_line=10), [("line-too-long", "x:1:1")]),
        ('{"a": [[1]]}\n', Limits(max_depth=2), [("too-deep", "x:1:1")]),
        ('{"a": [[1]]}\n', Limits(max_depth=3, max_columns=1, max_rows=1), []),
        ('{"a": ' + "[" * 100_000 + "\n", Limits(), [("too-deep", "x:1:1")]),
    ],
)
def test_json_lines_are_read_up_to_their_limits(text: str, limits: Limits, expected: list[tuple[str, str]]) -> None:
    problems = Problems()
    read_json_lines(DataFile(SourceText("x", text), json_spans), limits=limits, problems=problems)
    assert found(problems) == expected


def test_loading_leaves_the_limit_of_the_csv_module_alone(workspace: Any) -> None:
    workspace.write("data/leads.csv", "Id,Email\n1,a@x\n")
    workspace.contacts(FROM)
    before = csv.field_size_limit()
    workspace.load()
    assert csv.field_size_limit() == before


def test_value_of_a_line_is_found_by_its_key(workspace: Any) -> None:
    workspace.write("data/leads.jsonl", '{"Id": "1", "Email": "a", "Größe": [1], "Age": -x}\n{"Id": "2", "Email": 5}\n')
    workspace.contacts(
        FROM.replace("leads.csv", "leads.jsonl").replace(KEYED, KEYED + "fields: {Email: {type: text}}\n")
    )
    first, second = workspace.errors()
    assert (first.code, str(first.source)) == ("not-json", "data/leads.jsonl:1:48")
    assert (second.code, str(second.source), second.length) == ("wrong-value", "data/leads.jsonl:2:22", 1)


def test_row_outside_the_project_root_of_a_trial_is_not_read(tmp_path: Path, workspace: Any) -> None:
    (workspace.root / "syncspec.yaml").unlink()
    workspace.write("data/leads.csv", "Id,Email\n1,a@x\n")
    workspace.contacts(FROM)
    assert "data/leads.csv: The system says" in workspace.error("manifests", upstream="embedded").detail
    workspace.write("manifests/data/leads.csv", "Id,Email\n1,a@x\n")
    assert len(workspace.load("manifests", upstream="embedded").sets[0].records) == 1
