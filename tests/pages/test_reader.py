"""Consistent pages of live databases."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from dbtool.core.holders import lock_count
from dbtool.errors import Damaged, DbtoolError, NotFound, UsageError, WrongKey
from dbtool.pages.reader import PageReader
from tests.pages.databases import (
    busy_writer,
    closing,
    content,
    invariant,
    listing,
    make_accounts,
)


@pytest.mark.parametrize("kind", ["plain", "checkpoint", "vacuum", "no-checkpoint", "delete"])
def test_every_stream_beside_a_busy_writer_is_a_state_that_was_committed(
    database: Path, kind: str
) -> None:
    copy = database.parent.parent / "copy.db"
    seen: list[int] = []
    overlays = 0
    chance = random.Random(kind)
    with busy_writer(database, kind):
        until = time.monotonic() + 2
        while time.monotonic() < until:
            with PageReader.open(database) as reader:
                overlays += bool(reader._overlay)
                joined = bytearray()
                for _, data in reader.blocks(chance.choice([1, 7, 64])):
                    joined += data
                    if chance.random() < 0.1:
                        time.sleep(0.002)  # writers and checkpoints go on meanwhile
            copy.write_bytes(joined)
            seen.append(invariant(copy))
    assert seen == sorted(seen)
    assert len(set(seen)) > 3, "the writer stood still"
    if kind == "no-checkpoint":
        assert overlays >= len(seen) - seen.count(0) > 3
    if kind == "plain":
        assert overlays


def test_a_stream_stays_the_same_while_others_commit_and_checkpoint(database: Path) -> None:
    with PageReader.open(database) as reader:
        before = content(reader)
        with busy_writer(database, "checkpoint"):
            for _ in range(20):
                assert content(reader, 16) == before
                time.sleep(0.01)
        assert b"".join(data for _, data in reader.pages(range(1, reader.page_count + 1))) == before


def test_pages_in_the_wal_are_served_newest_first(database: Path) -> None:
    with closing(database) as writer:
        writer.pragma("wal_autocheckpoint", 0)
        for value in range(5):
            writer.execute("UPDATE total SET counter = ?", (value,))
            writer.execute("INSERT INTO account VALUES (?, 0, zeroblob(9000))", (1000 + value,))
        main_file = database.read_bytes() if lock_count(database) == 0 else b""
        with PageReader.open(database) as reader:
            joined = content(reader)
            assert reader.journal_mode == "wal"
            assert len(joined) > len(main_file)
            assert dict(reader.pages([3, 1]))[1] == joined[:4096]
        copy = database.parent.parent / "copy.db"
        copy.write_bytes(joined)
        assert invariant(copy) == 4


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65536])
@pytest.mark.parametrize("journal_mode", ["wal", "delete", "persist", "truncate"])
def test_every_page_size_and_journal_mode_reads_as_the_file(
    folder: Path, page_size: int, journal_mode: str
) -> None:
    path = folder / "app.db"
    make_accounts(path, page_size=page_size, journal_mode=journal_mode, rows=50)
    before = listing(folder)
    with PageReader.open(path) as reader:
        assert reader.page_size == page_size
        assert reader.journal_mode == ("wal" if journal_mode == "wal" else "delete")
        assert content(reader, 5) == before["app.db"]
    assert listing(folder) == before


def test_reserved_bytes_and_utf16_read_as_the_file(folder: Path) -> None:
    path = folder / "app.db"
    with closing(path) as connection:
        connection.reserve_bytes("main", 32)
        connection.pragma("encoding", "UTF-16be")
        connection.pragma("auto_vacuum", "full")
        connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES ('é')")
    with PageReader.open(path) as reader:
        assert content(reader) == path.read_bytes()


def test_an_empty_file_has_no_pages_and_its_neighbours_survive(folder: Path) -> None:
    path = folder / "app.db"
    path.touch()
    (folder / "app.db-wal").write_bytes(b"somebody's last hope")
    before = listing(folder)
    with PageReader.open(path) as reader:
        assert (reader.page_size, reader.page_count, list(reader.blocks(64))) == (0, 0, [])
    assert listing(folder) == before


def test_blocks_take_a_range(database: Path) -> None:
    with PageReader.open(database) as reader:
        whole = content(reader)
        assert [(first, len(data)) for first, data in reader.blocks(4, first=3, last=12)] == [
            (3, 16384),
            (7, 16384),
            (11, 8192),
        ]
        assert (
            b"".join(data for _, data in reader.blocks(4, first=3, last=12))
            == whole[2 * 4096 : 12 * 4096]
        )
        assert list(reader.blocks(4, first=reader.page_count + 1)) == []


@pytest.mark.parametrize("number", [0, -1, 10**6])
def test_a_page_that_does_not_exist_is_refused(database: Path, number: int) -> None:
    with PageReader.open(database) as reader, pytest.raises(ValueError, match="not within"):
        list(reader.pages([number]))


def test_a_database_over_one_gibibyte_reads_beyond_the_lock_page(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, page_size=65536, journal_mode="delete", rows=1)
    count = (1 << 30) // 65536 + 3
    with path.open("r+b") as file:
        file.seek(28)
        file.write(count.to_bytes(4, "big"))
        file.seek((count - 1) * 65536)
        file.write(b"\x55" * 65536)
    with PageReader.open(path) as reader:
        assert dict(reader.pages([count]))[count] == b"\x55" * 65536
        lock = (1 << 30) // 65536 + 1
        assert list(reader.blocks(2, first=lock - 1)) == [
            (lock - 1, bytes(2 * 65536)),
            (lock + 1, bytes(65536) + b"\x55" * 65536),
        ]


@pytest.mark.parametrize("cut", [1, 4096, 3 * 4096, 100_000])
def test_a_truncated_file_is_damage(database: Path, cut: int) -> None:
    size = database.stat().st_size
    os.truncate(database, size - cut)
    with pytest.raises(Damaged) as caught:
        PageReader.open(database)
    assert caught.value.code == "database-truncated"


def test_a_header_out_of_bounds_is_damage(database: Path) -> None:
    raw = bytearray(database.read_bytes())
    raw[16:18] = (513).to_bytes(2, "big")
    database.write_bytes(raw)
    with pytest.raises(DbtoolError) as caught:
        PageReader.open(database)
    assert caught.value.exit_code == Damaged.exit_code


def test_a_schema_that_sqlite_cannot_parse_does_not_stop_the_pages(folder: Path) -> None:
    path = folder / "app.db"
    with closing(path) as connection:
        connection.execute("CREATE TABLE something(a)")
    path.write_bytes(
        path.read_bytes().replace(b"CREATE TABLE something", b"CRAETE TABLE something")
    )
    with PageReader.open(path) as reader:
        assert content(reader) == path.read_bytes()


def test_inputs_that_are_no_database_say_what_they_are(folder: Path) -> None:
    (folder / "notes.db").write_text("hello, this is not a database" * 100, encoding="utf-8")
    (folder / "secret.db").write_bytes(random.Random(1).randbytes(8192))
    for name, kind, code in (
        ("missing.db", NotFound, "database-not-found"),
        (".", UsageError, "database-is-folder"),
        ("notes.db", UsageError, "not-a-database"),
        ("secret.db", WrongKey, "database-encrypted"),
    ):
        with pytest.raises(kind) as caught:
            PageReader.open(folder / name)
        assert caught.value.code == code


def test_a_symbolic_link_reads_the_wal_of_the_file_it_names(database: Path, folder: Path) -> None:
    link = folder.parent / "link.db"
    link.symlink_to(database)
    with closing(database) as writer:
        writer.execute("UPDATE total SET counter = 5")
        with PageReader.open(link) as reader:
            joined = content(reader)
    copy = folder.parent / "copy.db"
    copy.write_bytes(joined)
    assert invariant(copy) == 5
    assert sorted(file.name for file in folder.parent.iterdir()) == ["copy.db", "data", "link.db"]


def test_single_pages_are_those_of_the_stream(database: Path) -> None:
    with PageReader.open(database) as reader:
        whole = content(reader)
        for number in (1, reader.page_count, 2):
            assert reader.page(number) == whole[(number - 1) * 4096 : number * 4096]
        reader.confirm()
        with pytest.raises(ValueError, match="not within"):
            reader.page(reader.page_count + 1)
