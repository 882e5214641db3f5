"""A loop that retries and `syncspec apply`, each against `syncspec serve --faults faults.yaml`; then both are counted.

Each side gets an upstream of its own with the same faults, and creates the same 1,000 contacts, 100 a request.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from naive import BATCH, CONTACTS, contacts

HERE = Path(__file__).parent
SYNCSPEC = [sys.executable, "-m", "syncspec"]
ENVIRON = {**os.environ, "CRM_TOKEN": "any-secret"}
LAG, LAG_SECONDS = "replica lag", 1

PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata:
  name: lost-answer
spec:
  upstreams:
    crm:
      type: sequin
      base_url: {url}
      token: ${{env.CRM_TOKEN}}
      syncs:
        salesforce: salesforce
      concurrency: 1
      request_timeout_seconds: 3
      settle_seconds: 2
"""

MANIFEST = """\
apiVersion: syncspec/v1
kind: RecordSet
metadata:
  name: contacts
spec:
  collection_id: salesforce:contact
  match_on:
    - Email
  batch:
    max_records: {batch}
  records:
{records}
"""


@dataclass
class Side:
    """What came of one side: contacts that exist, those that are surplus, and the faults by kind, but for lag."""

    existing: int = 0
    surplus: int = 0
    faults: dict[str, int] = field(default_factory=dict)


def against_faults(work: Callable[[str], None]) -> Side:
    """Serve a fresh upstream with the faults of the file, do the work against it, count, and stop it."""
    serve = [*SYNCSPEC, "serve", "--port", "0", "--token-env", "CRM_TOKEN", "--faults", str(HERE / "faults.yaml")]
    with subprocess.Popen(serve, env=ENVIRON, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[1]
            work(url)
            time.sleep(LAG_SECONDS + 0.5)
            emails = listed(url)
        finally:
            server.send_signal(signal.SIGINT)
            _, told = server.communicate(timeout=30)
    summed = re.findall(r"^ +(\d+) (.+)$", told.partition("Faults with seed")[2], re.MULTILINE)
    faults = {kind: int(count) for count, kind in summed if kind != LAG}
    return Side(emails.total(), emails.total() - len(emails), faults)


def listed(url: str) -> Counter[str]:
    emails: Counter[str] = Counter()
    cursor = ""
    with httpx.Client(base_url=url, headers={"authorization": f"Bearer {ENVIRON['CRM_TOKEN']}"}) as client:
        while True:
            page = client.get("/v1/records", params={"sync_id": "salesforce", "after_cursor": cursor}).json()
            emails.update(row["data"]["Email"] for row in page["records"])
            if not page["cursor"] or page["cursor"] == cursor:
                return emails
            cursor = page["cursor"]


def naive_loop(url: str) -> None:
    subprocess.run([sys.executable, str(HERE / "naive.py"), url], env=ENVIRON, check=True, stderr=subprocess.DEVNULL)


def with_syncspec(folder: Path, url: str) -> None:
    records = "".join(
        textwrap.indent(
            f"person-{number}:\n  data:\n    LastName: {each['LastName']}\n    Email: {each['Email']}\n", "    "
        )
        for number, each in enumerate(contacts())
    )
    (folder / "syncspec.yaml").write_text(PROJECT.format(url=url), encoding="utf-8")
    (folder / "contacts.yaml").write_text(MANIFEST.format(batch=BATCH, records=records), encoding="utf-8")
    for options in (["--no-prior-run", "--wait-settled"], []):
        apply = [*SYNCSPEC, "apply", "--auto-approve", "--quiet", *options]
        subprocess.run(apply, cwd=folder, env=ENVIRON, check=True, stdout=subprocess.DEVNULL)


def table(loop: Side, syncspec: Side) -> str:
    rows = [
        ("", "a loop that retries", "syncspec apply, twice"),
        ("declared", f"{CONTACTS:,}", f"{CONTACTS:,}"),
        ("exist upstream", f"{loop.existing:,}", f"{syncspec.existing:,}"),
        ("duplicates", f"{loop.surplus:,}", f"{syncspec.surplus:,}"),
        ("", "", ""),
        ("faults", "", ""),
    ]
    for kind in sorted(loop.faults.keys() | syncspec.faults.keys()):
        rows.append((f"  {kind}", str(loop.faults.get(kind, 0)), str(syncspec.faults.get(kind, 0))))
    return "\n".join(f"{name:<42}{one:>20}{other:>24}".rstrip() for name, one, other in rows)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        loop = against_faults(naive_loop)
        syncspec = against_faults(lambda url: with_syncspec(Path(folder), url))
    print(table(loop, syncspec))


if __name__ == "__main__":
    main()
