from __future__ import annotations

import pytest

from syncspec.apply.outcomes import Stop, VerdictKind, classify
from syncspec.upstream.protocol import Answered, NoAnswer, NotSent


def kind(status: int, *, records: int = 1, atomic: bool = False) -> VerdictKind:
    return classify(Answered(status=status, text="no"), records=records, atomic=atomic).kind


def test_a_request_that_never_left_may_be_sent_again() -> None:
    assert classify(NotSent(reason="refused"), records=200, atomic=False).kind is VerdictKind.RETRY


def test_a_lost_answer_is_unknown() -> None:
    assert classify(NoAnswer(reason="closed"), records=1, atomic=True).kind is VerdictKind.UNKNOWN


def test_a_2xx_that_cannot_be_read_is_unknown() -> None:
    answer = Answered(status=200, readable=False)
    assert classify(answer, records=1, atomic=True).kind is VerdictKind.UNKNOWN


@pytest.mark.parametrize("status", [200, 201, 207])
def test_a_readable_2xx_is_applied(status: int) -> None:
    assert kind(status, records=5) is VerdictKind.APPLIED


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_refused_single_record_is_rejected(status: int) -> None:
    assert kind(status) is VerdictKind.REJECTED


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_single_record_without_access_is_not_applied(status: int) -> None:
    assert kind(status) is VerdictKind.NOT_APPLIED


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 408, 409, 413, 415, 422, 429, 499])
def test_a_refused_batch_is_unknown_where_the_upstream_is_not_known_to_be_atomic(status: int) -> None:
    verdict = classify(Answered(status=status), records=2, atomic=False)
    assert verdict.kind is VerdictKind.UNKNOWN
    assert verdict.refused


@pytest.mark.parametrize("status", [400, 409, 413, 422])
def test_a_refused_batch_of_an_atomic_upstream_is_split(status: int) -> None:
    assert kind(status, records=2, atomic=True) is VerdictKind.SPLIT


def test_too_many_requests_waits_as_long_as_it_was_told() -> None:
    verdict = classify(Answered(status=429, retry_after=7.0), records=1, atomic=False)
    assert (verdict.kind, verdict.pause) == (VerdictKind.RETRY, 7.0)
    assert kind(429, records=2, atomic=True) is VerdictKind.RETRY


@pytest.mark.parametrize("status", [300, 301, 307, 500, 501, 502, 503, 504, 599])
@pytest.mark.parametrize("records", [1, 2])
@pytest.mark.parametrize("atomic", [True, False])
def test_all_else_is_unknown(status: int, records: int, atomic: bool) -> None:
    assert kind(status, records=records, atomic=atomic) is VerdictKind.UNKNOWN


@pytest.mark.parametrize("status", [408, 418, 499])
def test_a_4xx_that_a_gateway_gives_after_passing_on_is_unknown_even_for_one_record(status: int) -> None:
    assert kind(status) is VerdictKind.UNKNOWN


@pytest.mark.parametrize(
    ("status", "stop"),
    [
        (401, Stop.UPSTREAM),
        (403, Stop.UPSTREAM),
        (405, Stop.UPSTREAM),
        (415, Stop.UPSTREAM),
        (501, Stop.UPSTREAM),
        (404, Stop.COLLECTION),
        (400, Stop.NOTHING),
        (429, Stop.NOTHING),
        (500, Stop.NOTHING),
    ],
)
@pytest.mark.parametrize("records", [1, 2])
def test_how_far_sending_stops(status: int, stop: Stop, records: int) -> None:
    assert classify(Answered(status=status), records=records, atomic=False).stop is stop
