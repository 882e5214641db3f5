"""Whether a plan stays within one that was approved: a creation may turn out to exist, never the reverse."""

from __future__ import annotations

from dataclasses import replace

from syncspec.planning.plan import WRITES, Action, Change, Plan
from syncspec.records import OnDrift

__all__ = ["is_the_same_update", "narrowed", "steps_beyond"]


def steps_beyond(approved: Plan, now: Plan) -> list[str]:
    """Addresses with a step in the new plan that the approved one does not cover, sorted; both of the same manifests.

    What was to be created may be adopted or held back, what was unknown may be settled either way and sent once more,
    and nothing else may be sent or locked than what was approved.
    """
    before = {change.address: change for change in approved.changes}
    return sorted(change.address for change in now.changes if not _covers(before.get(change.address), change))


def narrowed(approved: Plan, now: Plan) -> Plan:
    """The new plan, in which every step that the approved one does not cover is blocked."""
    beyond = {*steps_beyond(approved, now)}
    if not beyond:
        return now
    left = [
        replace(batch, changes=tuple(each for each in batch.changes if each.address not in beyond))
        for batch in now.batches
    ]
    return replace(
        now,
        changes=tuple(_blocked(change) if change.address in beyond else change for change in now.changes),
        batches=tuple(batch for batch in left if batch.changes),
    )


def _blocked(change: Change) -> Change:
    reason = "since the plan was approved another step became due for it; plan again, and look at what changed"
    return replace(change, action=Action.BLOCKED, reason=reason, fields=(), rewrites=False, relocks=False, drops=False)


def _covers(approved: Change | None, now: Change) -> bool:
    if now.action not in WRITES and now.action not in (Action.ADOPT, Action.MOVE):
        return True
    if approved is None or (now.rewrites and not approved.rewrites):
        return False
    if approved.action is Action.UNKNOWN:
        return now.action in (Action.CREATE, Action.ADOPT) or is_the_same_update(now)
    if approved.action is Action.CREATE and now.action is Action.ADOPT:
        return True
    return (approved.action, approved.upstream_id, approved.moved_from) == (
        now.action,
        now.upstream_id,
        now.moved_from,
    ) and _covers_fields(approved, now)


def is_the_same_update(now: Change) -> bool:
    """Whether what is due for an unknown record is an update that was sent before, or one that restores nothing."""
    if now.action is not Action.UPDATE:
        return False
    if now.resend is not None:
        return {each.path for each in now.fields} <= {*now.resend.fields}
    return now.desired is not None and now.desired.lifecycle.on_drift is not OnDrift.RESTORE


def _covers_fields(approved: Change, now: Change) -> bool:
    """Whether the fields are the same; one that was to be known after apply may have any value."""
    later = {each.path for each in approved.fields if each.known_after_apply}
    if not later:
        return approved.fields == now.fields
    before, after = ([each for each in change.fields if each.path not in later] for change in (approved, now))
    return before == after
