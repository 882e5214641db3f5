"""A comparison of what is declared in the form of a plan, so that it is shown as plans are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from syncspec.diagnostics import Diagnostic, Severity
from syncspec.planning.comparison import Comparison, DeclaredChange, Kind
from syncspec.planning.expectation import Effect
from syncspec.planning.plan import Action, Change, Plan
from syncspec.planning.set_settings import SettingChange
from syncspec.render.redaction import HIDDEN
from syncspec.render.values import step_texts

__all__ = ["as_plan", "environments_title", "setting_text"]

_MOST_NAMES = 10


def as_plan(comparison: Comparison, *, redact: bool = False, in_newer_only: bool = False) -> Plan:
    """The comparison as a plan that sends nothing; settings that differ are among its diagnostics.

    `redact` hides the values of settings, as those of fields are hidden by who shows the plan. `in_newer_only`: a
    place in the older manifests is told in words, for where places are taken to be in the newer ones.
    """
    settings = [_finding(each, redact=redact) for each in comparison.settings]
    return Plan(
        project=comparison.project,
        environment=", ".join(comparison.environments) or None,
        changes=tuple(_change(each, in_newer_only=in_newer_only) for each in comparison.changes),
        batches=(),
        diagnostics=(*settings, *comparison.diagnostics),
    )


def environments_title(comparison: Comparison) -> str:
    """`sandbox, prod`; nothing where the project has no environments."""
    return ", ".join(comparison.environments)


def setting_text(setting: SettingChange, *, redact: bool = False) -> str:
    """`match_on of contacts: ["Email"] -> ["Name"]; tells how records are recognised upstream`."""
    name = setting.name if setting.set_name is None else f"{setting.name} of {setting.set_name}"
    if setting.secret or redact:
        values = HIDDEN
    else:
        before, after = step_texts(setting.before, setting.after)
        values = f"{before} -> {after}"
    return f"{name}: {values}" + (f"; {setting.told}" if setting.told else "")


def _finding(setting: SettingChange, *, redact: bool) -> Diagnostic:
    return Diagnostic(
        severity=Severity.WARNING if setting.grave else Severity.NOTE,
        code="setting-hidden" if redact else "setting",
        summary="A setting differs",
        detail=setting_text(setting, redact=redact),
        source=setting.source,
    )


def _change(change: DeclaredChange, *, in_newer_only: bool) -> Change:
    elsewhere = in_newer_only and change.kind is Kind.REMOVED
    reasons = [*_reasons(change), *([f"it stood at {change.source}"] if elsewhere and change.source else [])]
    return Change(
        address=change.address,
        action=_action(change),
        code=_code(change),
        reason="; ".join(reasons),
        target=change.target,
        upstream_id=change.upstream_id,
        moved_from=change.former,
        fields=(*change.fields, *change.settings),
        source=None if elsewhere else change.source,
    )


def _action(change: DeclaredChange) -> Action:
    match change.kind:
        case Kind.ADDED:
            return Action.CREATE
        case Kind.CHANGED:
            return Action.UPDATE
        case Kind.RENAMED:
            return Action.UPDATE if change.fields or change.settings else Action.MOVE
        case Kind.REMOVED:
            return Action.DELETE
        case _ as unreachable:
            assert_never(unreachable)


def _code(change: DeclaredChange) -> str:
    """What stands for the reason where values are hidden, and by which removals are told apart."""
    if change.unprotected:
        return "no-longer-protected"
    if change.kind is Kind.REMOVED:
        return f"removed-{change.effect.value}"
    return f"{change.kind.value}-protected" if change.protected and change.kind is Kind.CHANGED else change.kind.value


def _reasons(change: DeclaredChange) -> Iterator[str]:
    if change.unprotected:
        yield "no longer protected"
    elif change.protected and change.kind is Kind.CHANGED:
        yield "protected"
    if change.released:
        more = f" and {len(change.released) - _MOST_NAMES:,} more" if len(change.released) > _MOST_NAMES else ""
        yield f"no longer managed, and not cleared upstream: {', '.join(change.released[:_MOST_NAMES])}{more}"
    told = _EFFECTS.get((change.kind, change.effect))
    if told:
        yield told


_NOT_LOCKED = "not locked: to create, or to adopt where it exists"

_EFFECTS = {
    (Kind.ADDED, Effect.ATTACH): "its address is locked already",
    (Kind.CHANGED, Effect.CREATE): _NOT_LOCKED,
    (Kind.CHANGED, Effect.NOTHING): "nothing is sent for it",
    (Kind.RENAMED, Effect.CREATE): _NOT_LOCKED,
    (Kind.RENAMED, Effect.MOVE): "the same record under another address: it keeps its upstream ID",
    (Kind.REMOVED, Effect.KEEP): "kept upstream and in the lockfile",
    (Kind.REMOVED, Effect.DELETE): "to delete upstream, for its on_remove is delete",
    (Kind.REMOVED, Effect.RELEASE): "adopted: it stays upstream, and is no longer looked after",
    (Kind.REMOVED, Effect.PROTECTED): "protected: its deletion is refused",
    (Kind.REMOVED, Effect.NOTHING): "not locked: nothing is known to be upstream",
    (Kind.REMOVED, Effect.UNKNOWN): "what is locked is not known here",
}
"""What is worth telling; that what is added is to be created, and what is changed updated, goes without saying."""
