from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from syncspec.manifests.schema import json_schemas, schema_text, write_schemas

FOLDER = Path(__file__).parents[3] / "schemas"


@pytest.mark.parametrize("name", json_schemas())
def test_committed_schema_is_what_the_models_say(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == schema_text(json_schemas()[name])


@pytest.mark.parametrize("name", json_schemas())
def test_every_key_is_explained_with_examples_that_fit(name: str) -> None:
    schema = json_schemas()[name]
    jsonschema.Draft202012Validator.check_schema(schema)
    for place in (schema, *schema["$defs"].values()):
        for key, about in place.get("properties", {}).items():
            assert about["title"], key
            assert about["description"], key
            for example in about["examples"]:
                jsonschema.Draft202012Validator({**about, "$defs": schema["$defs"]}).validate(example)


def test_schemas_are_written_to_a_folder(tmp_path: Path) -> None:
    written = write_schemas(tmp_path / "new")
    assert [path.name for path in written] == [
        "project.v1.schema.json",
        "recordset.v1.schema.json",
        "lookupset.v1.schema.json",
    ]
    assert json.loads(written[0].read_text())["$id"] == "urn:syncspec:project.v1"


def document(**spec: Any) -> dict[str, Any]:
    spec = {"collection_id": "salesforce:contact", "records": {"a": {"data": {"E": 1}}}, **spec}
    return {"apiVersion": "syncspec/v1", "kind": "RecordSet", "metadata": {"name": "a"}, "spec": spec}


def without_records(**spec: Any) -> dict[str, Any]:
    whole = document(**spec)
    del whole["spec"]["records"]
    return whole


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (document(), True),
        (
            document(batch={"max_records": "${var.n}"}, lifecycle={"protect": "${var.p}"}, collection_id="${var.c}"),
            True,
        ),
        (document(upstream=None), True),
        (document(records_from={"file": "x.csv", "name": "${row.a}"}), True),
        (document(records_from=[{"file": "x.csv", "name": "${row.a}", "empty": None, "delimiter": ";"}]), True),
        (document(records_from=[]), False),
        (document(records_from={"file": "x.csv"}), False),
        (document(records_from={"file": "x.csv", "name": "${row.a}", "delimiter": ";;"}), False),
        (without_records(records_from={"file": "x.csv", "name": "${row.a}"}), True),
        (without_records(), False),
        ({key: value for key, value in document().items() if key != "apiVersion"}, False),
        (document(batch={"max_records": "5"}), False),
        (document(match_onn=["a"]), False),
        (document(records={"a b": {"data": {}}}), False),
    ],
)
def test_schema_says_what_the_loader_says(value: dict[str, Any], fits: bool) -> None:
    assert jsonschema.Draft202012Validator(json_schemas()["recordset.v1.schema.json"]).is_valid(value) is fits
