"""What colleagues do in an org behind your back, and how many records it holds.

python colleagues.py URL count
python colleagues.py URL set COLLECTION KEY=VALUE FIELD=VALUE
"""

from __future__ import annotations

import os
import sys
from typing import Any

import httpx

SYNC = "5b0c7a0e-52c1-4a53-9f0b-2a1d6f1f0c11"
COUNTED = ("salesforce:account", "salesforce:contact")


def records(client: httpx.Client, collection: str) -> list[dict[str, Any]]:
    answer = client.get("/v1/records", params={"sync_id": SYNC, "collection_id": collection, "limit": 1000})
    rows: list[dict[str, Any]] = answer.raise_for_status().json()["records"]
    return [row for row in rows if not row["deleted"]]


def count(client: httpx.Client) -> None:
    print(", ".join(f"{len(records(client, each))} {each.partition(':')[2]}s" for each in COUNTED))


def change(client: httpx.Client, collection: str, key: str, field: str) -> None:
    """Set the field of the one record whose key has that value."""
    (name, wanted), (path, value) = key.split("=", 1), field.split("=", 1)
    (row,) = [row for row in records(client, collection) if row["data"].get(name) == wanted]
    update = {"upstream_id": row["upstream_id"], "data": {path: value}}
    body = {"kind": "update", "sync_id": SYNC, "collection_id": collection, "records": [update]}
    client.post("/v1/mutations/run", json=body).raise_for_status()


url, verb, *arguments = sys.argv[1:]
with httpx.Client(base_url=url, headers={"authorization": f"Bearer {os.environ['CRM_TOKEN']}"}) as org:
    {"count": count, "set": change}[verb](org, *arguments)
