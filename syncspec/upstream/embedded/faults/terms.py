"""The words of a faults file: its closed sets, and what stands in the place of a number."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from syncspec.manifests.closed import YEAR, Closed

__all__ = [
    "Amount",
    "Committed",
    "MutationFault",
    "Number",
    "OldCursors",
    "PartSpec",
    "PeriodSpec",
    "RangeSpec",
    "ReadFault",
    "RetryAfterForm",
    "Route",
    "Share",
]


class MutationFault(StrEnum):
    """What the client of a mutation gets instead of a prompt and honest answer."""

    TIMEOUT = "timeout"
    ERROR = "error"
    RATE_LIMITED = "rate_limited"
    CONSUMER_TIMEOUT = "consumer_timeout"
    DROPPED_CONNECTION = "dropped_connection"
    NO_ANSWER = "no_answer"
    TRUNCATED_BODY = "truncated_body"
    UNREADABLE_BODY = "unreadable_body"
    IDS_ONLY = "ids_only"
    ECHO = "echo"
    OUT_OF_ORDER = "out_of_order"
    LATENCY = "latency"


class Committed(StrEnum):
    """What becomes of the records of a mutation."""

    ALL = "all"
    NONE = "none"
    PART = "part"
    LATE = "late"


class ReadFault(StrEnum):
    """What the client of a read gets instead of a prompt and honest answer."""

    ERROR = "error"
    RATE_LIMITED = "rate_limited"
    DROPPED_CONNECTION = "dropped_connection"
    NO_ANSWER = "no_answer"
    TRUNCATED_BODY = "truncated_body"
    UNREADABLE_BODY = "unreadable_body"
    LATENCY = "latency"
    EMPTY_PAGE = "empty_page"
    DUPLICATED_ROWS = "duplicated_rows"
    STREAM_RESET = "stream_reset"


class Route(StrEnum):
    """The routes that are read."""

    RECORDS = "records"
    SYNCS = "syncs"


class RetryAfterForm(StrEnum):
    """How Retry-After is written."""

    SECONDS = "seconds"
    DATE = "date"


class OldCursors(StrEnum):
    """What happens to a cursor of a stream that is gone."""

    REFUSE = "refuse"
    RESTART = "restart"


class RangeSpec(Closed):
    """Any number between two."""

    min: Annotated[float, Field(ge=0, le=YEAR, allow_inf_nan=False, description="At least so much.", examples=[1])]
    max: Annotated[float, Field(ge=0, le=YEAR, allow_inf_nan=False, description="At most so much.", examples=[9])]


def _range(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"min": value, "max": value}
    if isinstance(value, dict | RangeSpec):
        return value
    raise PydanticCustomError("amount_type", "not an amount")


Amount = Annotated[
    RangeSpec,
    BeforeValidator(_range),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0, "maximum": YEAR}, RangeSpec.model_json_schema()]}),
]
"""Seconds: one number, or a new draw between two each time."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Number = Annotated[int, Field(ge=1, le=1_000_000_000)]


class PeriodSpec(Closed):
    """A time, counted from the start of the upstream."""

    from_seconds: Annotated[
        float | None, Field(ge=0, le=YEAR, allow_inf_nan=False, description="When it begins.", examples=[10])
    ] = None
    to_seconds: Annotated[
        float | None, Field(ge=0, le=YEAR, allow_inf_nan=False, description="When it is over.", examples=[60])
    ] = None


class PartSpec(Closed):
    """Which records of a batch are committed."""

    records: Annotated[
        int | None, Field(ge=0, le=1_000_000, description="So many of them, where the batch has more.", examples=[3])
    ] = None
    share: Annotated[Share | None, Field(description="This share of them, rounded down.", examples=[0.5])] = None
    random: Annotated[
        bool | None, Field(description="Whether they are drawn; else they are the first ones.", examples=[True])
    ] = None
