"""Plans, reports and findings without values, for those who may see what is done but not with which data.

Names, counts, actions, places and upstream IDs stay. Sentences that others wrote (reasons, errors, details) go as a
whole, for they may quote values: what is left of a reason is the name of its rule.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from syncspec.apply.report import RecordReport, Report
from syncspec.diagnostics import Diagnostic
from syncspec.planning.plan import Change, FieldChange, Plan

__all__ = ["HIDDEN", "redacted_diagnostics", "redacted_plan", "redacted_report"]

HIDDEN = "(hidden)"

_WITHOUT_VALUES = frozenset(
    {
        "guard",
        "left-out",
        "lock-unknown",
        "lockfile",
        "new-environment",
        "new-project",
        "not-confirmed",
        "plan-file",
        "run-locked",
        "setting-hidden",
        "stale-plan",
        "state",
        "usage",
    }
)
"""Codes of syncspec's own findings that speak of runs, files and options, never of a record's data."""


def redacted_plan(plan: Plan, *, keep_reasons: bool = False) -> Plan:
    """The plan with the same changes in the same order, and no value in any of them.

    `keep_reasons`: they are known to quote none.
    """
    changes = tuple(_change(change, keep_reasons) for change in plan.changes)
    by_address = {change.address: change for change in changes}
    return replace(
        plan,
        changes=changes,
        batches=tuple(
            replace(
                batch,
                changes=tuple(by_address.get(each.address) or _change(each, keep_reasons) for each in batch.changes),
            )
            for batch in plan.batches
        ),
        observations=tuple(replace(seen, reason=HIDDEN if seen.reason else "") for seen in plan.observations),
        diagnostics=redacted_diagnostics(plan.diagnostics),
    )


def _change(change: Change, keep_reason: bool) -> Change:
    return replace(
        change,
        reason=change.reason if keep_reason else change.code.replace("-", " "),
        fields=tuple(
            FieldChange(path=each.path, sensitive=True, known_after_apply=each.known_after_apply)
            for each in change.fields
        ),
        desired=None,
        observed=None,
    )


def redacted_report(report: Report) -> Report:
    """The report with the same outcomes and IDs; errors, which the upstream may have written, are hidden."""
    return replace(
        report,
        records=tuple(_record(record) for record in report.records),
        diagnostics=redacted_diagnostics(report.diagnostics),
    )


def _record(record: RecordReport) -> RecordReport:
    return replace(record, error=HIDDEN) if record.error else record


def redacted_diagnostics(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings with summary, address and place alone, unless they cannot hold a record's data."""
    return tuple(
        item if item.code in _WITHOUT_VALUES else replace(item, detail="", hint=None, snippet=None)
        for item in diagnostics
    )
