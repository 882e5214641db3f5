"""One project's lockfile, plans and runs, as the published schemas show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from syncspec.render.schema_examples.lockfile import LOCKFILE
from syncspec.render.schema_examples.plans import CHANGES, PLAN, SAVED_PLAN
from syncspec.render.schema_examples.runs import EVENTS, LOG, REPORT, REQUESTS

__all__ = ["EXAMPLES", "add_examples"]

EXAMPLES: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "changes.v1.schema.json": (CHANGES,),
    "events.v1.schema.json": EVENTS,
    "lockfile.v1.schema.json": LOCKFILE,
    "log.v1.schema.json": LOG,
    "plan.v1.schema.json": (PLAN,),
    "report.v1.schema.json": (REPORT,),
    "requests.v1.schema.json": (REQUESTS,),
    "saved-plan.v1.schema.json": SAVED_PLAN,
}
"""By a schema's file name, whole documents that fit it; they hold every key that the schema knows."""


def add_examples(schema: dict[str, Any], examples: tuple[Mapping[str, Any], ...]) -> None:
    """Give every property that has no example those that whole documents hold of it."""
    schema["examples"] = list(examples)
    for example in examples:
        _spread(schema, example, schema.get("$defs", {}))


def _spread(schema: dict[str, Any], value: Any, definitions: Mapping[str, Any]) -> None:
    if isinstance(value, list):
        for item in value:
            _spread(schema.get("items", {}), item, definitions)
        return
    if not isinstance(value, Mapping):
        return
    if "$ref" in schema:
        _spread(definitions[schema["$ref"].rpartition("/")[2]], value, definitions)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if _has_shape(choice, value, definitions):
            _spread(choice, value, definitions)
    others = schema.get("additionalProperties")
    for key, part in value.items():
        about = schema.get("properties", {}).get(key, others)
        if isinstance(about, dict):
            if about is not others and about.get("examples", [None]) == [None]:
                about["examples"] = [part]
            _spread(about, part, definitions)


def _has_shape(schema: Mapping[str, Any], value: Mapping[str, Any], definitions: Mapping[str, Any]) -> bool:
    """Whether this is the one of several shapes that a value has: it knows all the value's keys, and its constants."""
    target = definitions.get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    known = target.get("properties", {})
    return set(value) <= set(known) and all(known[key].get("const", part) == part for key, part in value.items())
