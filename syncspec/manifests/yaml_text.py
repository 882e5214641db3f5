"""Writes values as YAML that reads back as they are, here and by YAML 1.1 too, and looks as `fmt` would have it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from syncspec.manifests.documents import Value
from syncspec.manifests.scalars import UNSET, resolve
from syncspec.records import Json

__all__ = ["Expression", "UnwritableError", "checked_value", "entry_lines", "literal", "one_line"]

_STEP = 2
_PLAIN = re.compile(r"[^\W_](?:[\w .@/+&()'%=*!?;~-]|:(?=[\w/]))*")
"""Text without anything that means something to YAML, in braces and brackets too."""
_ENDS_PLAIN = re.compile(r"\S\Z")
_LETTERS_OF_OLD = frozenset("yYnN")
"""Booleans of YAML 1.1 that even its readers disagree on."""
_LONGEST_KEY = 1000
"""YAML takes no more than 1,024 characters for a key, as it is written."""
_CONTROL = re.compile(r"[^\x20-\x7e]")


class Expression(str):
    """Text of ours that holds an expression on purpose: it is written as it is."""

    __slots__ = ()


class UnwritableError(ValueError):
    """A value that no manifest can hold; the message says why, and shows nothing of it."""


def literal(value: Json) -> Value:
    """The value as a manifest says it: what only looks like an expression is told from one.

    Raises UnwritableError where no manifest can hold it.
    """
    if isinstance(value, Expression):
        return str(value)
    if isinstance(value, str):
        checked_value(value)
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [literal(item) for item in value]
    if isinstance(value, dict):
        return {_checked_key(key): literal(item) for key, item in value.items()}
    checked_value(value)
    return value


def checked_value(value: Value) -> None:
    """Raise UnwritableError where a scalar would not read back."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise UnwritableError("it holds half a surrogate pair, which UTF-8 cannot carry") from None
    elif isinstance(value, int | float) and not isinstance(value, bool) and resolve(_number(value)) != value:
        raise UnwritableError("it has more digits than JSON keeps")


def entry_lines(key: str, value: Value, indent: int) -> list[str]:
    """The lines of a key and its value in a block mapping whose keys stand in the column `indent`."""
    return _after(f"{' ' * indent}{_text(key)}:", value, indent)


def one_line(value: Value) -> str:
    """The value in one line, which may stand in braces and brackets too."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(key)}: {_inner(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inner, value)) + "]"
    return _text(value) if isinstance(value, str) else _other(value)


def _inner(value: Value) -> str:
    """A value between braces or brackets; they, and commas, would count as part of a tag."""
    return "!unset " if value is UNSET else one_line(value)


def _after(head: str, value: Value, indent: int) -> list[str]:
    """The lines of a value behind a key or a dash that stands in the column `indent`."""
    if isinstance(value, Mapping) and value:
        return [head, *_mapping(value, indent + _STEP)]
    if isinstance(value, list) and value:
        lines = [head]
        for item in value:
            lines += _item(item, indent + _STEP)
        return lines
    if isinstance(value, str) and _is_block_text(value):
        pad = " " * (indent + _STEP)
        mark = "|" if value.endswith("\n") else "|-"
        return [f"{head} {mark}", *(pad + line if line else "" for line in value.removesuffix("\n").split("\n"))]
    return [f"{head} {one_line(value)}"]


def _mapping(value: Mapping[str, Value], indent: int) -> list[str]:
    return [line for key, item in value.items() for line in entry_lines(key, item, indent)]


def _item(value: Value, indent: int) -> list[str]:
    head = f"{' ' * indent}-"
    inner: list[str] = []
    if isinstance(value, Mapping):
        inner = _mapping(value, indent + _STEP)
    elif isinstance(value, list):
        inner = [line for item in value for line in _item(item, indent + _STEP)]
    if inner:
        return [f"{head} {inner[0].lstrip(' ')}", *inner[1:]]
    return _after(head, value, indent)


def _is_block_text(text: str) -> bool:
    """Whether it reads well, and the same, as lines of its own."""
    lines = text.removesuffix("\n").split("\n")
    return (
        len(lines) > 1
        and all(line.isprintable() and not line.endswith(" ") for line in lines)
        and lines[0] != ""
        and lines[-1] != ""
        and not lines[0].startswith(" ")
    )


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and _ENDS_PLAIN.search(text) and text.isprintable() and _is_text(text):
        return text
    return _CONTROL.sub(_escaped, json.dumps(text, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    """A character that a terminal or an editor may hide or act on, as an escape; every other one as it is."""
    character = found[0]
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\x{code:02X}" if code < 0x100 else f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"


def _is_text(text: str) -> bool:
    """Whether the text without quotes is text to YAML of any version."""
    if text in _LETTERS_OF_OLD or resolve(text) != text:
        return False
    return _old_tag(text) == "tag:yaml.org,2002:str"


def _old_tag(text: str) -> str:
    import yaml

    tag: str = _old_resolver().resolve(yaml.ScalarNode, text, (True, False))
    return tag


@cache
def _old_resolver() -> Any:
    from yaml.resolver import Resolver

    return Resolver()


def _other(value: Value) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return _number(value)
        case _ if value is UNSET:
            return "!unset"
        case _:
            raise AssertionError(f"{type(value).__name__} is no scalar of YAML")


def _number(value: float) -> str:
    return repr(value)


def _checked_key(key: str) -> str:
    if "${" in key:
        raise UnwritableError("a key in it holds an expression")
    checked_value(key)
    if len(_text(key)) > _LONGEST_KEY:
        raise UnwritableError("a key in it is too long")
    return key
