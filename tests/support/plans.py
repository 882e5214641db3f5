"""Plans and reports made by hand, with every action, of every size, and with what tries to break out of a format."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from support.builders import TARGET
from syncspec.apply.failed_batches import FailedBatch
from syncspec.apply.history import PastRun
from syncspec.apply.report import RecordOutcome, RecordReport, Report
from syncspec.diagnostics import Diagnostic, Severity, Source
from syncspec.planning.plan import Action, Batch, Change, FieldChange, ObservationSummary, Plan
from syncspec.records import Absence, Target

ACCOUNTS = replace(TARGET, collection_id="salesforce:account")


def change(address: str, action: Action, **more: Any) -> Change:
    values: dict[str, Any] = {"code": "x", "reason": f"because of {address}", "target": TARGET}
    return Change(address=address, action=action, **{**values, "source": Source(file="m.yaml", line=3), **more})


def step(path: str, before: Any = None, after: Any = None) -> FieldChange:
    return FieldChange(path=path, before=before, after=after)


def plan_of(*changes: Change, **more: Any) -> Plan:
    """A plan of these changes, each kind of request in one batch."""
    ordered = tuple(sorted(changes, key=lambda change: change.address))
    batches = []
    for wave, action in enumerate((Action.CREATE, Action.UPDATE, Action.DELETE)):
        part = tuple(each for each in ordered if each.action is action)
        if part:
            batches.append(Batch(wave=wave, kind=action.value, target=part[0].target, changes=part, size=1234))
    seen = ObservationSummary(target=TARGET, readable=True, absence=Absence.PROVED, reason="", live_rows=7, cursor="9")
    values: dict[str, Any] = {"environment": None, "batches": tuple(batches), "observations": (seen,)}
    return Plan(project="arrakis", changes=ordered, **{**values, "digest": "3f9a1c77b2e4" + "0" * 52, **more})


def every_action() -> list[Change]:
    """One change of each action, as the planner would word them."""
    return [
        change(
            "accounts.atreides",
            Action.CREATE,
            target=ACCOUNTS,
            absence=Absence.PROVED,
            fields=(step("Industry", after="Spice"), FieldChange(path="SSN__c", sensitive=True)),
        ),
        change(
            "contacts.mapes",
            Action.ADOPT,
            code="match",
            upstream_id="003M",
            reason="003M has the same Email",
            fields=(step("Phone", None, "+1 555 0111"),),
        ),
        change(
            "contacts.paul",
            Action.UPDATE,
            code="author-changed",
            upstream_id="003P",
            reason="the manifest changed Phone and Title",
            fields=(step("Phone", "+1 555 0100", "+1 555 0199"), step("Title", "Duke", None)),
        ),
        change(
            "contacts.rabban",
            Action.DELETE,
            code="removed",
            upstream_id="003R",
            reason="it is no longer declared, and on_remove is delete",
            source=None,
        ),
        change(
            "contacts.leto-ii",
            Action.MOVE,
            code="implied-move",
            upstream_id="003L",
            moved_from="contacts.leto",
            reason="003L is locked by contacts.leto, which is no longer declared",
        ),
        change("contacts.alia", Action.UNCHANGED, code="as-declared", upstream_id="003A", reason="as declared"),
        change(
            "contacts.gurney",
            Action.DRIFT,
            code="drifted",
            upstream_id="003G",
            reason="Title changed upstream since it was last seen",
            fields=(step("Title", "Warmaster", "Smuggler"),),
        ),
        change(
            "contacts.feyd",
            Action.BLOCKED,
            code="conflict",
            upstream_id="003F",
            reason="Email was changed here and upstream, to different values",
            fields=(step("Email", "feyd@giedi.example", "feyd@harkonnen.example"),),
        ),
        change(
            "contacts.piter",
            Action.BLOCKED,
            code="duplicate",
            upstream_ids=("003X", "003Y"),
            reason="003X, 003Y match it; merge them upstream, or name one as upstream_id",
        ),
        change(
            "contacts.yueh",
            Action.UNKNOWN,
            code="open-attempt",
            reason="it was sent before and what became of that is not settled (unknown); answered 504",
        ),
    ]


FINDINGS = (
    Diagnostic(
        severity=Severity.WARNING,
        code="field-not-seen",
        summary="A declared field is in no upstream record",
        detail='contacts: no record of salesforce:contact shows "Tittle".',
        source=Source(file="m.yaml", line=9, column=7),
        hint='did you mean "Title"?',
    ),
    Diagnostic(
        severity=Severity.NOTE, code="retained", summary="Locked records are no longer declared", detail="1 record"
    ),
)


def small_plan(**more: Any) -> Plan:
    """Every action once, with findings, in an environment."""
    return plan_of(*every_action(), **{"environment": "sandbox", "diagnostics": FINDINGS, **more})


def family_plan() -> Plan:
    """An account, and contacts that will hold its ID: one that is created, one that is updated."""
    later = FieldChange(path="AccountId", known_after_apply=True)
    first = change(
        "accounts.atreides",
        Action.CREATE,
        target=ACCOUNTS,
        absence=Absence.PROVED,
        fields=(step("Name", after="House Atreides"),),
    )
    waits: dict[str, Any] = {"waits_for": ("accounts.atreides",), "wave": 1}
    created = change(
        "contacts.paul",
        Action.CREATE,
        absence=Absence.PROVED,
        fields=(later, step("Email", after="paul@arrakis.example")),
        **waits,
    )
    updated = change(
        "contacts.gurney",
        Action.UPDATE,
        code="changed",
        upstream_id="003G",
        reason="AccountId will hold an ID that is known after apply; the manifest changed Title",
        fields=(replace(later, before="001H"), step("Title", "Smuggler", "Warmaster")),
        **waits,
    )
    batches = tuple(
        Batch(wave=each.wave, kind=each.action.value, target=each.target, changes=(each,), size=120)
        for each in (first, created, updated)
    )
    return plan_of(first, created, updated, batches=batches)


def hazards() -> list[Change]:
    """What must not be overlooked, whatever else a plan holds: a deletion and an adoption."""
    return [each for each in every_action() if each.action in (Action.DELETE, Action.ADOPT)]


def uniform_updates(number: int) -> list[Change]:
    return [
        change(
            f"leads.r{place:04}",
            Action.UPDATE,
            upstream_id=f"00Q{place:06}",
            reason="the manifest changed LeadSource",
            fields=(step("LeadSource", "Web", "Partner"),),
        )
        for place in range(number)
    ]


def large_plan(number: int = 4812, *, outlier: int = 777, creates: int = 186, **more: Any) -> Plan:
    """Uniform updates with one that is not, creations, a deletion and an adoption."""
    updates = uniform_updates(number)
    updates[outlier] = replace(updates[outlier], fields=(step("OwnerId", "005A", "005B"),))
    made = [
        change(
            f"accounts.a{place:04}",
            Action.CREATE,
            target=ACCOUNTS,
            absence=Absence.PROVED,
            fields=(step("Industry", after="Spice"), step("Name", after=f"House {place}")),
        )
        for place in range(creates)
    ]
    return plan_of(*updates, *made, *hazards(), environment="sandbox", **more)


def small_report() -> Report:
    """Every outcome once."""
    source = Source(file="m.yaml", line=14, column=5)
    said = {
        RecordOutcome.REJECTED: "Error: Salesforce validation error: `Invalid email`",
        RecordOutcome.UNKNOWN: "the connection closed before an answer",
        RecordOutcome.NOT_ATTEMPTED: "contacts.paul was rejected",
    }
    records = tuple(
        RecordReport(
            address=f"contacts.r-{outcome.value.replace('_', '-')}",
            outcome=outcome,
            upstream_id=None if outcome in said else f"003{place}",
            error=said.get(outcome),
            source=source if outcome in said else None,
            candidates=("003X", "003Y") if outcome is RecordOutcome.UNKNOWN else (),
        )
        for place, outcome in enumerate(RecordOutcome)
    )
    return Report(run="20260101T120000-ab12", records=records, requests=3, diagnostics=FINDINGS)


def small_run(report: Report) -> PastRun:
    """A past run with a batch that was refused and one that was never answered."""
    names = ("contacts.r-rejected", "contacts.r-unknown")
    refused = FailedBatch(
        batch=2,
        wave=1,
        kind="create",
        upstream="crm",
        sync_id="sync-1",
        collection_id="salesforce:contact",
        addresses=names[:1],
        attempts=("20260101T120000-ab12.2.0",),
        outcome="rejected",
        status=422,
        reason="answered 422: Invalid email",
        sent_at="2026-01-01T12:00:01.000Z",
        seconds=0.25,
        request={
            "body": {"kind": "create", "records": [{"data": {"Email": "x", "SSN__c": "***"}}]},
            "truncated": False,
        },
        answer={
            "status": 422,
            "headers": {"content-type": "application/json"},
            "bytes": 27,
            "body": {"error": "Invalid email"},
            "truncated": False,
        },
    )
    lost = replace(
        refused,
        batch=3,
        addresses=names[1:],
        attempts=("20260101T120000-ab12.3.0",),
        outcome="unknown",
        status=None,
        reason="the connection closed before an answer",
        request={"body": '{"kind": "create", "rec', "truncated": True},
        answer=None,
    )
    path = Path("/project/.syncspec/runs") / report.run / "failed.jsonl"
    return PastRun(run=report.run, report=report, failed=(refused, lost), failed_path=path)


HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x9b31m",
    "a\u202egnp.exe\u2066\u200d\ufeff\u2028b",
    "line\nerror: All is lost\r\n::error::x",
    "::set-output name=x::y",
    "  ::add-mask::x",
    "%0A::stop-commands::x%0D",
    "##[add-matcher]x ##vso[task.setvariable variable=x]y",
    "[bold red]rich[/bold red] [link=https://evil.example]x[/link]",
    "`code` ``` fence\\` | cell \\| cell",
    "\\| pipes | and \\\\| more |",
    "![x](https://evil.example/x.png) [y](javascript:alert(1)) <https://evil.example>",
    "https://evil.example www.evil.example mailto:x@evil.example evil@evil.example",
    "| https://evil.example www.evil.example mailto:x@evil.example @everyone ` evil@evil.example",
    "@everyone @org/team #123 GH-123 octo/repo#1 deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
    "</details></summary></code><details open><h1>owned</h1>",
    "--> <!-- x --!> ]]> <![CDATA[",
    "<img src=x onerror=alert(1)><script>alert(1)</script><svg onload=alert(1)>",
    '"><a href="javascript:alert(1)">x</a><!--',
    "</script><script>alert(1)</script><!--<script>",
    "'';!--\"<XSS>=&{()} &lt;b&gt; &#60;i&#62; {{7*7}} {% raw %} ${7*7}",
    "# heading\n- item\n> quote\n***\n***bold*** __x__ ~~gone~~ $$x$$ :smile: [^1]",
    "=cmd|' /C calc'!A0",
    "",
    "  ",
    "e" + "\u0301" * 500,
    "\ud800 half",
    "x" * 100_000,
)
"""Texts that try to leave their place, each by the means of one or more formats."""


def hostile_plan(text: str, *, updates: int = 130) -> Plan:
    """A plan with the text in every position that is not made of a safe alphabet."""
    target = Target(upstream=text, endpoint="0" * 16, sync_id=text, collection_id=text)
    fields = (
        FieldChange(path=text, before=text, after=[text, {text: text}]),
        FieldChange(path=f"{text}2", before=None, after=text),
        FieldChange(path=f"{text}3", sensitive=True),
    )
    changes = [
        replace(
            each,
            reason=text,
            target=target,
            upstream_id=text or None,
            moved_from=text or None,
            fields=fields,
            source=Source(file=text, line=3, column=5),
        )
        for each in every_action()
    ]
    changes += [
        replace(each, target=target, fields=fields if place == 7 else (step(f"{text}9", text, text + "!"),))
        for place, each in enumerate(uniform_updates(updates))
    ]
    seen = ObservationSummary(target=target, readable=False, absence=Absence.UNKNOWN, reason=text, live_rows=0)
    return plan_of(*changes, environment=text, observations=(seen,), diagnostics=hostile_findings(text), digest=text)


def hostile_findings(text: str) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic(
            severity=severity,
            code="x",
            summary=text,
            detail=text,
            hint=text,
            address=text,
            source=Source(file=text, line=3, column=5),
            snippet=text,
        )
        for severity in Severity
    )


def hostile_report(text: str) -> Report:
    """A report with the text in every position that is not made of a safe alphabet."""
    records = tuple(
        replace(
            each,
            upstream_id=text or None,
            error=text,
            source=Source(file=text, line=3, column=5),
            candidates=(text, text),
        )
        for each in small_report().records
    )
    return Report(run=text, records=records, requests=3, diagnostics=hostile_findings(text))
