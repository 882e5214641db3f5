"""What differs between two revisions, as annotations of GitHub Actions at the lines of the newer manifests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncspec.planning.comparison import Comparison
from syncspec.planning.plan import Plan
from syncspec.render.annotations import annotations_of
from syncspec.render.declared import as_plan, environments_title
from syncspec.render.voice import DECLARED

__all__ = ["changes_annotations"]


def changes_annotations(comparisons: Sequence[Comparison], *, folder: str = "", redact: bool = False) -> str:
    """Warnings for what needs an eye, notices for the rest; `redact` hides every value.

    `folder` leads from the repository to the project.
    """
    return annotations_of(
        _named([as_plan(each, redact=redact, in_newer_only=True) for each in comparisons]),
        folder=folder,
        redact=redact,
        voice=DECLARED,
        titles=[f" ({title})" if (title := environments_title(each)) else "" for each in comparisons],
    )


def _named(plans: Sequence[Plan]) -> list[Plan]:
    """The plans with the environments in which a setting differs named in what tells of it."""
    named = []
    for plan in plans:
        findings = []
        for item in plan.diagnostics:
            places = [each.environment for each in plans if each.environment and item in each.diagnostics]
            of_setting = item.code in ("setting", "setting-hidden")
            told = f" ({', '.join(places)})" if of_setting and places else ""
            findings.append(replace(item, summary=item.summary + told))
        named.append(replace(plan, diagnostics=tuple(findings)))
    return named
