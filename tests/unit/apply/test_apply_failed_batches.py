"""What is kept of batches that failed: without secrets, within bounds, and at no risk to the run."""

from __future__ import annotations

import os
import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.builders import NOW, TARGET, desired

from syncspec.apply.attempts import Intended
from syncspec.apply.clock import Moment
from syncspec.apply.delivery import Delivery
from syncspec.apply.failed_batches import (
    KEPT_BATCHES,
    KEPT_BYTES,
    KEPT_RUNS,
    FailedBatches,
    failed_batches_path,
    read_failed_batches,
)
from syncspec.apply.mapping import SentRecord
from syncspec.apply.outcomes import Verdict, VerdictKind
from syncspec.apply.sending import Sending
from syncspec.records import FieldRule, FieldRules
from syncspec.settings import Secret
from syncspec.upstream.protocol import Answered, NoAnswer
from syncspec.values.masking import HIDDEN

RUN = "20260101T000000-0a1b2c"
TOKEN = Secret("tok-9f8e7d6c5b4a")
RULES = FieldRules(fields={"SSN": FieldRule(sensitive=True)})
UNKNOWN = Verdict(kind=VerdictKind.UNKNOWN, message="answered 504", status=504)


def sending(**data: Any) -> Sending:
    record = desired("c.a", Email="a@x.org", **data)
    sent = SentRecord(desired=record, wire=record.data, match_on=("Email",), marker_field=None, rules=RULES)
    moment = Moment(wall=NOW)
    intended = Intended(
        run=RUN,
        batch=7,
        attempts={"c.a": f"{RUN}.7.0"},
        target=TARGET,
        at=moment,
        not_after=NOW + timedelta(seconds=10),
    )
    return Sending(delivery=Delivery(target=TARGET, records=(sent,)), intended=intended, wave=2, began=moment)


def kept(folder: Path, *, run: str = RUN) -> FailedBatches:
    return FailedBatches(folder, run, tokens=[TOKEN])


def test_request_and_answer_are_kept_without_secrets_for_their_owner_only(tmp_path: Path) -> None:
    answer = Answered(
        status=504,
        body={"error": "a@x.org: 6789 is bad", "records": [{"data": {"SSN": "s"}}], "auth": f"Bearer {TOKEN.reveal()}"},
        headers={"x-request-id": "r-1", "location": "/?ssn=123-45-6789"},
        raw=b"{}",
    )
    kept(tmp_path).keep(sending(SSN="123-45-6789", Phone=2**70), UNKNOWN, answer, seconds=1.5, as_="unknown")
    path = failed_batches_path(tmp_path, RUN)
    modes = [stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, path.parent.parent)]
    assert modes == [0o600, 0o700, 0o700]
    (batch,) = read_failed_batches(tmp_path, RUN)
    assert (batch.batch, batch.wave, batch.kind, batch.addresses, batch.attempts) == (
        *(7, 2, "create"),
        *(("c.a",), (f"{RUN}.7.0",)),
    )
    assert (batch.outcome, batch.status, batch.reason, batch.seconds) == ("unknown", 504, "answered 504", 1.5)
    assert batch.request["body"]["records"] == [{"data": {"Email": "a@x.org", "SSN": HIDDEN, "Phone": 2**70}}]
    assert batch.answer == {
        "status": 504,
        "headers": {"x-request-id": "r-1", "location": HIDDEN},
        "bytes": 2,
        "body": {"error": HIDDEN, "records": [{"data": {"SSN": HIDDEN}}], "auth": HIDDEN},
        "truncated": False,
    }


def test_a_body_that_is_no_json_is_kept_as_text_or_hidden_whole(tmp_path: Path) -> None:
    batches = kept(tmp_path)
    for raw in (b"<h1>Bad gateway</h1>", b'{"records": [{"data": {"SSN": "123-4'):
        answer = Answered(status=502, raw=raw)
        batches.keep(sending(SSN="123-45-6789"), UNKNOWN, answer, seconds=0, as_="unknown")
    bodies = [batch.answer["body"] for batch in read_failed_batches(tmp_path, RUN) if batch.answer]
    assert bodies == ["<h1>Bad gateway</h1>", HIDDEN]


def test_where_nothing_came_back_the_request_is_kept(tmp_path: Path) -> None:
    kept(tmp_path).keep(sending(), UNKNOWN, NoAnswer(reason="lost"), seconds=0, as_="unknown")
    (batch,) = read_failed_batches(tmp_path, RUN)
    assert batch.answer is None
    assert batch.request["body"]["records"] == [{"data": {"Email": "a@x.org"}}]


def test_long_bodies_are_cut(tmp_path: Path) -> None:
    batches = kept(tmp_path)
    long: Any = {"error": "é" * KEPT_BYTES}
    batches.keep(sending(Note="n" * KEPT_BYTES), UNKNOWN, Answered(status=500, body=long, raw=b"x"), seconds=0, as_="u")
    huge = Answered(status=500, body=long, raw=b"y" * (2 * 1024 * 1024))
    batches.keep(sending(), UNKNOWN, huge, seconds=0, as_="unknown")
    first, second = read_failed_batches(tmp_path, RUN)
    assert first.answer
    assert second.answer
    for part in (first.request, first.answer, second.answer):
        assert part["truncated"]
        assert len(part["body"].encode()) <= KEPT_BYTES
    assert second.answer["bytes"] == 2 * 1024 * 1024


def test_a_run_keeps_so_many_batches_and_then_says_so_once(tmp_path: Path) -> None:
    batches = kept(tmp_path)
    for _ in range(KEPT_BATCHES + 5):
        batches.keep(sending(), UNKNOWN, None, seconds=0, as_="unknown")
    assert len(read_failed_batches(tmp_path, RUN)) == KEPT_BATCHES
    assert batches.problem is not None
    assert not batches.problem.is_error


def test_the_newest_runs_stay_and_nothing_else_is_touched(tmp_path: Path) -> None:
    runs = [f"202601{day:02}T000000-0a1b2c" for day in range(1, KEPT_RUNS + 4)]
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "notes").mkdir()
    for run in runs:
        kept(tmp_path, run=run).keep(sending(), UNKNOWN, None, seconds=0, as_="unknown")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == [*runs[3:], "notes"]


def test_a_line_that_broke_off_hides_no_other(tmp_path: Path) -> None:
    kept(tmp_path).keep(sending(), UNKNOWN, None, seconds=0, as_="unknown")
    with failed_batches_path(tmp_path, RUN).open("ab") as file:
        file.write(b'{"batch": 8, "wa')
    assert [batch.batch for batch in read_failed_batches(tmp_path, RUN)] == [7]
    assert read_failed_batches(tmp_path, "20260102T000000-0a1b2c") == ()


@pytest.mark.parametrize("what", ["disk", "file in the way", "link"])
def test_what_cannot_be_written_is_told_and_raises_nothing(
    tmp_path: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = kept(tmp_path)
    target = tmp_path / "elsewhere"
    if what == "disk":

        def full(handle: int, content: bytes) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "write", full)
    elif what == "file in the way":
        (tmp_path / "runs").write_text("")
    else:
        failed_batches_path(tmp_path, RUN).parent.mkdir(parents=True)
        failed_batches_path(tmp_path, RUN).symlink_to(target)
    for _ in range(2):
        batches.keep(sending(), UNKNOWN, None, seconds=0, as_="unknown")
    monkeypatch.undo()
    assert batches.problem is not None
    assert "The run went on without that." in batches.problem.detail
    assert not target.exists()
