"""Records as code: declare the records that must exist, review the plan, apply it exactly once.

    import syncspec

    with syncspec.open("crm", env="sandbox") as project:
        plan = project.plan()
        print(plan.render("text"))
        report = project.apply(plan, approved=plan.digest)

Importing this loads almost nothing, prints nothing and reads no environment; names are loaded when they are used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from syncspec._version import __version__ as __version__
    from syncspec.apply.events import Event as Event
    from syncspec.apply.report import RecordOutcome as RecordOutcome
    from syncspec.apply.report import RecordReport as RecordReport
    from syncspec.diagnostics import Diagnostic as Diagnostic
    from syncspec.diagnostics import Severity as Severity
    from syncspec.diagnostics import Source as Source
    from syncspec.errors import GuardError as GuardError
    from syncspec.errors import LockfileError as LockfileError
    from syncspec.errors import ManifestError as ManifestError
    from syncspec.errors import NotConfirmedError as NotConfirmedError
    from syncspec.errors import PlanFileError as PlanFileError
    from syncspec.errors import RunLockedError as RunLockedError
    from syncspec.errors import StalePlanError as StalePlanError
    from syncspec.errors import StateError as StateError
    from syncspec.errors import SyncspecError as SyncspecError
    from syncspec.errors import UpstreamError as UpstreamError
    from syncspec.errors import UsageError as UsageError
    from syncspec.manifests.accepted import Accepted as Accepted
    from syncspec.manifests.imported import Imported as Imported
    from syncspec.manifests.lookup_models import LookupSet as LookupSet
    from syncspec.manifests.models import RecordSet as RecordSet
    from syncspec.manifests.project_models import ProjectFile as ProjectFile
    from syncspec.planning.plan import Action as Action
    from syncspec.planning.plan import Change as Change
    from syncspec.project.core import AsyncProject as AsyncProject
    from syncspec.project.core import Project as Project
    from syncspec.project.facade import from_sets as from_sets
    from syncspec.project.facade import open as open
    from syncspec.project.facade import open_async as open_async
    from syncspec.project.results import AppliedReport as AppliedReport
    from syncspec.project.results import ReviewablePlan as ReviewablePlan
    from syncspec.project.saved import SavedPlan as SavedPlan
    from syncspec.project.saved import load_plan as load_plan
    from syncspec.project.validation import Validation as Validation

_HOMES = {
    "syncspec._version": ("__version__",),
    "syncspec.apply.events": ("Event",),
    "syncspec.apply.report": ("RecordOutcome", "RecordReport"),
    "syncspec.diagnostics": ("Diagnostic", "Severity", "Source"),
    "syncspec.errors": (
        "GuardError",
        "LockfileError",
        "ManifestError",
        "NotConfirmedError",
        "PlanFileError",
        "RunLockedError",
        "StalePlanError",
        "StateError",
        "SyncspecError",
        "UpstreamError",
        "UsageError",
    ),
    "syncspec.manifests.accepted": ("Accepted",),
    "syncspec.manifests.imported": ("Imported",),
    "syncspec.manifests.lookup_models": ("LookupSet",),
    "syncspec.manifests.models": ("RecordSet",),
    "syncspec.manifests.project_models": ("ProjectFile",),
    "syncspec.planning.plan": ("Action", "Change"),
    "syncspec.project.core": ("AsyncProject", "Project"),
    "syncspec.project.facade": ("from_sets", "open", "open_async"),
    "syncspec.project.results": ("AppliedReport", "ReviewablePlan"),
    "syncspec.project.saved": ("SavedPlan", "load_plan"),
    "syncspec.project.validation": ("Validation",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'syncspec' has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
