"""The expressions of GitHub workflows, as far as ours go: names, texts, truth values, comparisons, and, or, not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*(?:\.[\w-]+)*)|(?P<sign>&&|\|\||==|!=|!|\(|\)))"
)
SIGNS = {"&&": " and ", "||": " or ", "!": " not "}
WORDS = {"true": True, "false": False, "null": None}

Contexts = Mapping[str, Any]


def evaluate(expression: str, contexts: Contexts) -> Any:
    """The value of an expression; a name that leads nowhere is null, and null equals an empty text."""
    values: list[Any] = []
    python = ""
    position = 0
    text = expression.strip()
    while position < len(text):
        found = TOKEN.match(text, position)
        assert found, f"not understood: {text[position:]!r}"
        position = found.end()
        if found["sign"]:
            python += SIGNS.get(found["sign"], found["sign"])
        else:
            values.append(found["text"][1:-1].replace("''", "'") if found["text"] else look_up(found["name"], contexts))
            python += f"v[{len(values) - 1}]"
    return eval(python, {"__builtins__": {}}, {"v": values})


def look_up(name: str, contexts: Contexts) -> Any:
    """What a name stands for; that of a status function, such as `always`, is called by the brackets after it."""
    if name in WORDS:
        return WORDS[name]
    value: Any = contexts
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return "" if value is None else value


def fill(text: Any, contexts: Contexts) -> str:
    """A text with every ${{ … }} replaced, as an environment variable or an input gets it."""
    return re.sub(
        r"\$\{\{(.*?)\}\}", lambda found: printed(evaluate(found[1], contexts)), printed(text), flags=re.DOTALL
    )


def printed(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def holds(condition: Any, contexts: Contexts) -> bool:
    """Whether a job or a step is due; without a status function it is not after a failure."""
    if condition is None:
        return bool(contexts["success"]())
    text = str(condition).strip()
    bare = text[3:-2] if text.startswith("${{") and text.endswith("}}") else text
    known = re.search(r"\b(always|failure|cancelled|success)\(\)", bare)
    return bool(evaluate(bare, contexts)) and (known is not None or bool(contexts["success"]()))
