#!/usr/bin/env python3
"""A stand-in for GitHub's command-line tool: `gh api` and `gh pr create` over a folder of JSON files.

It answers as the API does, two items a page, grants what the token in GH_TOKEN says, and filters with the real jq.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

STATE = Path(os.environ["GITHUB_STATE"])
REPOSITORY = f"repos/{os.environ['GITHUB_REPOSITORY']}"
PAGE = 2


def main(arguments: list[str]) -> int:
    write("calls", [*read("calls", []), arguments])
    if arguments[:2] == ["pr", "create"]:
        require("pull-requests", "write")
        write("opened", [*read("opened", []), dict(zip(arguments[2::2], arguments[3::2], strict=True))])
        return 0
    assert arguments[0] == "api", arguments
    options = {"--method": "GET", "--jq": "."}
    flags: set[str] = set()
    fields: dict[str, str] = {}
    path = ""
    rest = iter(arguments[1:])
    for argument in rest:
        if argument in ("--silent", "--paginate"):
            flags.add(argument)
        elif argument in ("--field", "--raw-field"):
            name, _, value = next(rest).partition("=")
            from_file = argument == "--field" and value.startswith("@")
            fields[name] = Path(value[1:]).read_text(encoding="utf-8") if from_file else value
        elif argument in options:
            options[argument] = next(rest)
        else:
            assert not path, argument
            assert not argument.startswith("-"), argument
            path = urlsplit(argument).path.removeprefix(f"{REPOSITORY}/")
    answer = respond(options["--method"], path.split("/"), fields)
    pages = [answer]
    if isinstance(answer, list):
        pages = [answer[at : at + PAGE] for at in range(0, len(answer), PAGE)] or [[]]
        pages = pages if "--paginate" in flags else [answer[:100]]
    for page in pages:
        if "--silent" not in flags:
            subprocess.run(["jq", "-r", options["--jq"]], input=json.dumps(page), text=True, check=True)
    return 0


def respond(method: str, path: list[str], fields: dict[str, str]) -> Any:
    bot = {"login": "github-actions[bot]", "type": "Bot"}
    match method, path:
        case "GET", ["issues", number, "comments"]:
            require("pull-requests", "read")
            return [each for each in read("comments", []) if each["pull"] == number]
        case "POST", ["issues", number, "comments"]:
            require("pull-requests", "write")
            comments = read("comments", [])
            comments.append({"id": len(comments) + 1, "pull": number, "user": bot, "body": body(fields)})
            return write("comments", comments)[-1]
        case "PATCH", ["issues", "comments", number]:
            require("pull-requests", "write")
            comments = read("comments", [])
            (found,) = (each for each in comments if each["id"] == int(number))
            assert found["user"] == bot, "somebody else's comment"
            found["body"] = body(fields)
            write("comments", comments)
            return found
        case "POST", ["statuses", commit]:
            require("statuses", "write")
            assert len(fields["description"]) <= 140
            write("statuses", [{**fields, "sha": commit, "creator": bot}, *read("statuses", [])])
            return {}
        case "GET", ["commits", commit, "statuses"]:
            require("statuses", "read")
            return [each for each in read("statuses", []) if each["sha"] == commit]
        case "GET", ["commits", commit, "pulls"]:
            require("pull-requests", "read")
            return [each for each in read("pulls", []) if commit in (each["merge_commit_sha"], each["head"]["sha"])]
    raise AssertionError(f"no such route: {method} {path}")


def body(fields: dict[str, str]) -> str:
    assert 0 < len(fields["body"]) <= 65_536
    return fields["body"]


def require(what: str, how: str) -> None:
    granted = dict(each.split("=") for each in os.environ["GH_TOKEN"].split())
    if granted.get(what) not in (how, "write"):
        sys.exit(f"gh: Resource not accessible by integration: {what}: {how} (HTTP 403)")


def read(name: str, default: Any) -> Any:
    file = STATE / f"{name}.json"
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else default


def write(name: str, value: Any) -> Any:
    (STATE / f"{name}.json").write_text(json.dumps(value), encoding="utf-8")
    return value


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
