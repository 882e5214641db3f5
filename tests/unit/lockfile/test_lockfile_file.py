from __future__ import annotations

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from support.builders import digests, locked

from syncspec.errors import LockfileError
from syncspec.lockfile import EntryState, Lockfile, OpenAttempt
from syncspec.lockfile.file import parse_lockfile, read_lockfile, render_lockfile, write_lockfile
from syncspec.records import OnRemove

PAUL = locked(
    "contacts.paul", "003A", fields=digests(Email=("a" * 16, "a" * 16), Name=("b" * 16, None), Zip=("c" * 16, "d" * 16))
)
DUNCAN = locked(
    "contacts.duncan",
    "003B",
    key="f" * 16,
    marker="p/contacts.duncan",
    protect=True,
    on_remove=OnRemove.DELETE,
    delete_adopted=True,
    depends_on=("accounts.caladan", "contacts.paul"),
    updated_at="2026",
)
PENDING = OpenAttempt(
    attempt="run.1.0",
    address="contacts.jessica",
    target=PAUL.target,
    kind="create",
    state="unknown",
    horizon="2026-01-01T00:10:00.000Z",
    key="1" * 16,
    loose_key="2" * 16,
    evidence="answered 504",
    candidates=("003C",),
)


def lockfile(*entries: object, pending: tuple[OpenAttempt, ...] = ()) -> Lockfile:
    return Lockfile(project="p", entries={entry.address: entry for entry in entries}, pending=pending)  # type: ignore[attr-defined]


def parse(content: bytes) -> Lockfile:
    return parse_lockfile(content, file="syncspec.lock", project="p", environment=None)


def problems(content: bytes) -> str:
    with pytest.raises(LockfileError) as caught:
        parse(content)
    return "\n".join(f"{item.source}: {item.summary}: {item.detail} ({item.hint})" for item in caught.value.diagnostics)


def test_what_was_written_reads_back_equal(tmp_path: Path) -> None:
    whole = lockfile(PAUL, DUNCAN, pending=(PENDING,))
    path = tmp_path / "syncspec.lock"
    assert write_lockfile(path, whole) is True
    assert read_lockfile(path, project="p", environment=None) == replace(
        whole, entries={"contacts.duncan": DUNCAN, "contacts.paul": PAUL}
    )


def test_lines_are_sorted_by_address_and_equal_values_give_equal_bytes() -> None:
    one = render_lockfile(lockfile(PAUL, DUNCAN, pending=(PENDING,)))
    assert one == render_lockfile(lockfile(DUNCAN, PAUL, pending=(PENDING,)))
    addresses = [line.split(b'"address":"')[1].split(b'"')[0] for line in one.splitlines()[1:]]
    assert addresses == [b"contacts.duncan", b"contacts.jessica", b"contacts.paul"]


def test_one_record_changes_one_line() -> None:
    before = render_lockfile(lockfile(PAUL, DUNCAN)).splitlines()
    after = render_lockfile(lockfile(PAUL, replace(DUNCAN, updated_at="2027"))).splitlines()
    assert len(set(before) ^ set(after)) == 2


def test_a_file_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read_lockfile(tmp_path / "none.lock", project="p", environment=None).entries == {}


def test_an_equal_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "syncspec.lock"
    write_lockfile(path, lockfile(PAUL))
    before = path.stat().st_ino
    assert write_lockfile(path, lockfile(PAUL)) is False
    assert path.stat().st_ino == before


def test_lines_may_come_in_any_order_and_twice() -> None:
    header, *lines = render_lockfile(lockfile(PAUL, DUNCAN)).splitlines()
    shuffled = b"\r\n".join([lines[1], lines[0], header, lines[0], header, b"", lines[1]])
    assert parse(shuffled) == parse(b"\n".join([header, *lines]))


def test_one_address_with_two_ids_is_refused_and_both_are_shown() -> None:
    content = render_lockfile(lockfile(PAUL)) + render_lockfile(lockfile(replace(PAUL, upstream_id="003Z")))
    text = problems(content)
    assert "syncspec.lock:4:1: The lockfile holds two IDs for one address" in text
    assert "contacts.paul is 003A in" in text
    assert "003Z in" in text


def test_one_id_with_two_addresses_is_refused_and_both_are_shown() -> None:
    text = problems(render_lockfile(lockfile(PAUL, replace(DUNCAN, upstream_id="003A"))))
    assert "003A of salesforce:contact is contacts.duncan in line 2 and contacts.paul in line 3" in text


def test_two_versions_of_one_entry_fold_to_what_both_are_sure_of() -> None:
    other = replace(PAUL, fields=digests(Email=("e" * 16, "e" * 16), Name=("b" * 16, None)), protect=True)
    content = render_lockfile(lockfile(PAUL)) + render_lockfile(lockfile(other))
    entry = parse(content).entries["contacts.paul"]
    assert entry.protect is True
    assert (entry.fields["Email"].sent, entry.fields["Email"].seen) == (None, None)
    assert entry.fields["Name"] == PAUL.fields["Name"]


