"""What differs between two revisions in each format, also with what tries to break out of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from support.builders import TARGET
from support.pages import read_html, read_markdown

from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.planning.comparison import Comparison, DeclaredChange, Kind
from syncspec.planning.expectation import Effect
from syncspec.planning.plan import FieldChange
from syncspec.planning.set_settings import SettingChange
from syncspec.project.formats import render_changes
from syncspec.render.markdown.layout import LIMIT
from syncspec.render.schemas import all_schemas

FORMATS = ["text", "json", "markdown", "html", "github"]
HOSTILE = '"</script><b>@everyone \x1b[2J ::error::x | ` -->'


def change(address: str, kind: Kind, effect: Effect = Effect.NOTHING, **more: Any) -> DeclaredChange:
    source = Source(file="m.yaml", line=3)
    return DeclaredChange(
        **{"address": address, "kind": kind, "effect": effect, "target": TARGET, "source": source, **more}
    )


def step(path: str, before: Any = None, after: Any = None) -> FieldChange:
    return FieldChange(path=path, before=before, after=after)


def comparison(*changes: DeclaredChange, **more: Any) -> Comparison:
    return Comparison(**{"project": "arrakis", "environments": (), "changes": changes, **more})


def rendered(format: str, *comparisons: Comparison, **more: Any) -> str:
    return render_changes(comparisons, format, **{"older": "main (1)", "newer": "HEAD (2)", **more})


EACH = comparison(
    change("contacts.new", Kind.ADDED, Effect.CREATE, fields=(step("Email", None, "n@x"),)),
    change("contacts.old", Kind.REMOVED, Effect.DELETE, upstream_id="003D"),
    change(
        "contacts.paul",
        Kind.CHANGED,
        Effect.UPDATE,
        upstream_id="003A",
        fields=(step("Name", "Paul", "Muad"),),
        released=("Phone",),
    ),
    change("contacts.x", Kind.RENAMED, Effect.MOVE, former="contacts.w"),
    settings=(
        SettingChange(name="guards.max_deletes", before=1, after=9, grave=True, source=Source(file="syncspec.yaml")),
        SettingChange(name="batch.max_records", before=1, after=2, set_name="contacts"),
    ),
)


def test_text_tells_settings_records_and_the_sum() -> None:
    assert rendered("text", EACH) == (
        "From main (1) to HEAD (2):\n"
        "\n"
        "Settings\n"
        "  ! guards.max_deletes: 1 -> 9 (syncspec.yaml:1:1)\n"
        "    batch.max_records of contacts: 1 -> 2\n"
        "\n"
        "contacts (salesforce:contact in crm)\n"
        "  + contacts.new\n"
        '      Email  "n@x"\n'
        "  ~ contacts.paul  003A\n"
        "      no longer managed, and not cleared upstream: Phone\n"
        '      Name  "Paul" -> "Muad"\n'
        "  > contacts.x  (was contacts.w)\n"
        "      the same record under another address: it keeps its upstream ID\n"
        "  - contacts.old  003D\n"
        "      to delete upstream, for its on_remove is delete\n"
        "\n"
        "Declared: 1 added, 1 changed, 1 renamed, 1 removed.\n"
    )


def test_text_of_no_difference_says_so() -> None:
    assert rendered("text", comparison()).endswith("\nNo record is declared in another way.\n")


@pytest.mark.parametrize("format", FORMATS)
def test_no_format_says_that_anything_would_be_done(format: str) -> None:
    told = rendered(format, EACH)
    for words in ("to create", "to update", "Plan:", "syncspec apply -", "Apply with"):
        assert words not in told


@pytest.mark.parametrize("format", FORMATS)
def test_environments_are_told_apart_and_what_they_share_is_told_once(format: str) -> None:
    first = replace(EACH, environments=("sandbox", "stage"))
    second = replace(first, environments=("prod",), changes=first.changes[:1])
    told = rendered(format, first, second)
    for name in ("sandbox", "prod"):
        assert name in told
    if format != "json":
        assert told.count("guards.max_deletes") == 1


def test_the_comment_has_a_marker_of_its_own() -> None:
    told = rendered("markdown", EACH)
    assert told.startswith("<!-- syncspec:changes project=arrakis env= -->\n## syncspec changes: `arrakis`\n")
    assert "syncspec:plan" not in told
    assert rendered("markdown", EACH, environment="prod").startswith("<!-- syncspec:changes project=arrakis env=prod")


def test_the_comment_keeps_removals_open_and_reasons_in_its_tables() -> None:
    told = rendered("markdown", EACH)
    opened = told.partition("<details>")[0]
    assert "**Removed (1)**" in opened
    assert "`contacts.old` `003D`: to delete upstream" in opened
    assert "`guards.max_deletes:` 1 `->` 9" in opened
    assert "| changed | `contacts.paul` `003A` | no longer managed, and not cleared upstream: Phone<br>`Name`" in told


@pytest.mark.parametrize("number", [1, 3, 30])
def test_the_comment_fits_whatever_differs_in_however_many_environments(number: int) -> None:
    changes = tuple(
        change(f"contacts.r{place}", Kind.CHANGED, Effect.UPDATE, fields=(step("Name", f"{place}" * 20, "y" * 90),))
        for place in range(2000)
    )
    several = [comparison(*changes[each:], environments=(f"e{each}",)) for each in range(number)]
    told = rendered("markdown", *several)
    assert len(told.encode("utf-16-le")) // 2 <= LIMIT + 100
    assert told.count("**Declared:") == min(number, 20)
    assert read_markdown(told).tags.count("details") >= min(number, 20)


def test_the_json_document_fits_its_schema() -> None:
    document = json.loads(rendered("json", EACH))
    jsonschema.validate(document, all_schemas()["changes.v1.schema.json"])
    (only,) = document["comparisons"]
    assert only["summary"] == {"added": 1, "changed": 1, "renamed": 1, "removed": 1, "unchanged": 0, "settings": 2}
    assert [each["effect"] for each in only["changes"]] == ["create", "delete", "update", "move"]
    assert only["changes"][3]["former"] == "contacts.w"


def test_annotations_warn_of_removals_without_a_line_of_the_newer_files() -> None:
    lines = rendered("github", EACH, folder="crm").splitlines()
    (removed,) = [line for line in lines if "contacts.old" in line]
    assert removed.startswith("::warning title=Removed::contacts.old: to delete upstream")
    assert "it stood at m.yaml:3:1" in removed
    assert "::notice file=crm/m.yaml,line=3,col=1,endColumn=2,title=Changed::contacts.paul" in "\n".join(lines)


def test_annotations_of_settings_name_the_environments_that_they_differ_in() -> None:
    first = replace(EACH, environments=("sandbox", "stage"))
    second = replace(EACH, environments=("prod",), settings=EACH.settings[:1])
    lines = rendered("github", first, second).splitlines()
    told = {line.partition("::")[2].partition("::")[2]: line for line in lines if "title=A setting differs" in line}
    assert len(told) == len([line for line in lines if "title=A setting differs" in line]) == 2
    (both,) = [line for text, line in told.items() if text.startswith("guards.max_deletes")]
    (one,) = [line for text, line in told.items() if text.startswith("batch.max_records")]
    assert "title=A setting differs (sandbox%2C stage%2C prod)::" in both
    assert "title=A setting differs (sandbox%2C stage)::" in one
    assert "title=A setting differs::" in rendered("github", EACH)


def test_annotations_of_several_environments_stay_within_what_is_shown() -> None:
    gone = tuple(change(f"contacts.r{place}", Kind.REMOVED) for place in range(30))
    told = rendered("github", comparison(*gone, environments=("a",)), comparison(*gone[1:], environments=("b",)))
    warnings = [line for line in told.splitlines() if line.startswith("::warning")]
    assert len(warnings) == 10
    assert "50 more" in warnings[-1]


@pytest.mark.parametrize("format", FORMATS)
def test_no_value_is_shown_where_values_are_hidden(format: str) -> None:
    canary = comparison(
        change("contacts.a", Kind.CHANGED, fields=(step("Name", "canary-1", "canary-2"),), released=("Phone",)),
        change("contacts.b", Kind.ADDED, fields=(step("Name", None, "canary-3"),)),
        settings=(SettingChange(name="sync_id", before="canary-4", after="canary-5", set_name="contacts"),),
        diagnostics=(Diagnostic(severity=Severity.WARNING, code="older-side", summary="x", detail="canary-6"),),
    )
    told = rendered(format, canary, redact=True)
    assert "canary" not in told
    for name in ("contacts.a", "Name", "sync_id", "Phone"):
        assert name in told


@pytest.mark.parametrize("format", FORMATS)
def test_no_value_breaks_out_of_a_format(format: str) -> None:
    evil = comparison(
        change(
            f"contacts.{HOSTILE}", Kind.CHANGED, fields=(step(HOSTILE, HOSTILE, HOSTILE + "!"),), released=(HOSTILE,)
        ),
        change("contacts.b", Kind.RENAMED, former=HOSTILE, upstream_id=HOSTILE),
        environments=(HOSTILE,),
        project=HOSTILE,
        settings=(SettingChange(name=HOSTILE, before=HOSTILE, after=None, set_name=HOSTILE, grave=True),),
    )
    told = rendered(format, evil, older=HOSTILE, newer=HOSTILE)
    assert "\x1b" not in told
    if format == "json":
        assert json.loads(told)["older"] == HOSTILE
    elif format == "markdown":
        assert "@everyone" not in "".join(read_markdown(told).tags)
        assert "<b>" not in told
        assert told.splitlines()[0].endswith(" -->")
        assert told.splitlines()[0].count("-->") == 1
    elif format == "html":
        assert "b" not in read_html(told).tags
    else:
        assert not any(line.startswith("::error") for line in told.splitlines())


def test_a_protected_record_and_a_lifted_protection_need_an_eye() -> None:
    told = rendered(
        "text",
        comparison(
            change("contacts.a", Kind.CHANGED, protected=True, fields=(step("N", 1, 2),)),
            change("contacts.b", Kind.CHANGED, unprotected=True, settings=(step("lifecycle.protect", True, False),)),
        ),
    )
    assert "      protected\n" in told.replace("protected; nothing is sent for it", "protected")
    assert "no longer protected" in told
    opened = rendered(
        "markdown", comparison(change("contacts.b", Kind.CHANGED, unprotected=True, settings=(step("p", True, False),)))
    ).partition("<details>")[0]
    assert "**Protected (1)**" in opened


def test_of_thousands_the_one_that_differs_stands_out() -> None:
    many = [
        change(f"contacts.r{place:04}", Kind.CHANGED, Effect.UPDATE, fields=(step("Stage", "a", "b"),))
        for place in range(3000)
    ]
    many[1234] = replace(many[1234], fields=(step("Stage", "a", "zzz"),))
    told = rendered("text", comparison(*many))
    assert "contacts.r1234" in told
    assert "3,000 changed" in told
    assert told.count("\n") < 80
