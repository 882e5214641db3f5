"""A project on disk and an embedded upstream that outlives its runs, for tests of the whole pipeline."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.builders import VirtualClock
from syncspec.apply.clock import Clock
from syncspec.project.core import Project
from syncspec.project.opening import Opening
from syncspec.settings import Secret, UpstreamSettings
from syncspec.upstream.embedded.app import create_app
from syncspec.upstream.embedded.faults import Around, Fault
from syncspec.upstream.embedded.store import Store
from syncspec.upstream.embedded.transport import in_process
from syncspec.upstream.protocol import ConnectContext, Connection, Reader
from syncspec.upstream.sequin.client import open_connection

SYNC = "70a313f8-7c94-43d4-8d0c-5659a52de5c4"
CONTACT = "salesforce:contact"
STORE = "upstream.sqlite3"

Records = Mapping[str, Mapping[str, Any]]
Wrap = Callable[[Connection], Connection]


def manifest(
    name: str,
    records: Records,
    *,
    collection_id: str = CONTACT,
    match_on: tuple[str, ...] = ("Email",),
    max_records: int | None = None,
    **more: Any,
) -> str:
    """A record set; JSON is YAML, so that every value arrives as it stands here."""
    spec: dict[str, Any] = {"collection_id": collection_id, "sync_id": SYNC, **more}
    if match_on:
        spec["match_on"] = list(match_on)
    if max_records:
        spec["batch"] = {"max_records": max_records}
    spec["records"] = {key: {"data": dict(data)} for key, data in records.items()}
    body = {"apiVersion": "syncspec/v1", "kind": "RecordSet", "metadata": {"name": name}, "spec": spec}
    return json.dumps(body, indent=1, ensure_ascii=False)


def project_file(*, name: str = "arrakis", environments: Mapping[str, Any] | None = None, **upstream: Any) -> str:
    """A project file with one upstream, `crm`: by default the embedded one."""
    crm = {"type": "embedded"} | upstream
    spec: dict[str, Any] = {"upstreams": {"crm": crm}}
    if environments is not None:
        spec["environments"] = environments
    return json.dumps({"apiVersion": "syncspec/v1", "kind": "Project", "metadata": {"name": name}, "spec": spec})


def contacts(count: int, *, start: int = 0) -> dict[str, dict[str, Any]]:
    return {
        f"c{number}": {"LastName": f"Person {number}", "Email": f"p{number}@x.org"}
        for number in range(start, start + count)
    }


@dataclass
class Folder:
    """A project's folder: files are written by name, and each `open` starts from nothing but them."""

    root: Path
    clock: Clock = field(default_factory=VirtualClock)
    environ: dict[str, str] = field(default_factory=dict)

    def write(self, **files: str) -> None:
        """Write `syncspec.yaml` (as `project`) and manifests (by their set's name)."""
        self.root.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = self.root / ("syncspec.yaml" if name == "project" else f"{name}.yaml")
            path.write_text(text, encoding="utf-8")

    def open(self, env: str | None = None) -> Project:
        return Project(Opening(path=self.root, env=env, environ=self.environ), clock=self.clock)

    @property
    def lockfile(self) -> Path:
        return self.root / "syncspec.lock"

    @property
    def state_dir(self) -> Path:
        return self.root / ".syncspec"

    @property
    def journal(self) -> Path:
        return self.state_dir / "journal.sqlite3"

    def forget_journal(self) -> None:
        for path in self.state_dir.glob("journal.sqlite3*"):
            path.unlink()

    def locked_ids(self, lockfile: Path | None = None) -> dict[str, str]:
        """Address to upstream ID, as the lockfile's lines say."""
        return {line["address"]: line["upstream_id"] for line in self._lines(lockfile) if "upstream_id" in line}

    def pending(self, lockfile: Path | None = None) -> list[dict[str, Any]]:
        return [line for line in self._lines(lockfile) if line.get("state") == "pending"]

    def _lines(self, lockfile: Path | None) -> list[dict[str, Any]]:
        path = lockfile or self.lockfile
        return [json.loads(line) for line in path.read_bytes().splitlines()[1:]] if path.exists() else []


def stored(path: Path) -> list[dict[str, Any]]:
    """Every live record of an embedded upstream's file, as it answers them."""
    if not path.exists():
        return []
    connection = sqlite3.connect(path)
    try:
        rows = connection.execute("SELECT body FROM records WHERE deleted = 0 ORDER BY position").fetchall()
    finally:
        connection.close()
    return [json.loads(body) for (body,) in rows]


def served(
    store: Path,
    *,
    fault: Fault | None = None,
    faults: Around | None = None,
    wrap: Wrap | None = None,
    profiles: Mapping[str, str] | None = None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Callable[[UpstreamSettings, ConnectContext], AbstractAsyncContextManager[Connection]]:
    """A `connect` that reaches an embedded upstream in that file over the client's whole path, without a socket."""

    @asynccontextmanager
    async def connect(settings: UpstreamSettings, context: ConnectContext) -> AsyncIterator[Connection]:
        opened = Store.open(store, seed=7, now=now)
        try:
            app = create_app(
                opened,
                tokens=(Secret("t"),),
                fault=fault,
                faults=faults,
                profiles=profiles or {"salesforce": "plain"},
            )
            inside = UpstreamSettings(
                name=settings.name,
                base_url="http://embedded.invalid",
                token=Secret("t"),
                request_timeout=settings.request_timeout,
            )
            async with (
                in_process(app) as transport,
                open_connection(inside, transport=transport, sleep=VirtualClock().sleep) as connection,
            ):
                yield wrap(connection) if wrap else connection
        finally:
            opened.close()

    return connect


SEQUIN = {"type": "sequin", "base_url": "http://127.0.0.1:9", "token": "${env.TOKEN}", "syncs": {"salesforce": SYNC}}
"""Settings of an upstream whose `connect` a test replaces by `served`."""


def served_folder(root: Path, *, clock: Clock | None = None, **upstream: Any) -> Folder:
    """A folder with a project file for an upstream whose `connect` is replaced."""
    folder = Folder(root, clock=clock or VirtualClock(), environ={"TOKEN": "t"})
    folder.write(project=project_file(**{**SEQUIN, **upstream}))
    return folder


class Wrapped:
    """A connection that does what another does; subclasses change parts of it."""

    def __init__(self, inner: Connection) -> None:
        self.inner = inner

    async def describe(self, sync_id: str) -> Any:
        return await self.inner.describe(sync_id)

    def pages(self, sync_id: str, collection_id: str, *, after: str | None = None) -> Any:
        reader: Reader = self.inner
        return reader.pages(sync_id, collection_id, after=after)

    async def run(self, request: Any) -> Any:
        return await self.inner.run(request)
