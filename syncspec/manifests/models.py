"""What a manifest may hold: the shape of a record set, closed to unknown keys."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from syncspec.manifests.closed import YEAR, Closed, EnvironmentName, Names, Word
from syncspec.manifests.rows.model import MOST_SOURCES, RecordsFromSpec
from syncspec.records import Compare, FieldType, OnAdopt, OnDrift, OnMissing, OnRemove

__all__ = [
    "API_VERSION",
    "AwaitConsumersSpec",
    "BatchSpec",
    "FieldSpec",
    "LifecycleSpec",
    "Metadata",
    "MoveSpec",
    "Place",
    "RecordSet",
    "RecordSetSpec",
    "RecordSpec",
    "RecordsFromSpec",
]

API_VERSION: Final = "syncspec/v1"


class FieldSpec(Closed):
    """How the values of one field are read, compared and shown."""

    type: Annotated[
        FieldType | None,
        Field(
            strict=False, description="The field's type; without it each value is judged by itself.", examples=["date"]
        ),
    ] = None
    compare: Annotated[
        Compare | None,
        Field(
            strict=False,
            description="How strictly text is compared; exact also tells null, absent and empty text apart.",
            examples=["casefold"],
        ),
    ] = None
    scale: Annotated[
        int | None, Field(ge=0, le=30, description="Digits after the point that count, for type decimal.", examples=[2])
    ] = None
    separator: Annotated[
        str | None,
        Field(
            min_length=1, max_length=10, description="What stands between the parts, for type multi.", examples=[";"]
        ),
    ] = None
    sensitive: Annotated[bool | None, Field(description="Whether the values are shown nowhere.", examples=[True])] = (
        None
    )


class LifecycleSpec(Closed):
    """How records live after they were created; the nearest declaration wins, key by key."""

    on_drift: Annotated[
        OnDrift | None,
        Field(
            strict=False,
            description="What a plan does where only the upstream changed a field: report it, restore what is "
            "declared, or block the record (fail).",
            examples=["report"],
        ),
    ] = None
    on_adopt: Annotated[
        OnAdopt | None,
        Field(
            strict=False,
            description="What a plan does with a record that exists upstream already: adopt it as it is (report), "
            "adopt it and write what differs (update), or block.",
            examples=["report"],
        ),
    ] = None
    ignore_changes: Annotated[
        Names | None,
        Field(description="Fields that belong to the upstream once the record exists.", examples=[["OwnerId"]]),
    ] = None
    protect: Annotated[
        bool | None,
        Field(
            description="Whether the record may not be removed; true in any place cannot be undone in a nearer one. It "
            "outlives the declaration, until false is declared and applied.",
            examples=[True],
        ),
    ] = None
    on_remove: Annotated[
        OnRemove | None,
        Field(
            strict=False,
            description="What becomes of a record whose declaration goes: it stays upstream, and its ID stays locked "
            "(keep), or it is deleted there, if it was created by syncspec (delete).",
            examples=["keep"],
        ),
    ] = None
    delete_adopted: Annotated[
        bool | None,
        Field(
            description="Whether on_remove: delete deletes what was adopted or imported, too.",
            examples=[False],
        ),
    ] = None
    on_missing: Annotated[
        OnMissing | None,
        Field(
            strict=False,
            description="What a plan does with a locked record that was deleted upstream: block it, or create it anew. "
            "One that is merely not listed is never created anew.",
            examples=["block"],
        ),
    ] = None


class BatchSpec(Closed):
    """How records are put together into requests."""

    max_records: Annotated[
        int,
        Field(
            ge=1,
            le=10_000,
            description="Records in one request; without it the provider's known limit, else 100.",
            examples=[200],
        ),
    ]


class AwaitConsumersSpec(Closed):
    """Consumers that a mutation waits for before it is answered."""

    ids: Annotated[Names, Field(min_length=1, description="The consumers' IDs.", examples=[["wh-1"]])]
    timeout_ms: Annotated[
        int | None,
        Field(ge=1, le=YEAR * 1000, description="How long the service waits, in milliseconds.", examples=[30000]),
    ] = None


class RecordSpec(Closed):
    """One declared record."""

    data: Annotated[
        dict[str, Any],
        Field(
            description="Field to value. An absent field is not managed, null clears it, !unset drops a default.",
            examples=[{"FirstName": "Paul", "Email": "paul@arrakis.org"}],
        ),
    ]
    upstream_id: Annotated[
        Word | None,
        Field(description="Adopt the upstream record that has this very ID.", examples=["0038b00002xyzAAA"]),
    ] = None
    lifecycle: Annotated[
        LifecycleSpec | None,
        Field(description="What differs for this record.", examples=[{"protect": True}]),
    ] = None


class MoveSpec(Closed):
    """A record that was renamed."""

    from_: Annotated[
        Word,
        Field(
            alias="from",
            description="What the record was called: its name in this set, or <set>.<record> for another one.",
            examples=["paul"],
        ),
    ]
    to: Annotated[
        Word,
        Field(description="What the record is called now, likewise; it must be declared.", examples=["muaddib"]),
    ]


class Metadata(Closed):
    """The set's name, and labels to select it by."""

    name: Annotated[
        str,
        Field(
            pattern="^[a-z][a-z0-9-]*$",
            max_length=200,
            description="The set's name, unique in the project: the first part of its records' addresses.",
            examples=["contacts"],
        ),
    ]
    labels: Annotated[
        dict[Word, str] | None,
        Field(description="Labels to select sets by.", examples=[{"team": "revops"}]),
    ] = None


