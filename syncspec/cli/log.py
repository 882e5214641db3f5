"""What goes to stderr as lines of JSON, and what Python's own `logging` says of our requests."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from syncspec.errors import UsageError

if TYPE_CHECKING:
    from syncspec.cli.output import Screen

__all__ = ["Log", "logged_requests", "logging_as_json", "wanted_log_format"]

FORMATS = ("text", "json")
VARIABLE = "SYNCSPEC_LOG_FORMAT"


class Log:
    """Makes the lines; `run` is in each of them as soon as there is one."""

    def __init__(self) -> None:
        self.run: str | None = None

    def line(self, level: str, event: str, message: str, fields: Mapping[str, Any]) -> str:
        """One object on one line; all of it is ASCII, so that nothing in it acts on a terminal."""
        from syncspec.render.json_bytes import log_line

        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        head: dict[str, Any] = {"time": time, "level": level, "event": event}
        if self.run is not None:
            head["run"] = self.run
        return log_line({**head, "message": message, **fields}).decode("ascii")


def wanted_log_format(arguments: Sequence[str], environ: Mapping[str, str]) -> str:
    """The format for the whole command, known before the command line is: errors in that are told in it, too.

    Raises UsageError where the environment names another one.
    """
    told = environ.get(VARIABLE) or FORMATS[0]
    if told not in FORMATS:
        raise UsageError("Unknown log format", detail=f'{VARIABLE} is "{told}".', hint=f"one of {', '.join(FORMATS)}")
    for place, argument in enumerate(arguments):
        if argument == "--":
            break
        name, equals, value = argument.partition("=")
        if name == "--log-format":
            told = value if equals else "".join(arguments[place + 1 : place + 2])
    return told


@contextmanager
def logging_as_json(screen: Screen) -> Iterator[None]:
    """Lines of JSON also for what others would write to stderr: warnings, log records, errors in finalisers."""
    import logging
    import threading

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            fields = {"logger": record.name}
            screen.tell(record.getMessage(), event="log", level=record.levelname.lower(), **fields)

    def unraisable(found: Any) -> None:
        screen.tell(_named(found.exc_type), event="log", level="error", logger="python")

    handler = Handler(level=logging.WARNING)
    before = sys.unraisablehook, threading.excepthook
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    sys.unraisablehook = threading.excepthook = unraisable
    try:
        yield
    finally:
        sys.unraisablehook, threading.excepthook = before
        logging.captureWarnings(False)
        logging.getLogger().removeHandler(handler)


def _named(error: type[BaseException]) -> str:
    return f"{error.__name__} in a place where it could not be raised"


@contextmanager
def logged_requests(screen: Screen) -> Iterator[None]:
    """Tell the outline of each request: never its body, its query or a header."""
    import logging

    from syncspec.upstream.protocol import REQUEST_LOG

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            screen.tell(f"{record.getMessage()}\n", event="request", level="debug", **getattr(record, "request", {}))

    logger, handler = logging.getLogger(REQUEST_LOG), Handler()
    level, propagates = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagates
