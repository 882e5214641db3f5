"""What differs between two revisions, as annotations of GitHub Actions at the lines of the newer manifests."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.planning.comparison import Comparison
from syncspec.render.annotations import annotations_of
from syncspec.render.declared import as_plan, environments_title
from syncspec.render.voice import DECLARED

__all__ = ["changes_annotations"]


def changes_annotations(comparisons: Sequence[Comparison], *, folder: str = "", redact: bool = False) -> str:
    """Warnings for what needs an eye, notices for the rest; `redact` hides every value.

    `folder` leads from the repository to the project.
    """
    return annotations_of(
        [as_plan(each, redact=redact, in_newer_only=True) for each in comparisons],
        folder=folder,
        redact=redact,
        voice=DECLARED,
        titles=[f" ({title})" if (title := environments_title(each)) else "" for each in comparisons],
    )
