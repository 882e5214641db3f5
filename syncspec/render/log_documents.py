"""The shape of the lines of a log, for their JSON Schema; a test holds both together."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from syncspec.render.documents import DiagnosticDocument, Document

__all__ = ["LogEvent", "LogLine"]


class LogEvent(StrEnum):
    """What a line of a log tells of."""

    RUN_STARTED = "run-started"
    BATCH_SENT = "batch-sent"
    BATCH_FINISHED = "batch-finished"
    RECORD_FINISHED = "record-finished"
    WAITING = "waiting"
    LOCKED = "locked"
    INTERRUPTED = "interrupted"
    RUN_FINISHED = "run-finished"
    DIAGNOSTIC = "diagnostic"
    READING = "reading"
    PLAN = "plan"
    QUESTION = "question"
    SIGNAL = "signal"
    STOPPED = "stopped"
    REQUEST = "request"
    MESSAGE = "message"
    HELP = "help"
    LOG = "log"
    TRACEBACK = "traceback"


class LogLine(Document):
    """One line of stderr with `--log-format json`.

    The events of a run hold all that events.v1 tells of them beside what stands here; there may be more kinds of events
    and more keys one day.
    """

    time: Annotated[str, Field(description="When, in UTC (RFC 3339).")]
    level: Annotated[Literal["debug", "info", "warning", "error"], Field(description="How much it weighs.")]
    event: Annotated[LogEvent, Field(description="What it tells of.")]
    message: Annotated[str, Field(description="The same in words, for people.")]
    run: Annotated[str, Field(description="The run's name; not there before a run holds the run lock.")] = ""
    diagnostic: Annotated[DiagnosticDocument | None, Field(description="The finding, of `diagnostic`.")] = None
