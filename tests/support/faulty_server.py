"""`syncspec serve --faults` as a real process, and projects that point at it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from support.command import COMMAND, PATIENCE, environ, many_contacts, write_project

TOKEN = "served-token-5d2f"
ENV = environ(CRM_TOKEN=TOKEN)
SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"

PROJECT = """\
apiVersion: syncspec/v1
kind: Project
metadata:
  name: arrakis
spec:
  manifests:
    - manifests
  upstreams:
    crm:
      type: sequin
      base_url: {url}
      token: ${{env.CRM_TOKEN}}
      syncs:
        salesforce: {sync}
      concurrency: 1
      settle_seconds: {settle}
      request_timeout_seconds: {timeout}
      wait_seconds: {wait}
"""


@dataclass
class Server:
    """A running server; after the block, what it had printed and how it ended."""

    url: str
    err: str = ""
    code: int | None = None
    lines: list[str] = field(default_factory=list)

    def post(self, *names: str, **more: Any) -> httpx.Response:
        records = [{"data": {"LastName": name}} for name in names]
        body = {"kind": "create", "sync_id": SYNC, "collection_id": "salesforce:contact", "records": records} | more
        headers = {"authorization": f"Bearer {TOKEN}"}
        return httpx.post(f"{self.url}/v1/mutations/run", json=body, headers=headers, timeout=PATIENCE, trust_env=False)

    def rows(self) -> list[dict[str, Any]]:
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer = httpx.get(f"{self.url}/v1/records", params={"limit": 1000}, headers=headers, trust_env=False)
        rows: list[dict[str, Any]] = answer.json()["records"]
        return rows


@contextmanager
def serving(folder: Path, spec: dict[str, Any], *arguments: str) -> Iterator[Server]:
    path = folder / "faults.yaml"
    path.write_text(json.dumps({"apiVersion": "syncspec/v1", "kind": "Faults", "spec": spec}), encoding="utf-8")
    command = [*COMMAND, "serve", "--port", "0", "--token-env", "CRM_TOKEN", "--faults", path.name, *arguments]
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=ENV,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first.startswith("serving http://"), process.communicate(timeout=PATIENCE)
        server = Server(url=first.split()[1])
        yield server
        process.send_signal(signal.SIGINT)
        out, server.err = process.communicate(timeout=PATIENCE)
        server.code, server.lines = process.returncode, server.err.splitlines()
        assert out == ""
        assert "Traceback" not in server.err
    finally:
        process.kill()
        process.wait(PATIENCE)


def project(folder: Path, url: str, contacts: int, *, settle: int = 0, timeout: int = 30, wait: int = 30) -> Path:
    text = PROJECT.format(url=url, sync=SYNC, settle=settle, timeout=timeout, wait=wait)
    return write_project(folder, project=text, contacts=many_contacts(contacts))
