"""Secrets in what another side wrote: found in every form, and hidden with what stands around them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncspec.values.masking import HIDDEN, Mask

VALUE = "Zoë-4711-Ünique"
TOKEN = "tok-9f8e7d6c5b4a"

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "inside a sentence": lambda text: f"the value {text} is taken",
    "upper case": str.upper,
    "trimmed": lambda text: text[2:],
    "cut": lambda text: f"{text[:6]}…",
    "its end": lambda text: f"ends with {text[-4:]}",
    "spaced": " ".join,
    "decomposed": lambda text: text.replace("ë", "e\u0308"),
    "without accents": lambda text: text.replace("ë", "e").replace("Ü", "U"),
    "percent-encoded": quote,
    "percent-encoded whole": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "JSON in a text": lambda text: json.dumps({"value": text}),
    "escaped whole": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "escaped as in Python": lambda text: "".join(f"\\x{ord(char):02x}" for char in text),
    "HTML": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of a body": lambda text: base64.b64encode(json.dumps({"data": {"A": 1, "SSN": text}}).encode()).decode(),
    "base64 behind other letters": lambda text: f"ab{base64.b64encode(text.encode()).decode()}",
    "base64 in lines": lambda text: "\n".join(base64.b64encode(text.encode()).decode().partition("Mt")),
    "hexadecimal": lambda text: text.encode().hex(),
    "a percent-encoded base64": lambda text: quote(base64.b64encode(text.encode()).decode()),
}


@pytest.mark.parametrize(
    ("form", "secret"),
    # Of a token six letters or digits in a row are looked for.
    [(form, VALUE) for form in FORMS] + [(form, TOKEN) for form in FORMS if form not in ("its end", "cut")],
)
def test_a_secret_is_found_in_every_form(form: str, secret: str) -> None:
    mask = Mask(values=[VALUE], tokens=[TOKEN])
    assert mask.text(FORMS[form](secret)) == HIDDEN


@pytest.mark.parametrize("text", ["", "Error: invalid email", "0035g00000XyZaBAAV", "2026-01-01T00:00:00Z", "%zz \\q"])
def test_what_holds_no_secret_stays(text: str) -> None:
    assert Mask(values=[VALUE, None, True], tokens=[TOKEN]).text(text) == text


def test_without_secrets_nothing_is_hidden() -> None:
    assert Mask(values=[None, "", {}], tokens=["t"]).json({"a": ["t", 1]}) == {"a": ["t", 1]}


def test_what_stands_under_the_name_of_a_field_is_hidden_whatever_it_is() -> None:
    mask = Mask(fields=["SSN__c"])
    answer: Any = {
        "records": [{"data": {"SSN__c": "x", "ssn__C": ["y"], "Email": "p@x.org", "SSN__cc": 1}}],
        "validation_errors": {"records[0].data.SSN__c": ["was z"], "SSN__c": None},
    }
    assert mask.json(answer) == {
        "records": [{"data": {"SSN__c": HIDDEN, "ssn__C": HIDDEN, "Email": "p@x.org", "SSN__cc": 1}}],
        "validation_errors": {"records[0].data.SSN__c": HIDDEN, "SSN__c": None},
    }


def test_leaves_of_nested_values_are_secrets_and_so_are_numbers_and_keys() -> None:
    mask = Mask(values=[{"card": ["4111-2222", 98765.5]}, 7])
    answer: Any = {"a": "4111 22", "b": 98765, "4111": 1, "c": [1, False, None], "d": "number 7", "e": 8}
    assert mask.json(answer) == {"a": HIDDEN, "b": HIDDEN, HIDDEN: 1, "c": [1, False, None], "d": HIDDEN, "e": 8}


def test_a_value_of_symbols_is_found_too() -> None:
    assert Mask(values=["!!??"]).text("it is !!??.") == HIDDEN


def test_what_is_too_long_to_be_looked_through_is_hidden() -> None:
    mask = Mask(values=[VALUE])
    assert mask.text("x " * 3_000_000) == HIDDEN
    assert mask.text("harmless") == HIDDEN


@given(st.text(min_size=5, max_size=40).filter(lambda text: sum(map(str.isalnum, text)) > 4), st.text(max_size=20))
def test_any_value_is_found_within_any_text_and_body(value: str, around: str) -> None:
    for text in (f"{around}{value}{around}", json.dumps([around, value]), quote(f"{around} {value}", errors="replace")):
        if value.encode("utf-8", "replace").decode() == value:
            assert Mask(values=[value]).text(text) == HIDDEN
