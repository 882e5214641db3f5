"""YAML as people write it: odd indentation, comments and blank lines anywhere, every style of text, keys in any order.

Each comment is `#c` and a number of its own, so that a test can tell where it went. Hypothesis draws a seed and no
more: a text has hundreds of choices, and drawing each of them through Hypothesis takes a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

__all__ = ["any_yaml", "record_sets"]

PLAIN = ["Paul", "a b  c", "x:y", "a#b", "http://x.org/?q=1", "${var.domain}", "$${x}", "-x", "?x", "é😀", "0x"]
PLAIN += ["null", "~", "Null", "true", "False", "0", "-5", "1.5", "-0.0", "1e+22", "2024-01-05", "12:30:45", "!unset"]
PLAIN += ["!!str 02134", "!!int 0x1F", "! 12", "x\u2028y", "x\u00a0y", "[]", "{}", "a\u0085b", "-- -"]
QUOTED = ['"02134"', "'it''s'", '"\\u00e9\\t\\"q\\""', '"# no comment"', "'a: b'", '""', "''", '" x "', "'\\'", '"yes"']
FLOW = ["[a, b]", "[ a,b ,  ]", "{a: 1, b: {c: [x, 'y']}}", '["${var.x}", "#"]', "{a}", "[a: 1]"]
BLOCK = ["text", "  more", "", "# no comment", "- no item", "a: b", "\tx", "trailing  ", "'", "---x", "é"]
NAMES = ["Email", "LastName", "a", "b", "c", '"d e"', "'f'", "Custom__c", "g:h", "1x", "data", "name"]
SEEDS = st.integers(0, 2**64)


class _Writer:
    """Makes up lines; one writer for one text, so that comments, anchors and keys are told apart."""

    def __init__(self, seed: int, *, comments: bool = True) -> None:
        self.random = Random(seed)
        self.comments = comments
        self.count = 0
        self.anchors: list[str] = []

    def pick(self, options: Sequence[Any]) -> Any:
        return self.random.choice(options)

    def step(self) -> int:
        return self.random.randint(1, 5)

    def coin(self) -> bool:
        return self.random.random() < 0.5

    def some(self, options: Sequence[Any], least: int, most: int) -> list[Any]:
        return self.random.sample(options, self.random.randint(least, most))

    def seldom(self) -> bool:
        return self.random.random() < 1 / 6

    def comment(self) -> str:
        self.count += 1
        return f"#c{self.count}."

    def tail(self) -> str:
        """What may follow a value on its line."""
        if self.comments and self.seldom():
            return self.pick([" ", "  ", "    ", "\t"]) + self.comment() + self.pick(["", " "])
        return self.pick(["", "", "", " "])

    def between(self, indent: int) -> list[str]:
        """Comments and blank lines that may stand between two lines."""
        if not self.comments or not self.seldom():
            return []
        lines = []
        for _ in range(self.random.randint(1, 3)):
            if self.coin():
                lines.append(" " * self.random.randint(0, indent + 3) + self.comment())
            else:
                lines.append(self.pick(["", "  ", ""]))
        return lines

    def anchor(self) -> str:
        if not self.seldom():
            return ""
        self.anchors.append(f"x{len(self.anchors)}")
        return f"&{self.anchors[-1]}"

    def leaf(self, indent: int) -> list[str]:
        """A value's lines; the first follows its key, the others are indented further than `indent`."""
        kind = self.random.randint(0, 9)
        deep = " " * (indent + self.step())
        if kind == 0:
            return self.block_text(indent)
        if kind == 1:
            return [f'"one{self.pick(["", " "])}', self.pick(["", " "]), f"{deep}two", f'{deep}three"{self.tail()}']
        if kind == 2:
            return ["one", f"{deep}two", "", f"{deep}three{self.tail()}"]
        if kind == 3:
            inner = self.comment() if self.comments else ""
            return [f"[a, {inner}", f"{deep}{{b: c,", f"{deep} d: 'e'}},", f"{deep}]{self.tail()}"]
        if kind == 4:
            return [self.tail()]
        if kind == 5 and self.anchors:
            return [f"*{self.pick(self.anchors)}{self.tail()}"]
        written = self.pick({6: QUOTED, 7: FLOW}.get(kind, PLAIN))
        anchor = self.anchor() if not written.startswith("!") else ""
        return [f"{anchor} {written}{self.tail()}".lstrip()]

    def block_text(self, indent: int) -> list[str]:
        step = self.step()
        lines = self.some(BLOCK, 0, 4)
        first = next((line for line in lines if line), "")
        needs_step = first.startswith((" ", "\t"))
        header = self.pick("|>") + (str(step) if needs_step or self.seldom() else "") + self.pick(["", "+", "-"])
        header += f" {self.comment()}" if self.comments and self.seldom() else ""
        margin = " " * (max(indent, 0) + step)
        return [header, *(margin + line if line else self.pick(["", margin]) for line in lines)]

    def pairs(self, indent: int, pairs: Sequence[tuple[str, Any]]) -> list[str]:
        """A mapping; a value is None for a leaf, or a list of pairs, or a function of an indentation."""
        lines: list[str] = []
        for key, value in pairs:
            lines += self.between(indent)
            if value is None:
                first, *more = self.leaf(indent)
                lines += self.key(indent, key, first, more)
            else:
                step = self.step()
                inner = self.pairs(indent + step, value) if isinstance(value, list) else value(indent)
                lines += self.key(indent, key, self.anchor() + self.tail(), [*self.between(indent + step), *inner])
        return lines

    def key(self, indent: int, key: str, first: str, more: list[str]) -> list[str]:
        margin = " " * indent
        if self.seldom() and self.seldom():
            between = self.between(indent)
            return [f"{margin}? {key}{self.tail()}", *between, f"{margin}: {first}", *more]
        if self.seldom() and first and not first.startswith(("|", ">", "!", "&", "*")) and not more:
            return [f"{margin}{key}:{self.tail()}", *self.between(indent), f"{margin} {first}"]
        return [f"{margin}{key}:{self.pick([' ', ' ', '  '])}{first}", *more]

    def items(self, indent: int, depth: int) -> list[str]:
        """A list under a key at `indent`, as far in as the key or further."""
        margin = indent + self.random.randint(0, 3)
        lines: list[str] = []
        for _ in range(self.random.randint(1, 3)):
            lines += self.between(margin)
            gap = self.random.randint(1, 3)
            inner = margin + 1 + gap
            if depth and self.coin():
                nested = self.pairs(inner, self.tree(depth - 1))
                own_line = self.coin() or nested[0].strip()[:1] in ("", "#")
                start = [" " * margin + "-" + self.tail()] if own_line else []
                first = [] if own_line else [" " * margin + "-" + " " * gap + nested.pop(0).lstrip()]
                lines += [*start, *first, *nested]
            else:
                first_line, *more = self.leaf(margin)
                lines += [" " * margin + "-" + " " * gap + first_line, *more]
        return lines

    def tree(self, depth: int) -> list[tuple[str, Any]]:
        """Pairs with keys of their own; a value is a leaf, a mapping or a list."""
        keys = self.some(NAMES, 1, 4)
        pairs: list[tuple[str, Any]] = []
        for key in keys:
            kind = self.random.randint(0, 3) if depth else 0
            if kind == 2:
                pairs.append((key, self.tree(depth - 1)))
            elif kind == 3:
                pairs.append((key, lambda indent: self.items(indent, depth - 1)))
            else:
                pairs.append((key, None))
        return pairs

    def text(self, lines: Sequence[str]) -> str:
        end = self.pick(["\n", "\n", "\r\n"])
        return self.pick(["", "", "\ufeff"]) + end.join(lines) + self.pick([end, end, "", end * 3])


