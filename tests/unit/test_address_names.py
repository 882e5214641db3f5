from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncspec.address import RECORD_NAME, encoded_name, split_address


def decoded(name: str) -> str:
    """The way back, as the docstring of `syncspec.address` tells it."""
    if re.match(r"x\.\.[0-9A-F]{2}", name):
        name = name[1:]
    return re.sub(rb"\.\.([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), name.encode()).decode()


@pytest.mark.parametrize(
    "name",
    ["paul", "paul@arrakis.org", "paul.atreides+crm_1@house-atreides.arrakis.org", "0038b00002xyzAAA", "a..b", "AB-12"],
)
def test_what_is_a_name_already_stays_as_it_is(name: str) -> None:
    assert encoded_name(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Paul Atreides", "Paul..20Atreides"),
        ("AB/12", "AB..2F12"),
        ("Zoë", "Zo..C3..AB"),
        ("+1555", "x..2B1555"),
        ("_a", "x..5Fa"),
        (" a", "x..20a"),
        ("a..20", "a..2E.20"),
        ("x/1", "x..78..2F1"),
        ("x..20", "x..78..2E.20"),
        ("a\nb", "a..0Ab"),
    ],
)
def test_other_text_is_written_in_the_alphabet(text: str, name: str) -> None:
    assert encoded_name(text) == name
    assert split_address(f"s.{name}") == ("s", name)


def test_empty_text_stands_for_no_record() -> None:
    with pytest.raises(ValueError, match="empty"):
        encoded_name("")


_tricky = st.text(alphabet="x.2EF0+_@ /é\n", min_size=1, max_size=12)
_any = st.text(alphabet=st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)


@given(st.one_of(_tricky, _any))
def test_every_text_has_a_name_of_its_own_that_can_be_read_back(text: str) -> None:
    name = encoded_name(text)
    assert RECORD_NAME.fullmatch(name)
    assert decoded(name) == text
