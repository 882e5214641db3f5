"""A plan as a page."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncspec.diagnostics import Severity
from syncspec.planning.plan import Action, Plan
from syncspec.render.grounds import observation_text, observations_that_matter, request_groups
from syncspec.render.html.page import Group, Matrix, MatrixRow, Page, RequestRow, page_html
from syncspec.render.html.rows import Entry, Kind, Rows
from syncspec.render.redaction import HIDDEN, redacted_plan
from syncspec.render.review import Concern, Review, most_telling, review_of, samples, told_apart
from syncspec.render.steps import steps
from syncspec.render.terminal import clipped, visible
from syncspec.render.values import counted, size_text
from syncspec.render.voice import PLANNED, Voice
from syncspec.render.words import place_title, summary_line

__all__ = ["PlanPieces", "kinds_of", "plan_html"]

_LONGEST_VALUE = 1000
_LONGEST_TEXT = 2000
_MOST_FIELDS = 200
_MOST_ENTRIES = 100
_MOST_DRIFTED = 10
"""What is written stands in the list below, and drift must not push that away."""

_MOST_RULES = 5
MOST_FINDINGS = 200


def kinds_of(voice: Voice) -> dict[Action, Kind]:
    """What the list calls each action."""
    return {action: Kind(action.value, name) for action, name in voice.names.items()}


_KINDS = kinds_of(PLANNED)


def plan_html(plan: Plan, *, redact: bool = False) -> str:
    """The plan as one HTML file, the same for equal plans; `redact` hides every value."""
    shown = redacted_plan(plan) if redact else plan
    pieces = PlanPieces(plan=shown, review=review_of(plan))
    findings = sorted(shown.diagnostics, key=lambda item: list(Severity).index(item.severity))
    env = f" -e {shlex.quote(plan.environment)}" if plan.environment is not None else ""
    title = place_title(plan.project, plan.environment)
    return page_html(
        Page(
            kind="plan",
            title=f"syncspec plan: {title}",
            heading=title,
            summary=summary_line(plan),
            redacted=redact,
            hidden=HIDDEN if redact else "(sensitive)",
            facts=tuple(pieces.facts(f"syncspec apply{env}")),
            matrix=pieces.matrix(),
            eye=tuple(pieces.eye()),
            findings=findings[:MOST_FINDINGS],
            more_findings=max(0, len(findings) - MOST_FINDINGS),
            requests=tuple(pieces.requests()),
            lists=tuple(observation_text(seen) for seen in observations_that_matter(shown)),
            rows=pieces.rows(),
            rows_name="changes",
            kinds_name="Action",
            without_script=f"syncspec plan{env} --full",
            footer=f"Apply with syncspec apply{env}; it plans again first.",
        )
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanPieces:
    """The parts of one plan's page; `label` tells the sets of several plans on one page apart."""

    plan: Plan
    review: Review
    voice: Voice = PLANNED
    kinds: Mapping[Action, Kind] = field(default_factory=lambda: _KINDS)
    label: str = ""

    def facts(self, command: str) -> Iterator[tuple[str, str]]:
        if self.plan.digest:
            yield "Plan", self.plan.digest[:12]
        yield "Apply with", command

    def matrix(self) -> Matrix:
        actions = self.actions()
        return Matrix(
            columns=[(action.value, self.voice.actions[action].words) for action in actions],
            rows=self.matrix_rows(actions),
        )

    def actions(self) -> list[Action]:
        """The actions that occur."""
        return [action for action in self.voice.actions if any(each.count(action) for each in self.review.sets)]

    def matrix_rows(self, actions: Sequence[Action]) -> list[MatrixRow]:
        """One row per set, with a number per action."""
        return [
            MatrixRow(name=f"{each.name}{self.label}", numbers=[each.count(action) for action in actions])
            for each in self.review.sets
        ]

    def eye(self) -> Iterator[Group]:
        for concern, positions in self.review.eye.items():
            first = most_telling(self.plan, self.review, positions)
            most = _MOST_DRIFTED if concern is Concern.DRIFT else _MOST_ENTRIES
            places = samples(len(positions), most, first=first)
            yield Group(
                title=f"{self.voice.concerns[concern]}{self.label}",
                count=len(positions),
                entries=[self._entry(positions[place]) for place in places],
                told=self._told(concern, positions) if len(positions) > most else "",
            )

    def _told(self, concern: Concern, positions: tuple[int, ...]) -> str:
        """How many there are per set and rule."""
        rules = told_apart(self.plan, positions).most_common(_MOST_RULES)
        return ", ".join(f"{number:,} in {name} ({rule.replace('-', ' ')})" for (name, rule), number in rules)

    def requests(self) -> Iterator[RequestRow]:
        for group in request_groups(self.plan):
            yield RequestRow(
                wave=group.wave,
                kind=group.kind,
                upstream=group.upstream,
                collection_id=group.collection_id,
                requests=group.requests,
                records=group.records,
                size=size_text(group.bytes),
            )

    def rows(self) -> Rows:
        """All changes but the unchanged, those that need an eye first and drift last."""
        unchanged = self.plan.summary[Action.UNCHANGED]
        told = f"{counted(unchanged, 'unchanged record')} not listed." if unchanged else ""
        rows = Rows(tuple(self.kinds.values()), told)
        self.add_rows(rows)
        return rows

    def add_rows(self, rows: Rows) -> None:
        """Add the changes to a page's list."""
        drifted = dict.fromkeys(self.review.eye.get(Concern.DRIFT, ()))
        order = dict.fromkeys(
            position
            for concern, positions in self.review.eye.items()
            if concern is not Concern.DRIFT
            for position in positions
        )
        order |= dict.fromkeys(position for position in range(len(self.plan.changes)) if position not in drifted)
        for position in order | drifted:
            if self.plan.changes[position].action is not Action.UNCHANGED:
                rows.add(self._entry(position))

    def _entry(self, position: int) -> Entry:
        change = self.plan.changes[position]
        return Entry(
            kind=self.kinds[change.action],
            set_name=f"{change.set_name}{self.label}",
            where=f"{change.target.collection_id} in {change.target.upstream}",
            address=change.address,
            upstream_id=change.upstream_id or "",
            former=change.moved_from or "",
            reason=clipped(visible(change.reason), _LONGEST_TEXT),
            note=self.review.notes.get(position, ""),
            place=str(change.source) if change.source is not None else "",
            steps=tuple(steps(change, longest=_LONGEST_VALUE, most=_MOST_FIELDS)),
            more_fields=max(0, len(change.fields) - _MOST_FIELDS),
        )
