"""What a faults file may hold: the shape of it, closed to unknown keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from syncspec.manifests.closed import Closed, Word
from syncspec.manifests.models import API_VERSION
from syncspec.upstream.embedded.faults.terms import (
    Amount,
    Committed,
    MutationFault,
    Number,
    OldCursors,
    PartSpec,
    PeriodSpec,
    ReadFault,
    RetryAfterForm,
    Route,
    Share,
)
from syncspec.upstream.protocol import MutationKind

__all__ = ["FaultsFile", "FaultsSpec", "MutationRule", "ReadRule", "Rule", "SyncsSpec"]


class Rule(Closed):
    """When something goes wrong, and what: the keys of all rules."""

    every: Annotated[
        Number | None, Field(description="Every n-th of the requests that the rule is about.", examples=[3])
    ] = None
    probability: Annotated[Share | None, Field(description="How likely each request is hit.", examples=[0.2])] = None
    requests: Annotated[
        tuple[Number, ...] | None,
        Field(
            strict=False,
            description="The numbers of the requests that are hit, counted from 1 among those that the rule is about.",
            examples=[[1, 4]],
        ),
    ] = None
    times: Annotated[Number | None, Field(description="At most so often.", examples=[2])] = None
    during: Annotated[
        PeriodSpec | None,
        Field(
            description="Only requests that come in this time, counted from the start of the upstream.",
            examples=[{"from_seconds": 10, "to_seconds": 60}],
        ),
    ] = None
    sync_id: Annotated[
        Word | None, Field(description="Only requests that name this sync.", examples=["sync-salesforce"])
    ] = None
    collection_id: Annotated[
        Word | None, Field(description="Only requests that name this collection.", examples=["salesforce:contact"])
    ] = None
    delay_seconds: Annotated[
        Amount | None,
        Field(
            description="How long the request waits before anything else happens.", examples=[2, {"min": 0.1, "max": 3}]
        ),
    ] = None
    seconds: Annotated[
        Amount | None,
        Field(
            description="For no_answer: after how long the connection closes, where the client has not gone before; "
            "else an hour.",
            examples=[120],
        ),
    ] = None
    status: Annotated[
        int | None,
        Field(
            ge=400,
            le=599,
            description="For error: the HTTP status; else 500. 401 and 403 refuse the token.",
            examples=[503],
        ),
    ] = None
    message: Annotated[
        Word | None, Field(description="For error: what the answer says.", examples=["Invalid email"])
    ] = None
    retry_after_seconds: Annotated[
        Amount | None,
        Field(description="For rate_limited: what Retry-After asks for; without it there is none.", examples=[5]),
    ] = None
    retry_after_form: Annotated[
        RetryAfterForm | None,
        Field(
            strict=False,
            description="For rate_limited: whether Retry-After is a number, the default, or a date.",
            examples=["date"],
        ),
    ] = None


class MutationRule(Rule):
    """What goes wrong with mutations."""

    fault: Annotated[
        MutationFault,
        Field(
            strict=False,
            description="What the client gets. timeout: 504. error: a status and a text. rate_limited: 429. "
            "consumer_timeout: 500, though all is done. dropped_connection: nothing, at once. no_answer: nothing, "
            "after a long time. truncated_body: the beginning of the true answer. unreadable_body: 200 with a page "
            "that is not JSON. ids_only: the true IDs and no data. echo: the true IDs beside what was sent. "
            "out_of_order: the true records, shuffled. latency: the true answer, after delay_seconds.",
            examples=["timeout"],
        ),
    ]
    commit: Annotated[
        Committed | None,
        Field(
            strict=False,
            description="Which records are stored: all, none, a part, or all of them late, after the answer. Only "
            "all, and the default, where the answer shows that they are; part also for truncated_body.",
            examples=["all"],
        ),
    ] = None
    kind: Annotated[
        MutationKind | None, Field(strict=False, description="Only mutations of this kind.", examples=["create"])
    ] = None
    part: Annotated[
        PartSpec | None,
        Field(
            description="For commit part: which records; else the first half.",
            examples=[{"records": 3}, {"share": 0.5, "random": True}],
        ),
    ] = None
    late_seconds: Annotated[
        Amount | None,
        Field(
            description="For commit late: how long after the request the records are stored.",
            examples=[20, {"min": 5, "max": 60}],
        ),
    ] = None
    shuffled: Annotated[
        bool | None,
        Field(description="For ids_only and echo: whether the records are also out of order.", examples=[True]),
    ] = None


class ReadRule(Rule):
    """What goes wrong with reads."""

    fault: Annotated[
        ReadFault,
        Field(
            strict=False,
            description="What the client gets. empty_page: no rows, and a new cursor to the same place. "
            "duplicated_rows: a part of the rows twice. stream_reset: all streams start anew, with other IDs and "
            "positions and without tombstones. The others are as for mutations.",
            examples=["empty_page"],
        ),
    ]
    route: Annotated[
        Route | None,
        Field(
            strict=False,
            description="Only reads of records or of syncs; else both, where the fault can meet both.",
            examples=["records"],
        ),
    ] = None
    share: Annotated[
        Share | None, Field(description="For duplicated_rows: how many of them; else half.", examples=[0.1])
    ] = None
    old_cursors: Annotated[
        OldCursors | None,
        Field(
            strict=False,
            description="For stream_reset: whether cursors of the old streams are refused, the default, or read from "
            "the beginning.",
            examples=["restart"],
        ),
    ] = None
    refill_seconds: Annotated[
        Amount | None,
        Field(
            description="For stream_reset: how long after it each row shows; the sync tells meanwhile that its "
            "backfill is not complete. Without it all rows show at once.",
            examples=[{"min": 0, "max": 30}],
        ),
    ] = None


class SyncsSpec(Closed):
    """What the syncs routes tell instead of the truth."""

    missing: Annotated[
        bool | None, Field(description="Whether the routes answer 404, as if they did not exist.", examples=[True])
    ] = None
    status: Annotated[Word | None, Field(description="The status that is told of syncs.", examples=["paused"])] = None
    health: Annotated[Word | None, Field(description="The health that is told of syncs.", examples=["unhealthy"])] = (
        None
    )
    backfilling: Annotated[
        bool | None, Field(description="Whether the first backfill is said to go on still.", examples=[True])
    ] = None
    max_age_days: Annotated[
        int | None, Field(ge=1, le=36_500, description="How old records are said to become.", examples=[90])
    ] = None
    sync_frequency: Annotated[
        Word | None, Field(description="How often syncs are said to be polled.", examples=["4h"])
    ] = None
    during: Annotated[
        PeriodSpec | None,
        Field(description="Only in this time, counted from the start of the upstream.", examples=[{"to_seconds": 60}]),
    ] = None


class FaultsSpec(Closed):
    """What goes wrong, by what kind of request, and what all draws come from."""

    seed: Annotated[
        int | None,
        Field(
            ge=0,
            le=2**63 - 1,
            description="What all draws come from: the same seed and the same requests give the same faults. Without "
            "it a new one is drawn and printed.",
            examples=[7],
        ),
    ] = None
    replica_lag_seconds: Annotated[
        Amount | None,
        Field(
            description="How long after its commit a change shows in lists; of a range, each change draws its own.",
            examples=[5, {"min": 1, "max": 9}],
        ),
    ] = None
    mutations: Annotated[
        tuple[MutationRule, ...],
        Field(
            strict=False,
            description="Rules for mutations; the first that hits a request decides.",
            examples=[[{"fault": "timeout", "commit": "all", "every": 3}]],
        ),
    ] = ()
    reads: Annotated[
        tuple[ReadRule, ...],
        Field(
            strict=False,
            description="Rules for reads of records and of syncs; the first that hits a request decides.",
            examples=[[{"fault": "error", "probability": 0.05}]],
        ),
    ] = ()
    syncs: Annotated[
        SyncsSpec | None,
        Field(description="What the syncs routes tell instead of the truth.", examples=[{"health": "unhealthy"}]),
    ] = None


class FaultsFile(Closed):
    """What goes wrong in an embedded upstream, for `syncspec serve --faults`."""

    api_version: Annotated[
        Literal["syncspec/v1"],
        Field(alias="apiVersion", description="The version of the file's form.", examples=[API_VERSION]),
    ] = API_VERSION
    kind: Annotated[Literal["Faults"], Field(description="What the document is.", examples=["Faults"])] = "Faults"
    spec: Annotated[
        FaultsSpec,
        Field(description="All that goes wrong.", examples=[{"seed": 7, "replica_lag_seconds": 5}]),
    ]
