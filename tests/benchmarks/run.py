"""Measure, and print each figure with its budget and its ratio to a baseline of the same run.

    python tests/benchmarks/run.py [NAME…] [--scale 0.1] [--repeat 3]

Exit code 0 whatever the figures are: a loaded machine is no fault of the code. Budgets are judged at full scale only.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.measures import BENCHMARKS, Bench


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; else all of them")
    parser.add_argument("--scale", type=float, default=1.0, help="how large, against the sizes of the budgets")
    parser.add_argument("--repeat", type=int, default=3, help="how often; the best counts")
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        if name not in BENCHMARKS:
            parser.error(f"{name} is none of {', '.join(BENCHMARKS)}")
    with tempfile.TemporaryDirectory(prefix="syncspec-bench-") as folder:
        _keep_bytecode(Path(folder) / "bytecode")
        for name in chosen.names or BENCHMARKS:
            print(name, flush=True)
            bench = Bench(folder=Path(folder) / name, scale=chosen.scale, repeat=chosen.repeat)
            bench.folder.mkdir()
            for figure in BENCHMARKS[name](bench):
                print(figure.line(judged=chosen.scale >= 1), flush=True)
            shutil.rmtree(bench.folder)


def _keep_bytecode(folder: Path) -> None:
    """Let child processes find compiled modules, as those of an installed package do; nothing is left behind."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder)


if __name__ == "__main__":
    main(sys.argv[1:])
