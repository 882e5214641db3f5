"""What the builder remembers of mappings, lists and anchors that it has not finished."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from enum import Enum
from typing import Final

from syncspec.manifests.documents import Mapping, Sequence, Value

__all__ = ["COMPLEX", "NEXT", "REFUSED", "Anchor", "Frame", "Key"]


class Key(Enum):
    """What a mapping that is being read waits for, where it is not the value of a good key."""

    NEXT = "the next key"
    COMPLEX = "the end of a key that is no scalar"
    REFUSED = "a value to drop, as its key was refused"


NEXT: Final = Key.NEXT
COMPLEX: Final = Key.COMPLEX
REFUSED: Final = Key.REFUSED


@dataclass(slots=True)
class Anchor:
    """An anchored node. `value` may be used once it is `closed`.

    The counts are those of its content with aliases expanded; before it is closed, those of all that came before it.
    """

    offset: int
    value: Value = None
    closed: bool = False
    nodes: int = 0
    characters: int = 0
    height: int = 0


class Frame:
    """A mapping or list that is being read, with the offsets of what it holds so far."""

    __slots__ = ("anchor", "height", "key", "key_offset", "marks", "start", "value")

    def __init__(self, value: Mapping | Sequence, start: int, anchor: Anchor | None = None) -> None:
        self.value = value
        self.start = start
        self.anchor = anchor
        self.marks = array("I")
        self.key: str | Key = NEXT
        self.key_offset = start
        self.height = 1

    @property
    def waits_for_key(self) -> bool:
        return self.key is NEXT and isinstance(self.value, dict)

    def add(self, value: Value, offset: int, height: int = 0) -> None:
        """Put a value where it belongs: into the list, under the key that waits for it, or nowhere."""
        if height >= self.height:
            self.height = height + 1
        if isinstance(self.value, list):
            self.value.append(value)
            self.marks.append(offset)
        elif isinstance(self.key, str):
            self.value[self.key] = value
            self.marks.append(self.key_offset)
            self.marks.append(offset)
            self.key = NEXT
        else:
            self.key = REFUSED if self.key is COMPLEX else NEXT
