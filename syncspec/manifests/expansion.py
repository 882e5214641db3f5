"""Puts the values of variables in the place of expressions."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AbstractMapping
from collections.abc import Set as AbstractSet
from typing import Final, assert_never

from syncspec.deferred import Joined, Leaf
from syncspec.diagnostics import did_you_mean
from syncspec.manifests.documents import Document, Path, Value
from syncspec.manifests.expressions import (
    ExpressionError,
    Namespace,
    RecordReference,
    Reference,
    as_text,
    parse,
)
from syncspec.manifests.findings import shortened
from syncspec.manifests.problems import Problems
from syncspec.manifests.references import PlacedReference

__all__ = ["PLACEHOLDER", "Expansion"]

PLACEHOLDER: Final = "${env."
"""How the text begins that stands for an environment variable of which the value is not known."""

_MOST_SHOWN = 12


class Expansion:
    """Expands the values of one document; findings go to `problems`, and the value stays as it was written.

    `environ` None: the environment has no place in this document, which then is a manifest. `unresolved` holds the
    paths of what could not be expanded; `unset` those that name an environment variable that is not set, which
    is left to the caller to judge. `unknown` names variables whose value is not known for the same reason: their text
    is put in, and the path counts as unresolved. `used` holds the variables that were asked for. `variables` None: it
    is not known which there are, and only how expressions are written is checked. `references`: the values of records
    may refer to other records, and hold a `PlacedReference` for each; `referred` counts those that were met.
    `placeholders`: an environment variable that is not set stands for itself, as `${env.NAME}`; the path counts as
    unresolved, and is no reason to call a variable unknown.
    """

    __slots__ = (
        "_document",
        "_environ",
        "_problems",
        "_references",
        "_variables",
        "placeholders",
        "referred",
        "unknown",
        "unresolved",
        "unset",
        "used",
    )

    def __init__(
        self,
        document: Document,
        *,
        problems: Problems,
        variables: AbstractMapping[str, object] | None,
        environ: AbstractMapping[str, str] | None = None,
        unknown: AbstractSet[str] = frozenset(),
        references: bool = False,
        placeholders: bool = False,
    ) -> None:
        self._document = document
        self._problems = problems
        self._variables = variables
        self._environ = environ
        self._references = references
        self.referred = 0
        self.placeholders = placeholders
        self.unknown = set(unknown)
        self.unresolved: set[Path] = set()
        self.unset: list[tuple[Path, str]] = []
        self.used: set[str] = set()

    def expand(self, value: Value, path: Path, *, address: str | None = None) -> Value:
        """The value with all expressions in it resolved, at any depth."""
        if self._variables is None:
            self.syntax_only(value, path)
            return value
        if isinstance(value, str):
            return self._text(value, path, address) if "${" in value else value
        if isinstance(value, dict):
            self.check_keys(value, path, address=address)
            return {key: self._inner(item, path, key, address) for key, item in value.items()}
        if isinstance(value, list):
            return [self._inner(item, path, number, address) for number, item in enumerate(value)]
        return value

    def syntax_only(self, value: Value, path: Path) -> None:
        """Check how expressions are written, and take all of them as unresolved."""
        if isinstance(value, str):
            if "${" in value:
                self.unresolved.add(path)
                self._parsed(value, path, None)
        elif isinstance(value, dict):
            self.check_keys(value, path)
            for key, item in value.items():
                self.syntax_only(item, (*path, key))
        elif isinstance(value, list):
            for number, item in enumerate(value):
                self.syntax_only(item, (*path, number))

    def _inner(self, value: Value, path: Path, step: str | int, address: str | None) -> Value:
        if isinstance(value, dict | list):
            return self.expand(value, (*path, step), address=address)
        if isinstance(value, str) and "${" in value:
            return self._text(value, (*path, step), address)
        return value

    def parts(self, text: str, path: Path, *, address: str | None = None, rows: bool = False) -> list[object] | None:
        """What a text is made of, with variables put in; None where an expression could not be resolved.

        `rows`: columns may be named, and stay as they are: references that the caller puts values in for.
        """
        variables = self._variables or {}
        parts = self._parsed(text, path, address) or ()
        values: list[object] = []
        for part in parts:
            if isinstance(part, str) or (rows and part.namespace is Namespace.ROW):
                values.append(part)
            elif isinstance(part, RecordReference):
                if self._may_refer(part, path, address, rows=rows):
                    self.referred += 1
                    values.append(PlacedReference(part, self._document, path))
            elif part.namespace is Namespace.VAR and part.name in variables:
                self.used.add(part.name)
                if part.name in self.unknown:
                    self.unresolved.add(path)
                values.append(variables[part.name])
            elif part.namespace is Namespace.ENV and self._environ is not None and part.name in self._environ:
                values.append(self._environ[part.name])
            elif part.namespace is Namespace.ENV and self._environ is not None and self.placeholders:
                self.unresolved.add(path)
                values.append(f"{PLACEHOLDER}{part.name}}}")
            else:
                self._missing(part, path, address)
        if parts and len(values) == len(parts):
            return values
        self.unresolved.add(path)
        return None

    def check_keys(self, keys: Iterable[str], path: Path, *, address: str | None = None) -> None:
        """Report each key of a mapping that holds an expression."""
        for key in keys:
            if "${" in key:
                self._refuse_key(key, (*path, key), address)

    @property
    def knows_names(self) -> bool:
        """Whether it is known which variables there are."""
        return self._variables is not None

    def _text(self, text: str, path: Path, address: str | None) -> Value:
        values = self.parts(text, path, address=address)
        if values is None:
            return text
        if len(values) == 1:
            return values[0]  # type: ignore[return-value]
        if any(isinstance(value, Leaf) for value in values):
            return Joined(tuple(values))  # type: ignore[return-value]
        return "".join(map(as_text, values))

    def _parsed(
        self, text: str, path: Path, address: str | None
    ) -> tuple[str | Reference | RecordReference, ...] | None:
        try:
            return parse(text)
        except ExpressionError as error:
            self._problems.add(
                self._document,
                path=path,
                code="invalid-expression",
                summary="An expression cannot be read",
                detail=error.detail,
                hint=error.hint,
                address=address,
                shift=error.offset,
            )
            return None

    def _may_refer(self, part: RecordReference, path: Path, address: str | None, *, rows: bool) -> bool:
        """Whether records may be referred to here; where not, it is reported."""
        if part.column is not None and not rows:
            self._row_elsewhere(Reference(Namespace.ROW, part.column, part.offset), path, address)
            return False
        if self._references and _is_data(path):
            return True
        self._problems.add(
            self._document,
            path=path,
            code="reference-elsewhere",
            summary="A record is referred to where no reference can stand",
            detail="References to records have a value only in the data of records and in the defaults of a set.",
            hint="write the value out, or write $${ for a literal ${",
            address=address,
            shift=part.offset,
        )
        return False

    def _missing(self, part: Reference, path: Path, address: str | None) -> None:
        match part.namespace:
            case Namespace.VAR:
                self._unknown_variable(part, path, address)
            case Namespace.ENV if self._environ is not None:
                self.unset.append((path, part.name))
            case Namespace.ENV:
                self._env_in_manifest(part, path, address)
            case Namespace.ROW:
                self._row_elsewhere(part, path, address)
            case Namespace.RECORD | Namespace.LOOKUP:
                raise AssertionError("a reference to a record is no name")
            case _:
                assert_never(part.namespace)

    def _env_in_manifest(self, part: Reference, path: Path, address: str | None) -> None:
        self._problems.add(
            self._document,
            path=path,
            code="env-in-manifest",
            summary="The environment is read in the project file only",
            detail=f"${{env.{shortened(part.name)}}} stands in a manifest, so that what a manifest declares would "
            "change with the machine.",
            hint=f"set a variable in the project file, such as {part.name.lower()}: ${{env.{part.name}}} under "
            f"spec.variables, and write ${{var.{part.name.lower()}}} here",
            address=address,
            shift=part.offset,
        )

    def _row_elsewhere(self, part: Reference, path: Path, address: str | None) -> None:
        self._problems.add(
            self._document,
            path=path,
            code="row-elsewhere",
            summary="A column is named where there are no rows",
            detail=f"${{row.{shortened(part.name)}}} has a value only under name and data of records_from.",
            hint="write the value out, or write $${ for a literal ${",
            address=address,
            shift=part.offset,
        )

    def _unknown_variable(self, part: Reference, path: Path, address: str | None) -> None:
        known = sorted(self._variables or ())
        shown = ", ".join(known[:_MOST_SHOWN]) + (", …" if len(known) > _MOST_SHOWN else "")
        listed = f"known: {shown}" if known else "no variable is set"
        near = did_you_mean(part.name, known)
        self._problems.add(
            self._document,
            path=path,
            code="unknown-variable",
            summary="Unknown variable",
            detail=f'No variable is named "{shortened(part.name)}"; {listed}.',
            hint=near or "set it under spec.variables in the project file, with --var or with --var-file",
            address=address,
            shift=part.offset,
        )

    def _refuse_key(self, key: str, path: Path, address: str | None) -> None:
        self._problems.add(
            self._document,
            path=path,
            code="expression-in-key",
            summary="A key holds an expression",
            detail=f'"{shortened(key)}" is a key, and only values are expanded.',
            hint="write the key out",
            at="key",
            address=address,
        )


def _is_data(path: Path) -> bool:
    """Whether a path of a record set lies in a record's data, in the set's defaults, or in the data of its rows."""
    match path:
        case ("spec", "records", _, "data", _, *_):
            return True
        case ("spec", "defaults", _, *_):
            return True
        case ("spec", "records_from", "data", _, *_) | ("spec", "records_from", int(), "data", _, *_):
            return True
        case _:
            return False
