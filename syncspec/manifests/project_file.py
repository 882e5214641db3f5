"""Reads the project file: variables put in, the environment laid over, every setting checked."""

from __future__ import annotations

from collections.abc import Mapping as AbstractMapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from syncspec.manifests.documents import Document, Value
from syncspec.manifests.documents import Path as Place
from syncspec.manifests.environments import check_overlay, choose_environment, overlaid, without_taken_away
from syncspec.manifests.expansion import Expansion
from syncspec.manifests.head import body_of
from syncspec.manifests.problems import Problems
from syncspec.manifests.project_models import ProjectFile, ProjectSpec
from syncspec.manifests.shape import checked
from syncspec.manifests.token_lines import check_tokens, empty_tokens
from syncspec.manifests.variables import resolve_variables

__all__ = ["Inputs", "Settings", "read_project"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a run brings along. `trial`: every upstream is replaced by an embedded one, so that theirs need no token.

    `placeholders`: environment variables that are not set stand for themselves, and what cannot be told because of it
    is not checked.
    """

    environment: str | None = None
    variables: AbstractMapping[str, object] = field(default_factory=dict)
    environ: AbstractMapping[str, str] = field(default_factory=dict)
    resolve_env: bool = True
    trial: bool = False
    placeholders: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """A project file after its environment was chosen and its variables were put in.

    `spec` is None where the file has errors; what could be learnt then serves to find more of them. `used` are the
    variables that the file names itself, `unknown` those whose value is not known; `names_known` False: no environment
    could be chosen, so there may be more.
    """

    document: Document
    name: str = ""
    environment: str | None = None
    spec: ProjectSpec | None = None
    overlay: Value = None
    unresolved: AbstractSet[Place] = frozenset()
    variables: AbstractMapping[str, object] = field(default_factory=dict)
    declared: AbstractSet[str] = frozenset()
    used: AbstractSet[str] = frozenset()
    unknown: AbstractSet[str] = frozenset()
    names_known: bool = True

    def where(self, path: Place) -> Place:
        """The place in the document that an effective setting comes from: the environment's, where it has it."""
        inner: Value = self.overlay
        for step in path[1:]:
            if not isinstance(inner, dict) or step not in inner:
                return path
            inner = inner[str(step)]
        return ("spec", "environments", str(self.environment), *path[1:]) if len(path) > 1 else path

    def is_unresolved(self, path: Place) -> bool:
        """Whether the effective setting at a path holds an expression that could not be resolved."""
        return self.where(path) in self.unresolved


def read_project(documents: list[Document], *, file: str, inputs: Inputs, problems: Problems) -> Settings | None:
    """The settings of a project file's documents; None where nothing can be learnt of them. Findings are reported."""
    if len(documents) != 1:
        problems.add_plain(
            code="project-file",
            summary="The project file holds one document",
            detail=f"It holds {len(documents)} documents.",
            hint="write apiVersion, kind, metadata and spec, and no --- line between them",
            file=file,
        )
        return None
    document = documents[0]
    body = body_of(document, kind="Project", problems=problems)
    if body is None:
        return None
    return _settings(document, body, inputs, problems)


def _settings(document: Document, body: dict[str, Value], inputs: Inputs, problems: Problems) -> Settings:
    spec = body.get("spec")
    raw = spec if isinstance(spec, dict) else {}
    chosen = choose_environment(document, raw, inputs.environment, problems)
    variables: dict[str, object] = dict(inputs.variables)
    expansion = Expansion(
        document,
        problems=problems,
        variables=variables,
        environ=inputs.environ,
        placeholders=inputs.placeholders,
    )
    declared = _declared(raw, chosen)
    resolve_variables(declared, variables, expansion, document=document, problems=problems)
    expanded = _expanded(raw, chosen, expansion)
    empty_tokens(raw, expanded, chosen, expansion)
    settings = Settings(
        document=document,
        environment=chosen,
        overlay=_at(expanded, "environments", chosen),
        unresolved=expansion.unresolved,
        variables=variables,
        declared=frozenset(declared),
        used=expansion.used,
        unknown=expansion.unknown,
        names_known=chosen is not None or not raw.get("environments"),
    )
    if inputs.resolve_env:
        _report_unset(settings, expansion, inputs, problems)
    check_tokens(document, raw, problems)
    before = problems.error_count
    whole = {**body, "spec": expanded if isinstance(spec, dict) else spec}
    if "spec" not in body:
        del whole["spec"]
    checked(ProjectFile, whole, document=document, problems=problems, unresolved=expansion.unresolved)
    if problems.error_count > before:
        return settings
    check_overlay(document, expanded, settings.overlay, chosen, problems)
    return _merged(settings, whole, expanded)


def _merged(settings: Settings, whole: dict[str, Value], expanded: dict[str, Value]) -> Settings:
    """The settings with the environment laid over; unchanged where what is unresolved does not fit its place."""
    own = {key: value for key, value in expanded.items() if key != "environments"}
    spec = without_taken_away(overlaid(own, settings.overlay))
    try:
        project = ProjectFile.model_validate({**whole, "spec": spec}, by_name=False)
    except ValidationError:
        if settings.unresolved:
            return settings
        raise
    return replace(settings, name=project.metadata.name, spec=project.spec)


def _declared(raw: dict[str, Value], chosen: str | None) -> dict[str, tuple[Value, Place]]:
    """The variables that are declared, each with its value and its place; the environment's win.

    Null in the environment takes one away, or all.
    """
    found: dict[str, tuple[Value, Place]] = {}
    own = raw.get("variables")
    if isinstance(own, dict):
        found.update((name, (value, ("spec", "variables", name))) for name, value in own.items())
    overlay = _at(raw, "environments", chosen)
    if not isinstance(overlay, dict) or "variables" not in overlay:
        return found
    layer = overlay["variables"]
    if layer is None:
        return {}
    for name, value in layer.items() if isinstance(layer, dict) else ():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = (value, ("spec", "environments", str(chosen), "variables", name))
    return found


def _expanded(raw: dict[str, Value], chosen: str | None, expansion: Expansion) -> dict[str, Value]:
    """The spec with expressions resolved, but for other environments, whose variables are not known in this run."""
    result: dict[str, Value] = {}
    for key, value in raw.items():
        if key == "environments" and isinstance(value, dict):
            result[key] = {
                name: _layer(layer, ("spec", key, name), expansion)
                if name == chosen
                else _other(layer, ("spec", key, name), expansion)
                for name, layer in value.items()
            }
        else:
            result[key] = _one(key, value, ("spec",), expansion)
    return result


def _layer(value: Value, at: Place, expansion: Expansion) -> Value:
    if not isinstance(value, dict):
        return expansion.expand(value, at)
    return {key: _one(key, item, at, expansion) for key, item in value.items()}


def _one(key: str, value: Value, at: Place, expansion: Expansion) -> Value:
    """One entry of a layer; variables were resolved before."""
    return value if key == "variables" else expansion.expand(value, (*at, key))


def _other(value: Value, at: Place, expansion: Expansion) -> Value:
    expansion.syntax_only(value, at)
    return value


def _report_unset(settings: Settings, expansion: Expansion, inputs: Inputs, problems: Problems) -> None:
    """An environment variable that is not set is an error where its value would be used."""
    for path, name in expansion.unset:
        own = path[1:] if path[:2] != ("spec", "environments") else path[3:]
        if own[:1] == ("upstreams",) and inputs.trial:
            continue
        if own[:1] != ("variables",) and settings.where(("spec", *own)) != path:
            continue
        problems.add(
            settings.document,
            path=path,
            code="unset-variable",
            summary="An environment variable is not set",
            detail=f"{name} is not set, or is empty.",
            hint=f"run: export {name}=…; or put it into a file, and name that with --env-file",
        )


def _at(value: Value, *steps: str | None) -> Value:
    for step in steps:
        if not isinstance(value, dict) or step is None:
            return None
        value = value.get(step)
    return value
