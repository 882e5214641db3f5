"""The syncs of the embedded upstream: given ones, or whatever a request names."""

from __future__ import annotations

from collections.abc import Mapping

from syncspec.records import Json
from syncspec.upstream.embedded.refusals import RefusedError
from syncspec.upstream.embedded.store import Store, timestamp

__all__ = ["Syncs"]


class Syncs:
    """Knows which syncs exist. `given` maps sync ID to provider; None: every sync that is named exists."""

    def __init__(self, store: Store, given: Mapping[str, str] | None) -> None:
        self._store = store
        self._given = given

    def check(self, sync_id: str, provider: str | None) -> None:
        """Raise RefusedError where the sync does not exist, or is another provider's."""
        if self._given is None:
            return
        if sync_id not in self._given:
            raise RefusedError(404, f"there is no sync {sync_id}")
        if provider is not None and self._given[sync_id] != provider:
            raise RefusedError(400, f"the sync {sync_id} has no collections of {provider}")

    def every(self) -> list[dict[str, Json]]:
        """Give all syncs that are given or hold records, sorted by ID."""
        used = self._store.collections()
        names = sorted({*used, *(self._given or ())}) if self._given is None else sorted(self._given)
        return [self._shown(name, used.get(name, [])) for name in names]

    def one(self, sync_id: str) -> dict[str, Json]:
        """Give one sync. Raises RefusedError with status 404 where it does not exist."""
        self.check(sync_id, None)
        return self._shown(sync_id, self._store.collections().get(sync_id, []))

    def _shown(self, sync_id: str, collections: list[str]) -> dict[str, Json]:
        complete = self._store.complete_at()
        provider = (self._given or {}).get(sync_id)
        if provider is None and collections:
            provider = collections[0].partition(":")[0]
        return {
            "id": sync_id,
            "provider": provider,
            "stream_id": self._store.stream_id(sync_id),
            "name": sync_id,
            "status": "active",
            "org_id": "embedded",
            "health": {"status": "healthy"},
            # Any collection may be used at any time, so none is named: a name left out would look like a gap.
            "collection_ids": [],
            "rate_limit": None,
            "credential_id": None,
            "max_age_days": None,
            "sync_frequency": "continuous",
            "initial_backfill_completed_at": timestamp(complete) if complete <= self._store.now() else None,
            "metadata": {},
            "external_id": None,
        }
