"""Diagnostics in a comment: errors and warnings in the open, notes folded."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.render.markdown.inline import code, prose
from syncspec.render.markdown.layout import Details, Listing
from syncspec.render.values import counted

__all__ = ["finding_parts"]


def finding_parts(diagnostics: Sequence[Diagnostic]) -> tuple[tuple[Listing, ...], tuple[Details, ...]]:
    """What stands open and what is folded; errors before warnings."""
    grave = sorted(
        (item for item in diagnostics if item.severity is not Severity.NOTE),
        key=lambda item: item.severity is not Severity.ERROR,
    )
    notes = [item for item in diagnostics if item.severity is Severity.NOTE]
    shown = (_listing(grave, ("### Findings", "")),) if grave else ()
    folded = (Details(summary=counted(len(notes), "note"), weight=0, whole=None, digest=(_listing(notes),)),)
    return shown, folded if notes else ()


def _listing(items: Sequence[Diagnostic], head: tuple[str, ...] = ()) -> Listing:
    return Listing(
        head=head,
        count=len(items),
        row=lambda place: _finding(items[place]),
        more=lambda number: f"- … and {counted(number, 'more finding')}",
        foot=("",),
    )


def _finding(item: Diagnostic) -> str:
    told = prose(item.summary) + (f": {prose(item.detail)}" if item.detail else "")
    where = ", ".join(code(str(part)) for part in (item.address, item.source) if part is not None)
    place = f" ({where})" if where else ""
    hint = f" Hint: {prose(item.hint)}" if item.hint else ""
    return f"- **{item.severity.value}**: {told}{place}{hint}"
