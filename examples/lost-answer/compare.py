"""A naive loop and syncspec against one endpoint that applies requests and then times out.

Serves the embedded upstream on 127.0.0.1; after every third create request is committed, it answers 504. Both
sides create the same 1,000 contacts; then the contacts that exist upstream are counted.
"""

from __future__ import annotations

import tempfile
import textwrap
from collections import Counter
from pathlib import Path

import anyio
import httpx
from starlette.responses import JSONResponse, Response

import syncspec
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.mutations import Mutation
from syncspec.upstream.embedded.server import serve
from syncspec.upstream.embedded.store import Store

CONTACTS = 1000
BATCH = 100


class TimeOutAfterCommit:
    """Every third create is committed and then answered with 504, as a gateway does that gave up waiting."""

    def __init__(self) -> None:
        self.requests = 0

    async def before(self, mutation: Mutation) -> Response | None:
        return None

    async def after(self, mutation: Mutation) -> Response | None:
        self.requests += 1
        if self.requests % 3 == 0:
            return JSONResponse({"error": "Error: Salesforce API timed out", "docs": []}, status_code=504)
        return None


def contacts() -> list[dict[str, str]]:
    return [{"LastName": f"Person {number}", "Email": f"person{number}@example.org"} for number in range(CONTACTS)]


def naive_loop(url: str) -> None:
    """Post batch after batch; try again whatever the server did not answer well."""
    with httpx.Client(base_url=url) as client:
        for start in range(0, CONTACTS, BATCH):
            body = {
                "kind": "create",
                "sync_id": "salesforce",
                "collection_id": "salesforce:contact",
                "records": [{"data": contact} for contact in contacts()[start : start + BATCH]],
            }
            while client.post("/v1/mutations/run", json=body).status_code >= 500:
                pass


def with_syncspec(url: str, folder: Path) -> str:
    """Declare the same contacts and apply, twice; returns what the second apply says."""
    records = "\n".join(
        f"    person-{number}:\n      data:\n        LastName: {contact['LastName']}\n        Email: {contact['Email']}"
        for number, contact in enumerate(contacts())
    )
    project = f"""
        apiVersion: syncspec/v1
        kind: Project
        metadata:
          name: lost-answer
        spec:
          upstreams:
            crm:
              type: sequin
              base_url: {url}
              token: ${{env.TOKEN}}
              settle_seconds: 0
              syncs:
                salesforce: salesforce
    """
    manifest = f"""
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: contacts
spec:
  collection_id: salesforce:contact
  match_on:
    - Email
  batch:
    max_records: {BATCH}
  records:
{records}
"""
    (folder / "syncspec.yaml").write_text(textwrap.dedent(project))
    (folder / "contacts.yaml").write_text(manifest)
    with syncspec.open(folder, environ={"TOKEN": "any"}) as opened:
        opened.apply()
        report = opened.apply()
    assert report is not None
    return ", ".join(f"{number} {outcome}" for outcome, number in report.summary.items() if number)


def counted(store_url: str) -> tuple[int, int]:
    """Contacts upstream, and how many of them are surplus."""
    emails: Counter[str] = Counter()
    cursor = ""
    with httpx.Client(base_url=store_url) as client:
        while True:
            page = client.get("/v1/records", params={"sync_id": "salesforce", "after_cursor": cursor}).json()
            emails.update(row["data"]["Email"] for row in page["records"])
            if not page["cursor"] or page["cursor"] == cursor:
                return emails.total(), emails.total() - len(emails)
            cursor = page["cursor"]


async def against_fresh_upstream(folder: Path, work: object) -> tuple[int, int, object]:
    """Run one side against an upstream of its own, in a thread; returns the counts and what it said."""
    assert callable(work)
    store = Store.open(folder / "upstream.sqlite3")
    app = create_app(store, fault=TimeOutAfterCommit())
    stop = anyio.Event()
    ready = anyio.Event()
    ports: list[int] = []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: serve(app, on_ready=on_ready, stop=stop))
        await ready.wait()
        url = f"http://127.0.0.1:{ports[0]}"
        said = await anyio.to_thread.run_sync(work, url)
        existing, surplus = await anyio.to_thread.run_sync(counted, url)
        stop.set()
    store.close()
    return existing, surplus, said


async def main() -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        existing, surplus, _ = await against_fresh_upstream(Path(one), naive_loop)
        print(f"naive loop: {CONTACTS} declared, {existing} created, {surplus} duplicates")
        folder = Path(other) / "project"
        folder.mkdir()
        existing, surplus, said = await against_fresh_upstream(Path(other), lambda url: with_syncspec(url, folder))
        print(f"syncspec:   {CONTACTS} declared, {existing} created, {surplus} duplicates; second apply: {said}")


if __name__ == "__main__":
    anyio.run(main)
