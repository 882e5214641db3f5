"""Findings about many records, gathered so that thousands of them become one line per set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from syncspec.diagnostics import Diagnostic, Severity

__all__ = ["Notes", "counted", "listed"]

_SHOWN = 3


def counted(number: int, noun: str) -> str:
    """`1 record`, `2 records`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Iterable[str]) -> str:
    """The first few names in order, and how many more there are."""
    ordered = sorted(names)
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(slots=True)
class Notes:
    """Collects while records are decided. `fields` and `addresses` are kept per set, `findings` as they are."""

    stored_differently: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    released: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    relocked: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    stale: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    findings: list[Diagnostic] = field(default_factory=list)

    def note_stored_differently(self, set_name: str, address: str, names: Sequence[str]) -> None:
        _gather(self.stored_differently, set_name, address, names)

    def note_released(self, set_name: str, address: str, names: Sequence[str]) -> None:
        _gather(self.released, set_name, address, names)

    def note_relocked(self, set_name: str, address: str, words: Sequence[str]) -> None:
        _gather(self.relocked, set_name, address, words)

    def diagnostics(self) -> list[Diagnostic]:
        """One diagnostic per set and kind of finding, and every single finding."""
        found = list(self.findings)
        for set_name, by_field in self.stored_differently.items():
            text = f"{_spread(set_name, by_field)}: held in another form than it was sent, and taken as unchanged."
            found.append(_note("stored-differently", "Values are stored differently", text))
        for set_name, by_field in self.released.items():
            text = f"{_spread(set_name, by_field)}: no longer declared; the upstream's value stays and is not compared."
            found.append(_note("released", "Fields are no longer managed", text))
        for set_name, by_word in self.relocked.items():
            for word, addresses in by_word.items():
                text = f"{set_name}: {word}: {counted(len(addresses), 'record')} ({listed(addresses)})."
                found.append(_note("relocked", "What the lockfile says of removal changes", text))
        for set_name, addresses in self.stale.items():
            text = (
                f"{set_name}: {counted(len(addresses), 'record')} ({listed(addresses)}) shown by the upstream as of "
                "before our last write; not compared."
            )
            found.append(_note("stale", "The upstream's list is behind", text))
        return found


def _gather(into: dict[str, dict[str, set[str]]], set_name: str, address: str, names: Sequence[str]) -> None:
    by_field = into.setdefault(set_name, defaultdict(set))
    for name in names:
        by_field[name].add(address)


def _spread(set_name: str, by_field: dict[str, set[str]]) -> str:
    addresses = set().union(*by_field.values())
    names = ", ".join(f'"{name}"' for name in sorted(by_field))
    return f"{set_name}: {names} in {counted(len(addresses), 'record')} ({listed(addresses)})"


def _note(code: str, summary: str, detail: str) -> Diagnostic:
    return Diagnostic(severity=Severity.NOTE, code=code, summary=summary, detail=detail)
