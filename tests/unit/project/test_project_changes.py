"""Two states of a project out of git: what is read, what is not, and what is said where a side is missing."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.builders import locked
from support.command import CONTACTS, PROJECT
from support.history import GIT_ENVIRONMENT, History, started

from syncspec.errors import ManifestError, SyncspecError, UsageError
from syncspec.lockfile import Lockfile
from syncspec.lockfile.file import write_lockfile
from syncspec.planning.comparison import Comparison, Kind
from syncspec.planning.expectation import Effect
from syncspec.project.changes import DeclaredChanges, changes
from syncspec.project.opening import Opening
from syncspec.project.revisions import Span, parse_span


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """No settings of the user, and a folder for temporary files that must be empty again at the end."""
    for name, value in GIT_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    yield scratch
    assert list(scratch.iterdir()) == []


@pytest.fixture
def history(tmp_path: Path) -> History:
    return started(tmp_path / "repo")


def found(history: History, revisions: str = "HEAD", path: str = ".", **more: Any) -> DeclaredChanges:
    opening = {name: more.pop(name) for name in ("env", "variables", "environ") if name in more}
    return changes(Opening(path=history.root / path, **opening), revisions, **more)


def only(result: DeclaredChanges) -> Comparison:
    (comparison,) = result.comparisons
    return comparison


def told(result: DeclaredChanges) -> list[tuple[str, Kind]]:
    return [(change.address, change.kind) for change in only(result).changes]


def codes(result: DeclaredChanges) -> list[str]:
    return [item.code for item in result.diagnostics]


def error(history: History, *arguments: Any, **more: Any) -> SyncspecError:
    with pytest.raises(SyncspecError) as caught:
        found(history, *arguments, **more)
    return caught.value


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("main", Span(older="main", newer=None)),
        ("a..b", Span(older="a", newer="b")),
        ("a...b", Span(older="a", newer="b", from_base=True)),
        ("..b", Span(older="HEAD", newer="b")),
        ("a..", Span(older="a", newer="HEAD")),
        ("...b", Span(older="HEAD", newer="b", from_base=True)),
    ],
)
def test_revisions_are_named_as_git_names_them(text: str, span: Span) -> None:
    assert parse_span(text) == span


@pytest.mark.parametrize("text", ["", "-x", "-x..HEAD", "HEAD..--output=x", "a..b\n", "\x1b[2J..b"])
def test_what_cannot_name_a_revision_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError):
        parse_span(text)


def test_nothing_differs_without_a_change(history: History) -> None:
    for revisions in ("HEAD", "HEAD..HEAD", "first...HEAD", ".."):
        assert found(history, revisions).is_empty


def test_the_working_tree_is_compared_as_it_is(history: History) -> None:
    history.edit("Idaho", "Ginaz")
    history.write("manifests/more.yaml", CONTACTS.replace("name: contacts", "name: more").replace("@", "@more."))
    result = found(history)
    assert told(result) == [
        ("contacts.duncan", Kind.CHANGED),
        ("more.duncan", Kind.ADDED),
        ("more.paul", Kind.ADDED),
    ]
    assert result.newer == "the working tree"


def test_neither_working_tree_nor_index_matters_or_is_touched_between_two_revisions(history: History) -> None:
    history.edit("Idaho", "Ginaz")
    second = history.commit()
    history.edit("Ginaz", "Dirty")
    history.write("manifests/staged.yaml", "not: [valid")
    history.git("add", "-A")
    before = (history.git("status", "--porcelain"), (history.top / ".git/index").read_bytes())
    result = found(history, "first..HEAD")
    (change,) = only(result).changes
    assert [(each.before, each.after) for each in change.fields] == [("Idaho", "Ginaz")]
    assert (history.git("status", "--porcelain"), (history.top / ".git/index").read_bytes()) == before
    assert result.newer == f"HEAD ({second[:12]})"


def test_three_dots_begin_where_the_two_parted(history: History) -> None:
    history.git("checkout", "--quiet", "-b", "feature")
    history.edit("Idaho", "Ginaz")
    history.commit()
    history.git("checkout", "--quiet", "main")
    history.edit("Atreides", "Muad")
    history.commit()
    history.git("checkout", "--quiet", "feature")
    assert told(found(history, "main...HEAD")) == [("contacts.duncan", Kind.CHANGED)]
    assert [each for each, _ in told(found(history, "main..HEAD"))] == ["contacts.duncan", "contacts.paul"]


def test_a_project_in_a_sub_folder_with_spaces_and_signs_is_found_in_every_revision(tmp_path: Path) -> None:
    history = started(tmp_path / "repo", "teams/sales & more/cräm")
    history.write("manifests/a b/ü;$(touch x).yaml", CONTACTS.replace("name: contacts", "name: b").replace("@", "@b."))
    history.commit()
    assert told(found(history, "first..HEAD")) == [("b.duncan", Kind.ADDED), ("b.paul", Kind.ADDED)]
    assert told(found(history, "HEAD..first", path="manifests")) == [
        ("b.duncan", Kind.REMOVED),
        ("b.paul", Kind.REMOVED),
    ]


def test_a_file_whose_name_is_no_text_is_read_all_the_same(history: History) -> None:
    name = os.fsencode(str(history.root)) + b"/manifests/\xff\xfe.yaml"
    content = CONTACTS.replace("name: contacts", "name: b").replace("@", "@b.").encode()
    Path(os.fsdecode(name)).write_bytes(content)
    history.commit()
    assert told(found(history, "first..HEAD")) == [("b.duncan", Kind.ADDED), ("b.paul", Kind.ADDED)]


def test_a_renamed_file_changes_nothing(history: History) -> None:
    history.git("mv", "manifests/contacts.yaml", "manifests/people.yaml")
    history.commit()
    assert found(history, "first..HEAD").is_empty


def test_hidden_files_and_those_of_the_state_folder_are_passed_over(history: History) -> None:
    history.write("manifests/.hidden.yaml", "not: [valid")
    history.write(".syncspec/x.yaml", "not: [valid")
    history.commit()
    assert found(history, "first..HEAD").is_empty


def test_rows_and_schemas_are_read_from_the_revision(history: History) -> None:
    leads = (
        "apiVersion: syncspec/v1\nkind: RecordSet\nmetadata: {name: leads}\nspec:\n  collection_id: salesforce:lead\n"
        "  match_on: [Email]\n  data_schema: schemas/lead.json\n"
        "  records_from:\n    - {file: data/leads.csv, name: '${row.Email}'}\n"
        "    - {file: data/odd name.export, format: csv, name: '${row.Email}'}\n"
    )
    history.write("manifests/leads.yaml", leads)
    history.write("schemas/lead.json", '{"required": ["Email"]}')
    history.write("data/leads.csv", "Email\na@x\n")
    history.write("data/odd name.export", "Email\nc@x\n")
    history.write("data/unrelated.bin", "x")
    history.commit()
    history.git("tag", "rows")
    history.write("data/leads.csv", "Email\na@x\nb@x\n")
    history.write("data/odd name.export", "Email\nd@x\n")
    history.commit()
    assert told(found(history, "rows..HEAD")) == [
        ("leads.b@x", Kind.ADDED),
        ("leads.c@x", Kind.REMOVED),
        ("leads.d@x", Kind.ADDED),
    ]


def test_a_link_in_git_is_not_followed_and_that_is_said(history: History, tmp_path: Path) -> None:
    secret = tmp_path / "secret.yaml"
    secret.write_text(CONTACTS.replace("name: contacts", "name: secret"), encoding="utf-8")
    (history.root / "manifests/out.yaml").symlink_to(secret)
    (history.root / "syncspec.lock").symlink_to(secret)
    history.commit()
    result = found(history, "first..HEAD")
    assert (result.is_empty, codes(result)) == (True, ["left-out"])
    assert result.diagnostics[0].detail.startswith("manifests/out.yaml, syncspec.lock: ")


def test_a_submodule_is_not_read(history: History, tmp_path: Path) -> None:
    other = started(tmp_path / "other")
    history.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.top), "manifests/sub")
    history.commit()
    result = found(history, "first..HEAD")
    assert (result.is_empty, codes(result)) == (True, ["left-out"])


@pytest.mark.parametrize("name", [b"..", b".", b"a/../../evil.yaml"])
def test_a_made_up_tree_writes_nothing_outside_its_folder(history: History, own_git: Path, name: bytes) -> None:
    blob = history.git("hash-object", "-w", "--stdin", stdin=b"x")
    content = b"100644 " + name + b"\0" + bytes.fromhex(blob)
    tree = history.git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=content)
    commit = history.git("commit-tree", tree, "-m", "evil")
    assert error(history, f"first..{commit}").diagnostics[0].summary == "No project file"
    assert list(own_git.parent.rglob("evil.yaml")) == []


def test_a_file_that_is_kept_in_git_lfs_is_not_taken_for_data(history: History) -> None:
    history.write("manifests/large.yaml", "version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 1\n")
    history.commit()
    assert codes(found(history, "first..HEAD")) == ["left-out"]


def test_the_lockfile_of_the_newer_side_tells_what_is_locked(history: History) -> None:
    (history.root / "syncspec.lock").write_text("broken", encoding="utf-8")
    history.commit()
    history.git("tag", "broken")
    entries = {"contacts.duncan": locked("contacts.duncan", "003D"), "contacts.paul": locked("contacts.paul", "003P")}
    write_lockfile(history.root / "syncspec.lock", Lockfile(project="arrakis", entries=entries))
    text = (history.root / "manifests/contacts.yaml").read_text(encoding="utf-8")
    history.write("manifests/contacts.yaml", text.partition("    duncan:")[0].replace("Atreides", "Muad"))
    history.commit()
    result = found(history, "broken..HEAD")
    assert [(change.effect, change.upstream_id) for change in only(result).changes] == [
        (Effect.KEEP, "003D"),
        (Effect.UPDATE, "003P"),
    ]
    back = found(history, "HEAD..broken")
    assert codes(back) == ["lockfile"]
    assert {change.effect for change in only(back).changes} == {Effect.UNKNOWN}


def test_state_in_a_git_ref_leaves_open_what_is_locked(tmp_path: Path) -> None:
    history = started(tmp_path / "repo", project=PROJECT + "  state: {backend: git}\n")
    history.edit("Idaho", "Ginaz")
    result = found(history)
    assert (codes(result), only(result).changes[0].effect) == (["lock-unknown"], Effect.UNKNOWN)


def test_a_revision_that_is_not_here_is_an_error(history: History) -> None:
    caught = error(history, "nope..HEAD")
    assert (caught.exit_code, caught.diagnostics[0].hint) == (1, "fetch it first, or look at its name")
    assert '"nope" names no commit' in caught.diagnostics[0].detail


def test_a_shallow_clone_says_that_it_is_one(history: History, tmp_path: Path) -> None:
    history.edit("Idaho", "Ginaz")
    newest = history.commit()
    history.git("clone", "--quiet", "--depth=1", f"file://{history.top}", str(tmp_path / "shallow"))
    shallow = History(top=tmp_path / "shallow")
    for revisions in ("HEAD~1..HEAD", "first...HEAD"):
        assert "the clone is shallow" in str(error(shallow, revisions).diagnostics[0].hint)
    assert found(shallow, f"{newest}..HEAD").is_empty


def test_revisions_without_a_common_commit_have_no_merge_base(history: History) -> None:
    history.git("checkout", "--quiet", "--orphan", "alone")
    history.commit()
    assert error(history, "main...alone").diagnostics[0].summary == "The two revisions have no common commit here"


def test_a_partial_clone_is_not_completed_over_the_network(history: History, tmp_path: Path) -> None:
    history.edit("Idaho", "Ginaz")
    history.commit()
    history.git("config", "uploadpack.allowFilter", "true")
    history.git("clone", "--quiet", "--filter=blob:none", f"file://{history.top}", str(tmp_path / "partial"))
    partial = History(top=tmp_path / "partial")
    assert error(partial, "HEAD~1..HEAD").diagnostics[0].summary == "A revision cannot be read"


def test_a_detached_head_and_a_worktree_work(history: History, tmp_path: Path) -> None:
    history.edit("Idaho", "Ginaz")
    history.commit()
    history.git("checkout", "--quiet", "--detach", "first")
    assert found(history, "HEAD..main").newer.startswith("main (")
    history.git("worktree", "add", "--quiet", str(tmp_path / "tree"), "main")
    assert told(found(History(top=tmp_path / "tree"), "first")) == [("contacts.duncan", Kind.CHANGED)]


def test_what_a_hook_says_of_the_repository_does_not_matter(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere/index")
    assert found(history).is_empty


def test_outside_of_a_repository_is_an_error(tmp_path: Path) -> None:
    history = started(tmp_path / "repo")
    shutil.rmtree(history.top / ".git")
    assert error(history).diagnostics[0].summary == "The project is in no git repository that can be read"


def test_without_git_it_is_said_that_there_is_none(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert error(history).diagnostics[0].summary == "git was not found"


def test_without_a_project_in_the_working_tree_nothing_is_compared(history: History) -> None:
    (history.root / "syncspec.yaml").unlink()
    assert isinstance(error(history, "first..HEAD"), ManifestError)


def test_a_project_that_is_new_is_added_whole(tmp_path: Path) -> None:
    history = History(top=tmp_path / "repo", folder="crm")
    history.top.mkdir()
    history.git("init", "--quiet", "-b", "main")
    history.commit("empty")
    history.write("syncspec.yaml", PROJECT)
    history.write("manifests/contacts.yaml", CONTACTS)
    history.commit()
    result = found(history, "HEAD~1..HEAD")
    assert codes(result) == ["new-project"]
    assert {kind for _, kind in told(result)} == {Kind.ADDED}
    assert "holds no syncspec.yaml" in error(history, "HEAD..HEAD~1").diagnostics[0].detail


def test_an_older_side_with_errors_shows_the_newer_as_a_whole(history: History) -> None:
    history.write("manifests/contacts.yaml", CONTACTS.replace("match_on:", "macth_on:"))
    history.commit()
    history.git("tag", "broken")
    history.write("manifests/contacts.yaml", CONTACTS)
    history.commit()
    result = found(history, "broken..HEAD")
    assert codes(result) == ["older-side"]
    assert (
        "Unknown field at manifests/contacts.yaml:9:3" in result.diagnostics[0].detail or result.diagnostics[0].detail
    )
    assert told(result) == [("contacts.duncan", Kind.ADDED), ("contacts.paul", Kind.ADDED)]


def test_a_newer_side_with_errors_is_named_and_nothing_is_compared(history: History) -> None:
    history.write("manifests/contacts.yaml", CONTACTS.replace("match_on:", "macth_on:"))
    caught = error(history)
    first, second = caught.diagnostics[:2]
    assert (caught.exit_code, first.code, second.code) == (1, "newer-side", "unknown-key")
    assert first.detail == "These are of the working tree."
    assert str(second.source).startswith("manifests/contacts.yaml:")


def test_no_secret_and_nothing_of_the_environment_is_needed_or_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OWNER", "canary")
    monkeypatch.setenv("TOKEN", "canary")
    project = PROJECT.replace("type: embedded", "type: sequin\n      token: ${env.TOKEN}\n      base_url: ${env.URL}")
    project = project.replace("token", "syncs:\n        salesforce: s\n      token")
    history = started(tmp_path / "repo", project=project + "  variables:\n    owner: ${env.OWNER}\n")
    history.edit("LastName: Idaho", "LastName: ${var.owner}")
    result = found(history)
    (change,) = only(result).changes
    assert change.fields[0].after == "${env.OWNER}"
    assert "canary" not in "".join(result.render(each) for each in ("text", "json", "markdown", "html", "github"))
    given = found(history, environ={"OWNER": "me"})
    assert only(given).changes[0].fields[0].after == "me"


ENVIRONMENTS = PROJECT + (
    "  variables: {domain: x}\n  environments:\n    sandbox: {variables: {domain: s}}\n    stage: {}\n    prod: {}\n"
)


@pytest.fixture
def several(tmp_path: Path) -> History:
    contacts = CONTACTS.replace("paul@arrakis.org", "paul@${var.domain}")
    return started(tmp_path / "repo", project=ENVIRONMENTS, contacts=contacts)


def test_all_environments_are_compared_and_equal_ones_stand_together(several: History) -> None:
    several.edit("Idaho", "Ginaz")
    assert [each.environments for each in found(several).comparisons] == [("sandbox", "stage", "prod")]
    several.edit("paul@", "muad@")
    result = found(several)
    assert [each.environments for each in result.comparisons] == [("sandbox",), ("stage", "prod")]
    assert result.comparisons[0].changes[1].fields[0].after == "muad@s"


def test_one_environment_can_be_asked_for(several: History) -> None:
    several.edit("Idaho", "Ginaz")
    result = found(several, env="prod")
    assert (only(result).environments, result.environment) == (("prod",), "prod")
    assert "did you mean" in str(error(several, env="prd").diagnostics[1].hint)


def test_an_environment_that_is_new_is_added_whole(several: History) -> None:
    several.edit("    prod: {}\n", "    prod: {}\n    extra: {}\n", name="syncspec.yaml")
    result = found(several)
    by_name = {each.environments: each for each in result.comparisons}
    assert by_name["sandbox", "stage", "prod"].is_empty
    assert {change.kind for change in by_name[("extra",)].changes} == {Kind.ADDED}
    assert codes(result) == ["new-environment"]


def test_a_set_that_leaves_an_environment_is_removed_there(several: History) -> None:
    several.edit("  collection_id", "  environments: [sandbox]\n  collection_id")
    by_name = {each.environments: each for each in found(several).comparisons}
    assert by_name[("sandbox",)].is_empty
    assert {change.kind for change in by_name["stage", "prod"].changes} == {Kind.REMOVED}


def test_what_is_selected_may_be_gone_on_one_side(history: History) -> None:
    shutil.rmtree(history.root / "manifests")
    history.write("manifests/other.yaml", CONTACTS.replace("name: contacts", "name: other").replace("arrakis", "x"))
    gone = history.root / "manifests/contacts.yaml"
    assert {each for each, _ in told(found(history, paths=[gone]))} == {"contacts.duncan", "contacts.paul"}
    assert told(found(history, include=["contacts.paul"])) == [("contacts.paul", Kind.REMOVED)]
    assert {each for each, _ in told(found(history, labels={"team": "revops"}, exclude=["other"]))} == {
        "contacts.duncan",
        "contacts.paul",
    }
    assert len(told(found(history, paths=[history.root]))) == 4


@pytest.mark.parametrize("more", [{"include": ["nope"]}, {"labels": {"team": "x"}}, {"paths": ["nope.yaml"]}])
def test_a_selection_of_nothing_is_wrong_usage(
    history: History, monkeypatch: pytest.MonkeyPatch, more: dict[str, Any]
) -> None:
    monkeypatch.chdir(history.root)
    assert isinstance(error(history, **more), UsageError)


def test_a_path_outside_the_project_is_an_error(history: History) -> None:
    assert error(history, paths=[history.top.parent]).diagnostics[0].summary == "A path lies outside the project"


def test_a_revision_may_be_named_in_all_of_gits_ways(history: History) -> None:
    history.edit("Idaho", "Ginaz")
    history.commit("second one")
    for name in ("HEAD~1", "HEAD^", "first", "main@{0}~1", "first^{commit}"):
        assert told(found(history, f"{name}..HEAD")) == [("contacts.duncan", Kind.CHANGED)]


def test_a_commit_may_be_named_by_its_message(history: History) -> None:
    history.edit("Idaho", "Ginaz")
    assert told(found(history, ":/first")) == [("contacts.duncan", Kind.CHANGED)]


def test_contents_are_taken_in_several_portions(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncspec.project.revisions._MOST_AT_ONCE", 10)
    history.edit("Idaho", "Ginaz")
    history.commit()
    assert told(found(history, "first..HEAD")) == [("contacts.duncan", Kind.CHANGED)]


def test_a_revision_that_is_too_large_is_refused(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncspec.project.revisions._MOST_BYTES", 100)
    assert error(history, "first..HEAD").diagnostics[0].summary == "A revision holds too much to be compared"
