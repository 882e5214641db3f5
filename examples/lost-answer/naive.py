"""Creates contacts as many scripts do: posts a batch, and posts it again until the answer is good."""

from __future__ import annotations

import os
import sys

import httpx

CONTACTS = 1000
BATCH = 100
TRIES = 5


def contacts() -> list[dict[str, str]]:
    return [{"LastName": f"Person {number}", "Email": f"person{number}@example.org"} for number in range(CONTACTS)]


def create(client: httpx.Client, batch: list[dict[str, str]]) -> None:
    body = {
        "kind": "create",
        "sync_id": "salesforce",
        "collection_id": "salesforce:contact",
        "records": [{"data": contact} for contact in batch],
    }
    for _ in range(TRIES):
        try:
            client.post("/v1/mutations/run", json=body).raise_for_status()
        except httpx.HTTPError as error:
            print(f"trying again: {type(error).__name__}", file=sys.stderr)
        else:
            return
    raise SystemExit("gave up")


def main(url: str) -> None:
    people = contacts()
    headers = {"authorization": f"Bearer {os.environ['CRM_TOKEN']}"}
    with httpx.Client(base_url=url, headers=headers) as client:
        for start in range(0, len(people), BATCH):
            create(client, people[start : start + BATCH])


if __name__ == "__main__":
    main(sys.argv[1])