def test_of_two_versions_the_one_that_keeps_the_record_wins_whatever_their_order() -> None:
    deleting = replace(PAUL, on_remove=OnRemove.DELETE, delete_adopted=True, depends_on=("accounts.b", "accounts.c"))
    for pair in ((PAUL, replace(deleting, depends_on=("accounts.a",))), (deleting, PAUL)):
        entry = parse(b"".join(render_lockfile(lockfile(each)) for each in pair)).entries["contacts.paul"]
        assert (entry.on_remove, entry.delete_adopted) == (OnRemove.KEEP, False)
        assert entry.depends_on == (pair[0].depends_on or pair[1].depends_on)
    both = render_lockfile(lockfile(deleting)) + render_lockfile(
        lockfile(replace(deleting, depends_on=("accounts.a",)))
    )
    entry = parse(both).entries["contacts.paul"]
    assert (entry.on_remove, entry.delete_adopted) == (OnRemove.DELETE, True)
    assert entry.depends_on == ("accounts.a", "accounts.b", "accounts.c")


def test_what_holds_by_default_is_not_written() -> None:
    line = render_lockfile(lockfile(PAUL)).splitlines()[1]
    assert not [name for name in (b"protect", b"on_remove", b"delete_adopted", b"depends_on") if name in line]


def test_a_word_that_is_no_removal_is_an_error_with_its_number() -> None:
    content = render_lockfile(lockfile(DUNCAN)).replace(b'"on_remove":"delete"', b'"on_remove":"destroy"')
    assert "syncspec.lock:2:1" in problems(content)


def test_of_two_versions_with_times_the_later_one_wins() -> None:
    early = replace(PAUL, updated_at="2026-01-01", fields=digests(Email=("1" * 16, "1" * 16)))
    late = replace(PAUL, updated_at="2026-02-01", fields=digests(Email=("2" * 16, "2" * 16)))
    for pair in ((early, late), (late, early)):
        content = b"".join(render_lockfile(lockfile(entry)) for entry in pair)
        assert parse(content).entries["contacts.paul"].fields == late.fields


def test_an_entry_that_either_side_still_declares_is_locked() -> None:
    retained = replace(PAUL, state=EntryState.RETAINED)
    content = render_lockfile(lockfile(retained)) + render_lockfile(lockfile(PAUL))
    assert parse(content).entries["contacts.paul"].state is EntryState.LOCKED


@pytest.mark.parametrize("mark", [b"<<<<<<< HEAD", b"=======", b">>>>>>> other", b"||||||| base"])
def test_conflict_markers_are_named_as_such(mark: bytes) -> None:
    assert "git's conflict markers" in problems(render_lockfile(lockfile(PAUL)) + mark + b"\n")


def test_a_newer_version_is_refused() -> None:
    assert "this syncspec reads version 1" in problems(b'{"lockfile_version":2,"project":"p"}\n')


@pytest.mark.parametrize(
    "header", [b'{"lockfile_version":1,"project":"q"}', b'{"lockfile_version":1,"project":"p","environment":"x"}']
)
def test_the_lockfile_of_another_project_or_environment_is_refused(header: bytes) -> None:
    assert "belongs to another project" in problems(header)


@pytest.mark.parametrize(
    "line", [b"{", b"[]", b"nonsense", b'{"address":"a.b"}', b'{"state":"pending"}', b"\xff\xfe", b'{"a":' * 2000]
)
def test_a_damaged_line_is_an_error_with_its_number(line: bytes) -> None:
    assert "syncspec.lock:3:1" in problems(render_lockfile(lockfile(PAUL)) + line + b"\n")


def test_a_truncated_file_is_an_error() -> None:
    content = render_lockfile(lockfile(PAUL, DUNCAN))
    assert "syncspec.lock:3:1" in problems(content[:-20])


def test_a_file_without_its_header_is_an_error() -> None:
    assert "has no header" in problems(b"\n".join(render_lockfile(lockfile(PAUL)).splitlines()[1:]))


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path: Path) -> None:
    path = tmp_path / "syncspec.lock"
    write_lockfile(path, lockfile(PAUL))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(LockfileError, match="cannot be written"):
        write_lockfile(path, lockfile(PAUL, DUNCAN), fsync=full)
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["syncspec.lock"]


def test_a_new_lockfile_is_as_readable_as_the_umask_says(tmp_path: Path) -> None:
    path = tmp_path / "syncspec.lock"
    mask = os.umask(0o022)
    try:
        write_lockfile(path, lockfile(PAUL))
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_private_digests_stay_out_of_the_file() -> None:
    fields = {name: replace(item, private=name == "Email") for name, item in PAUL.fields.items()}
    text = render_lockfile(lockfile(replace(PAUL, fields=fields)))
    assert b"Email" not in text
    assert b"Name" in text
