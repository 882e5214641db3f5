"""The law of the replica: a list shows, of every record, the newest version whose lag is over."""

from __future__ import annotations

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from support.builders import NOW

from syncspec.upstream.embedded.mutations import parse_mutation
from syncspec.upstream.embedded.store import Filter, Store

steps = st.tuples(
    st.sampled_from(["create", "update", "delete"]), st.integers(0, 5), st.sampled_from([None, 0, 1, 4, 9])
)


def body(kind: str, target: str, number: int) -> bytes:
    fields: dict[str, object] = {"kind": kind, "sync_id": "s", "collection_id": "hubspot:contact"}
    if kind == "delete":
        fields["upstream_ids"] = [target]
    else:
        record = {"data": {"n": number}} | ({"upstream_id": target} if kind == "update" else {})
        fields["records"] = [record]
    return json.dumps(fields).encode()


@given(history=st.lists(steps, max_size=12), reads=st.lists(st.integers(0, 25), min_size=1, max_size=4))
def test_a_list_shows_of_every_record_the_newest_version_whose_lag_is_over(
    history: list[tuple[str, int, int | None]], reads: list[int]
) -> None:
    store = Store.open(None, seed=1, now=lambda: NOW)
    versions: dict[str, list[tuple[int, float, bytes]]] = {}
    live: list[str] = []
    try:
        for second, (kind, pick, lag) in enumerate(history):
            if kind != "create" and not live:
                continue
            target = live[pick % len(live)] if kind != "create" else ""
            delay = None if lag is None else (lambda position, lag=lag: lag)
            (stored,) = store.apply(
                parse_mutation(body(kind, target, second)),
                lambda existing, sent: {**existing, **sent},
                at=NOW + timedelta(seconds=second),
                lag=delay,
            )
            row = json.loads(stored)
            if kind == "create":
                live.append(row["upstream_id"])
            elif kind == "delete":
                live.remove(target)
            versions.setdefault(row["upstream_id"], []).append((row["updated_idx"], second + (lag or 0), stored))
        for seconds in (second + len(history) for second in reads):
            newest = [
                max(((position, text) for position, shown_at, text in kept if shown_at <= seconds), default=None)
                for kept in versions.values()
            ]
            expected = [text for _, text in sorted(version for version in newest if version is not None)]
            page = store.page(Filter(), after=0, limit=100, as_of=NOW + timedelta(seconds=seconds))
            assert list(page.bodies) == expected
    finally:
        store.close()