class Place(Closed):
    """Where a set's records live, and in which environments there are any."""

    upstream: Annotated[
        Word | None,
        Field(description="The upstream's name; optional where the project has only one.", examples=["crm"]),
    ] = None
    sync_id: Annotated[
        Word | None,
        Field(
            description="The sync that the records go to; optional where the upstream names one for the provider.",
            examples=["70a313f8-7c94-43d4-8d0c-5659a52de5c4"],
        ),
    ] = None
    collection_id: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_-]*:[^\s:][^\s]*$",
            max_length=500,
            description="Provider and collection.",
            examples=["salesforce:contact"],
            json_schema_extra={"pattern": r"^[a-z0-9][a-z0-9_-]*:[^\s:][^\s]*$|\$\{"},
        ),
    ]
    environments: Annotated[
        Annotated[tuple[EnvironmentName, ...], Field(strict=False, min_length=1)] | None,
        Field(
            description="The environments of the project that the set belongs to; without it, all. In any other it "
            "counts as not declared.",
            examples=[["sandbox"]],
        ),
    ] = None


class SetOptions(Closed):
    """What a set may say itself or inherit from its collection's entry in the project file."""

    match_on: Annotated[
        Names | None,
        Field(
            min_length=1,
            description="The fields that together recognise a record upstream: its natural key.",
            examples=[["Email"]],
        ),
    ] = None
    marker_field: Annotated[
        Word | None,
        Field(
            description="A field of your own that carries the record's address upstream, and recognises it best.",
            examples=["Syncspec_Key__c"],
        ),
    ] = None
    batch: Annotated[
        BatchSpec | None, Field(description="How records are put into requests.", examples=[{"max_records": 50}])
    ] = None
    data_schema: Annotated[
        Word | None,
        Field(
            description="A JSON Schema (draft 2020-12) in the project that every record's data must fit; the path is "
            "relative to the project file's folder. Formats are not enforced.",
            examples=["schemas/contact.schema.json"],
        ),
    ] = None
    fields: Annotated[
        dict[Word, FieldSpec] | None,
        Field(
            description="How values are read, compared and shown, by field.",
            examples=[{"Email": {"compare": "casefold"}, "SSN__c": {"sensitive": True}}],
        ),
    ] = None
    defaults: Annotated[
        dict[str, Any] | None,
        Field(description="Merged under every record's data, by top-level key.", examples=[{"LeadSource": "Web"}]),
    ] = None
    lifecycle: Annotated[
        LifecycleSpec | None,
        Field(description="How the set's records live after they were created.", examples=[{"on_drift": "report"}]),
    ] = None
    await_consumers: Annotated[
        AwaitConsumersSpec | None,
        Field(description="Consumers to wait for, instead of the upstream's.", examples=[{"ids": ["wh-1"]}]),
    ] = None


class RecordSetSpec(SetOptions, Place):
    """Where the records live, how they are recognised, and the records themselves, written out or from files."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": ["records"]}, {"required": ["records_from"]}]})

    moved: Annotated[
        tuple[MoveSpec, ...] | None,
        Field(
            strict=False,
            description="Records that were renamed: they keep their upstream IDs. What is done by now does no harm.",
            examples=[[{"from": "paul", "to": "muaddib"}]],
        ),
    ] = None
    records: Annotated[
        dict[str, RecordSpec],
        Field(
            description="The records by name; names begin with a letter or digit and go on with those and _ . @ + -.",
            examples=[{"paul": {"data": {"FirstName": "Paul", "Email": "paul@arrakis.org"}}}],
            json_schema_extra={"propertyNames": {"pattern": "^[A-Za-z0-9][A-Za-z0-9_.@+-]*$"}},
        ),
    ] = {}  # noqa: RUF012
    records_from: Annotated[
        RecordsFromSpec
        | Annotated[tuple[RecordsFromSpec, ...], Field(strict=False, min_length=1, max_length=MOST_SOURCES)]
        | None,
        Field(
            description="Files of rows that become records beside those under records: one, or a list of them.",
            examples=[{"file": "data/leads.csv", "name": "${row.Email}"}],
        ),
    ] = None


class RecordSet(Closed):
    """A manifest: records of one collection that must exist in one sync."""

    api_version: Annotated[
        Literal["syncspec/v1"],
        Field(alias="apiVersion", description="The version of this format.", examples=[API_VERSION]),
    ] = API_VERSION
    kind: Annotated[Literal["RecordSet"], Field(description="What this document is.", examples=["RecordSet"])] = (
        "RecordSet"
    )
    metadata: Annotated[Metadata, Field(description="Name and labels.", examples=[{"name": "contacts"}])]
    spec: Annotated[
        RecordSetSpec,
        Field(
            description="The set.",
            examples=[
                {
                    "collection_id": "salesforce:contact",
                    "match_on": ["Email"],
                    "records": {"paul": {"data": {"Email": "paul@arrakis.org"}}},
                }
            ],
        ),
    ]
