"""A plan as a reviewer reads it: per set what is done with each record, then what it rests on and what is sent.

A handful of changes of one kind is shown whole. Of thousands the reader gets how their fields are used, those that
are unlike the rest, and samples from all over; what needs an eye is then named once more at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import assert_never

from syncspec.planning.plan import Action, Change, Plan
from syncspec.records import Absence
from syncspec.render.grounds import observation_text, observations_that_matter, request_groups, request_text
from syncspec.render.outliers import FieldUse
from syncspec.render.redaction import HIDDEN, redacted_plan
from syncspec.render.review import Concern, Review, SetReview, review_of, samples, told_apart
from syncspec.render.steps import Reading, Step, steps
from syncspec.render.terminal import Painter, Style, clipped, display_width, visible
from syncspec.render.values import counted
from syncspec.render.voice import PLANNED, Voice
from syncspec.render.words import summary_line

__all__ = ["plan_text", "summary_line"]

_ORDER = (
    Action.DRIFT,
    Action.CREATE,
    Action.UPDATE,
    Action.MOVE,
    Action.ADOPT,
    Action.DELETE,
    Action.UNKNOWN,
    Action.BLOCKED,
)
"""Within a set what needs an eye comes last: that is what a terminal still shows. Drift writes nothing."""

_MOST_CREATES = 20
_MOST_OTHERS = 100
"""Up to so many changes of one set and action are all shown."""

_SAMPLES = 5
_OUTLIERS = 20
_USES = 10
_MANY_SHOWN = 20
"""Where more changes than this are shown, those that need an eye are named again at the end."""

_NAMED_AGAIN = 10
_LONGEST_NAME = 60


def plan_text(
    plan: Plan, *, color: bool = False, full: bool = False, redact: bool = False, voice: Voice = PLANNED
) -> str:
    """The plan without its diagnostics. `full` shows every change, `redact` no value."""
    review = review_of(plan)
    lines = _Lines(
        plan=redacted_plan(plan, keep_reasons=voice.tells_why) if redact else plan,
        review=review,
        paint=Painter(color=color),
        full=full,
        hidden=HIDDEN if redact else "(sensitive)",
        voice=voice,
    )
    parts = [*lines.sets(), *lines.eye_again(), *lines.observations(), *lines.requests()]
    parts += ["Values are hidden.", ""] if redact else []
    parts.append(lines.paint(voice.summary(plan), Style.STRONG))
    return "\n".join(parts) + "\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """One plan's lines, in the way that the reader wants them."""

    plan: Plan
    review: Review
    paint: Painter
    full: bool
    hidden: str
    voice: Voice

    def sets(self) -> Iterator[str]:
        for each in self.review.sets:
            if not any(each.count(action) for action in _ORDER):
                continue
            target = each.target
            title = self.paint(visible(each.name), Style.STRONG)
            yield f"{title} ({visible(target.collection_id)} in {visible(target.upstream)})"
            for action in _ORDER:
                if each.count(action):
                    yield from self._group(each, action)
            yield ""

    def _group(self, each: SetReview, action: Action) -> Iterator[str]:
        """The changes of one set and action: all of them, or what is to be known of very many."""
        positions = each.positions[action]
        if self._is_whole(action, len(positions)):
            for position in positions:
                yield from self._change(position)
            return
        shown = self._chosen(positions)
        for position in shown:
            yield from self._change(position)
        more = f"  … and {len(positions) - len(shown):,} more {self.voice.actions[action].words} (--full shows all)"
        facts = [*self._uses(self.review.uses.get((each.name, action), ())), *self._rules(action, positions)]
        yield f"{more}; of all {len(positions):,}:" if facts else more
        yield from facts

    def _is_whole(self, action: Action, number: int) -> bool:
        return self.full or number <= (_MOST_CREATES if action is Action.CREATE else _MOST_OTHERS)

    def _chosen(self, positions: Sequence[int]) -> list[int]:
        """The outliers, and samples from all over the rest, in order."""
        outliers = [position for position in positions if position in self.review.notes]
        rest = [position for position in positions if position not in self.review.notes]
        return sorted(outliers[:_OUTLIERS] + [rest[place] for place in samples(len(rest), _SAMPLES)])

    def _uses(self, uses: Sequence[FieldUse]) -> Iterator[str]:
        width = max((display_width(_name(use.path)) for use in uses[:_USES]), default=0)
        for use in uses[:_USES]:
            yield f"      {_padded(_name(use.path), width)}  {counted(use.records, 'record')}{self._alike(use)}"
        if len(uses) > _USES:
            yield f"      … and {counted(len(uses) - _USES, 'more field')}"

    def _alike(self, use: FieldUse) -> str:
        if use.alike < 2:
            return ""
        number = "all" if use.alike == use.records else f"{use.alike:,} of them"
        step = next(step for step in steps(self.plan.changes[use.example]) if step.path == use.path)
        return f", {number} {'alike' if step.reading is Reading.HIDDEN else self._values(step)}"

    def _rules(self, action: Action, positions: tuple[int, ...]) -> Iterator[str]:
        """What decided, where that can be several things."""
        if action in (Action.BLOCKED, Action.UNKNOWN):
            for (_, code), number in told_apart(self.plan, positions).most_common(_USES):
                yield f"      {counted(number, 'record')}: {visible(code)}"

    def _change(self, position: int) -> Iterator[str]:
        change = self.plan.changes[position]
        yield f"  {self._head(change)}"
        if position in self.review.notes:
            yield f"      {self.paint('unlike the rest', Style.WARNING)}: {visible(self.review.notes[position])}"
        if change.reason and (change.action is not Action.CREATE or change.absence is not Absence.PROVED):
            place = f" ({visible(str(change.source))})" if change.source and change.action in _NEEDS_PLACE else ""
            yield f"      {visible(change.reason)}{place}"
        width = max((display_width(_name(each.path)) for each in change.fields), default=0)
        for step in steps(change):
            yield f"      {_padded(_name(step.path), width)}  {self._values(step)}"

    def _head(self, change: Change) -> str:
        mark = self.voice.actions[change.action]
        known = f"  {visible(change.upstream_id)}" if change.upstream_id else ""
        former = f"  (was {visible(change.moved_from)})" if change.moved_from else ""
        return f"{self.paint(f'{mark.symbol} {visible(change.address)}', mark.style)}{known}{former}"

    def _values(self, step: Step) -> str:
        match step.reading:
            case Reading.HIDDEN:
                return self.hidden
            case Reading.SET:
                return step.after
            case Reading.GONE:
                return step.before
            case Reading.CHANGED:
                return f"{self.paint(step.before, Style.STOPPED)} -> {self.paint(step.after, Style.ADDED)}"
            case Reading.APART:
                return f"{step.before} upstream, {step.after} declared"
            case _ as unreachable:
                assert_never(unreachable)

    def eye_again(self) -> Iterator[str]:
        """What needs an eye, a line each, where it would be lost among the others."""
        shown = sum(
            len(positions) if self._is_whole(action, len(positions)) else len(self._chosen(positions))
            for each in self.review.sets
            for action, positions in each.positions.items()
            if action in _ORDER
        )
        if shown <= _MANY_SHOWN or not self.review.eye:
            return
        yield self.paint("Needs an eye:", Style.STRONG)
        for concern, positions in self.review.eye.items():
            if len(positions) > _NAMED_AGAIN:
                yield f"  {counted(len(positions), 'record')}, see above: {self.voice.concerns[concern].lower()}"
                continue
            for position in positions:
                yield f"  {self._head(self.plan.changes[position])}  {self._why(concern, position)}"
        yield ""

    def _why(self, concern: Concern, position: int) -> str:
        note = self.review.notes.get(position)
        heading = self.voice.concerns[concern].lower()
        return f"{heading}: {visible(note)}" if note else heading

    def observations(self) -> Iterator[str]:
        told = observations_that_matter(self.plan)
        if told:
            yield "Read:"
            yield from (f"  {visible(observation_text(seen))}" for seen in told)
            yield ""

    def requests(self) -> Iterator[str]:
        groups = request_groups(self.plan)
        if not groups:
            return
        several = len({group.wave for group in groups}) > 1
        yield "Requests:"
        for group in groups:
            wave = f"wave {group.wave + 1}: " if several else ""
            yield f"  {wave}{visible(request_text(group))}"
        yield ""


_NEEDS_PLACE = frozenset({Action.BLOCKED, Action.UNKNOWN})


def _name(path: str) -> str:
    return clipped(visible(path), _LONGEST_NAME)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))
