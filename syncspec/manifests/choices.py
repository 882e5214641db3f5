"""What each word of a closed choice means, for the JSON Schemas: editors show it beside the word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["CHOICES", "explain_choices"]

CHOICES: Final[Sequence[Mapping[str, str]]] = (
    # Of project files and manifests.
    {
        "text": "Text, compared as it is.",
        "integer": "A whole number; 5, 5.0 and the text 5 are equal.",
        "decimal": "A number with a fraction, compared after rounding to `scale` digits where that is given.",
        "boolean": "True or false.",
        "date": "A day, such as 2026-11-25.",
        "datetime": "An instant; the same instant in another time zone is equal.",
        "multi": "A set of words in one text, such as `a;b`; their order does not matter.",
        "id": "An ID of the provider; the short and the long form of a Salesforce ID are equal.",
        "json": "Any structure, compared as a whole.",
    },
    {
        "exact": "Every character counts, and null, absent and empty text are told apart.",
        "trim": "White space at both ends does not count.",
        "casefold": "Neither white space at both ends nor capitals count.",
    },
    {
        "report": "Show it in the plan and leave the upstream as it is.",
        "restore": "Write the declared value back.",
        "fail": "Block the record until a person has decided.",
    },
    {
        "report": "Lock its ID, show what differs, and write nothing.",
        "update": "Lock its ID and write what differs.",
        "block": "Block the record until a person has decided.",
    },
    {
        "block": "Block the record until a person has decided.",
        "recreate": "Create it anew, where the upstream shows that it was deleted.",
    },
    {
        "keep": "Leave the record upstream, and keep its ID in the lockfile.",
        "delete": "Delete the record upstream.",
    },
    {
        "local": "In the state folder beside the project file: for one machine at a time.",
        "git": "In a ref of the repository's remote: for pipelines and teams.",
    },
    {
        "sequin": "An endpoint of the Mutation and Records API, over HTTP.",
        "embedded": "An upstream inside syncspec, kept in the state folder; nothing leaves the machine.",
    },
    {"csv": "Comma-separated values with a header.", "jsonl": "JSON Lines: one object per line."},
    {"omit": "An empty cell leaves its field alone.", "null": "An empty cell clears its field."},
    {
        "utf-8": "Unicode, as most programs write it.",
        "utf-16": "Unicode, as Excel's “Unicode text” is.",
        "iso-8859-1": "Western European.",
        "iso-8859-15": "Western European with the euro sign.",
        "windows-1250": "Central European, of Windows.",
        "windows-1251": "Cyrillic, of Windows.",
        "windows-1252": "Western European, of Windows: what Excel's CSV mostly is.",
        "shift_jis": "Japanese.",
        "gb18030": "Chinese.",
    },
    # Of faults files.
    {
        "timeout": "504, as a gateway answers that gave up.",
        "error": "A status and a text.",
        "rate_limited": "429.",
        "consumer_timeout": "500, though all is done: a consumer did not confirm in time.",
        "dropped_connection": "Nothing, at once.",
        "no_answer": "Nothing, after a long time.",
        "truncated_body": "The beginning of the true answer.",
        "unreadable_body": "200 with a page that is not JSON.",
        "ids_only": "The true IDs and no data.",
        "echo": "The true IDs beside what was sent.",
        "out_of_order": "The true records, shuffled.",
        "latency": "The true answer, after delay_seconds.",
    },
    {
        "error": "A status and a text.",
        "rate_limited": "429.",
        "dropped_connection": "Nothing, at once.",
        "no_answer": "Nothing, after a long time.",
        "truncated_body": "The beginning of the true answer.",
        "unreadable_body": "200 with a page that is not JSON.",
        "latency": "The true answer, after delay_seconds.",
        "empty_page": "No rows, and a new cursor to the same place.",
        "duplicated_rows": "A part of the rows twice.",
        "stream_reset": "All streams start anew, with other IDs and positions and without tombstones.",
    },
    {
        "all": "All records are stored before the answer.",
        "none": "No record is stored.",
        "part": "Some records are stored, and the others never.",
        "late": "All records are stored some time after the answer.",
    },
    {"refuse": "A cursor of a stream that is gone is refused.", "restart": "It reads the new stream from its start."},
    {"seconds": "A number of seconds.", "date": "A date, as HTTP writes it."},
    {"records": "Reads of records.", "syncs": "Reads of syncs."},
    {"create": "New records.", "update": "Changes of records.", "delete": "Removals of records."},
    # Of lockfiles.
    {
        "created": "We created the record.",
        "adopted": "It was there before, and was recognised by marker or match key.",
        "imported": "It was taken over by an import.",
    },
    {"locked": "The record is declared.", "retained": "Its declaration went; the ID is kept."},
    # Of printed documents.
    {
        "create": "The record is made upstream.",
        "adopt": "An upstream record that is there already is locked.",
        "update": "Fields of the record are written.",
        "delete": "The record is removed upstream.",
        "move": "An ID that a former address holds goes over to this one; nothing is sent.",
        "unchanged": "There is nothing to do.",
        "drift": "Somebody changed the record upstream; nothing is sent.",
        "blocked": "Something stands in the way; nothing is sent.",
        "unknown": "What became of an earlier attempt is not known; nothing is sent.",
    },
    {
        "created": "It was made upstream.",
        "adopted": "An upstream record that was there already was locked.",
        "updated": "Fields were written.",
        "deleted": "It was removed upstream.",
        "unchanged": "There was nothing to do.",
        "rejected": "The upstream refused it.",
        "unknown": "What became of it is not known.",
        "not_attempted": "It was not sent.",
    },
    {
        "added": "It is new.",
        "changed": "It says something else.",
        "renamed": "It stands under another address.",
        "removed": "It went.",
    },
    {
        "create": "Nothing is locked: the record is created, or adopted where it exists.",
        "attach": "The address is locked already, and its record is looked after again.",
        "update": "Fields of the locked record are written.",
        "move": "The lock goes over to another address; nothing is sent.",
        "keep": "The record stays upstream, and its ID in the lockfile.",
        "delete": "The record is removed upstream.",
        "release": "An adopted record is no longer looked after, and stays upstream.",
        "protected": "The removal is refused.",
        "nothing": "No request comes of it.",
        "unknown": "The lockfile is not at hand.",
    },
    {
        "applied": "It was answered with records.",
        "rejected": "One record was refused for what it holds.",
        "split": "Nothing was applied, and smaller requests may be.",
        "retry": "Nothing was applied, and the same may be sent after a pause.",
        "not_applied": "Nothing was applied, and sending again would not help.",
        "unknown": "It may have been applied.",
    },
    {
        "proved": "The whole list of a sync that is known to be complete.",
        "assumed": "A whole list, and nothing says whether the sync is complete.",
        "unknown": "The list is known to be incomplete, or could not be read.",
    },
    {
        "run-started": "The run began; as in events.v1.",
        "batch-sent": "A request leaves; as in events.v1.",
        "batch-finished": "A request was answered or given up; as in events.v1.",
        "record-finished": "A record's outcome is known; as in events.v1.",
        "waiting": "Nothing is sent for a while; as in events.v1.",
        "locked": "The lockfile is written; as in events.v1.",
        "interrupted": "The run was asked to end early; as in events.v1.",
        "run-finished": "The run ended; as in events.v1.",
        "diagnostic": "A finding; it stands under `diagnostic`.",
        "reading": "So many rows of a collection are read.",
        "plan": "The plan that a question is about.",
        "question": "A yes is asked for.",
        "signal": "Ctrl-C, or a request of the system to end, and what is done about it.",
        "stopped": "The command was interrupted.",
        "request": "The outline of a request, with -v.",
        "message": "Something for people.",
        "help": "The help that a command line without a command gets.",
        "log": "A warning of a library or of Python.",
        "traceback": "Where syncspec failed, with -vv.",
    },
    {
        "debug": "For whoever looks for a fault.",
        "info": "It only tells.",
        "warning": "It asks for attention and stops nothing.",
        "error": "It stops the command.",
    },
    {
        "error": "It stops the command before anything is sent.",
        "warning": "It asks for attention and stops nothing.",
        "note": "It only tells.",
    },
)
"""Each choice by its words, in their order."""

_BY_WORDS = {tuple(choice): tuple(choice.values()) for choice in CHOICES}


def explain_choices(schema: Any) -> None:
    """Put `enumDescriptions`, which editors show, beside every `enum` of a schema whose words are known here."""
    if isinstance(schema, dict):
        words = schema.get("enum")
        if isinstance(words, list) and tuple(words) in _BY_WORDS:
            schema["enumDescriptions"] = list(_BY_WORDS[tuple(words)])
        for part in list(schema.values()):
            explain_choices(part)
    elif isinstance(schema, list):
        for part in schema:
            explain_choices(part)
