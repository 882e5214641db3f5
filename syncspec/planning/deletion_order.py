"""Put deletions in order: a record goes after those that refer to it, and stays where one of them stays."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from syncspec.lockfile import LockEntry
from syncspec.planning.notes import listed
from syncspec.planning.plan import Action, Change
from syncspec.planning.rules import Rule

__all__ = ["deletions_last", "in_order"]


def in_order(
    changes: Mapping[str, Change],
    entries: Mapping[str, LockEntry],
    *,
    declared: Mapping[str, Change],
    selected: Collection[str],
) -> dict[str, Change]:
    """The changes by address, each deletion with what it comes `after`; one whose record is still needed is blocked.

    `entries` tell which record refers to which. `declared` are the changes of all declared records, of which only
    those `selected` are carried out.
    """
    result = dict(changes)
    referrers: dict[str, list[str]] = defaultdict(list)
    for address, entry in entries.items():
        for parent in entry.depends_on:
            if parent in result and parent != address:
                referrers[parent].append(address)
    if not referrers:
        return result
    moved = {change.moved_from: change for change in declared.values() if change.moved_from is not None}
    stays = _Stays(result, declared, selected, moved)
    blocked = True
    while blocked:
        blocked = False
        for address, found in referrers.items():
            held = [each for each in found if stays(each, address)] if result[address].action is Action.DELETE else []
            if held:
                blocked, result[address] = True, _blocked(result[address], held)
    for address, found in referrers.items():
        if result[address].action is Action.DELETE:
            before = (result.get(each) or declared.get(each) for each in sorted(found))
            after = tuple(change.address for change in before if change is not None and change.is_sent)
            result[address] = replace(result[address], after=after)
    return _without_cycles(result)


@dataclass(frozen=True, slots=True)
class _Stays:
    """Whether a record that refers to another one goes on doing so.

    `moved`: the changes of moved records, by their former addresses.
    """

    changes: Mapping[str, Change]
    declared: Mapping[str, Change]
    selected: Collection[str]
    moved: Mapping[str, Change]

    def __call__(self, address: str, parent: str) -> bool:
        change = self.changes.get(address)
        if change is not None:
            if change.action is Action.UPDATE and change.refers_to is not None:
                return parent in change.refers_to
            return change.action is not Action.DELETE and not change.drops
        # Whoever took the entry over speaks for what was moved; what is not selected stays.
        change = self.declared.get(address) or self.moved.get(address)
        if change is None or change.action in (Action.BLOCKED, Action.UNKNOWN):
            return True
        if change.is_sent and address not in self.selected:
            return True
        # No longer declared to refer to it is not enough: it stays in the way for as long as upstream shows that.
        return parent in (change.refers_to or ())


def _blocked(change: Change, held: Iterable[str]) -> Change:
    return replace(
        change,
        action=Action.BLOCKED,
        code=Rule.REFERRED_TO.value,
        reason=f"{listed(held)} refers to it and stays; remove or change that first",
        fields=(),
        observed=None,
        resend=None,
    )


def _without_cycles(changes: dict[str, Change]) -> dict[str, Change]:
    """Records that refer to each other are deleted in some order: what leads back is left out."""
    done: set[str] = set()
    for root in sorted(changes):
        path = {root: None}
        stack = [(root, iter(changes[root].after))]
        while stack:
            address, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                del path[address]
                done.add(address)
            elif following in path:
                after = tuple(each for each in changes[address].after if each != following)
                changes[address] = replace(changes[address], after=after)
            elif following in changes and following not in done:
                path[following] = None
                stack.append((following, iter(changes[following].after)))
    return changes


def deletions_last(changes: Iterable[Change]) -> list[Change]:
    """The changes, each with its wave: deletions come after all others, in as many waves as their order asks for.

    Where anything waits for a record of the plan, deletions wait for it, too, and are planned once more then.
    """
    given = list(changes)
    others = [change for change in given if change.action is not Action.DELETE]
    first = 1 + max((change.wave for change in others if change.is_sent), default=-1)
    waiting = tuple(sorted(change.address for change in others if change.waits_for))
    level = _levels([change for change in given if change.action is Action.DELETE])
    return [
        replace(change, wave=first + level[change.address], waits_for=waiting) if change.address in level else change
        for change in given
    ]


def _levels(deletions: Iterable[Change]) -> dict[str, int]:
    """In which of the waves of deletions each address goes: 0 is the first."""
    after = {change.address: change.after for change in deletions}
    found: dict[str, int] = {}
    for root in after:
        stack = [root]
        while stack:
            before = [each for each in after[stack[-1]] if each in after]
            missing = [each for each in before if each not in found]
            if missing:
                stack.extend(missing)
            else:
                found[stack.pop()] = 1 + max((found[each] for each in before), default=-1)
    return found
