"""Which rows of a collection are like what was sent, by the digests that attempts keep of their keys."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.keys import KeyReader, key_digest, loose_key_of, strict_key_of
from syncspec.lockfile import DigestKeys, OpenAttempt
from syncspec.planning.state import marker_of
from syncspec.records import Observation, ObservedRecord
from syncspec.values import short_id

__all__ = ["CollectionRows"]


class CollectionRows:
    """One collection's live rows, found by the digests that attempts keep of their keys."""

    def __init__(self, seen: Observation, keys: DigestKeys) -> None:
        self.live = [row for row in seen.rows if not row.deleted]
        self.by_id = {short_id(row.upstream_id): row for row in seen.rows}
        self._keys = keys
        self._indices: dict[tuple[str, object, str | None], dict[str, list[ObservedRecord]]] = {}

    def alike(self, attempt: OpenAttempt, kind: str) -> Sequence[ObservedRecord]:
        """Live rows whose `strict` or `loose` key is the attempt's; none where the attempt has no key."""
        wanted = attempt.key if kind == "strict" else attempt.loose_key
        lens = attempt.lens
        if wanted is None or lens is None or not lens.match_on:
            return ()
        name = (kind, _identity(attempt), attempt.key_id)
        if name not in self._indices:
            key_of = (strict_key_of if kind == "strict" else loose_key_of)(lens.match_on, lens.rules)
            secret = self._keys.secret_of(attempt.key_id) if attempt.key_id is not None else None
            self._indices[name] = self._indexed(key_of, secret)
        return self._indices[name].get(wanted, ())

    def _indexed(self, key_of: KeyReader, secret: bytes | None) -> dict[str, list[ObservedRecord]]:
        index: dict[str, list[ObservedRecord]] = {}
        for row in self.live:
            key = key_of(row.data)
            if key is not None:
                index.setdefault(key_digest(key, secret=secret), []).append(row)
        return index

    def marked(self, attempt: OpenAttempt) -> list[ObservedRecord]:
        """Live rows that carry the attempt's marker."""
        name = attempt.lens.marker_field if attempt.lens is not None else None
        if attempt.marker is None or name is None:
            return []
        return [row for row in self.live if marker_of(row, name) == attempt.marker]


def _identity(attempt: OpenAttempt) -> object:
    lens = attempt.lens
    assert lens is not None
    return (lens.match_on, tuple(lens.rules.rule(name) for name in lens.match_on), lens.rules.scalars_as_text)
