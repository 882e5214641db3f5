"""What a project file may hold, closed to unknown keys."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from syncspec.manifests.closed import YEAR, Closed, EnvironmentName, Names, Word
from syncspec.manifests.models import API_VERSION, AwaitConsumersSpec, LifecycleSpec, SetOptions
from syncspec.settings import StateBackend

__all__ = [
    "CollectionSpec",
    "EnvironmentSpec",
    "GuardsSpec",
    "ProjectFile",
    "ProjectMetadata",
    "ProjectSpec",
    "RateLimitSpec",
    "Scalar",
    "StateSpec",
    "UpstreamSpec",
    "UpstreamType",
]

Scalar: TypeAlias = "bool | int | float | str"
"""What a variable may hold."""


def _scalar(value: object) -> object:
    if isinstance(value, bool | int | float | str):
        return value
    raise PydanticCustomError("scalar_type", "not a scalar")


ScalarValue = Annotated[
    Any, AfterValidator(_scalar), WithJsonSchema({"type": ["boolean", "integer", "number", "string"]})
]
Seconds = Annotated[float, Field(ge=0, le=YEAR, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
CollectionId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*:[^\s:][^\s]*$", max_length=500)]
Provider = Annotated[str, Field(pattern="^[a-z0-9][a-z0-9_-]*$", max_length=200)]
UpstreamName = Annotated[str, Field(pattern="^[A-Za-z][A-Za-z0-9_-]*$", max_length=200)]


class UpstreamType(StrEnum):
    """The kinds of upstream: an endpoint of the Mutation API, or one that runs inside syncspec."""

    SEQUIN = "sequin"
    EMBEDDED = "embedded"


class RateLimitSpec(Closed):
    """At most so many requests in any window of so many seconds."""

    requests: Annotated[int, Field(ge=1, le=1_000_000, description="Requests per window.", examples=[100])]
    per_seconds: Annotated[
        float, Field(gt=0, le=YEAR, allow_inf_nan=False, description="The window's length.", examples=[60])
    ]


class UpstreamSpec(Closed):
    """One upstream."""

    type: Annotated[
        UpstreamType | None,
        Field(
            strict=False,
            description="sequin: an endpoint of the Mutation API; embedded: one that runs inside syncspec.",
            examples=["sequin"],
        ),
    ] = None
    base_url: Annotated[
        Word | None,
        Field(description="Where the endpoint is, for type sequin.", examples=["https://api.sequin.io"]),
    ] = None
    token: Annotated[
        Word | None,
        Field(description="The bearer token, taken from the environment.", examples=["${env.SEQUIN_API_KEY}"]),
    ] = None
    syncs: Annotated[
        dict[Provider, Word | None] | None,
        Field(
            description="The sync of each provider, for sets that name none. In an environment null takes one away.",
            examples=[{"salesforce": "70a313f8-7c94-43d4-8d0c-5659a52de5c4"}],
        ),
    ] = None
    concurrency: Annotated[
        int | None, Field(ge=1, le=1000, description="Requests that may run at the same time.", examples=[4])
    ] = None
    rate_limit: Annotated[
        RateLimitSpec | None,
        Field(description="How often requests may be sent.", examples=[{"requests": 100, "per_seconds": 60}]),
    ] = None
    request_timeout_seconds: Annotated[
        float | None,
        Field(gt=0, le=YEAR, allow_inf_nan=False, description="How long one request may take.", examples=[60]),
    ] = None
    settle_seconds: Annotated[
        Seconds | None,
        Field(
            description="How long after a request was given up it may still be executed and show in reads.",
            examples=[300],
        ),
    ] = None
    wait_seconds: Annotated[
        Seconds | None,
        Field(description="How long one run waits for an unknown outcome before it leaves it.", examples=[60]),
    ] = None
    atomic_batches: Annotated[
        bool | None, Field(description="Whether a refused batch is known to change nothing.", examples=[False])
    ] = None
    unique_upstream: Annotated[
        bool | None,
        Field(description="Whether the upstream refuses a second record with the same match key.", examples=[False]),
    ] = None
    assume_complete: Annotated[
        bool | None,
        Field(description="Whether lists are whole though the endpoint has no syncs route.", examples=[False]),
    ] = None
    await_consumers: Annotated[
        AwaitConsumersSpec | None,
        Field(
            description="Consumers that every mutation waits for.", examples=[{"ids": ["wh-1"], "timeout_ms": 30000}]
        ),
    ] = None
    profiles: Annotated[
        dict[Provider, Word] | None,
        Field(
            description="The behaviour that an embedded upstream shows for a provider.",
            examples=[{"salesforce": "salesforce"}],
        ),
    ] = None
    enforce_schemas: Annotated[
        bool | None,
        Field(description="Whether an embedded upstream refuses what does not fit data_schema.", examples=[True]),
    ] = None


class CollectionSpec(SetOptions):
    """What every set of one collection inherits; the set's own word wins, for fields and lifecycle key by key."""


