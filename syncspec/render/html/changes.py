"""What differs between two revisions as a page: all groups of environments in one list."""

from __future__ import annotations

from collections.abc import Sequence

from syncspec.diagnostics import Severity
from syncspec.planning.comparison import Comparison
from syncspec.planning.plan import Plan
from syncspec.render.declared import as_plan, environments_title
from syncspec.render.html.page import Matrix, Page, page_html
from syncspec.render.html.plan import MOST_FINDINGS, PlanPieces, kinds_of
from syncspec.render.html.rows import Rows
from syncspec.render.redaction import HIDDEN, redacted_plan
from syncspec.render.review import review_of
from syncspec.render.voice import DECLARED

__all__ = ["changes_html"]

_KINDS = kinds_of(DECLARED)


def changes_html(comparisons: Sequence[Comparison], *, older: str, newer: str, redact: bool = False) -> str:
    """The changes as one HTML file, the same for equal changes; `redact` hides every value."""
    plans = [as_plan(each, redact=redact) for each in comparisons]
    labels = [f" ({title})" if (title := environments_title(each)) else "" for each in comparisons]
    pieces = [
        PlanPieces(
            plan=redacted_plan(plan, keep_reasons=True) if redact else plan,
            review=review_of(plan),
            voice=DECLARED,
            kinds=_KINDS,
            label=label,
        )
        for plan, label in zip(plans, labels, strict=True)
    ]
    items = [item for each in pieces for item in each.plan.diagnostics]
    findings = sorted(dict.fromkeys(items), key=lambda item: list(Severity).index(item.severity))
    return page_html(
        Page(
            kind="changes",
            title=f"syncspec changes: {comparisons[0].project}",
            heading=comparisons[0].project,
            summary=_summary(comparisons, plans),
            redacted=redact,
            hidden=HIDDEN if redact else "(sensitive)",
            facts=(("From", older), ("To", newer)),
            matrix=_matrix(pieces),
            eye=tuple(group for each in pieces for group in each.eye()),
            findings=findings[:MOST_FINDINGS],
            more_findings=max(0, len(findings) - MOST_FINDINGS),
            rows=_rows(pieces),
            rows_name="changes",
            kinds_name="Change",
            without_script="syncspec changes --full",
            sides=DECLARED.sides,
            footer="What is declared in git. Nothing was read upstream: what apply does, syncspec plan tells.",
        )
    )


def _summary(comparisons: Sequence[Comparison], plans: Sequence[Plan]) -> str:
    told = []
    for comparison, plan in zip(comparisons, plans, strict=True):
        title = environments_title(comparison)
        told.append(f"{title}: {DECLARED.summary(plan)}" if title else DECLARED.summary(plan))
    return " ".join(told)


def _matrix(pieces: Sequence[PlanPieces]) -> Matrix:
    used = {action for each in pieces for action in each.actions()}
    actions = [action for action in DECLARED.actions if action in used]
    return Matrix(
        columns=[(action.value, DECLARED.actions[action].words) for action in actions],
        rows=[row for each in pieces for row in each.matrix_rows(actions)],
    )


def _rows(pieces: Sequence[PlanPieces]) -> Rows:
    rows = Rows(tuple(_KINDS.values()))
    for each in pieces:
        each.add_rows(rows)
    return rows
