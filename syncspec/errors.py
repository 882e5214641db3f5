"""The error tree. Every error that leaves syncspec is a SyncspecError with its diagnostics.

SyncspecError
  UsageError            the call itself is wrong                          exit 64
  ManifestError         manifests or the project file are invalid         exit 1
  LockfileError         the lockfile cannot be trusted                    exit 1
  StateError            journal or state folder cannot be read or written exit 1
  UpstreamError         the upstream could not be read or used            exit 1
  PlanFileError         a saved plan cannot be read, or was changed       exit 1
  StalePlanError        what was approved is not what would be done       exit 5
  GuardError            a guard refused the plan                          exit 6
  RunLockedError        another run holds the lock                        exit 7
  NotConfirmedError     the plan was not approved when asked              exit 1
"""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.diagnostics import Diagnostic, Severity

__all__ = [
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
]


class SyncspecError(Exception):
    """Base of all errors; `diagnostics` is never empty, `exit_code` is the command's."""

    exit_code = 1
    code = "error"

    def __init__(
        self,
        summary: str,
        *,
        detail: str = "",
        hint: str | None = None,
        diagnostics: Sequence[Diagnostic] = (),
    ) -> None:
        super().__init__(summary)
        own = Diagnostic(severity=Severity.ERROR, code=self.code, summary=summary, detail=detail, hint=hint)
        self.diagnostics: tuple[Diagnostic, ...] = tuple(diagnostics) or (own,)

    def __str__(self) -> str:
        first = self.diagnostics[0]
        text = f"{first.summary}: {first.detail}" if first.detail else first.summary
        more = len(self.diagnostics) - 1
        return f"{text} (and {more} more)" if more else text


class UsageError(SyncspecError):
    """The command line or the call is wrong."""

    exit_code = 64
    code = "usage"


class ManifestError(SyncspecError):
    """Manifests or the project file are invalid."""

    code = "manifest"


class LockfileError(SyncspecError):
    """The lockfile cannot be read, or says two things at once."""

    code = "lockfile"


class StateError(SyncspecError):
    """The journal or the state folder cannot be read or written."""

    code = "state"


class UpstreamError(SyncspecError):
    """The upstream could not be reached, refused access, or answered what no page describes."""

    code = "upstream"


class PlanFileError(SyncspecError):
    """A saved plan cannot be written, read or trusted; nothing was sent."""

    code = "plan-file"


class StalePlanError(SyncspecError):
    """What was approved is no longer what would be done; nothing was sent."""

    exit_code = 5
    code = "stale-plan"


class GuardError(SyncspecError):
    """A guard refused the plan; nothing was sent."""

    exit_code = 6
    code = "guard"


class RunLockedError(SyncspecError):
    """Another run holds the lock; nothing was sent."""

    exit_code = 7
    code = "run-locked"


class NotConfirmedError(SyncspecError):
    """The plan was shown and not approved; nothing was sent."""

    code = "not-confirmed"
