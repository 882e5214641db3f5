"""Bytes of a YAML file in, documents of plain values with positions out.

What a manifest, the project file and a var-file may be as YAML is decided here: version 1.2, core schema, nothing
that a value could do to the machine. What they mean is not known here.
"""

from __future__ import annotations

import re
from pathlib import Path

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.manifests.collector import paused_collector
from syncspec.manifests.decoding import decoded
from syncspec.manifests.documents import Document, Mapping, Sequence, Value, document_from
from syncspec.manifests.files import bytes_of, too_large
from syncspec.manifests.findings import Findings, Refusal
from syncspec.manifests.limits import DEFAULT_LIMITS, Limits
from syncspec.manifests.scalars import UNSET, Unset

__all__ = [
    "UNSET",
    "Document",
    "Limits",
    "Mapping",
    "Sequence",
    "Unset",
    "Value",
    "document_from",
    "read",
    "read_file",
]

_DIRECTIVE = re.compile(r"^%TAG", re.MULTILINE)


def read(content: bytes, *, file: str, limits: Limits = DEFAULT_LIMITS) -> tuple[list[Document], list[Diagnostic]]:
    """Read every document of a file, and every finding; never raises for what the bytes hold.

    With any error among the findings the documents serve only to find more: a value that was refused stands as its
    text, a refused key is left out, and what follows broken syntax or a passed limit is missing.
    """
    if len(content) > limits.max_bytes:
        return [], [_about_file(too_large(len(content), limits.max_bytes), file)]
    text, refusals = decoded(content, file=file, limit=limits.max_diagnostics)
    findings = Findings(text, limit=limits.max_diagnostics)
    for refusal, offset in refusals:
        findings.report(refusal, offset=offset)
    documents: list[Document] = []
    if not refusals and _few_directives(findings, limits):
        with paused_collector():
            documents = _built(findings, limits)
    return documents, findings.diagnostics()


def read_file(path: Path, *, file: str, limits: Limits = DEFAULT_LIMITS) -> tuple[list[Document], list[Diagnostic]]:
    """Read a file; one that cannot be read, is no regular file or is too large gives a diagnostic."""
    content = bytes_of(path, max_bytes=limits.max_bytes)
    if isinstance(content, Refusal):
        return [], [_about_file(content, file)]
    return read(content, file=file, limits=limits)


def _built(findings: Findings, limits: Limits) -> list[Document]:
    from yaml.error import MarkedYAMLError, YAMLError

    from syncspec.manifests.builder import Builder, StopReadingError
    from syncspec.manifests.events import events_of
    from syncspec.manifests.yaml_problems import syntax_problem

    builder = Builder(events_of(findings.text.text), findings, limits)
    try:
        builder.run()
    except StopReadingError:
        pass
    except YAMLError as error:
        marked = error if isinstance(error, MarkedYAMLError) else MarkedYAMLError(problem=str(error))
        refusal, offset = syntax_problem(marked, findings.text)
        findings.report(refusal, offset=offset, last=True)
    return builder.documents


def _few_directives(findings: Findings, limits: Limits) -> bool:
    """Refuse what the library takes quadratic time for: it compares every %TAG with all before it."""
    for number, match in enumerate(_DIRECTIVE.finditer(findings.text.text)):
        if number >= limits.max_directives:
            findings.report(_too_many_directives(limits), offset=match.start())
            return False
    return True


def _too_many_directives(limits: Limits) -> Refusal:
    return Refusal(
        code="yaml-directive",
        summary="Too many directives",
        detail=f"At most {limits.max_directives} %TAG lines are read. The file was not checked.",
        hint="remove them: syncspec knows no tags that they could name",
    )


def _about_file(refusal: Refusal, file: str) -> Diagnostic:
    return Diagnostic(
        severity=Severity.ERROR,
        code=refusal.code,
        summary=refusal.summary,
        detail=refusal.detail,
        source=Source(file=file),
        hint=refusal.hint,
    )
