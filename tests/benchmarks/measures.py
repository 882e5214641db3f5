"""The benchmarks: each gives its figures for work of a given size."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Baseline, Figure
from benchmarks.processes import Measured, best, serving, timed, work
from benchmarks.projects import write_people, write_project, write_rows

__all__ = ["BENCHMARKS", "Bench"]

_PEOPLE = 100_000
_SENT = 10_000
_UPSTREAM_ROWS = 1_000_000
_CONCURRENCY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where to work, how large, and how often to repeat."""

    folder: Path
    scale: float
    repeat: int

    def count(self, full: int) -> int:
        return max(10, int(full * self.scale))

    def best(self, action: str, *arguments: object) -> Measured:
        return best(self.repeat, lambda: work(action, *arguments))

    def project(self, name: str, records: int) -> Path:
        """A project with so many people and an empty embedded upstream."""
        folder = self.folder / name
        write_project(folder)
        write_people(folder, records)
        return folder


def start(bench: Bench) -> Iterator[Figure]:
    """Real processes, from nothing to the end."""
    command, times = [sys.executable, "-m", "syncspec"], 2 * bench.repeat + 1
    click = timed([sys.executable, "-c", "import click"], times=times)
    version = timed([*command, "--version"], times=times)
    yield Figure(
        name="syncspec --version", value=version, budget=0.1, baseline=Baseline(name="import click", value=click)
    )
    folder = bench.project("start", 10)
    imports = timed([sys.executable, "-c", "import pydantic, yaml"], times=times)
    validate = timed([*command, "-C", str(folder), "validate"], times=times)
    yield Figure(
        name="syncspec validate, 10 records",
        value=validate,
        budget=0.35,
        baseline=Baseline(name="import pydantic, yaml", value=imports),
    )


def reading(bench: Bench) -> Iterator[Figure]:
    """Reading and checking one large manifest."""
    count = bench.count(_PEOPLE)
    folder = bench.project("reading", count)
    parsed = bench.best("parse", folder / "people.yaml")
    read = bench.best("validate", folder)
    baseline = Baseline(name="bare libyaml", value=parsed.seconds)
    yield Figure(name=f"validate {count:,} records", value=read.seconds, budget=4, baseline=baseline)
    yield Figure(name=f"validate {count:,} records, processor time", value=read.cpu, baseline=baseline)
    yield Figure(name=f"validate {count:,} records, peak memory", value=read.peak_mb, unit="MB", budget=700)


