"""The diff and the JSON of `fmt`."""

from __future__ import annotations

import json
import random
import subprocess
from pathlib import Path

import pytest

from syncspec.render.formatting import diff_text, formatting_json
from syncspec.render.line_diff import hunks


def applied(before: list[str], after: list[str]) -> list[str]:
    """`after`, made from `before` and the hunks between them."""
    lines: list[str] = []
    done = 0
    for start, new_start, changes in hunks(before, after):
        lines += before[done:start]
        assert len(lines) == new_start
        done = start
        for mark, number in changes:
            if mark == "+":
                lines.append(after[number])
            else:
                assert number == done
                lines += before[done : done + 1] if mark == " " else []
                done += 1
    return lines + before[done:]


def test_hunks_make_the_second_text_of_the_first() -> None:
    source = random.Random(1)
    for _ in range(3000):
        before = [source.choice("abcdefgh") for _ in range(source.randint(0, 14))]
        after = [source.choice([line, line, line, "x", ""]) for line in before]
        source.shuffle(after) if source.random() < 0.1 else after.insert(source.randint(0, len(after)), "a")
        assert applied(before, after) == after


def test_equal_texts_have_no_hunks() -> None:
    assert list(hunks(["a", "b"], ["a", "b"])) == []
    assert diff_text("m.yaml", b"a\n", b"a\n") == ""


def test_one_change_is_shown_with_three_lines_around_it() -> None:
    before = [f"line {number}" for number in range(10_000)]
    after = [*before[:5000], "new", *before[5001:]]
    ((start, new_start, lines),) = hunks(before, after)
    assert (start, new_start) == (4997, 4997)
    assert "".join(mark for mark, _ in lines) == "   -+   "


def test_a_diff_reads_as_diff_writes_it(tmp_path: Path) -> None:
    before = (
        b"kind: a\nspec:\n    b: 1\n    c: 2\n" + b"".join(b"l%d: 1\n" % number for number in range(20)) + b"end: 1"
    )
    after = b"kind: a\nspec:\n  b: 1\n  c: 2\n" + b"".join(b"l%d: 1\n" % number for number in range(20)) + b"end: 1\n"
    (tmp_path / "m.yaml").write_bytes(before)
    diff = diff_text("m.yaml", before, after)
    assert diff.startswith("--- m.yaml\n+++ m.yaml\n@@ -1,7 +1,7 @@\n kind: a\n spec:\n-    b: 1\n-    c: 2\n+  b: 1\n")
    assert "-end: 1\n\\ No newline at end of file\n+end: 1\n" in diff
    subprocess.run(["git", "apply", "-p0", "-"], cwd=tmp_path, input=diff.encode(), check=True)
    assert (tmp_path / "m.yaml").read_bytes() == after


def test_a_diff_shows_what_cannot_be_seen() -> None:
    diff = diff_text("m.yaml", b"\xef\xbb\xbfa: 1\r\nb: \xe2\x80\xaex\tz\r\n", b"a: 1\nb: \xe2\x80\xaex\tz\n")
    assert "-\\ufeffa: 1\\r\n" in diff
    assert "-b: \\u202ex\tz\\r\n" in diff
    assert diff_text("m.yaml", b"", b"a\n") == "--- m.yaml\n+++ m.yaml\n@@ -0,0 +1 @@\n+a\n"
    assert "\x1b[31m-a" in diff_text("m.yaml", b"a\n", b"b\n", color=True)


@pytest.mark.parametrize(
    "marks", [b"SSN__c: 078-05", b"SSN__c: >\n            078\n\n            05", b"x: {SSN__c: 078}"]
)
def test_a_diff_shows_no_value_of_a_sensitive_field(marks: bytes) -> None:
    before = b"data:\n          A: 1\n          " + marks + b"\n          B: 2\n"
    after = before.replace(b"          ", b"  ")
    diff = diff_text("m.yaml", before, after, sensitive=["SSN__c"])
    assert "078" not in diff
    assert "05" not in diff
    assert "-          (sensitive)\n" in diff
    assert "+  (sensitive)\n" in diff
    assert "+  B: 2\n" in diff


def test_json_counts_every_outcome() -> None:
    document = json.loads(formatting_json([("a", "rewritten"), ("b", "unchanged"), ("c", "unchanged")], []))
    assert document == {
        "format_version": "1.0",
        "summary": {"unchanged": 2, "rewritten": 1, "unformatted": 0, "skipped": 0, "failed": 0},
        "files": [
            {"file": "a", "outcome": "rewritten"},
            {"file": "b", "outcome": "unchanged"},
            {"file": "c", "outcome": "unchanged"},
        ],
        "diagnostics": [],
    }
