"""Tells what a YAML document is, by its apiVersion and kind."""

from __future__ import annotations

from syncspec.diagnostics import did_you_mean
from syncspec.manifests.discovery import PROJECT_FILE
from syncspec.manifests.documents import Document, Value
from syncspec.manifests.findings import shortened
from syncspec.manifests.models import API_VERSION
from syncspec.manifests.problems import Problems
from syncspec.manifests.shape import kind_of

__all__ = ["body_of", "kind_of_manifest"]

_KINDS = ("RecordSet", "LookupSet", "Project", "Faults")
_OF_MANIFESTS = ("RecordSet", "LookupSet")


def kind_of_manifest(document: Document) -> str:
    """Which kind of manifest a document says that it is; a record set where it says nothing of the like."""
    body = document.value
    found = body.get("kind") if isinstance(body, dict) else None
    return found if isinstance(found, str) and found in _OF_MANIFESTS else "RecordSet"


def body_of(document: Document, *, kind: str, problems: Problems) -> dict[str, Value] | None:
    """The document's mapping where it says that it is of this kind; else None, and what is wrong is reported."""
    body = document.value
    if not isinstance(body, dict) or ("apiVersion" not in body and "kind" not in body):
        _report_foreign(document, kind, problems)
        return None
    version_fits = _check_version(document, body, problems)
    return body if _check_kind(document, body, kind, problems) and version_fits else None


def _report_foreign(document: Document, kind: str, problems: Problems) -> None:
    found = document.value
    what = "It has neither apiVersion nor kind." if isinstance(found, dict) else f"It holds {kind_of(found)}."
    if kind == "Project":
        hint = f"begin the project file with apiVersion: {API_VERSION} and kind: Project"
    elif kind == "Faults":
        hint = f"begin the faults file with apiVersion: {API_VERSION} and kind: Faults"
    else:
        hint = (
            f"begin it with apiVersion: {API_VERSION} and kind: {kind}; a file that is meant for something else "
            f"goes outside the folders that spec.manifests of {PROJECT_FILE} lists"
        )
    problems.add(
        document, path=(), code="not-a-manifest", summary="A YAML document is not syncspec's", detail=what, hint=hint
    )


def _check_version(document: Document, body: dict[str, Value], problems: Problems) -> bool:
    version = body.get("apiVersion")
    if version == API_VERSION:
        return True
    if "apiVersion" not in body:
        _report_missing(document, body, "apiVersion", API_VERSION, problems)
        return False
    shown = f'"{shortened(version)}"' if isinstance(version, str) else kind_of(version)
    problems.add(
        document,
        path=("apiVersion",),
        code="unknown-version",
        summary="Unknown apiVersion",
        detail=f"This version of syncspec reads {API_VERSION}, found {shown}.",
        hint=f"write apiVersion: {API_VERSION}, or use a version of syncspec that reads this one",
    )
    return False


def _check_kind(document: Document, body: dict[str, Value], kind: str, problems: Problems) -> bool:
    found = body.get("kind")
    if found == kind:
        return True
    if "kind" not in body:
        _report_missing(document, body, "kind", kind, problems)
        return False
    shown = f'"{shortened(found)}"' if isinstance(found, str) else kind_of(found)
    meant = _OF_MANIFESTS if kind in _OF_MANIFESTS else (kind,)
    near = did_you_mean(found, meant) if isinstance(found, str) and found not in _KINDS else None
    hint = near or f"write kind: {' or kind: '.join(meant)}"
    if kind == "Faults":
        hint = near or "name a file that begins with kind: Faults"
    elif found == "Project":
        hint = (
            f"the project file is named {PROJECT_FILE}; for a project inside this one, list only your own folders "
            "under spec.manifests"
        )
    elif found in _OF_MANIFESTS:
        hint = "put record sets and lookup sets into files of their own"
    elif found == "Faults":
        hint = f"put faults files outside the folders that spec.manifests of {PROJECT_FILE} lists"
    problems.add(
        document,
        path=("kind",),
        code="unknown-kind",
        summary="Unknown kind" if found not in _KINDS else "A document stands in the wrong place",
        detail=f"Expected {' or '.join(meant)} here, found {shown}.",
        hint=hint,
    )
    return False


def _report_missing(document: Document, body: dict[str, Value], key: str, value: str, problems: Problems) -> None:
    """Report that a key is missing, at the key that was likely meant to be it."""
    others = [name for name in body if name not in ("apiVersion", "kind", "metadata", "spec")]
    misspelt = next((name for name in others if did_you_mean(name, [key]) is not None), None)
    if misspelt is None:
        summary, detail = "A key is missing", f'"{key}" is required at the top of the document.'
    else:
        summary, detail = "Unknown key", f'"{shortened(misspelt)}" is not known at the top of the document.'
    problems.add(
        document,
        path=() if misspelt is None else (misspelt,),
        code="missing-key" if misspelt is None else "unknown-key",
        summary=summary,
        detail=detail,
        hint=f"add {key}: {value}" if misspelt is None else f'did you mean "{key}"?',
        at="key",
    )
