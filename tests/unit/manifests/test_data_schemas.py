from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from syncspec.manifests.data_schemas import SchemaError, schema_from

KEYED = "match_on: [Email]\ndata_schema: contact.json\n"
SCHEMA = {
    "type": "object",
    "properties": {
        "Email": {"type": "string", "pattern": "@"},
        "Age": {"type": "integer", "minimum": 0},
        "SSN": {"enum": ["1"]},
    },
    "required": ["Email"],
    "additionalProperties": False,
}


def with_schema(workspace: Any, schema: object, spec: str) -> None:
    workspace.write("contact.json", json.dumps(schema))
    workspace.contacts(KEYED + spec)


def test_each_violation_is_an_error_at_its_field(workspace: Any) -> None:
    with_schema(
        workspace,
        SCHEMA,
        "defaults: {Age: young}\nrecords:\n  a: {data: {Email: a@x}}\n  b: {data: {Email: b@x, Age: -1, Agee: 1}}\n"
        "  c: {data: {Email: c, Age: 1}}\n",
    )
    found = [(error.source.line, error.source.column, error.detail, error.address) for error in workspace.errors()]
    assert found == [
        (8, 19, "Age: Expected integer, found string.", "contacts.a"),
        (11, 33, "Age: The number must be at least 0.", "contacts.b"),
        (11, 37, 'The schema does not know "Agee".', "contacts.b"),
        (12, 23, "Email: The text does not match the pattern @.", "contacts.c"),
    ]
    assert workspace.errors()[2].hint == 'did you mean "Age"?'


def test_data_is_checked_with_defaults_merged_and_expressions_resolved(workspace: Any) -> None:
    workspace.project("variables: {d: a@x, n: 5}\n")
    with_schema(workspace, SCHEMA, "defaults: {Age: '${var.n}'}\nrecords: {a: {data: {Email: '${var.d}'}}}\n")
    project = workspace.load()
    assert project.sets[0].records[0].data == {"Age": 5, "Email": "a@x"}
    assert project.data_schemas == {"salesforce:contact": (SCHEMA,)}


def test_sensitive_value_is_in_no_message_about_the_schema(workspace: Any) -> None:
    with_schema(
        workspace,
        {**SCHEMA, "anyOf": [{"properties": {"SSN": {"const": "2"}}}]},
        "fields: {SSN: {sensitive: true}}\nrecords:\n  a:\n    data:\n      Email: a@x\n      SSN:\n        canary\n",
    )
    assert "canary" not in repr(workspace.errors())


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"$ref": "http://127.0.0.1:1/x.json"}, "leaves the file"),
        ({"properties": {"a": {"$ref": "other.json#/x"}}}, "leaves the file"),
        ({"$dynamicRef": "file:///etc/passwd"}, "leaves the file"),
        ({"$ref": "#/$defs/none"}, "does not exist"),
        ({"type": "strin"}, "At type"),
        ({"pattern": "("}, "At pattern"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "It is written for"),
        ([], "A schema is a JSON object"),
        ("x", "A schema is a JSON object"),
        (None, "A schema is a JSON object"),
    ],
)
def test_schema_that_cannot_be_used_is_an_error_where_it_is_named(workspace: Any, schema: object, words: str) -> None:
    with_schema(workspace, schema, "records: {a: {data: {Email: x}}}\n")
    error = workspace.error()
    assert (error.code, error.source.line, error.source.column) == ("data-schema", 7, 16)
    assert words in error.detail
    assert error.hint


def test_no_reference_is_ever_fetched() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        for schema in ({"$ref": url}, {"$id": url, "$ref": "y"}, {"$schema": url}, {"$id": url, "$dynamicRef": "y#z"}):
            with pytest.raises(SchemaError):
                schema_from(schema)
        with pytest.raises(BlockingIOError):
            server.accept()


@pytest.mark.parametrize("text", ["{", "", "{} x", '{"a": NaN}', "[" * 5000])
def test_schema_that_is_not_json_is_an_error(workspace: Any, text: str) -> None:
    workspace.contacts(KEYED + "records: {a: {data: {Email: x}}}\n")
    (workspace.root / "contact.json").write_text(text)
    assert "It is not JSON" in workspace.error().detail


def test_schema_nested_too_deeply_is_an_error() -> None:
    schema: dict[str, Any] = {}
    for _ in range(300):
        schema = {"items": schema}
    with pytest.raises(SchemaError, match="nested"):
        schema_from(schema)


@pytest.mark.parametrize("name", ["../contact.json", "/etc/passwd", "link.json", "missing.json", "folder"])
def test_schema_outside_the_project_or_missing_is_an_error(workspace: Any, name: str) -> None:
    (workspace.root / "folder").mkdir()
    (workspace.root.parent / "contact.json").write_text("{}")
    (workspace.root / "link.json").symlink_to(workspace.root.parent / "contact.json")
    workspace.contacts(f"match_on: [Email]\ndata_schema: {name}\nrecords: {{a: {{data: {{Email: x}}}}}}\n")
    assert workspace.error().code == "data-schema"


def test_local_references_and_recursion_work() -> None:
    schema = schema_from(
        {"$defs": {"t": {"properties": {"c": {"$ref": "#/$defs/t"}}, "required": ["n"]}}, "$ref": "#/$defs/t"}
    )
    assert schema.accepts({"n": 1, "c": {"n": 1}})
    assert [violation.path for violation in schema.violations({"n": 1, "c": {}})] == [("c",)]


def test_schema_that_refers_to_itself_and_costly_patterns_end() -> None:
    assert schema_from({"$ref": "#"}).accepts({"a": 1})
    costly = schema_from({"properties": {"a": {"pattern": r"^(a|aa)+(?<!b)$"}, "b": {"pattern": "^(a+)+$"}}})
    assert not costly.accepts({"a": "a" * 5000 + "!", "b": "a" * 100_000 + "!"})
    assert [violation.path for violation in costly.violations({"a": "a" * 5000 + "!"})] == [("a",)]


def test_schema_true_and_false_are_schemas() -> None:
    assert schema_from(True).accepts({"a": 1})
    assert not schema_from(False).accepts({"a": 1})
