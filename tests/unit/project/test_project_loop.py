from __future__ import annotations

from typing import NoReturn

import pytest

from syncspec.errors import UsageError
from syncspec.project.loop import run_to_end


class Large:
    def __repr__(self) -> NoReturn:
        raise AssertionError("nobody asked for the text of a result")


def test_a_result_is_handed_over_without_forming_its_text() -> None:
    result = Large()

    async def call() -> Large:
        return result

    assert run_to_end(call) is result


def test_an_error_of_the_call_is_raised_as_it_is() -> None:
    async def call() -> None:
        raise UsageError("wrong")

    with pytest.raises(UsageError, match="wrong"):
        run_to_end(call)
