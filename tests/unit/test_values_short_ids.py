from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncspec.values import short_id

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
ALPHABET = "abcxyzABCXYZ0189"


def checksum(text: str) -> str:
    """As Salesforce describes it: per five characters, one bit for each capital, the first one the lowest."""
    chunks = (text[start : start + 5] for start in (0, 5, 10))
    return "".join(LETTERS[sum(2**place for place, char in enumerate(part) if char.isupper())] for part in chunks)


@given(st.text(ALPHABET, min_size=15, max_size=15))
def test_an_id_with_its_checksum_is_its_first_fifteen_characters(text: str) -> None:
    assert short_id(text + checksum(text)) == text


@given(st.text(ALPHABET, min_size=15, max_size=15), st.text(LETTERS, min_size=3, max_size=3))
def test_any_other_ending_belongs_to_the_text(text: str, ending: str) -> None:
    assert short_id(text + ending) == (text if ending == checksum(text) else text + ending)


def test_text_that_is_no_id_stays() -> None:
    for text in ("", "0035g00000XyZaB", "é" * 18, "0035g00000XyZa AAV", "0035g00000XyZaBaav"):
        assert short_id(text) == text
