"""A state proves that nothing changed, or does not claim to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from dbtool.core.holders import lock_count
from dbtool.pages.reader import PageReader
from dbtool.pages.state import SourceState, settling_ns, state_of
from tests.pages.databases import closing, make_accounts


def settled(path: Path) -> SourceState:
    time.sleep(0.07)
    return state_of(path)


def observed(path: Path) -> SourceState:
    """Return what a backup would keep."""
    time.sleep(0.07)
    with PageReader.open(path) as reader:
        return reader.state


def test_an_untouched_database_is_proven_unchanged(database: Path) -> None:
    before = settled(database)
    assert before.settled
    assert before.proves_unchanged(state_of(database))


@pytest.mark.parametrize("journal_mode", ["wal", "delete"])
def test_every_commit_is_seen(folder: Path, journal_mode: str) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode=journal_mode, rows=5)
    with closing(path) as writer:
        for value in range(5):
            before = observed(path)
            assert before.proves_unchanged(observed(path))
            writer.execute("UPDATE total SET counter = ?", (value + 1,))
            assert not before.proves_unchanged(observed(path))
        before = observed(path)
        if journal_mode == "wal":
            writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        else:
            writer.execute("VACUUM")
        assert not before.proves_unchanged(observed(path))


@pytest.fixture
def reset_wal(database: Path) -> Iterator[apsw.Connection]:
    """A writer that overwrites frames of an older generation: the WAL does not grow."""
    with closing(database) as writer:
        writer.pragma("wal_autocheckpoint", 0)
        writer.execute("UPDATE account SET amount = amount + 1")
        writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
        writer.execute("UPDATE total SET counter = 1")
        yield writer


def test_a_commit_over_older_frames_is_seen_though_its_time_stamp_is_set_back(
    database: Path, reset_wal: apsw.Connection
) -> None:
    wal = database.with_name("app.db-wal")
    before = observed(database)
    assert before.settled
    assert before.wal_committed == 1
    reset_wal.execute("UPDATE total SET counter = 2")
    assert before.wal_mtime_ns is not None
    os.utime(wal, ns=(before.wal_mtime_ns, before.wal_mtime_ns))
    after = observed(database)
    unseen = {"wal_committed": None, "wal_checksum": None}
    assert replace(before, **unseen) == replace(after, **unseen)
    assert not before.proves_unchanged(after)


def test_without_the_count_of_frames_a_wal_proves_nothing(
    database: Path, reset_wal: apsw.Connection
) -> None:
    assert reset_wal.in_transaction is False
    before, without = observed(database), settled(database)
    assert without.wal_committed is None
    assert not before.proves_unchanged(without)
    assert not without.proves_unchanged(without)
    assert before.proves_unchanged(observed(database))


def test_time_stamps_of_whole_seconds_settle_slowly(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, rows=1, journal_mode="delete")
    now_s = time.time()
    os.utime(path, ns=(int(now_s - 1) * 10**9, int(now_s - 1) * 10**9))
    assert not settled(path).settled
    os.utime(path, ns=(int(now_s - 3) * 10**9, int(now_s - 3) * 10**9))
    assert settled(path).settled
    assert settling_ns(7 * 10**9) > 2 * 10**9 > settling_ns(7 * 10**9 + 1)


def test_a_record_of_a_version_that_did_not_count_frames_is_read(database: Path) -> None:
    older = state_of(database).to_json()
    del older["wal_committed"]
    assert not SourceState.from_json(older).proves_unchanged(settled(database))


def test_a_state_taken_right_after_a_write_proves_nothing(database: Path) -> None:
    os.utime(database)
    young = state_of(database)
    assert not young.settled
    assert not young.proves_unchanged(young)


def test_a_time_stamp_set_back_is_no_hiding_place(database: Path) -> None:
    before = settled(database)
    raw = bytearray(database.read_bytes())
    raw[-1] ^= 1
    database.write_bytes(raw)
    os.utime(database, ns=(before.mtime_ns, before.mtime_ns))
    after = settled(database)
    assert after.mtime_ns == before.mtime_ns
    assert not before.proves_unchanged(after)


def test_a_file_put_in_its_place_is_a_change(database: Path) -> None:
    before = settled(database)
    other = database.with_name("other")
    other.write_bytes(database.read_bytes())
    os.utime(other, ns=(before.mtime_ns, before.mtime_ns))
    other.replace(database)
    assert not before.proves_unchanged(settled(database))


def test_a_journal_beside_the_file_unsettles_the_state(database: Path) -> None:
    database.with_name("app.db-journal").write_bytes(b"somebody is writing")
    assert not settled(database).settled


def test_a_journal_that_was_committed_does_not(folder: Path) -> None:
    path = folder / "app.db"
    make_accounts(path, journal_mode="persist", rows=3)
    assert path.with_name("app.db-journal").stat().st_size
    assert settled(path).settled


def test_looking_takes_no_lock_away(database: Path) -> None:
    with closing(database) as other:
        other.execute("BEGIN; SELECT * FROM account")
        before = lock_count(database)
        assert before > 0
        state_of(database)
        assert lock_count(database) == before


def test_json_and_back_is_the_same(database: Path) -> None:
    with closing(database) as other:
        other.execute("UPDATE total SET counter = 1")
        state = settled(database)
        assert state.wal_frames > 0
        assert state.wal_salts
    for value in (state, state_of(database)):
        assert SourceState.from_json(json.loads(json.dumps(value.to_json()))) == value


@pytest.mark.parametrize("bad", [None, [], {}, {"device": "1"}])
def test_a_malformed_record_is_a_value_error(bad: object) -> None:
    with pytest.raises(ValueError, match="state of a source"):
        SourceState.from_json(bad)


def test_a_field_of_another_type_is_a_value_error(database: Path) -> None:
    good = state_of(database).to_json()
    SourceState.from_json(good | {"of a later version": 1})
    for name in good:
        with pytest.raises(ValueError, match=name):
            SourceState.from_json(good | {name: 1.5})
    with pytest.raises(ValueError, match="settled"):
        SourceState.from_json(good | {"settled": None})
    assert replace(state_of(database), settled=True).settled
