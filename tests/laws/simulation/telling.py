"""How a run ended, in one line."""

from __future__ import annotations

import traceback
from collections import Counter

from support.steps import Killed

from syncspec.errors import SyncspecError
from syncspec.project.results import AppliedReport

__all__ = ["told"]


def told(outcome: object) -> str:
    """Say how a run ended: a report, an error of syncspec, a kill, or something that must not be."""
    match outcome:
        case AppliedReport():
            counted = Counter(record.outcome.value for record in outcome.records)
            records = ", ".join(
                f"{record.address}={record.outcome.value}"
                + (f":{record.upstream_id}" if record.upstream_id else "")
                + (f" ({record.error})" if record.error else "")
                for record in outcome.records
            )
            said = "; ".join(f"{found.code}: {found.summary}: {found.detail}" for found in outcome.report.diagnostics)
            return f"exit {outcome.exit_code} {dict(counted)} [{records}] {said}"
        case SyncspecError():
            return f"{type(outcome).__name__}: " + "; ".join(
                f"{found.summary}: {found.detail}" for found in outcome.diagnostics
            )
        case Killed():
            return "killed"
        case BaseException():
            return "".join(traceback.format_exception(outcome))
        case _:
            return repr(outcome)
