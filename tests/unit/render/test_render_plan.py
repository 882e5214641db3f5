"""Plans as text and JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from support.builders import TARGET

from syncspec.diagnostics import Source
from syncspec.planning.plan import Action, Batch, Change, FieldChange, ObservationSummary, Plan
from syncspec.records import Absence
from syncspec.render.documents import PlanDocument
from syncspec.render.plan_json import plan_json
from syncspec.render.plan_text import plan_text, summary_line


def change(address: str, action: Action, **more: Any) -> Change:
    values: dict[str, Any] = {"code": "x", "reason": f"because of {address}", "target": TARGET}
    return Change(address=address, action=action, **{**values, "source": Source(file="m.yaml", line=3), **more})


def plan_of(*changes: Change, **more: Any) -> Plan:
    creates = tuple(each for each in changes if each.action is Action.CREATE)
    batches = (Batch(wave=0, kind="create", target=TARGET, changes=creates, size=1234),) if creates else ()
    seen = ObservationSummary(target=TARGET, readable=True, absence=Absence.PROVED, reason="", live_rows=7, cursor="9")
    values: dict[str, Any] = {"environment": None, "batches": batches, "observations": (seen,), "digest": "d" * 64}
    return Plan(project="p", changes=changes, **{**values, **more})


EVERY = [change(f"set.{action.value}", action, upstream_id="003A") for action in Action]


def test_every_action_has_a_symbol_of_its_own_and_its_reason() -> None:
    text = plan_text(plan_of(*EVERY))
    assert "set.unchanged" not in text
    symbols = {
        line.split()[1]: line.split()[0] for line in text.splitlines() if line.startswith("  ") and " set." in line[:8]
    }
    assert symbols == {
        "set.create": "+",
        "set.adopt": "=",
        "set.update": "~",
        "set.delete": "-",
        "set.move": ">",
        "set.drift": "*",
        "set.blocked": "!",
        "set.unknown": "?",
    }
    assert "because of set.blocked (m.yaml:3:1)" in text
    assert text.endswith(
        "Plan: 1 to create, 1 to adopt, 1 to update, 1 to delete, 1 to move, 1 drifted, 1 blocked, 1 unknown, "
        "1 unchanged.\n"
    )


@pytest.mark.parametrize(
    ("actions", "line"),
    [
        ([], "No changes. No records are declared."),
        ([Action.UNCHANGED], "No changes. 1 record is as declared."),
        ([Action.UNCHANGED] * 5, "No changes. 5 records are as declared."),
        ([Action.DRIFT, Action.UNCHANGED], "Nothing to apply: 1 drifted, 1 unchanged."),
        ([Action.BLOCKED], "Nothing to apply: 1 blocked."),
        ([Action.ADOPT, Action.UNCHANGED], "Plan: 1 to adopt, 1 unchanged."),
    ],
)
def test_the_last_line_says_whether_there_is_anything_to_do(actions: list[Action], line: str) -> None:
    plan = plan_of(*(change(f"set.r{number}", action) for number, action in enumerate(actions)))
    assert summary_line(plan) == line
    assert plan_text(plan).endswith(f"{line}\n")


def test_only_creates_are_cut_short() -> None:
    changes = [change(f"set.r{number:03}", Action.CREATE) for number in range(100)]
    changes += [change(f"set.s{number:03}", Action.BLOCKED) for number in range(100)]
    short = plan_text(plan_of(*changes))
    assert short.count("  + ") == 5
    assert short.count("  ! ") == 100
    assert "… and 95 more to create (--full shows all)" in short
    assert plan_text(plan_of(*changes), full=True).count("  + ") == 100


def test_fields_are_shown_as_what_is_upstream_and_what_is_declared() -> None:
    fields = (
        FieldChange(path="Title", before="Sword\x1b[0m", after=None),
        FieldChange(path="SSN", sensitive=True, before="123", after="456"),
    )
    text = plan_text(plan_of(change("set.a", Action.DRIFT, fields=fields)))
    assert '      Title  "Sword\\u001b[0m" upstream, null declared\n' in text
    assert "      SSN    (sensitive)\n" in text
    assert "123" not in text


def test_an_update_says_from_what_to_what() -> None:
    fields = (FieldChange(path="Phone", before="+1", after="+2"), FieldChange(path="Title", before="Duke", after=None))
    text = plan_text(plan_of(change("set.a", Action.UPDATE, upstream_id="003A", fields=fields)))
    assert text.startswith(
        "set (salesforce:contact in crm)\n"
        "  ~ set.a  003A\n"
        "      because of set.a\n"
        '      Phone  "+1" -> "+2"\n'
        '      Title  "Duke" -> null\n'
    )


def test_a_deletion_shows_what_would_be_lost_and_a_move_where_it_comes_from() -> None:
    gone = change("set.a", Action.DELETE, fields=(FieldChange(path="Name", before="Rabban"),))
    moved = change("set.b", Action.MOVE, upstream_id="003B", moved_from="set.old")
    text = plan_text(plan_of(gone, moved))
    assert '  - set.a\n      because of set.a\n      Name  "Rabban"\n' in text
    assert "  > set.b  003B  (was set.old)\n" in text


def test_what_needs_an_eye_comes_last_within_a_set() -> None:
    lines = plan_text(plan_of(*EVERY)).splitlines()
    order = [line.split()[0] for line in lines if line.startswith("  ") and "set." in line[:8]]
    assert order == ["*", "+", "~", ">", "=", "-", "?", "!"]


def test_more_than_a_hundred_updates_are_told_by_use_and_samples_unless_all_are_wanted() -> None:
    fields = (FieldChange(path="Source", before="Web", after="Partner"),)
    changes = [change(f"set.r{number:03}", Action.UPDATE, fields=fields) for number in range(150)]
    short = plan_text(plan_of(*changes))
    assert short.count("  ~ ") == 5
    assert (
        "  … and 145 more to update (--full shows all); of all 150:\n"
        '      Source  150 records, all "Web" -> "Partner"\n'
    ) in short
    assert plan_text(plan_of(*changes), full=True).count("  ~ ") == 150


def test_thousands_of_blocked_records_are_told_by_what_decided() -> None:
    changes = [change(f"set.r{number:04}", Action.BLOCKED, code="not-readable") for number in range(5000)]
    changes[7] = change("set.r0007", Action.BLOCKED, code="duplicate")
    text = plan_text(plan_of(*changes))
    assert "      4,999 records: not-readable\n      1 record: duplicate\n" in text
    assert len(text.splitlines()) < 30


def test_waves_are_told_where_there_are_several() -> None:
    one = change("set.a", Action.CREATE)
    batches = tuple(Batch(wave=wave, kind="create", target=TARGET, changes=(one,), size=10) for wave in (0, 0, 1))
    text = plan_text(plan_of(one, batches=batches))
    assert "  wave 1: 2 requests to crm: create 2 records of salesforce:contact (20 bytes)\n" in text
    assert "  wave 2: 1 request to crm: create 1 record of salesforce:contact (10 bytes)\n" in text


def test_a_value_of_megabytes_stays_a_line() -> None:
    text = plan_text(plan_of(change("set.a", Action.CREATE, fields=(FieldChange(path="a", after="x" * 10_000_000),))))
    assert max(map(len, text.splitlines())) < 150


@pytest.mark.parametrize(
    ("absence", "readable", "words"),
    [
        (Absence.PROVED, True, "7 records, the whole list\n"),
        (Absence.ASSUMED, True, "7 records, assumed to be the whole list: nobody says\n"),
        (Absence.UNKNOWN, True, "7 records, not the whole list: nobody says\n"),
        (Absence.UNKNOWN, False, "could not be read: nobody says\n"),
    ],
)
def test_a_plan_says_how_absence_is_known(absence: Absence, readable: bool, words: str) -> None:
    reason = "" if absence is Absence.PROVED else "nobody says"
    seen = ObservationSummary(target=TARGET, readable=readable, absence=absence, reason=reason, live_rows=7)
    text = plan_text(plan_of(change("set.a", Action.CREATE, absence=absence), observations=(seen,)))
    assert words in text


def test_colour_only_adds_colour() -> None:
    import re

    coloured = plan_text(plan_of(*EVERY), color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plan_text(plan_of(*EVERY))


def test_the_json_plan_fits_its_schema_and_hides_what_is_sensitive() -> None:
    fields = (
        FieldChange(path="SSN", sensitive=True, before="canary-1", after="canary-2"),
        FieldChange(path="N", after=2**70),
    )
    content = plan_json(plan_of(*EVERY, change("set.z", Action.CREATE, absence=Absence.PROVED, fields=fields)))
    document = json.loads(content)
    assert PlanDocument.model_validate(document).model_dump(mode="json") == document
    assert b"canary" not in content
    assert document["changes"][-1]["fields"][1]["after"] == 2**70
    assert document["summary"]["create"] == 2
    assert document["requests"][0]["addresses"] == ["set.create", "set.z"]
    assert "cursor" not in document["observations"][0]
