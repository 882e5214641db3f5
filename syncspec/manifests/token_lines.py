"""Keeps tokens of the project file out of what is shown, and asks for them to come from the environment."""

from __future__ import annotations

from collections.abc import Iterator

from syncspec.diagnostics import Severity
from syncspec.manifests.documents import Document, Path, Value
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.expressions import ExpressionError, Namespace, Reference, parse
from syncspec.manifests.problems import Problems

__all__ = ["check_tokens", "empty_tokens"]


def check_tokens(document: Document, spec: dict[str, Value], problems: Problems) -> None:
    """Warn of tokens that are written out, and hide the lines that hold one."""
    for path, upstream in _upstreams(spec):
        token = upstream.get("token")
        if isinstance(token, str) and token and not _references(token):
            problems.hide(document.file, [token])
            problems.add(
                document,
                path=(*path, "token"),
                severity=Severity.WARNING,
                code="literal-token",
                summary="A token is written into the project file",
                detail="Whoever reads the file or its history can use it.",
                hint="write token: ${env.SEQUIN_API_KEY}, set that variable, and have the token replaced",
            )


def empty_tokens(spec: dict[str, Value], expanded: dict[str, Value], chosen: str | None, expansion: Expansion) -> None:
    """Take a token that comes out empty for one whose variable is not set: so pipelines hand over withheld secrets."""
    written = dict(_upstreams(spec))
    for path, upstream in _upstreams(expanded):
        is_effective = path[1] == "upstreams" or path[2] == chosen
        token = written[path].get("token")
        if is_effective and upstream.get("token") == "" and isinstance(token, str) and (names := _references(token)):
            upstream["token"] = token
            expansion.unresolved.add((*path, "token"))
            expansion.unset.extend(((*path, "token"), name) for name in names)


def _upstreams(spec: dict[str, Value]) -> Iterator[tuple[Path, dict[str, Value]]]:
    """Every upstream of the project and of its environments, with its path in the document."""
    layers: list[tuple[Path, Value]] = [(("spec",), spec)]
    environments = spec.get("environments")
    if isinstance(environments, dict):
        layers.extend((("spec", "environments", name), layer) for name, layer in environments.items())
    for at, layer in layers:
        upstreams = layer.get("upstreams") if isinstance(layer, dict) else None
        if isinstance(upstreams, dict):
            for name, upstream in upstreams.items():
                if isinstance(upstream, dict):
                    yield (*at, "upstreams", name), upstream


def _references(text: str) -> list[str]:
    """The names of the environment variables, or failing those the variables, that a text is made of."""
    try:
        parts = parse(text)
    except ExpressionError:
        return [text]
    references = [part for part in parts if isinstance(part, Reference)]
    of_environment = [part.name for part in references if part.namespace is Namespace.ENV]
    return of_environment or [part.name for part in references]
