"""A plan as a comment on a pull request: the counts, what needs an eye, what else is written, and drift."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import assert_never

from syncspec.planning.plan import Action, Plan
from syncspec.render.grounds import observation_text, observations_that_matter, request_groups, request_text
from syncspec.render.markdown.findings import finding_parts
from syncspec.render.markdown.inline import code, html_code, marker_value, prose
from syncspec.render.markdown.layout import Details, Document, Listing, render
from syncspec.render.markdown.matrix import matrix
from syncspec.render.outliers import FieldUse
from syncspec.render.redaction import HIDDEN, redacted_plan
from syncspec.render.review import Concern, Review, SetReview, most_telling, review_of, samples, told_apart
from syncspec.render.steps import Reading, Step, steps
from syncspec.render.values import counted
from syncspec.render.voice import PLANNED, Voice

__all__ = ["plan_document", "plan_markdown"]

_MOST_FIELDS = 12
_MOST_RULES = 5
_MANY = 20
"""Of more changes with one concern, the counts per set and rule are told first."""

_WHOLE = 60
"""Up to so many changes of a set are a table; of more the reader gets how fields are used, and samples."""

_SAMPLES = 5
_MOST_USES = 25


def plan_markdown(plan: Plan, *, redact: bool = False) -> str:
    """The plan as Markdown of less than 65,536 characters, the same for equal plans; `redact` hides every value."""
    return render(plan_document(plan, redact=redact))


def plan_document(plan: Plan, *, redact: bool = False, voice: Voice = PLANNED) -> Document:
    """The plan as the blocks of a comment."""
    shown = redacted_plan(plan, keep_reasons=voice.tells_why) if redact else plan
    pieces = _Pieces(plan=shown, review=review_of(plan), hidden=HIDDEN if redact else "(sensitive)", voice=voice)
    open_findings, folded_findings = finding_parts(shown.diagnostics)
    return Document(
        head=pieces.head(voice.summary(plan), redacted=redact),
        matrix=pieces.matrix(),
        eye=tuple(pieces.eye()),
        findings=open_findings,
        quiet=tuple(pieces.drift()),
        details=(*pieces.sets(), *pieces.grounds(), *folded_findings),
        more_details=lambda number: f"… and {counted(number, 'more folded part')} for which there is no room.\n",
        foot=pieces.foot(),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pieces:
    """The parts of one plan's comment."""

    plan: Plan
    review: Review
    hidden: str
    voice: Voice

    def head(self, summary: str, *, redacted: bool) -> tuple[str, ...]:
        plan = self.plan
        names = f"project={marker_value(plan.project)} env={marker_value(plan.environment or '')}"
        place = code(plan.project) + (f" ({code(plan.environment)})" if plan.environment is not None else "")
        hidden = " Values are hidden." if redacted else ""
        return (f"<!-- syncspec:plan {names} -->", f"## syncspec plan: {place}", "", f"**{summary}**{hidden}", "")

    def matrix(self) -> Listing:
        """The number of changes per set and action; of actions that occur."""
        sets = self.review.sets
        actions = [action for action in self.voice.actions if any(each.count(action) for each in sets)]
        return matrix(
            [self.voice.names[action] for action in actions],
            {each.name: [each.count(action) for action in actions] for each in sets},
            first=[each.name for each in sets if set(each.positions) - _QUIET],
        )

    def eye(self) -> Iterator[Listing]:
        title: tuple[str, ...] = ("### Needs an eye", "")
        for concern, positions in self.review.eye.items():
            if concern is not Concern.DRIFT:
                yield self._concern(concern, positions, title)
                title = ()

    def drift(self) -> Iterator[Listing]:
        """What differs and is left as it is."""
        if positions := self.review.eye.get(Concern.DRIFT):
            yield self._concern(Concern.DRIFT, positions, ("### Left as it is", ""))

    def _concern(self, concern: Concern, positions: tuple[int, ...], title: tuple[str, ...]) -> Listing:
        heading = self.voice.concerns[concern]
        rules = told_apart(self.plan, positions)
        told: tuple[str, ...] = ()
        if len(positions) > _MANY:
            parts = [
                f"{number:,} in {code(name)} ({code(rule)})" for (name, rule), number in rules.most_common(_MOST_RULES)
            ]
            told = (", ".join(parts) + (", and more" if len(rules) > _MOST_RULES else ""), "")
        return Listing(
            head=(*title, f"**{heading} ({len(positions):,})**", "", *told),
            count=len(positions),
            row=lambda place: self._entry(positions[place], concern),
            more=lambda number: f"- … and {number:,} more: {heading.lower()}",
            first=most_telling(self.plan, self.review, positions),
            foot=("",),
        )

    def _entry(self, position: int, concern: Concern) -> str:
        change = self.plan.changes[position]
        parts = [
            f"- {self.voice.names[change.action]}" if concern in _OF_SEVERAL_ACTIONS else "-",
            code(change.address),
        ]
        parts += [code(change.upstream_id)] if change.upstream_id else []
        parts += [f"(was {code(change.moved_from)})"] if change.moved_from else []
        note = self.review.notes.get(position)
        told = [f"unlike the rest: {prose(note)}"] if note else []
        told += [prose(change.reason)] if change.reason else []
        place = f" ({code(str(change.source))})" if change.source else ""
        lines = [" ".join(parts) + (": " if told else "") + "; ".join(told) + place]
        lines += [f"  - {each}" for each in self._fields(position)]
        return "\n".join(lines)

    def _fields(self, position: int) -> Iterator[str]:
        change = self.plan.changes[position]
        for step in steps(change, most=_MOST_FIELDS):
            yield f"{code(step.path)}: {self._values(step)}"
        if len(change.fields) > _MOST_FIELDS:
            yield f"and {counted(len(change.fields) - _MOST_FIELDS, 'more field')}"

    def _values(self, step: Step) -> str:
        match step.reading:
            case Reading.HIDDEN:
                return self.hidden
            case Reading.SET:
                return code(step.after)
            case Reading.GONE:
                return code(step.before)
            case Reading.CHANGED:
                return f"{code(step.before)} → {code(step.after)}"
            case Reading.APART:
                return f"{code(step.before)} upstream, {code(step.after)} declared"
            case _ as unreachable:
                assert_never(unreachable)

    def sets(self) -> Iterator[Details]:
        looked_at = self.review.looked_at()
        for each in self.review.sets:
            groups: dict[Action, tuple[int, ...]] = {
                action: rest
                for action, positions in each.positions.items()
                if action is not Action.UNCHANGED
                and (rest := tuple(position for position in positions if position not in looked_at))
            }
            if groups:
                yield self._set(each, groups)

    def _set(self, each: SetReview, groups: dict[Action, tuple[int, ...]]) -> Details:
        where = f"{html_code(each.target.collection_id)} in {html_code(each.target.upstream)}"
        numbers = {action: len(positions) for action, positions in groups.items()}
        total = sum(numbers.values())
        everything = tuple(position for positions in groups.values() for position in positions)
        return Details(
            summary=f"{html_code(each.name)} ({where}): {self.voice.counts(numbers)}",
            weight=total,
            whole=self._table(everything) if total <= _WHOLE else None,
            digest=tuple(listing for action in groups for listing in self._group(each, action, groups[action])),
            is_open=True,
        )

    def _group(self, each: SetReview, action: Action, positions: tuple[int, ...]) -> Iterator[Listing]:
        uses = self.review.uses.get((each.name, action), ())
        if uses:
            above = each.count(action) - len(positions)
            told = f", {above:,} of them above" if above else ""
            yield Listing(
                head=(
                    f"**{each.count(action):,} {self.voice.actions[action].words}{told}**",
                    "",
                    "| field | records | alike |",
                    "|---|--:|---|",
                ),
                count=min(len(uses), _MOST_USES),
                row=lambda place: self._use(uses[place]),
                more=lambda number: f"| … and {counted(number, 'more field')} | | |",
                beyond=max(0, len(uses) - _MOST_USES),
                foot=("",),
            )
        shown = tuple(positions[place] for place in samples(len(positions), _SAMPLES))
        yield self._table(shown, beyond=len(positions) - len(shown))

    def _use(self, use: FieldUse) -> str:
        alike = ""
        if use.alike > 1:
            step = next(step for step in steps(self.plan.changes[use.example]) if step.path == use.path)
            told = "" if step.reading is Reading.HIDDEN else f" {self._values(step)}"
            alike = f"{use.alike:,}:{told}" if told else f"{use.alike:,}"
        return f"| {code(use.path)} | {use.records:,} | {alike} |"

    def _table(self, positions: tuple[int, ...], *, beyond: int = 0) -> Listing:
        return Listing(
            head=("| | record | fields |", "|---|---|---|"),
            count=len(positions),
            row=lambda place: self._row(positions[place]),
            more=lambda number: f"| … | and {number:,} more | |",
            beyond=beyond,
            foot=("",),
        )

    def _row(self, position: int) -> str:
        change = self.plan.changes[position]
        known = f" {code(change.upstream_id)}" if change.upstream_id else ""
        former = f" (was {code(change.moved_from)})" if change.moved_from else ""
        told = [prose(change.reason)] if self.voice.tells_why and change.reason else []
        fields = "<br>".join([*told, *self._fields(position)])
        return f"| {self.voice.names[change.action]} | {code(change.address)}{known}{former} | {fields} |"

    def grounds(self) -> Iterator[Details]:
        """What would be sent and what was read, folded."""
        requests, seen = request_groups(self.plan), observations_that_matter(self.plan)
        lines = [f"- wave {group.wave + 1}: {prose(request_text(group))}" for group in requests]
        lines += [f"- read: {prose(observation_text(each))}" for each in seen]
        if lines:
            listing = Listing(
                head=(),
                count=len(lines),
                row=lines.__getitem__,
                more=lambda number: f"- … and {number:,} more",
                foot=("",),
            )
            yield Details(summary="Requests, and what was read", weight=0, whole=None, digest=(listing,))

    def foot(self) -> tuple[str, ...]:
        env = f" -e {shlex.quote(self.plan.environment)}" if self.plan.environment is not None else ""
        digest = f"Plan {code(self.plan.digest[:12])}. " if self.plan.digest else ""
        return (
            "---",
            "",
            f"{digest}Apply with {code(f'syncspec apply{env}')}, which plans again first. "
            f"See all of it with {code(f'syncspec plan{env} --full')} or {code('--format html')}.",
        )


_OF_SEVERAL_ACTIONS = frozenset({Concern.PROTECTED, Concern.ADOPT, Concern.OUTLIER, Concern.RESTORE})
_QUIET = frozenset({Action.CREATE, Action.UPDATE, Action.MOVE, Action.UNCHANGED})