def _any_yaml(seed: int) -> str:
    writer = _Writer(seed)
    lines: list[str] = []
    for number in range(writer.random.randint(1, 2)):
        writer.anchors.clear()
        lines += writer.between(2)
        lines += [f"---{writer.tail()}"] if number or writer.coin() else []
        lines += writer.pairs(writer.random.randint(0, 2), writer.tree(3))
        lines += writer.between(2)
        lines += [f"...{writer.tail()}"] if writer.seldom() else []
    return writer.text(lines)


def _record_set(seed: int, *, comments: bool = True) -> str:
    writer = _Writer(seed, comments=comments)

    def fixed(text: str) -> Callable[[int], list[str]]:
        return lambda indent: [" " * (indent + 1) + text]

    def shuffled(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        return writer.some(pairs, len(pairs), len(pairs))

    records = [
        (name, writer.some(_record(writer), 1, 3)) for name in writer.some(["paul", "duncan", "a.b@c", '"x"'], 0, 3)
    ]
    spec: list[tuple[str, Any]] = [
        ("records", records or fixed("{}")),
        ("collection_id", fixed("salesforce:contact")),
        ("match_on", lambda indent: writer.items(indent, 0)),
        ("fields", [("Email", shuffled([("compare", fixed("trim")), ("type", None), ("scale", None)]))]),
        ("defaults", writer.tree(1)),
        ("upstream", None),
    ]
    head: list[tuple[str, Any]] = [
        ("apiVersion", fixed("syncspec/v1")),
        ("kind", fixed("RecordSet")),
        ("metadata", shuffled([("name", None), ("labels", writer.tree(0))])),
        ("spec", writer.some(spec, 1, 6)),
    ]
    return writer.text([*writer.between(0), *writer.pairs(0, shuffled(head)), *writer.between(4)])


def _record(writer: _Writer) -> list[tuple[str, Any]]:
    lifecycle = writer.some([("protect", None), ("on_drift", None)], 1, 2)
    return [("data", writer.tree(1)), ("upstream_id", None), ("lifecycle", lifecycle)]


def any_yaml() -> st.SearchStrategy[str]:
    """One document or several, of any keys."""
    return SEEDS.map(_any_yaml)


def record_sets(*, comments: bool = True) -> st.SearchStrategy[str]:
    """A record set whose keys stand in any order."""
    return SEEDS.map(lambda seed: _record_set(seed, comments=comments))
