"""What the reader says about values, keys, anchors and sizes."""

from __future__ import annotations

from typing import assert_never

from syncspec.diagnostics import Source
from syncspec.manifests.findings import Refusal, shortened
from syncspec.manifests.limits import Limits
from syncspec.manifests.scalars import Doubt, DoubtKind

__all__ = [
    "ALIAS_KEY",
    "COMPLEX_KEY",
    "MERGE_KEY",
    "YAML_1_1",
    "duplicate_key",
    "recursive_alias",
    "refused_key",
    "refused_scalar",
    "reused_anchor",
    "too_deep",
    "too_many_documents",
    "too_many_nodes",
    "too_much_by_aliases",
    "undefined_alias",
]

MERGE_KEY = Refusal(
    code="merge-key",
    summary="Merge keys are not supported",
    detail='"<<" was taken out of YAML in version 1.2.',
    hint="put what records share under spec.defaults, or write the fields out",
)
COMPLEX_KEY = Refusal(
    code="non-string-key",
    summary="A key must be text",
    detail="Here a mapping or a list stands where a key belongs.",
    hint="for text that begins with a brace or a bracket, put it in quotes",
)
ALIAS_KEY = Refusal(
    code="non-string-key",
    summary="A key must be text",
    detail="Here an alias stands where a key belongs.",
    hint="write the key out",
)
YAML_1_1 = Refusal(
    code="yaml-version",
    summary="The file asks for YAML 1.1",
    detail="syncspec reads YAML 1.2, in which yes, no, on and off are text.",
    hint="remove the %YAML line",
)


def refused_scalar(doubt: Doubt) -> Refusal:
    """Why an unquoted value is not taken as a number."""
    text = shortened(doubt.text)
    match doubt.kind:
        case DoubtKind.NOT_AS_WRITTEN:
            return Refusal(
                code="ambiguous-number",
                summary="An unquoted value reads as a different number",
                detail=f"{text} is the number {doubt.number} to YAML, and would not be sent as it is written.",
                hint=f'quote it: "{text}"; or write {doubt.number} where the number is meant',
            )
        case DoubtKind.TOO_PRECISE:
            return Refusal(
                code="inexact-number",
                summary="A number has more digits than JSON keeps",
                detail=f"{text} would be rounded on its way.",
                hint=f'quote it: "{text}"',
            )
        case DoubtKind.NOT_FINITE:
            return Refusal(
                code="not-finite-number",
                summary="A number must be finite",
                detail=f"{text} has no form in JSON.",
                hint=f'quote it: "{text}"; or write null to clear the field',
            )
        case _:
            assert_never(doubt.kind)


def refused_key(value: object, text: str) -> Refusal:
    """Why an unquoted key is not taken as text."""
    match value:
        case None:
            kind = "null"
        case bool():
            kind = "a boolean"
        case int() | float() | Doubt():
            kind = "a number"
        case _:
            kind = "a tag"
    shown = shortened(text)
    return Refusal(
        code="non-string-key",
        summary="A key must be text",
        detail=f"{shown} is {kind} to YAML." if shown else "The key before the colon is empty.",
        hint=f'quote it: "{shown}"' if shown else "write the key before the colon",
    )


def duplicate_key(key: str, first: Source) -> Refusal:
    return Refusal(
        code="duplicate-key",
        summary="Duplicate key",
        detail=f'"{shortened(key)}" is already in this mapping, at line {first.line}, column {first.column}.',
        hint="remove or rename one of the two",
    )


def undefined_alias(name: str) -> Refusal:
    return Refusal(
        code="undefined-alias",
        summary="An alias has no anchor",
        detail=f"Nothing before *{shortened(name)} in this document is anchored as &{shortened(name)}.",
        hint="put text that begins with an asterisk in quotes, or define the anchor first",
    )


def recursive_alias(name: str) -> Refusal:
    return Refusal(
        code="recursive-alias",
        summary="An alias contains itself",
        detail=f"*{shortened(name)} stands inside the value that &{shortened(name)} names.",
        hint="write the inner value out",
    )


def reused_anchor(name: str, first: Source) -> Refusal:
    return Refusal(
        code="reused-anchor",
        summary="An anchor is defined twice",
        detail=f"&{shortened(name)} is already defined at line {first.line}, column {first.column}.",
        hint="give each anchor its own name",
    )


def too_deep(limit: int) -> Refusal:
    return Refusal(
        code="too-deep",
        summary="Values are nested too deeply",
        detail=f"At most {limit} levels of mappings and lists are read, those behind aliases included. "
        "The rest of the file was not checked.",
        hint="flatten the value, or put it in as text",
    )


def too_many_nodes(limit: int) -> Refusal:
    return Refusal(
        code="too-many-values",
        summary="The file holds too many values",
        detail=f"At most {limit:,} keys, values and list items are read from one file.",
        hint="split the file",
    )


def too_many_documents(limit: int) -> Refusal:
    return Refusal(
        code="too-many-documents",
        summary="The file holds too many documents",
        detail=f"At most {limit:,} documents are read from one file.",
        hint="split the file",
    )


def too_much_by_aliases(limits: Limits) -> Refusal:
    return Refusal(
        code="alias-expansion",
        summary="Aliases stand for too much",
        detail=f"All aliases of a file together may stand for {limits.max_alias_nodes:,} values and "
        f"{limits.max_alias_characters:,} characters. The rest of the file was not checked.",
        hint="write values out, or put what records share under spec.defaults",
    )
