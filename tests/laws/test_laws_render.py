"""Whatever a text holds, it stays text where it is put, and two different values never look the same."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st
from support.pages import read_markdown

from syncspec.render.markdown.inline import code, html_code, marker_value, prose
from syncspec.render.terminal import clipped, visible
from syncspec.render.values import step_texts

SIGNS = "`|\\*_~[]()<>#@:!&;-+=.\"'$^{}%/w \n\t"
PIECES = ["www.x.org", "http://x", "a@b.c", "@org/team", "#12", "GH-1", "</code>", "</details>", "<b>", "![a](b)"]
PIECES += ["::error::", "##[x]", "-->", "<!--", "&#96;", ":smile:", "\\|", "``", "deadbeef12"]
texts = st.lists(st.one_of(st.sampled_from(PIECES), st.text(SIGNS, max_size=4), st.text(max_size=6))).map("".join)
LIVE = re.compile(r"@\w|#\d|GH-\d|://|www\.\w|:\w+:|\[\^|\$\$")


@given(texts)
def test_any_text_is_one_piece_of_code_in_a_table(text: str) -> None:
    reading = read_markdown(f"| a | b |\n|---|---|\n| {code(text)} | {prose(text)} |\n")
    assert set(reading.tags) <= {"table", "thead", "tbody", "tr", "th", "td", "code"}
    assert reading.tags.count("td") == 2
    assert reading.codes[0].replace("\u200b", "") == (clipped(visible(text), 120) or "(empty)")
    assert not any(LIVE.search(part) for part in reading.texts)


@given(texts)
def test_any_text_is_one_element_where_markdown_is_not_read(text: str) -> None:
    reading = read_markdown(f"<details><summary>{html_code(text)}</summary>\n\n</details>\n")
    assert reading.tags == ["details", "summary", "code"]
    assert reading.codes == [clipped(visible(text), 120).replace("@", "@\u200b") or "(empty)"]


@given(texts)
def test_any_sentence_in_a_list_stays_in_its_item(text: str) -> None:
    reading = read_markdown(f"- {code('x')}: {prose(text)}\n")
    assert set(reading.tags) <= {"ul", "li", "code"}
    assert reading.tags.count("li") == 1


@given(texts)
def test_any_name_leaves_a_marker_whole(text: str) -> None:
    reading = read_markdown(f"<!-- syncspec:plan project={marker_value(text)} env= -->\n# x\n")
    assert (reading.tags, len(reading.comments)) == (["h1"], 1)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.floats(allow_nan=False, allow_infinity=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@given(json_values, json_values, st.text(max_size=300))
def test_two_texts_or_values_that_differ_look_different(before: object, after: object, start: str) -> None:
    for first, second in ((before, after), (f"{start}{before}", f"{start}{after}")):
        shown = step_texts(first, second)  # type: ignore[arg-type]
        assert max(map(len, shown)) <= 100
        same = json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)
        assert (shown[0] == shown[1]) == same