class GuardsSpec(Closed):
    """Limits on what one plan may do; null: no limit, as is absent, but for deletes."""

    max_creates: Annotated[Count | None, Field(description="Creates in one plan.", examples=[5000])] = None
    max_adopts: Annotated[Count | None, Field(description="Adoptions in one plan.", examples=[500])] = None
    max_updates: Annotated[Count | None, Field(description="Updates in one plan.", examples=[5000])] = None
    max_deletes: Annotated[Count | None, Field(description="Deletes in one plan; by default 100.", examples=[100])] = (
        100
    )
    max_deletes_percent: Annotated[
        float | None,
        Field(
            ge=0,
            le=100,
            allow_inf_nan=False,
            description="Deletes, as a share of what is locked, where that is more than 10 records; by default 10.",
            examples=[10],
        ),
    ] = 10.0


class StateSpec(Closed):
    """Where the record of attempts is kept."""

    backend: Annotated[
        StateBackend,
        Field(
            strict=False,
            description="local: in the state folder beside the project file; git: in a ref of a remote of the "
            "repository, which all runs share.",
            examples=["local"],
        ),
    ]
    remote: Annotated[
        str | None,
        Field(
            pattern="^[A-Za-z0-9][A-Za-z0-9._/-]*$",
            max_length=200,
            description="The remote that holds the ref, for backend git; by default origin.",
            examples=["origin"],
        ),
    ] = None


class EnvironmentSpec(Closed):
    """What differs in one environment; mappings are merged key by key, and null takes away what the project says."""

    variables: Annotated[
        dict[Word, ScalarValue | None] | None,
        Field(
            description="Variables; null takes one away, as if the project did not declare it.",
            examples=[{"domain": "sandbox.arrakis.org"}],
        ),
    ] = None
    upstreams: Annotated[
        dict[UpstreamName, UpstreamSpec | None] | None,
        Field(
            description="Upstreams; null takes one away.", examples=[{"crm": {"base_url": "https://sandbox.example"}}]
        ),
    ] = None
    collections: Annotated[
        dict[CollectionId, CollectionSpec | None] | None,
        Field(
            description="Collections; null takes away what the project says of one.",
            examples=[{"salesforce:contact": {"match_on": ["Email"]}}],
        ),
    ] = None
    lifecycle: Annotated[LifecycleSpec | None, Field(description="Lifecycle.", examples=[{"on_drift": "fail"}])] = None
    guards: Annotated[GuardsSpec | None, Field(description="Guards.", examples=[{"max_creates": 10}])] = None


class ProjectSpec(Closed):
    """A project's settings."""

    manifests: Annotated[
        Names | None,
        Field(
            min_length=1,
            description="Folders and files in the project that hold manifests; by default the project file's folder.",
            examples=[["manifests"]],
        ),
    ] = None
    upstreams: Annotated[
        dict[UpstreamName, UpstreamSpec] | None,
        Field(
            description="The upstreams by name.",
            examples=[{"crm": {"type": "sequin", "token": "${env.SEQUIN_API_KEY}"}}],
        ),
    ] = None
    collections: Annotated[
        dict[CollectionId, CollectionSpec] | None,
        Field(
            description="What sets inherit from their collection.",
            examples=[{"salesforce:contact": {"match_on": ["Email"]}}],
        ),
    ] = None
    variables: Annotated[
        dict[Word, ScalarValue] | None,
        Field(description="Values that manifests name as ${var.NAME}.", examples=[{"domain": "arrakis.org"}]),
    ] = None
    lifecycle: Annotated[
        LifecycleSpec | None, Field(description="How all records live.", examples=[{"on_drift": "report"}])
    ] = None
    guards: Annotated[
        GuardsSpec | None, Field(description="Limits on what one plan may do.", examples=[{"max_creates": 5000}])
    ] = None
    state: Annotated[
        StateSpec | None, Field(description="Where the record of attempts is kept.", examples=[{"backend": "local"}])
    ] = None
    environments: Annotated[
        dict[EnvironmentName, EnvironmentSpec] | None,
        Field(
            description="Environments; where there are any, each run names one of them.",
            examples=[{"sandbox": {"variables": {"domain": "sandbox.arrakis.org"}}}],
        ),
    ] = None


class ProjectMetadata(Closed):
    """The project's name."""

    name: Annotated[
        str,
        Field(
            pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$",
            max_length=200,
            description="The project's name; it stands in the lockfile and in markers.",
            examples=["arrakis"],
        ),
    ]


class ProjectFile(Closed):
    """The project file, syncspec.yaml."""

    api_version: Annotated[
        Literal["syncspec/v1"],
        Field(alias="apiVersion", description="The version of this format.", examples=[API_VERSION]),
    ] = API_VERSION
    kind: Annotated[Literal["Project"], Field(description="What this document is.", examples=["Project"])] = "Project"
    metadata: Annotated[ProjectMetadata, Field(description="The name.", examples=[{"name": "arrakis"}])]
    spec: Annotated[
        ProjectSpec,
        Field(description="The settings.", examples=[{"upstreams": {"crm": {"type": "embedded"}}}]),
    ]
