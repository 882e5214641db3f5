"""The rules of the decision table, by the names under which a change says which of them decided."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Rule"]


class Rule(StrEnum):
    """One row of the table; the value stands in `Change.code`."""

    # not locked
    ABSENT = "absent"
    MATCH = "match"
    DECLARED_ID = "declared-id"
    IMPLIED_MOVE = "implied-move"
    MOVED = "moved"
    MOVED_FROM_SEVERAL = "moved-from-several"
    ADOPT_BLOCKED = "adopt-blocked"
    DECLARED_ID_NOT_FOUND = "declared-id-not-found"
    DUPLICATE = "duplicate"
    LOCKED_ELSEWHERE = "locked-elsewhere"
    LOOKS_LIKE = "looks-like-the-same-record"
    MARKED_FOR_ANOTHER = "marked-for-another"
    SAME_ROW = "same-row"
    KEY_NOT_READABLE = "key-not-readable"
    ABSENCE_UNKNOWN = "absence-unknown"
    WAITS_FOR_UNKNOWN = "waits-for-unknown"
    # locked
    AS_DECLARED = "as-declared"
    NOT_VISIBLE_YET = "not-visible-yet"
    STALE = "stale"
    DRIFTED = "drifted"
    DRIFT_REFUSED = "drift-refused"
    RESTORED = "restored"
    CHANGED = "changed"
    CONFLICT = "conflict"
    KEY_TAKEN = "key-taken"
    NOT_VISIBLE = "not-visible-upstream"
    DELETED_UPSTREAM = "deleted-upstream"
    TARGET_CHANGED = "target-changed"
    OTHER_ID_DECLARED = "other-id-declared"
    LOCKED_TWICE = "locked-twice"
    # no longer declared
    RETAINED = "retained"
    RELEASED = "released"
    REMOVED = "removed"
    GONE = "gone"
    PROTECTED = "protected"
    HELD = "held-by-another"
    REFERRED_TO = "referred-to"
    # undone
    RESTORED_BEFORE = "restored-before"
    UNDONE = "undone"
    CHANGED_SINCE = "changed-since"
    NOT_UNDOABLE = "not-undoable"
    # what a record refers to
    REFERENCE_BLOCKED = "reference-blocked"
    SAME_KEY = "same-key"
    # either
    OPEN_ATTEMPT = "open-attempt"
    NOT_READABLE = "not-readable"