def rows(bench: Bench) -> Iterator[Figure]:
    """Reading and checking files of rows, against a manifest that writes the same records out."""
    count = bench.count(_PEOPLE)
    written = bench.best("validate", bench.project("rows-yaml", count))
    baseline = Baseline(name="the same in YAML", value=written.seconds)
    for suffix in (".csv", ".jsonl"):
        folder = bench.folder / f"rows{suffix}"
        write_project(folder)
        write_rows(folder, count, suffix=suffix)
        read = bench.best("validate", folder)
        name = f"validate {count:,} rows of {suffix}"
        yield Figure(name=name, value=read.seconds, baseline=baseline, ratio_budget=1)
        yield Figure(name=f"{name}, peak memory", value=read.peak_mb, unit="MB", budget=700)
    folder = bench.folder / "rows-tenth"
    write_project(folder)
    write_rows(folder, bench.count(_PEOPLE // 10), suffix=".csv")
    tenth = bench.best("validate", folder)
    whole = bench.best("validate", bench.folder / "rows.csv")
    yield Figure(
        name=f"validate {count:,} rows of .csv",
        value=whole.seconds,
        baseline=Baseline(name=f"{bench.count(_PEOPLE // 10):,} rows", value=tenth.seconds),
        ratio_budget=11,
    )


def planning(bench: Bench) -> Iterator[Figure]:
    """Planning where everything is as declared."""
    count = bench.count(_PEOPLE)
    folder = bench.project("planning", count)
    work("apply", folder)
    parsed, listed = bench.best("parse", folder / "people.yaml"), bench.best("read_all", folder)
    baseline = Baseline(name="bare libyaml and list", value=parsed.seconds + listed.seconds)
    shutil.rmtree(folder / ".syncspec" / "cache", ignore_errors=True)
    first = work("plan", folder)
    again = bench.best("plan", folder)
    assert again.more["unchanged"] == count, again
    name = f"plan {count:,} records, nothing to do"
    yield Figure(name=f"{name}, first", value=first.seconds, budget=8, baseline=baseline)
    yield Figure(name=f"{name}, again", value=again.seconds, budget=6, baseline=baseline)
    yield Figure(name=f"{name}, again, processor time", value=again.cpu, baseline=baseline)
    yield Figure(name=f"{name}, peak memory", value=again.peak_mb, unit="MB")


def upstream(bench: Bench) -> Iterator[Figure]:
    """A few records against an upstream that holds very many others."""
    few, many = max(10, bench.count(_UPSTREAM_ROWS) // 1000), bench.count(_UPSTREAM_ROWS)
    small, large = bench.project("upstream-small", 5), bench.project("upstream-large", 5)
    work("fill", small, few)
    work("fill", large, many)
    against_few, against_many = bench.best("plan", small), bench.best("plan", large)
    assert against_many.more["rows"] == many, against_many
    listed = bench.best("read_all", large)
    yield Figure(
        name=f"plan 5 records against {many:,} rows, peak memory",
        value=against_many.peak_mb,
        unit="MB",
        baseline=Baseline(name=f"against {few:,} rows", value=against_few.peak_mb),
    )
    yield Figure(
        name=f"plan 5 records against {many:,} rows",
        value=against_many.seconds,
        baseline=Baseline(name="bare list", value=listed.seconds),
    )


def sending(bench: Bench) -> Iterator[Figure]:
    """Creating over HTTP, against a loop that sends the same and keeps no journal."""
    count = bench.count(_SENT)
    posts, applies = [], []
    for number in range(bench.repeat):
        with serving(bench.folder / f"posted-{number}.sqlite3") as url:
            posts.append(work("post", url, count, _CONCURRENCY))
        with serving(bench.folder / f"applied-{number}.sqlite3") as url:
            folder = bench.folder / f"sending-{number}"
            write_project(folder, url=url)
            write_people(folder, count)
            applies.append(work("apply", folder))
    assert all(sent.more["created"] == count for sent in [*posts, *applies]), applies
    baseline = Baseline(name="bare loop", value=min(sent.more["execute"] for sent in posts))
    name = f"apply {count:,} creates over HTTP"
    executed = min(sent.more["execute"] for sent in applies)
    whole = min(sent.seconds for sent in applies)
    yield Figure(name=f"{name}, sending and recording", value=executed, baseline=baseline, ratio_budget=1.5)
    yield Figure(name=f"{name}, with manifests and plan", value=whole, baseline=baseline)


def growth(bench: Bench) -> Iterator[Figure]:
    """The same with ten times the records; where the little one takes no time, its start-up hides the growth."""
    small, large = bench.count(_PEOPLE // 10), bench.count(_PEOPLE)
    folders = {count: bench.project(f"growth-{count}", count) for count in (small, large)}
    for action in ("validate", "apply", "plan"):
        repeats = 1 if action == "apply" else bench.repeat
        took = {count: best(repeats, lambda: work(action, folders[count])) for count in folders}  # noqa: B023
        yield Figure(
            name=f"{action} {large:,} records",
            value=took[large].seconds,
            baseline=Baseline(name=f"{small:,} records", value=took[small].seconds),
            ratio_budget=11,
        )


def airports(bench: Bench) -> Iterator[Figure]:
    """A real table with a data schema, from manifest to an empty plan."""
    folder = bench.folder / "airports"
    folder.mkdir()
    count = int(work("airports", folder, bench.scale).more["records"])
    parsed = bench.best("parse", folder / "airports.yaml")
    baseline = Baseline(name="bare libyaml", value=parsed.seconds)
    yield Figure(name=f"validate {count:,} airports", value=bench.best("validate", folder).seconds, baseline=baseline)
    yield Figure(name=f"plan {count:,} airports, all new", value=work("plan", folder).seconds, baseline=baseline)
    applied = work("apply", folder)
    assert applied.more["created"] == count, applied
    yield Figure(name=f"apply {count:,} airports", value=applied.seconds, baseline=baseline)
    again = bench.best("plan", folder)
    assert again.more["unchanged"] == count, again
    yield Figure(name=f"plan {count:,} airports, nothing to do", value=again.seconds, baseline=baseline)


BENCHMARKS: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    measure.__name__: measure for measure in (start, reading, rows, planning, upstream, sending, growth, airports)
}
