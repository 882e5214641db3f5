"""Before and after: what formatting changes, and all that it leaves alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncspec.manifests.formatting import format_manifest

ROOT = Path(__file__).parents[3]
SHIPPED = sorted(
    path
    for folder in ("manifests", "examples", "syncspec/cli/templates", "tests/cases/manifests/good")
    for path in (ROOT / folder).rglob("*.yaml")
)
GOOD = sorted((ROOT / "tests" / "cases").glob("*/good/*.yaml"))


def formatted(text: str | bytes) -> str:
    content = text.encode() if isinstance(text, str) else text
    result = format_manifest(content, file="m.yaml")
    assert result.diagnostics == ()
    assert result.content is not None
    return result.content.decode()


UNTOUCHED = {
    "comment at the end of a line": "a: 1 # one\nb:    # two\n  c: 2   # aligned\n",
    "comment at the end of the file": "a: 1\n# end\n",
    "comment after a blank line at the end": "a: 1\n\n# end\n",
    "comments before, in and after a list": "a: # on a\n  # before\n  - 1 # one\n  # between\n  - 2\n  # after\nb: 1\n",
    "comment that ends an inner mapping": "a:\n  b:\n    c: 1\n    # of c\n  # of b\n# of a\nd: 2\n",
    "comment between a key and its text": "a: # on a\n  # above the text\n  text # on text\n",
    "comment between a dash and its item": "- # on the dash\n  a: 1\n- # again\n  # and again\n  text\n",
    "comment behind an anchor": "a: &x # on x\n  b: 1\nc: &y # on y\n  text\n",
    "comment behind an alias and behind !unset": "a: &x 1\nb: *x # alias\nc: !unset # unset\n",
    "comment behind nothing": "a: # nothing\nb: # nothing either\n",
    "comment on a block text": "a: | # literal\n  text\nb: >- # folded\n  text\n# after\n",
    "comments in braces and brackets": "a: {x: 1, # one\n  y: 2} # two\nb: [ # uno\n  1, # dos\n]\n",
    "comments around marks of documents": "# top\n--- # 1\n# in\na: 1\n# end of 1\n---\nb: 2\n... # 2\n# tail\n",
    "comments alone": "# nothing\n\n# here\n",
    "comment that is code": "records:\n  paul:\n    data: {}\n  # duncan:\n  #   data: {}\n",
    "one blank line between records": "records:\n  a:\n    data: {}\n\n  b:\n    data: {}\n",
    "blank lines around comments": "a: 1\n\n# about b\n\nb: 2\n\n# about c\nc: 3\n",
    "quotes of every kind": "a: \"02134\"\nb: '+1555'\nc: \"Paul\"\nd: 'it''s'\ne: \"\\u00e9\\t\"\n\"f g\": 'h'\n",
    "numbers and constants as written": "a: 1e+22\nb: 5e-324\nc: -0.0\nd: ~\ne: Null\nf: True\ng: 1.0\n",
    "text that is not ASCII": "a: é 😀 \u00a0x\nb: x\u2028y\n😀: c\n",
    "expressions": "a: ${var.x}\nb: \"${var.y}\"\nc: $${x}\nd: ['${var.z}', \"${row['a b']}\"]\n",
    "braces and brackets": "a: {b: 1,c:   2 ,}\nd: [ x,'y' ]\ne: {}\nf: []\n",
    "lists in lists": "a:\n  - - 1\n    - 2\n  - - - 3\n",
    "mappings in lists": "a:\n  - b: 1\n    c: 2\n  - d:\n      - 3\n",
    "block texts": "a: |\n  one\n    two\n\n  three\nb: >-\n  four\n\n  five\nc: |+\n  six\n\nd: |2\n    seven\n",
    "long lines": f'a: {"word " * 100}end\nb: "{"word " * 100}"\n',
    "text over several lines": "a: one\n  two\n\n  three\nb: 'one\n  two'\nc: \"one \\\n  two\"\n",
    "anchors and aliases": "a: &a {x: 1}\nb: *a\nc: &c\n  d: *a\ne: &e\n  - *c\n",
    "tags": "a: !!str 02134\nb: !unset\nc: ! 12\nd: !!map {}\ne: &x !!str y\nf: !!seq\n  - 1\n",
    "directive": "%YAML 1.2\n---\na: 1\n",
    "several documents": "---\na: 1\n---\n---\nb: 2\n...\n---\nc: 3\n",
    "a document that is a list": "- id: a\n  types: [b]\n- id: c\n",
    "a long key": f"? {'k' * 1100}\n: v\n? |\n  a\n  b\n: v\n",
    "nothing": "",
}

CHANGED = {
    "indentation": (
        "a:\n    b:\n          c: 1\n    d:\n    - 2\n    -   e: 3\n        f: 4\n",
        "a:\n  b:\n    c: 1\n  d:\n    - 2\n    - e: 3\n      f: 4\n",
    ),
    "list as far in as its key": ("a:\n- 1\n# two\n- 2\n# b\nb: 1\n", "a:\n  - 1\n  # two\n  - 2\n# b\nb: 1\n"),
    "whole document indented": ("   a: 1\n   # b\n   b: 2\n", "a: 1\n# b\nb: 2\n"),
    "comments go with what they are about": (
        "a:\n    # on b\n    b:\n        - 1\n        # after 1\n    # on c\n    c: 2\n    # after c\n# on d\nd: 3\n",
        "a:\n  # on b\n  b:\n    - 1\n    # after 1\n  # on c\n  c: 2\n  # after c\n# on d\nd: 3\n",
    ),
    "comment that is further in than all": ("a: 1\n      # b\nb: 2\n", "a: 1\n# b\nb: 2\n"),
    "comment that is further out than all": ("a:\n  b: 1\n# c\n  c: 2\n", "a:\n  b: 1\n  # c\n  c: 2\n"),
    "spaces": ("a:    1   \nb :  2\nc:\t3\t# d\n'e'  :\n-   4\n".replace("-", "  -"), None),
    "blank lines": ("\n\na: 1\n\n\n   \n# b\n\n\n\nb: 2\n\n\n", "a: 1\n\n# b\n\nb: 2\n"),
    "blank lines below a text": ("a: |\n  x\n\n\n\nb: >-\n  y\n\n\n", "a: |\n  x\n\nb: >-\n  y\n"),
    "no line feed at the end": ("a: 1", "a: 1\n"),
    "no line feed at the end of a text": ("a: |\n  x", "a: |-\n  x\n"),
    "carriage returns": ("a: 1\r\nb: |\r\n  c\r\nd: 'e\r\n  f'\r\n", "a: 1\nb: |\n  c\nd: 'e\n  f'\n"),
    "old carriage returns": ("a: 1\rb: 2\r", "a: 1\nb: 2\n"),
    "byte order mark": ("\ufeffa: 1\n", "a: 1\n"),
    "text below its key": ("a:\n  text\nb:\n\n  'text'\nc:\n  [d,\n  e]\n", "a: text\nb: 'text'\nc: [d,\n  e]\n"),
    "dash above its item": ("-\n  a: 1\n-\n  - 2\n-\n  3\n", "- a: 1\n- - 2\n- 3\n"),
    "block texts": (
        "a:\n     b: |\n       one\n         two\n     c: >4\n           three\n",
        "a:\n  b: |\n    one\n      two\n  c: >2\n      three\n",
    ),
    "text over several lines": (
        "a:\n    b: one\n           two  \n    c: 'one  \n\n\n         two'\n",
        "a:\n  b: one\n    two\n  c: 'one\n\n\n    two'\n",
    ),
    "braces move with their key": (
        "a:\n    b: {\n        c: 1,   \n    }\n",
        "a:\n  b: {\n      c: 1,\n  }\n",
    ),
    "question marks": ("? a\n: 1\n? b\n# on b\n: # and\n  c: 2\n? d\n", "a: 1\n# on b\nb: # and\n  c: 2\nd:\n"),
    "text beside the mark of a document": ("--- text\n---   # c\n{a: 1}\n", "---\ntext\n---   # c\n{a: 1}\n"),
    "ends that end nothing": ("a: 1\n...\n...\n# b\n", "a: 1\n...\n# b\n"),
    "properties on a line of their own": ("a:\n  &x\n  !!map\n  b: 1\n", "a: &x !!map\n  b: 1\n"),
}
CHANGED["spaces"] = (CHANGED["spaces"][0], "a: 1\nb: 2\nc: 3  # d\n'e':\n  - 4\n")


@pytest.mark.parametrize("text", UNTOUCHED.values(), ids=UNTOUCHED)
def test_what_is_canonical_stays(text: str) -> None:
    assert formatted(text) == text


@pytest.mark.parametrize(("before", "after"), CHANGED.values(), ids=CHANGED)
def test_what_is_not_canonical_becomes_so(before: str, after: str) -> None:
    assert formatted(before) == after
    assert formatted(after) == after


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_manifest_of_this_repository_is_canonical(path: Path) -> None:
    assert formatted(path.read_bytes()).encode() == path.read_bytes()


def test_the_hooks_file_of_this_repository_is_canonical() -> None:
    content = (ROOT / ".pre-commit-hooks.yaml").read_bytes()
    assert formatted(content).encode() == content


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_every_good_case_is_formatted_once_and_for_all(path: Path) -> None:
    once = formatted(path.read_bytes())
    assert formatted(once) == once
