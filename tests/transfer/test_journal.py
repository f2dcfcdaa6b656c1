"""How far an import has come."""

from __future__ import annotations

import io

import apsw
from blake3 import blake3

from dbtool.transfer.columns import ColumnPlan, TablePlan
from dbtool.transfer.formats.batch import Position
from dbtool.transfer.journal import JOURNAL_TABLE, Journal, State, Tracked, prefix_digest

PLAN = TablePlan("t", exists=False, columns=(ColumnPlan("a", "b", "TEXT", "as_is"),), key=("b",))


def test_what_was_written_is_read_again() -> None:
    connection = apsw.Connection(":memory:")
    journal = Journal(connection, "people.csv")
    assert journal.read() is None
    state = State(
        (PLAN,), {"mode": "insert"}, ("CREATE INDEX i ON t(b)",), files=("f",), violations=3
    )
    journal.begin(state)
    state.input, state.position, state.digest = 1, Position(10, 2, 2), b"xyz"
    state.rows["t"], state.bad = 7, 1
    journal.write(state)
    assert journal.read() == state
    assert Journal(connection, "other.csv").read() is None


def test_the_table_goes_with_the_last_import() -> None:
    connection = apsw.Connection(":memory:")
    one, other = Journal(connection, "one"), Journal(connection, "other")
    one.begin(State((PLAN,), {}))
    other.begin(State((PLAN,), {}))
    one.end()
    assert other.read() is not None
    other.end()
    assert not connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE name = ?", (JOURNAL_TABLE,)
    ).fetchall()


def test_a_stream_knows_the_hash_up_to_a_place_behind() -> None:
    data = bytes(range(256)) * 10
    tracked = Tracked(io.BytesIO(data))
    tracked.read(1000)
    assert tracked.digest(700) == blake3(data[:700]).digest()
    tracked.read(500)
    assert tracked.digest(1200) == prefix_digest(io.BytesIO(data), 1200)
    tracked.seek(0)
    tracked.read(10)
    assert tracked.digest(10) == blake3(data[:10]).digest()
