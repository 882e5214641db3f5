"""JSON Schemas of collections, as the embedded upstream uses them: known fields, and refusals like a provider's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from syncspec.errors import UpstreamError
from syncspec.records import Data
from syncspec.upstream.embedded.refusals import RefusedError

if TYPE_CHECKING:
    import jsonschema_rs

__all__ = ["Schemas"]


class Schemas:
    """The schemas of each collection; a record has to fit all of its collection's where they are enforced.

    Raises UpstreamError where they are enforced and one of them is no usable schema. Nothing is ever fetched.
    """

    def __init__(self, schemas: Mapping[str, Sequence[Mapping[str, object]]], *, enforce: bool) -> None:
        self._fields = {collection: _fields(items) for collection, items in schemas.items() if items}
        self._validators = {
            collection: tuple(_validator(collection, item) for item in items)
            for collection, items in schemas.items()
            if enforce
        }

    def fields(self, collection_id: str) -> frozenset[str] | None:
        """Give the fields that the schemas name; None where there is no schema."""
        return self._fields.get(collection_id)

    def check(self, collection_id: str, data: Data) -> None:
        """Raise RefusedError where schemas are enforced and the data does not fit."""
        for validator in self._validators.get(collection_id, ()):
            for error in validator.iter_errors(data):
                where = ".".join(str(part) for part in error.instance_path)
                raise RefusedError.by_provider(collection_id, f"{where}: {error.message}" if where else error.message)


def _fields(schemas: Sequence[Mapping[str, object]]) -> frozenset[str]:
    names: set[str] = set()
    for schema in schemas:
        properties = schema.get("properties")
        if isinstance(properties, Mapping):
            names.update(str(name) for name in properties)
    return frozenset(names)


def _validator(collection_id: str, schema: Mapping[str, object]) -> jsonschema_rs.Draft202012Validator:
    import jsonschema_rs

    def fetch(uri: str) -> NoReturn:
        raise ValueError(f"{uri} is not fetched")

    try:
        return jsonschema_rs.Draft202012Validator(dict(schema), validate_formats=True, retriever=fetch)
    except ValueError as error:
        raise UpstreamError(
            "A data schema cannot be used",
            detail=f"the schema of {collection_id}: {error}. Nothing was written.",
            hint="make it a JSON Schema of draft 2020-12 that refers to no other file",
        ) from error
