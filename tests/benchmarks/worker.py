"""One measurement in a process of its own: `worker.py ACTION [ARGUMENT…]` prints one JSON object.

`seconds` is wall time, `cpu` the processor time of this process, `peak_mb` the most memory it held. What an action
imports counts as part of it: a user waits for it, too.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.projects import BATCH, COLLECTION, SYNC, TOKEN, record_data

Found = dict[str, float] | None
"""More figures of an action."""


def validate(folder: str) -> Found:
    import syncspec

    result = syncspec.open(folder, environ={}).validate()
    result.raise_for_errors()
    return None


def plan(folder: str) -> Found:
    import syncspec

    made = syncspec.open(folder, environ={"BENCH_TOKEN": TOKEN}).plan()
    return {"rows": sum(seen.live_rows for seen in made.plan.observations), **_counts(made.summary)}


def apply(folder: str) -> Found:
    """`execute` is the part from the run's first journal entry to its final lockfile."""
    import syncspec

    marks: dict[str, float] = {}
    report = syncspec.open(folder, environ={"BENCH_TOKEN": TOKEN}).apply(
        on_event=lambda event: marks.setdefault(type(event).__name__, time.perf_counter())
    )
    return {"execute": marks["RunFinished"] - marks["RunStarted"], **_counts(report.summary)}


def _counts(summary: object) -> dict[str, float]:
    assert isinstance(summary, dict)
    return {f"{name}": number for name, number in summary.items()}


def parse(file: str) -> Found:
    """The events of libyaml, thrown away."""
    from yaml._yaml import CParser

    next_event = CParser(Path(file).read_bytes()).get_event
    while next_event() is not None:
        pass
    return None


def fill(folder: str, count: str) -> Found:
    """Put so many records into the project's embedded upstream, which nothing declares."""
    from syncspec.upstream.embedded import store_path
    from syncspec.upstream.embedded.mutations import Item, Mutation
    from syncspec.upstream.embedded.store import Store
    from syncspec.upstream.protocol import MutationKind

    state = Path(folder) / ".syncspec"
    state.mkdir(exist_ok=True)
    store = Store.open(store_path(state, "crm"), seed=1)
    try:
        for start in range(0, int(count), 10_000):
            items = tuple(
                Item(data={**record_data(number), "Email": f"other{number}@example.org"})
                for number in range(start, min(start + 10_000, int(count)))
            )
            mutation = Mutation(kind=MutationKind.CREATE, sync_id=SYNC, collection_id=COLLECTION, items=items)
            store.apply(mutation, lambda _, sent: sent)
    finally:
        store.close()
    return None


def read_all(folder: str) -> Found:
    """List the project's embedded upstream with a bare client, and throw the rows away."""
    import anyio
    import httpx
    import orjson

    from syncspec.settings import Secret
    from syncspec.upstream.embedded import store_path
    from syncspec.upstream.embedded.app import create_app
    from syncspec.upstream.embedded.store import Store
    from syncspec.upstream.embedded.transport import in_process

    store = Store.open(store_path(Path(folder) / ".syncspec", "crm"))
    app = create_app(store, tokens=(Secret(TOKEN),))

    async def main() -> int:
        rows, params = 0, {"sync_id": SYNC, "collection_id": COLLECTION, "limit": "1000"}
        headers = {"authorization": f"Bearer {TOKEN}"}
        async with in_process(app) as transport, httpx.AsyncClient(transport=transport, headers=headers) as client:
            while True:
                answer = (await client.get("http://embedded.invalid/v1/records", params=params)).raise_for_status()
                page = orjson.loads(answer.content)
                if not page["records"]:
                    return rows
                rows, params["after_cursor"] = rows + len(page["records"]), page["cursor"]

    try:
        return {"rows": anyio.run(main)}
    finally:
        store.close()


def post(url: str, count: str, concurrency: str) -> Found:
    """Send so many creates in batches, and keep nothing; `execute` is the sending alone."""
    import anyio
    import httpx
    import orjson

    bodies = [
        orjson.dumps(
            {
                "kind": "create",
                "sync_id": SYNC,
                "collection_id": COLLECTION,
                "records": [{"data": record_data(number)} for number in range(start, min(start + BATCH, int(count)))],
            }
        )
        for start in range(0, int(count), BATCH)
    ]
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    ids: list[str] = []

    async def drain(client: httpx.AsyncClient) -> None:
        while bodies:
            answer = (await client.post("/v1/mutations/run", content=bodies.pop())).raise_for_status()
            ids.extend(row["upstream_id"] for row in orjson.loads(answer.content)["records"])

    async def main() -> float:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=60) as client:
            began = time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for _ in range(int(concurrency)):
                    tasks.start_soon(drain, client)
            return time.perf_counter() - began

    return {"execute": anyio.run(main), "created": len(ids)}


def airports(folder: str, scale: str) -> Found:
    """Write the airports of the world, or a share of them, as a manifest with a data schema."""
    from benchmarks.airports import write_airports

    return {"records": write_airports(Path(folder), float(scale))}


ACTIONS: dict[str, Callable[..., Found]] = {
    action.__name__: action for action in (validate, plan, apply, parse, fill, read_all, post, airports)
}


def main(arguments: list[str]) -> None:
    began, cpu = time.perf_counter(), time.process_time()
    found = ACTIONS[arguments[0]](*arguments[1:])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    measured = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "peak_mb": peak / (1024 if sys.platform.startswith("linux") else 1024 * 1024),
        **(found or {}),
    }
    print(json.dumps(measured))
    sys.stdout.flush()
    # Taking a million objects apart one by one is not part of anything that is measured.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
