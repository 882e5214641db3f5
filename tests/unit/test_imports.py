"""The import direction: each module may import those of its own layer and of the layers below it, never above."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import syncspec

PACKAGE = Path(syncspec.__file__).parent

LAYERS = (
    ("cli", "__main__"),
    ("project", "__init__"),
    ("render",),
    ("apply",),
    ("planning",),
    ("upstream",),
    ("manifests",),
    ("lockfile",),
    ("settings",),
    ("keys", "values", "providers"),
    ("lookups",),
    ("records",),
    ("deferred",),
    ("address", "errors", "diagnostics", "whole_file", "_version"),
)
"""From the top to the bottom; a name is a module or a sub-package of syncspec."""

RANK = {name: number for number, names in enumerate(LAYERS) for name in names}
PURE = ("planning", "render")
IMPURE_MODULES = {
    "os",
    "io",
    "time",
    "socket",
    "sqlite3",
    "subprocess",
    "tempfile",
    "random",
    "secrets",
    "shutil",
    "httpx",
    "anyio",
    "asyncio",
    "threading",
}
CLOCKS = {"now", "today", "utcnow"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def layer_of(dotted: str) -> str:
    """`syncspec.upstream.sequin.wire` → `upstream`; `syncspec` itself → `__init__`."""
    parts = dotted.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Every syncspec module that a file imports, wherever the statement stands, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the layer"
            if node.module == "syncspec":
                for alias in node.names:
                    inner = PACKAGE / alias.name
                    known = inner.is_dir() or inner.with_suffix(".py").exists()
                    yield node.lineno, f"syncspec.{alias.name}" if known else "syncspec"
            else:
                yield node.lineno, node.module or ""


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    above = [
        f"{path.relative_to(PACKAGE)}:{line} imports {name}"
        for line, name in imported(path)
        if name.partition(".")[0] == "syncspec" and RANK[layer_of(name)] < RANK[own]
    ]
    assert above == []


@pytest.mark.parametrize(
    "path", [path for path in modules() if path.relative_to(PACKAGE).parts[0] in PURE], ids=lambda path: path.stem
)
def test_planning_and_rendering_touch_no_file_clock_or_network(path: Path) -> None:
    impure = [f"{line}: {name}" for line, name in imported(path) if name.partition(".")[0] in IMPURE_MODULES]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = [
        f"{node.lineno}: {ast.unparse(node.func)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and (
            (isinstance(node.func, ast.Name) and node.func.id in {"open", "print", "input"})
            or (isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS)
        )
    ]
    assert impure + calls == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_cli_knows_click_and_only_upstream_knows_http(path: Path) -> None:
    layer = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    names = {name.partition(".")[0] for _, name in imported(path)}
    if layer not in ("cli", "__main__"):
        assert "click" not in names
    if layer not in ("upstream", "cli"):
        assert names.isdisjoint({"httpx", "httpcore", "starlette", "uvicorn"})


def test_every_module_has_its_layer() -> None:
    tops = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in modules()}
    assert tops == set(RANK)
