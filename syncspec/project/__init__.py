"""The library face: open a project, validate, plan, apply, explain.

`AsyncProject` does the work; `Project` is the same for callers without an event loop. The commands are their first
users.
"""

from syncspec.project.core import AsyncProject, Project
from syncspec.project.opening import Opening, from_sets, open, open_async
from syncspec.project.results import AppliedReport, ReviewablePlan, Validation

__all__ = [
    "AppliedReport",
    "AsyncProject",
    "Opening",
    "Project",
    "ReviewablePlan",
    "Validation",
    "from_sets",
    "open",
    "open_async",
]
