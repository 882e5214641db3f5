"""Every command of the README and of the examples' pages is run here, in a copy of the folder that it is meant for."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "examples").glob("*/README.md"))
SET_UP = "python3 -m venv .venv && .venv/bin/pip install --quiet "

WAIT_FOR_PORT = """
python - <<'WAIT'
import socket, time
for _ in range(300):
    try:
        socket.create_connection(("127.0.0.1", PORT), 1).close()
        break
    except OSError:
        time.sleep(0.1)
else:
    raise SystemExit("nothing listens")
WAIT
"""


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return str(server.getsockname()[1])


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SYNCSPEC_")}
    environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ['PATH']}"
    # Background jobs die with the script, also where a command before their `kill` fails.
    whole = f"set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}"
    return subprocess.run(
        ["bash", "-c", whole],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=280,
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_every_command_of_an_example_works(page: Path, tmp_path: Path) -> None:
    folder = tmp_path / page.parent.name
    shutil.copytree(page.parent, folder, ignore=shutil.ignore_patterns(".syncspec", "*.lock", "__pycache__"))
    script = "".join(blocks(page))
    assert script, f"{page} shows no command"
    for shown in sorted(set(re.findall(r"--port (\d+)", script))):
        port = free_port()
        for file in folder.rglob("*.yaml"):
            file.write_text(file.read_text(encoding="utf-8").replace(shown, port), encoding="utf-8")
        script = script.replace(shown, port)
    script = re.sub(
        r"^.*--port (\d+).*&$",
        lambda line: line[0] + WAIT_FOR_PORT.replace("PORT", line[1]),
        script,
        flags=re.MULTILINE,
    )
    script = script.replace("kill %1", "kill $!")
    done = run(script, folder)
    assert done.returncode == 0, done.stdout + done.stderr
    fenced = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for shown in (text for language, text in fenced if not language):
        assert shown in done.stdout


def test_the_readme_quotes_the_figures_that_the_example_shows() -> None:
    """That the example prints what its page shows is tested with its commands."""
    page = (ROOT / "examples" / "lost-answer" / "README.md").read_text(encoding="utf-8")
    figures = dict(re.findall(r"^(exist upstream|duplicates)  +(.+)$", page, re.MULTILINE))
    assert figures["exist upstream"].split() == ["1,400", "1,000"]
    assert figures["duplicates"].split() == ["400", "0"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "| 1,000 | 1,400 | **400** |" in readme
    assert "| 1,000 | 1,000 | **0** |" in readme


def test_the_readme_runs_the_main_job_with_one_command(tmp_path: Path) -> None:
    main_job, _ = blocks(ROOT / "README.md")
    assert main_job.startswith(SET_UP + ". && .venv/bin/syncspec ")
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests", ignore=shutil.ignore_patterns(".syncspec", "*.lock"))
    command = main_job.partition(".venv/bin/syncspec ")[2]
    first = run(f"syncspec {command}", tmp_path)
    assert first.returncode == 0, first.stderr
    assert "5 created" in first.stdout
    lockfile = (tmp_path / "manifests" / "syncspec.lock").read_bytes()
    again = run(f"syncspec {command}", tmp_path)
    assert again.returncode == 0, again.stderr
    assert "No changes" in again.stdout
    assert (tmp_path / "manifests" / "syncspec.lock").read_bytes() == lockfile
    plan = run("syncspec plan manifests --detailed-exitcode", tmp_path)
    assert plan.returncode == 0, plan.stdout + plan.stderr


def test_the_readme_and_ci_run_the_tests_with_the_same_command() -> None:
    _, tests = blocks(ROOT / "README.md")
    assert tests.startswith(SET_UP)
    assert tests in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_first_screen_shows_what_syncspec_prints(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    manifest = re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0]
    (tmp_path / "contacts.yaml").write_text(manifest, encoding="utf-8")
    (tmp_path / "syncspec.yaml").write_text(
        "apiVersion: syncspec/v1\nkind: Project\nmetadata:\n  name: p\n"
        "spec:\n  upstreams:\n    crm:\n      type: embedded\n",
        encoding="utf-8",
    )
    shown = re.findall(r"^```console\n\$ (syncspec \w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    (plan, planned), (apply, unchanged) = shown
    printed = run(plan, tmp_path).stdout
    for line in filter(None, planned.splitlines()):
        assert line in printed
    assert run(f"{apply} --auto-approve", tmp_path).returncode == 0
    assert unchanged.strip() in run(f"{apply} --auto-approve", tmp_path).stdout
