"""What a manifest of lookups may hold: the shape of a lookup set, closed to unknown keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from syncspec.manifests.closed import Closed, Names, Word
from syncspec.manifests.models import API_VERSION, FieldSpec, Metadata, Place

__all__ = ["LookupSet", "LookupSetSpec"]


class LookupKey(Closed):
    """By which fields records are looked up."""

    match_on: Annotated[
        Names | None,
        Field(
            min_length=1,
            description="The fields that together tell a record from all others; optional where the project file "
            "names them for the collection.",
            examples=[["Name"]],
        ),
    ] = None
    fields: Annotated[
        dict[Word, FieldSpec] | None,
        Field(description="How values are read and compared, by field.", examples=[{"Name": {"compare": "casefold"}}]),
    ] = None


class LookupSetSpec(LookupKey, Place):
    """Where the records are looked up, by which fields, and the values of these for each."""

    records: Annotated[
        dict[str, dict[Word, Any]],
        Field(
            min_length=1,
            description="The records by name, each with the values of the fields in match_on; names have the form of "
            "those in a record set.",
            examples=[{"standard": {"Name": "Standard Price Book"}}],
            json_schema_extra={"propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9_.@+-]*$"}},
        ),
    ]


class LookupSet(Closed):
    """A manifest: records of one collection that exist upstream and are only read, so that others can refer to them."""

    api_version: Annotated[
        Literal["syncspec/v1"],
        Field(alias="apiVersion", description="The version of this format.", examples=[API_VERSION]),
    ] = API_VERSION
    kind: Annotated[Literal["LookupSet"], Field(description="What this document is.", examples=["LookupSet"])] = (
        "LookupSet"
    )
    metadata: Annotated[Metadata, Field(description="Name and labels.", examples=[{"name": "pricebooks"}])]
    spec: Annotated[
        LookupSetSpec,
        Field(
            description="The set.",
            examples=[
                {
                    "collection_id": "salesforce:pricebook2",
                    "match_on": ["Name"],
                    "records": {"standard": {"Name": "Standard Price Book"}},
                }
            ],
        ),
    ]
