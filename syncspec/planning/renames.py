"""Which removed declarations and which added ones are of the same record."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping

from syncspec.planning.known_ids import with_expressions
from syncspec.records import Declared, DesiredSet
from syncspec.values import digest

__all__ = ["renamed"]


def renamed(removed: Mapping[str, Declared], added: Mapping[str, Declared]) -> dict[str, str]:
    """The former address of each added record that was declared under another one.

    Told by the manifest itself; else by the match key, or by the same data, within one collection of one sync, and
    only where it is unmistakable.
    """
    former: dict[str, str] = {}
    for address, (_, record) in added.items():
        name = next((each for each in record.former if each in removed and each not in former.values()), None)
        if name is not None:
            former[address] = name
    if removed and added:
        for identity in (_key, _data):
            taken = set(former.values())
            gone = _by(identity, {name: found for name, found in removed.items() if name not in taken})
            come = _by(identity, {name: found for name, found in added.items() if name not in former})
            former |= {
                addresses[0]: gone[same][0]
                for same, addresses in come.items()
                if len(addresses) == 1 and len(gone.get(same, ())) == 1
            }
    return former


def _by(identity: Callable[[Declared], Hashable | None], records: Mapping[str, Declared]) -> dict[Hashable, list[str]]:
    found: dict[Hashable, list[str]] = defaultdict(list)
    for address, declared in records.items():
        same = identity(declared)
        if same is not None:
            found[same].append(address)
    return found


def _key(declared: Declared) -> Hashable | None:
    record_set, record = declared
    return None if record.key is None else (*_place(record_set), record_set.match_on, record.key.strict)


def _data(declared: Declared) -> Hashable | None:
    record_set, record = declared
    return (*_place(record_set), digest(with_expressions(record)))


def _place(record_set: DesiredSet) -> tuple[str, str, str]:
    """Where the set's records are; the upstream by its name, as its address may change between the sides."""
    return (record_set.target.upstream, record_set.target.sync_id, record_set.target.collection_id)
