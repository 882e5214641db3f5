"""Projects of any size to measure with."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

__all__ = [
    "BATCH",
    "COLLECTION",
    "SYNC",
    "TOKEN",
    "record_data",
    "write_manifest",
    "write_people",
    "write_project",
    "write_rows",
]

BATCH = 200
COLLECTION = "salesforce:contact"
SYNC = "sync-1"
TOKEN = "not-a-secret"

_HEAD = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: {name}
spec:
  collection_id: {collection}
  sync_id: {sync}
  match_on: [{key}]
{more}  records:
"""


def record_data(number: int) -> dict[str, str]:
    """The data of one person; a record of it takes about 165 bytes in a manifest."""
    return {
        "FirstName": f"First{number}",
        "LastName": f"Last{number}",
        "Email": f"person{number}@example.org",
        "Title": f"Engineer of things {number}",
    }


def write_project(folder: Path, *, url: str | None = None) -> None:
    """Write a project file for an embedded upstream, or for the endpoint at `url`."""
    folder.mkdir(parents=True, exist_ok=True)
    upstream = "type: embedded"
    if url is not None:
        upstream = f"type: sequin\n      base_url: {url}\n      token: ${{env.BENCH_TOKEN}}\n      concurrency: 4"
        upstream += "\n      settle_seconds: 0"
    (folder / "syncspec.yaml").write_text(
        "apiVersion: syncspec/v1\nkind: Project\nmetadata: {name: bench}\nspec:\n  upstreams:\n    crm:\n"
        f"      {upstream}\n  guards: {{max_creates: 10000000, max_adopts: 10000000}}\n",
        encoding="utf-8",
    )


def write_people(folder: Path, count: int) -> Path:
    """Write a manifest of so many people; gives its path."""
    records = ((f"person-{number:06d}", record_data(number)) for number in range(count))
    return write_manifest(folder / "people.yaml", records, name="people", collection=COLLECTION, key="Email")


def write_rows(folder: Path, count: int, *, suffix: str) -> Path:
    """Write the same people as rows of a .csv or .jsonl file, and a manifest that names it; gives the file."""
    path = folder / f"people{suffix}"
    rows = ({"Id": f"person-{number:06d}", **record_data(number)} for number in range(count))
    with path.open("w", encoding="utf-8", newline="") as file:
        if suffix == ".csv":
            writer = csv.DictWriter(file, ["Id", *record_data(0)])
            writer.writeheader()
            writer.writerows(rows)
        else:
            file.writelines(f"{json.dumps(row)}\n" for row in rows)
    head = _HEAD.format(name="people", collection=COLLECTION, sync=SYNC, key="Email", more="")
    fields = "".join(f"      {field}: ${{row.{field}}}\n" for field in record_data(0))
    source = f"  records_from:\n    file: {path.name}\n    name: ${{row.Id}}\n    data:\n{fields}"
    (folder / "people.yaml").write_text(head.replace("  records:\n", source), encoding="utf-8")
    return path


def write_manifest(
    path: Path,
    records: Iterable[tuple[str, Mapping[str, object]]],
    *,
    name: str,
    collection: str,
    key: str,
    more: str = "",
    quote: bool = False,
) -> Path:
    """Write one record set; with `quote` every text is quoted, so that it may hold anything."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        file.write(_HEAD.format(name=name, collection=collection, sync=SYNC, key=key, more=more))
        file.writelines(_lines(records, quote=quote))
    return path


def _lines(records: Iterable[tuple[str, Mapping[str, object]]], *, quote: bool) -> Iterator[str]:
    for name, data in records:
        shown = (f"        {field}: {_scalar(value, quote=quote)}\n" for field, value in data.items())
        yield f"    {_scalar(name, quote=quote)}:\n      data:\n{''.join(shown)}"


def _scalar(value: object, *, quote: bool) -> str:
    if not quote or not isinstance(value, str):
        return str(value)
    escaped = "".join(_escaped(letter) for letter in value)
    return f'"{escaped}"'


def _escaped(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
