"""What differs between two revisions as a comment on a pull request: one part per group of environments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncspec.planning.comparison import Comparison, parted
from syncspec.render.declared import as_plan
from syncspec.render.markdown.inline import code, marker_value
from syncspec.render.markdown.layout import LIMIT, Document, render, shares_of, size_of
from syncspec.render.markdown.plan import plan_document
from syncspec.render.values import counted
from syncspec.render.voice import DECLARED

__all__ = ["changes_markdown"]

_MOST_PARTS = 20
"""Of more groups of environments the rest is counted."""


def changes_markdown(
    comparisons: Sequence[Comparison],
    *,
    older: str,
    newer: str,
    environment: str | None = None,
    redact: bool = False,
) -> str:
    """The changes as Markdown of less than 65,536 characters; `environment` is the only one that was asked for."""
    project = comparisons[0].project
    marker = f"project={marker_value(project)} env={marker_value(environment or '')}"
    hidden = ["Values are hidden.", ""] if redact else []
    head = [
        f"<!-- syncspec:changes {marker} -->",
        f"## syncspec changes: {code(project)}",
        "",
        f"What is declared, from {code(older)} to {code(newer)}. Nothing was read upstream.",
        "",
        *hidden,
    ]
    left_out = len(comparisons) - _MOST_PARTS
    foot = (
        [f"… and {counted(left_out, 'more group')} of environments for which there is no room."] if left_out > 0 else []
    )
    room = LIMIT - size_of([*head, *foot])
    common, each_alone = parted(comparisons)
    documents = [_document(each, redact) for each in each_alone[:_MOST_PARTS]]
    documents = [*([] if common is None else [_common(common, redact)]), *documents]
    parts = [render(each, limit=room) for each in documents]
    needs = [size_of([part]) for part in parts]
    if sum(needs) > room:
        parts = [
            part if need <= share else render(document, limit=share)
            for part, document, need, share in zip(parts, documents, needs, shares_of(needs, room), strict=True)
        ]
    return "\n".join([*head, *parts, *foot]).rstrip("\n") + "\n"


def _common(comparison: Comparison, redact: bool) -> Document:
    """What is the same in all environments."""
    document = plan_document(as_plan(comparison, redact=redact), redact=redact, voice=DECLARED)
    return replace(document, head=("### All environments", ""), foot=())


def _document(comparison: Comparison, redact: bool) -> Document:
    plan = as_plan(comparison, redact=redact)
    names = ", ".join(map(code, comparison.environments))
    title = (f"### {names}", "") if names else ()
    document = plan_document(plan, redact=redact, voice=DECLARED)
    return replace(document, head=(*title, f"**{DECLARED.summary(plan)}**", ""), foot=())
