"""JSON Schemas of the files that people write, made from the models, for editors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from syncspec.manifests.choices import explain_choices
from syncspec.manifests.lookup_models import LookupSet
from syncspec.manifests.models import RecordSet
from syncspec.manifests.project_models import ProjectFile

__all__ = ["SCHEMAS", "json_schemas", "model_schema", "property_title", "schema_text", "write_schemas"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"

SCHEMAS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("project.v1.schema.json", ProjectFile),
    ("recordset.v1.schema.json", RecordSet),
    ("lookupset.v1.schema.json", LookupSet),
)
"""The file name of every schema, and the model that it describes."""

_WRITTEN_OUT = ("apiVersion", "kind")
"""What every file must say, though Python code need not."""

_ABOUT = ("title", "description", "examples")
_EXPRESSION = {"type": "string", "pattern": r"\$\{"}


def json_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its file name, in the order in which they are written."""
    return {name: model_schema(name, model) for name, model in SCHEMAS}


def schema_text(schema: Mapping[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path, *, replace: bool = True) -> tuple[Path, ...]:
    """Write every schema into a folder that is made where it is missing; gives the files that were written, in order.

    `replace`: whether files that are there already are written anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in json_schemas().items():
        path = folder / name
        if not replace and path.exists():
            continue
        path.write_text(schema_text(schema), encoding="utf-8", newline="\n")
        written.append(path)
    return tuple(written)


def model_schema(name: str, model: type[BaseModel], *, expressions: bool = True) -> dict[str, Any]:
    """The schema of a file that people write. `expressions`: ${…} may stand in the place of a value."""
    made = model.model_json_schema(by_alias=True)
    definitions = made.get("$defs", {})
    for definition in definitions.values():
        properties = definition.get("properties", {})
        definition["properties"] = {
            key: _property(key, value, definitions, expressions=expressions) for key, value in properties.items()
        }
        if not properties:
            del definition["properties"]
    own = made["properties"]
    for key, value in own.items():
        value.pop("default", None)
        value["title"] = property_title(key)
    required = sorted({*made.get("required", ()), *(key for key in _WRITTEN_OUT if key in own)})
    explain_choices(made)
    return {
        "$schema": DRAFT,
        "$id": f"urn:syncspec:{name.removesuffix('.schema.json')}",
        **made,
        "required": required,
        "examples": [{key: about["examples"][0] for key, about in own.items()}],
    }


def property_title(key: str) -> str:
    """A key in words; one that is spelt by somebody else's rule stays as it is."""
    return key.replace("_", " ").capitalize() if key.islower() else key


def _property(key: str, schema: dict[str, Any], definitions: Mapping[str, Any], *, expressions: bool) -> dict[str, Any]:
    """A property as a file may hold it: with an expression where a number, a truth value or a choice stands."""
    schema = {**{name: value for name, value in schema.items() if name != "default"}, "title": property_title(key)}
    choices = schema.get("anyOf", [{name: value for name, value in schema.items() if name not in _ABOUT}])
    if not expressions or not any(_is_no_text(choice, definitions) for choice in choices):
        return schema
    about = {name: value for name, value in schema.items() if name in _ABOUT}
    return {"anyOf": [*choices, _EXPRESSION], **about}


def _is_no_text(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    target = definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    return target.get("type") in ("integer", "number", "boolean") or "enum" in target or "const" in target
