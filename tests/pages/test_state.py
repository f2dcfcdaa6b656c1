"""A state proves that nothing changed, or does not claim to."""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from dbtool.core.holders import lock_count
from dbtool.pages.state import SourceState, state_of
from tests.pages.databases import closing, make_accounts


def settled(path: Path) -> SourceState:
    time.sleep(0.07)
    return state_of(path)


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
            before = settled(path)
            assert before.settled
            writer.execute("UPDATE total SET counter = ?", (value + 1,))
            assert not before.proves_unchanged(state_of(path))
        before = settled(path)
        if journal_mode == "wal":
            writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        else:
            writer.execute("VACUUM")
        assert not before.proves_unchanged(state_of(path))


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
