"""Reads a faults file."""

from __future__ import annotations

from pathlib import Path

from syncspec.errors import ManifestError
from syncspec.manifests.documents import Document
from syncspec.manifests.head import body_of
from syncspec.manifests.problems import Problems
from syncspec.manifests.reader import read_file
from syncspec.manifests.shape import checked
from syncspec.upstream.embedded.faults.fitting import misfits
from syncspec.upstream.embedded.faults.models import FaultsFile, FaultsSpec

__all__ = ["read_faults"]


def read_faults(path: Path) -> FaultsSpec:
    """Read what goes wrong from a file, YAML or JSON. Raises ManifestError with every finding, at its place."""
    problems = Problems()
    documents, found = read_file(path, file=str(path))
    problems.take(found)
    spec = None
    if not problems.has_errors:
        if len(documents) == 1:
            spec = _spec(documents[0], problems)
        else:
            problems.add_plain(
                code="faults-file",
                summary="A faults file holds one document",
                detail=f"It holds {len(documents)} documents.",
                hint="write apiVersion, kind and spec, and no --- line between them",
                file=str(path),
            )
    if spec is None or problems.has_errors:
        raise ManifestError("The faults file cannot be used", diagnostics=problems.diagnostics())
    return spec


def _spec(document: Document, problems: Problems) -> FaultsSpec | None:
    body = body_of(document, kind="Faults", problems=problems)
    file = None if body is None else checked(FaultsFile, body, document=document, problems=problems)
    if file is None:
        return None
    for path, said in misfits(file.spec):
        problems.add(
            document,
            path=("spec", *path),
            code=said.code,
            summary=said.summary,
            detail=said.detail,
            hint=said.hint,
            at="key",
        )
    return file.spec
