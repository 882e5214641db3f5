"""What `records_from` may hold."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from syncspec.manifests.closed import Closed, Word

__all__ = ["MOST_SOURCES", "RecordsFromSpec"]

MOST_SOURCES: Final = 100
"""Files that one set may take records from."""

Encoding = Literal[
    "utf-8",
    "utf-16",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1250",
    "windows-1251",
    "windows-1252",
    "shift_jis",
    "gb18030",
]


class RecordsFromSpec(Closed):
    """A file of rows, and how each of them becomes a record."""

    file: Annotated[
        Word,
        Field(
            description="A CSV or JSON Lines file in the project; the path is relative to the project file's folder.",
            examples=["data/leads.csv"],
        ),
    ]
    format: Annotated[
        Literal["csv", "jsonl"] | None,
        Field(
            description="How the file is written, where its name does not end in .csv, .tsv, .jsonl or .ndjson.",
            examples=["csv"],
        ),
    ] = None
    name: Annotated[
        Word,
        Field(
            description="The record's name, made of columns. What a name cannot hold is written as .. and two hex "
            "digits: Paul Atreides becomes Paul..20Atreides.",
            examples=["${row.Email}"],
        ),
    ]
    data: Annotated[
        dict[str, Any] | None,
        Field(
            description="Field to value, with ${row.COLUMN} for the row's value; without it every column is a field.",
            examples=[{"Email": "${row.Email}", "Company": "${row.company_name}"}],
        ),
    ] = None
    empty: Annotated[
        Literal["omit", "null"] | None,
        Field(
            description="What an empty cell becomes: omit does not manage the field in that record, null clears it.",
            examples=["omit"],
        ),
    ] = "omit"
    delimiter: Annotated[
        str | None,
        Field(
            pattern=r'^[^"\r\n]$',
            description="What stands between the cells of CSV; without it a comma, in a .tsv file a tab.",
            examples=[";"],
        ),
    ] = None
    encoding: Annotated[
        Encoding | None,
        Field(description="The encoding of CSV; without it UTF-8.", examples=["windows-1252"]),
    ] = None
