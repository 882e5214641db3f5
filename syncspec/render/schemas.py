"""All published JSON Schemas: of the files that people write, and of the documents that commands print."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from syncspec.lockfile.lines import LockfileLine
from syncspec.manifests.choices import explain_choices
from syncspec.manifests.schema import DRAFT, json_schemas, model_schema, property_title, schema_text
from syncspec.render.documents import ChangesDocument, PlanDocument, ReportDocument, RequestsDocument
from syncspec.render.event_documents import EventLine
from syncspec.render.log_documents import LogLine
from syncspec.render.saved_documents import SavedLine
from syncspec.render.schema_examples import EXAMPLES, add_examples
from syncspec.upstream.embedded.faults.models import FaultsFile

__all__ = ["all_schemas", "schema_text"]

_DOCUMENTS: dict[str, tuple[str, TypeAdapter[Any]]] = {
    "changes.v1.schema.json": ("What changes --json prints", TypeAdapter(ChangesDocument)),
    "events.v1.schema.json": ("One line of a file of events (apply --events)", TypeAdapter(EventLine)),
    "lockfile.v1.schema.json": ("One line of a lockfile", TypeAdapter(LockfileLine)),
    "log.v1.schema.json": ("One line of a log (--log-format json)", TypeAdapter(LogLine)),
    "plan.v1.schema.json": ("What plan --json prints", TypeAdapter(PlanDocument)),
    "report.v1.schema.json": ("What apply --json prints", TypeAdapter(ReportDocument)),
    "requests.v1.schema.json": ("What runs RUN --requests --json prints", TypeAdapter(RequestsDocument)),
    "saved-plan.v1.schema.json": ("One line of a saved plan", TypeAdapter(SavedLine)),
}

_FAULTS = "faults.v1.schema.json"


def all_schemas() -> dict[str, dict[str, Any]]:
    """Every schema by its file name, sorted."""
    made = {name: _document_schema(name, title, adapter) for name, (title, adapter) in _DOCUMENTS.items()}
    faults = model_schema(_FAULTS, FaultsFile, expressions=False)
    return dict(sorted({**made, **json_schemas(), _FAULTS: faults}.items()))


def _document_schema(name: str, title: str, adapter: TypeAdapter[Any]) -> dict[str, Any]:
    """The schema of a file or a document that only commands write."""
    schema = {
        "$schema": DRAFT,
        "$id": f"urn:syncspec:{name.removesuffix('.schema.json')}",
        **adapter.json_schema(mode="serialization"),
        "title": title,
    }
    for part in (schema, *schema["$defs"].values()):
        for key, about in part.get("properties", {}).items():
            about["title"] = property_title(key)
            if "const" in about:
                about.setdefault("description", "What tells this shape from the others.")
    add_examples(schema, EXAMPLES.get(name, ()))
    explain_choices(schema)
    return schema
