"""A reviewer's trial: hazards are planted in plans of three, sixty and five thousand changes, and must be seen.

Seen means: without opening, expanding or scrolling a list that another program makes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from support.pages import read_html
from support.plans import change, hazards, large_plan, plan_of, step

from syncspec.planning.plan import Action, Plan
from syncspec.render.html import plan_html
from syncspec.render.markdown import plan_markdown
from syncspec.render.plan_text import plan_text


def markdown_in_the_open(plan: Plan) -> str:
    return re.sub(r"<details>.*?</details>", "", plan_markdown(plan), flags=re.DOTALL)


def html_without_script(plan: Plan) -> str:
    reading = read_html(plan_html(plan))
    return "\n".join([*reading.texts, *reading.codes])


FORMATS: dict[str, Callable[[Plan], str]] = {
    "text": plan_text,
    "markdown": markdown_in_the_open,
    "html": html_without_script,
}
every_format = pytest.mark.parametrize("format", FORMATS)


def three() -> Plan:
    return plan_of(*hazards(), change("contacts.paul", Action.UPDATE, fields=(step("Title", "Duke", "Emperor"),)))


def sixty() -> Plan:
    return large_plan(40, outlier=33, creates=18)


def five_thousand() -> Plan:
    return large_plan(4812, outlier=777, creates=186)


@every_format
@pytest.mark.parametrize("plan", [three(), sixty(), five_thousand()], ids=["3", "60", "5000"])
def test_the_deletion_and_the_adoption_are_seen(format: str, plan: Plan) -> None:
    shown = FORMATS[format](plan)
    assert "contacts.rabban" in shown
    assert "it is no longer declared, and on_remove is delete" in re.sub(r"[`\n]", "", shown)
    assert "contacts.mapes" in shown
    assert "+1 555 0111" in shown


@every_format
@pytest.mark.parametrize(("plan", "name"), [(sixty(), "leads.r0033"), (five_thousand(), "leads.r0777")])
def test_the_one_update_that_is_unlike_the_rest_is_seen_with_its_values(format: str, plan: Plan, name: str) -> None:
    shown = FORMATS[format](plan)
    assert name in shown
    assert "with OwnerId and without LeadSource" in shown
    assert "005B" in shown


@every_format
def test_every_change_of_a_small_plan_is_told_field_by_field(format: str) -> None:
    if format == "text":
        assert '      Title  "Duke" -> "Emperor"\n' in FORMATS[format](three())
    elif format == "markdown":
        assert '`Title`: `"Duke"` → `"Emperor"`' in plan_markdown(three())
    else:
        assert '"changed","\\"Duke\\"","\\"Emperor\\""]' in plan_html(three())


def test_five_thousand_changes_are_a_page_of_text() -> None:
    lines = plan_text(five_thousand()).splitlines()
    assert len(lines) < 80
    end = lines[-12:]
    assert lines[-1] == "Plan: 186 to create, 1 to adopt, 4,812 to update, 1 to delete."
    assert not any("leads.r" in line for line in end)


def test_sixty_changes_are_shown_whole_and_the_hazards_are_named_again_at_the_end() -> None:
    text = plan_text(sixty())
    assert text.count("  ~ leads.") == 41
    again = text.partition("Needs an eye:\n")[2]
    assert "  - contacts.rabban  003R  to delete\n" in again
    assert "  = contacts.mapes  003M  to adopt\n" in again
    assert "  ~ leads.r0033  00Q000033  unlike the rest: with OwnerId and without LeadSource\n" in again


def test_a_hundred_updates_are_all_told() -> None:
    changes = [
        change(f"leads.r{place:03}", Action.UPDATE, fields=(step(f"F{place}", place, place + 1),))
        for place in range(100)
    ]
    text = plan_text(plan_of(*changes))
    assert [place for place in range(100) if f"  {place} -> {place + 1}\n" not in text] == []
