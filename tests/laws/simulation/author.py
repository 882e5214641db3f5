"""What people declare, and how they change their minds about it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from support.pipeline import manifest

__all__ = ["Author", "Person"]

COLLECTIONS = {"contacts": "salesforce:contact", "leads": "salesforce:lead"}


@dataclass
class Person:
    """Somebody who is declared under an address. `token` says who it is, whatever else changes."""

    token: str
    set_name: str
    name: str
    email: str
    note: str = "-"
    is_declared: bool = True
    has_new_key: bool = False
    addresses: set[str] = field(default_factory=set)
    """Every address that it ever had."""
    boss: Person | None = None
    """Whom the record refers to, as long as that one is declared."""
    moves: list[tuple[str, str]] = field(default_factory=list)
    """The renames that the manifests tell of: former and later name."""

    def __post_init__(self) -> None:
        self.addresses.add(self.address)

    @property
    def address(self) -> str:
        return f"{self.set_name}.{self.name}"

    def rename(self, name: str, *, is_told: bool) -> None:
        # A rename that is told follows those before it only where these are told, too.
        self.moves = [*self.moves, (self.name, name)] if is_told else []
        self.name = name
        self.addresses.add(self.address)

    def data(self) -> dict[str, Any]:
        return {"LastName": f"Person {self.token}", "Email": self.email, "Token": self.token, "Note": self.note}

    def declaration(self) -> dict[str, Any]:
        """The data as the manifest has it."""
        if self.boss is None:
            return self.data()
        # A field that is left out is left alone: only null takes the reference away.
        reference = f"${{record.{self.boss.address}.upstream_id}}" if self.boss.is_declared else None
        return self.data() | {"Boss": reference}


@dataclass
class Author:
    """The manifests of one project. `people` are all that were ever declared."""

    draw: random.Random
    people: list[Person]
    max_records: int = 2
    has_marker: bool = False
    lifecycle: dict[str, str] = field(default_factory=dict)
    _names: int = field(default=0)

    @classmethod
    def drawn(cls, draw: random.Random, *, number: int, sets: int) -> Author:
        names = list(COLLECTIONS)[:sets]
        people = [
            Person(token=f"p{each}", set_name=names[each % sets], name=f"c{each}", email=f"P{each}@x.org")
            for each in range(number)
        ]
        if sets > 1 and draw.random() < 0.6:
            for boss, person in zip(people[::sets], people[1::sets], strict=False):
                person.boss = boss
        return cls(
            draw=draw,
            people=people,
            max_records=draw.choice([1, 2, 3, 8]),
            has_marker=draw.random() < 0.2,
            lifecycle={
                "on_drift": draw.choice(["report", "restore"]),
                "on_missing": draw.choice(["block", "recreate"]),
                "on_adopt": draw.choice(["report", "report", "update"]),
                "on_remove": draw.choice(["keep", "delete", "delete"]),
            },
        )

    @property
    def declared(self) -> list[Person]:
        return [person for person in self.people if person.is_declared]

    def manifests(self) -> dict[str, str]:
        """The text of each set's file."""
        found = {}
        for name in sorted({person.set_name for person in self.people}):
            records = {person.name: person.declaration() for person in self.declared if person.set_name == name}
            more: dict[str, Any] = {"lifecycle": self.lifecycle}
            if self.has_marker:
                more["marker_field"] = "Key__c"
            moves = [pair for person in self.declared if person.set_name == name for pair in person.moves]
            if moves:
                more["moved"] = [{"from": before, "to": after} for before, after in moves]
            found[name] = manifest(name, records, collection_id=COLLECTIONS[name], max_records=self.max_records, **more)
        return found

    def change(self) -> str:
        """Change something, as an author may between any two runs; tells what."""
        person = self.draw.choice(self.people)
        match self.draw.choice(["field", "rename", "key", "remove", "remove", "remove", "back"]):
            case "field":
                person.note = f"{person.note}+"
                return f"edits {person.address}"
            case "rename":
                self._names += 1
                before = person.address
                is_told = self.draw.random() < 0.5
                person.rename(f"n{self._names}", is_told=is_told)
                return f"renames {before} to {person.address}{' and says so' if is_told else ''}"
            case "key":
                person.email = f"New{person.email}"
                person.has_new_key = True
                return f"changes the key of {person.address}"
            case "remove":
                person.is_declared = False
                return f"removes {person.address}"
            case _:
                for each in self.people:
                    each.is_declared = True
                return "declares everybody again"
