"""The published JSON Schemas, as editors use them: each key and each choice is explained, and each example fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from syncspec.lockfile.lines import parse_line
from syncspec.render.schema_examples import EXAMPLES
from syncspec.render.schemas import all_schemas, schema_text

FOLDER = Path(__file__).parents[3] / "schemas"
NAMES = sorted(all_schemas())
IDS = {
    "changes.v1.schema.json": "urn:syncspec:changes.v1",
    "events.v1.schema.json": "urn:syncspec:events.v1",
    "faults.v1.schema.json": "urn:syncspec:faults.v1",
    "lockfile.v1.schema.json": "urn:syncspec:lockfile.v1",
    "log.v1.schema.json": "urn:syncspec:log.v1",
    "lookupset.v1.schema.json": "urn:syncspec:lookupset.v1",
    "plan.v1.schema.json": "urn:syncspec:plan.v1",
    "project.v1.schema.json": "urn:syncspec:project.v1",
    "recordset.v1.schema.json": "urn:syncspec:recordset.v1",
    "report.v1.schema.json": "urn:syncspec:report.v1",
    "requests.v1.schema.json": "urn:syncspec:requests.v1",
    "saved-plan.v1.schema.json": "urn:syncspec:saved-plan.v1",
}
"""Other people's files name these; they only ever become more."""


def parts(schema: Any, place: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema within a schema, with its place; examples are no schemas."""
    if isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from parts(part, f"{place}/{number}")
    if isinstance(schema, dict):
        yield place, schema
        for name, part in schema.items():
            if name != "examples":
                yield from parts(part, f"{place}/{name}")


def properties(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for place, part in parts(schema):
        if part.get("type") == "object" or "$id" in part:
            for key, about in part.get("properties", {}).items():
                yield f"{place}/properties/{key}", about


def fits(schema: dict[str, Any], part: dict[str, Any], value: Any) -> bool:
    bare = {name: about for name, about in part.items() if name not in ("$id", "$schema")}
    return jsonschema.Draft202012Validator({**bare, "$defs": schema.get("$defs", {})}).is_valid(value)


def test_ids_stay_as_they_are() -> None:
    assert {name: schema["$id"] for name, schema in all_schemas().items()} == IDS


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_committed_as_the_models_make_it(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_text(all_schemas()[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_and_all_shapes_in_it_say_what_they_are(name: str) -> None:
    schema = all_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["title"]
    unexplained = [key for key, part in schema["$defs"].items() if not part.get("description") or not part.get("title")]
    assert unexplained == []
    assert "description" in schema or "anyOf" in schema


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("lacking", ["title", "description", "examples"])
def test_no_key_goes_without_title_description_and_example(name: str, lacking: str) -> None:
    found = dict(properties(all_schemas()[name]))
    assert len(found) > 5
    without = [place for place, about in found.items() if not about.get(lacking)]
    assert without == [], "examples of documents that commands write stand in syncspec/render/schema_examples.py"


@pytest.mark.parametrize("name", NAMES)
def test_every_example_fits_the_schema_that_shows_it(name: str) -> None:
    schema = all_schemas()[name]
    examples = [(place, part, value) for place, part in parts(schema) for value in part.get("examples", ())]
    assert examples
    assert [(place, value) for place, part, value in examples if not fits(schema, part, value)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_word_of_a_choice_is_explained(name: str) -> None:
    choices = [(place, part) for place, part in parts(all_schemas()[name]) if "enum" in part]
    told = {place: len(part["enum"]) - len(part.get("enumDescriptions", ())) for place, part in choices}
    assert {place for place, lacking in told.items() if lacking} == set(), "explain it in syncspec/manifests/choices.py"


def test_the_lines_of_the_example_lockfile_can_be_read() -> None:
    import orjson

    lines = [parse_line(orjson.dumps(line)) for line in EXAMPLES["lockfile.v1.schema.json"]]
    assert len({type(line) for line in lines}) > 1, "the header and records"
