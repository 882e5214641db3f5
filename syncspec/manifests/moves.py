"""Makes sense of what sets say was renamed: which declared record was declared under which addresses before."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from syncspec.address import RECORD_NAME, split_address
from syncspec.diagnostics import did_you_mean
from syncspec.manifests.documents import Path
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.record_sets import LoadedSet

__all__ = ["with_moves"]


@dataclass(frozen=True, slots=True)
class _Move:
    """One entry of `moved`. A text with a dot may be a name of the set, or an address: both are kept."""

    loaded: LoadedSet
    path: Path
    before: tuple[str, ...]
    after: tuple[str, ...]
    texts: tuple[str, str]


def with_moves(sets: Iterable[LoadedSet], problems: Problems, *, elsewhere: Collection[str] = ()) -> list[LoadedSet]:
    """The sets, whose records know their former addresses; what cannot be true is reported.

    `elsewhere` are the names of sets that another environment has: a move to one of them says nothing here.
    """
    found = list(sets)
    moves = [move for loaded in found for move in _moves(loaded) if not _leads_to(move, elsewhere)]
    if not moves:
        return found
    declared = {record.address for loaded in found for record in loaded.desired.records}
    good = [move for move in moves if not _refused(move, declared, problems)]
    former = _former(_without_repeats(good, problems), declared, problems)
    return [_told(loaded, former) for loaded in found]


def _leads_to(move: _Move, elsewhere: Collection[str]) -> bool:
    return any(address.partition(".")[0] in elsewhere for address in move.after)


def _moves(loaded: LoadedSet) -> Iterator[_Move]:
    for number, spec in enumerate(loaded.moves):
        path: Path = ("spec", "moved", number)
        texts = (spec.from_, spec.to)
        before, after = (_addresses(loaded.desired.name, text) for text in texts)
        yield _Move(loaded, path, before, after, texts)


def _addresses(set_name: str, text: str) -> tuple[str, ...]:
    """What a text may stand for: a record of the set first."""
    found = [f"{set_name}.{text}"] if RECORD_NAME.fullmatch(text) else []
    try:
        split_address(text)
    except ValueError:
        return tuple(found)
    return (*found, text)


def _refused(move: _Move, declared: set[str], problems: Problems) -> bool:
    """Whether a part of it can be no record, or what was renamed is declared still."""
    for name, text, addresses in zip(("from", "to"), move.texts, (move.before, move.after), strict=True):
        if not addresses:
            _report(
                move,
                name,
                problems,
                code="invalid-name",
                summary="A record's name has the wrong form",
                detail=f'"{shortened(text)}" is neither a name nor an address.',
                hint="write a name of this set, or <set>.<record>",
            )
            return True
    still = next((address for address in move.before if address in declared), None)
    if still is not None:
        _report(
            move,
            "from",
            problems,
            code="moved-and-declared",
            summary="A record that was renamed is still declared",
            detail=f"{still} is declared, so that it cannot be called otherwise by now.",
            hint="remove the record, or remove the move",
        )
    return still is not None


def _without_repeats(moves: Iterable[_Move], problems: Problems) -> list[_Move]:
    """One move from each address, and one to each."""
    first: dict[tuple[str, str], _Move] = {}
    kept = []
    for move in moves:
        taken = [("from", move.before[0]), ("to", move.after[0])]
        clash = next((name for name, address in taken if (name, address) in first), None)
        if clash is None:
            first |= dict.fromkeys(taken, move)
            kept.append(move)
            continue
        text = move.texts[clash == "to"]
        what = "was renamed twice" if clash == "from" else "is what two records were renamed to"
        other = first[clash, dict(taken)[clash]]
        _report(
            move,
            clash,
            problems,
            code="moved-twice",
            summary="Two moves contradict each other",
            detail=f'"{shortened(text)}" {what}: also at {other.loaded.document.value_source(other.path)}.',
            hint="remove one of the two",
        )
    return kept


def _former(moves: Sequence[_Move], declared: set[str], problems: Problems) -> Mapping[str, tuple[str, ...]]:
    """By declared address all former ones, the latest first."""
    onward = {address: move for move in moves for address in reversed(move.before)}
    former: dict[str, list[tuple[int, str]]] = {}
    for start in moves:
        move, steps = start, 1
        while (target := next((each for each in move.after if each in declared), None)) is None:
            following = next((onward[each] for each in move.after if each in onward), None)
            if following is None or steps > len(moves):
                _report_unknown(start, move, declared, problems)
                break
            move, steps = following, steps + 1
        if target is not None:
            former.setdefault(target, []).extend((steps, address) for address in start.before)
    return {
        address: tuple(each for _, each in sorted(found, key=lambda pair: pair[0])) for address, found in former.items()
    }


def _report_unknown(start: _Move, last: _Move, declared: set[str], problems: Problems) -> None:
    text = last.texts[1]
    near = did_you_mean(last.after[0], sorted(declared))
    via = "" if last is start else f', which "{shortened(start.texts[1])}" was renamed to'
    _report(
        start,
        "to",
        problems,
        code="unknown-record",
        summary="A record was renamed to one that is not declared",
        detail=f'"{shortened(text)}"{via} is not declared.',
        hint=near or "declare it, or remove the move",
    )


def _report(move: _Move, key: str, problems: Problems, *, code: str, summary: str, detail: str, hint: str) -> None:
    problems.add(move.loaded.document, path=(*move.path, key), code=code, summary=summary, detail=detail, hint=hint)


def _told(loaded: LoadedSet, former: Mapping[str, tuple[str, ...]]) -> LoadedSet:
    """The set with the former addresses of its records."""
    desired = loaded.desired
    if not any(record.address in former for record in desired.records):
        return loaded
    records = tuple(
        replace(record, former=former[record.address]) if record.address in former else record
        for record in desired.records
    )
    return replace(loaded, desired=replace(desired, records=records))
