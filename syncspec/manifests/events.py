"""The YAML library's events of a text, from libyaml where it is there, else from PyYAML itself."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.error import MarkedYAMLError
from yaml.events import ScalarEvent

from syncspec.manifests.builder import NextEvent

__all__ = ["events_of"]

_OLD_LINE_BREAKS = "\x85\u2028\u2029"
"""Line breaks of YAML 1.1, at which the library still splits; plain characters in 1.2."""

_NO_CHARACTER = "found invalid Unicode character escape code"
"""libyaml's own words, which `yaml_problems` knows."""

_HALF_PAIR = re.compile("[\ud800-\udfff]")
_PRIVATE_USE = range(0xE000, 0xF900)


def events_of(text: str) -> NextEvent:
    """Give a function that returns the next event; offsets in its marks count characters of `text`."""
    there = [character for character in _OLD_LINE_BREAKS if character in text]
    if not there:
        return _library_events(text)
    unused = (chr(code) for code in _PRIVATE_USE if chr(code) not in text)
    stand_ins: dict[str, str | int | None] = dict(zip(there, unused, strict=False))
    if len(stand_ins) < len(there):
        return _library_events(text)
    next_event = _library_events(text.translate(str.maketrans(stand_ins)))
    return _restoring(next_event, {ord(str(new)): old for old, new in stand_ins.items()})


def _library_events(text: str) -> NextEvent:
    if yaml.__with_libyaml__:
        from yaml._yaml import CParser

        return CParser(text.encode()).get_event
    return _checked(yaml.SafeLoader(text))


def _restoring(next_event: NextEvent, table: dict[int, str]) -> NextEvent:
    def restored() -> Any:
        event = next_event()
        if isinstance(event, ScalarEvent):
            event.value = event.value.translate(table)
        return event

    return restored


def _checked(parser: yaml.SafeLoader) -> NextEvent:
    """Refuse what libyaml refuses and PyYAML's own parser does not: escapes for what is no character."""

    next_event: NextEvent = parser.get_event

    def checked() -> Any:
        try:
            event = next_event()
        except (ValueError, OverflowError):
            raise MarkedYAMLError(problem=_NO_CHARACTER, problem_mark=parser.get_mark()) from None
        if event.__class__ is ScalarEvent and _HALF_PAIR.search(event.value):
            mark: Any = event.start_mark
            raise MarkedYAMLError(problem=_NO_CHARACTER, problem_mark=mark)
        return event

    return checked
