"""What a selection needs beside what it names: records that are referred to and that have no ID yet."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.address import matches_any
from syncspec.lockfile import Lockfile
from syncspec.planning.inputs import Selects
from syncspec.planning.known_ids import has_references
from syncspec.planning.selection import Selection
from syncspec.records import DesiredSet

__all__ = ["with_needed"]


def with_needed(sets: Sequence[DesiredSet], lockfile: Lockfile, selected: Selects | None) -> Selects | None:
    """The selection with every record that one of it refers to, directly or through others, and that is not locked.

    What is locked has its ID already and is left alone; so is what the selection leaves out by name.
    """
    if selected is None or not has_references(sets):
        return selected
    declared = {record.address: (each, record) for each in sets for record in each.records}
    excluded = selected.exclude if isinstance(selected, Selection) else ()
    todo = [address for address, (each, _) in declared.items() if selected(each, address)]
    known, added = set(todo), set[str]()
    while todo:
        for address in declared[todo.pop()][1].needs:
            entry = lockfile.entries.get(address)
            if address in known or (entry is not None and entry.target.place == declared[address][0].target.place):
                continue
            known.add(address)
            if not matches_any(address, excluded):
                added.add(address)
                todo.append(address)
    if not added:
        return selected
    return lambda record_set, address: address in added or selected(record_set, address)
