"""A comparison of any two states finds what a look at every row finds, and its script does it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.core.names import folded
from dbtool.rows.model import RowChange
from tests.rows.states import Two, dbhash

SCHEMA = """
CREATE TABLE plain(a, b);
CREATE TABLE keyed(id INTEGER PRIMARY KEY, a UNIQUE, b);
CREATE TABLE named(a COLLATE NOCASE PRIMARY KEY, b);
CREATE TABLE pairs(a TEXT, b, c, PRIMARY KEY(b DESC, a)) WITHOUT ROWID;
CREATE INDEX plain_b ON plain(b);
CREATE TRIGGER t AFTER DELETE ON plain BEGIN INSERT INTO plain VALUES('trigger', old.a); END;
"""
TABLES = {"plain": "a, b", "keyed": "a, b", "named": "a, b", "pairs": "a, b"}
KEYS = {"plain": ["rowid"], "keyed": ["id"], "named": ["a"], "pairs": ["b", "a"]}

VALUES = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.integers(-(1 << 63), (1 << 63) - 1),
    # SQLite keeps -0.0 in some columns and not in others, and calls it equal to 0.0.
    st.floats(allow_nan=False).map(lambda x: x or 0.0),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    st.binary(max_size=6),
    st.integers(300, 3000).map(lambda size: b"z" * size),
)
STEPS = st.one_of(
    st.tuples(
        st.just("INSERT OR REPLACE INTO {t}({c}) VALUES(?, ?)"),
        st.sampled_from(sorted(TABLES)),
        st.tuples(VALUES, VALUES),
    ),
    st.tuples(
        st.just("UPDATE OR IGNORE {t} SET b = ? WHERE a IS ?"),
        st.sampled_from(sorted(TABLES)),
        st.tuples(VALUES, VALUES),
    ),
    st.tuples(
        st.just("DELETE FROM {t} WHERE a > ? AND b IS NOT ?"),
        st.sampled_from(sorted(TABLES)),
        st.tuples(VALUES, VALUES),
    ),
    st.tuples(
        st.sampled_from(
            [
                "VACUUM",
                "DROP TRIGGER IF EXISTS t",
                "CREATE TABLE IF NOT EXISTS more AS SELECT * FROM {t}",
                "ALTER TABLE {t} ADD COLUMN d DEFAULT 'x'",
                "CREATE VIEW IF NOT EXISTS v AS SELECT * FROM {t}",
            ]
        ),
        st.sampled_from(sorted(TABLES)),
        st.none(),
    ),
)
Step = tuple[str, str, tuple[object, ...] | None]


def doing(steps: list[Step], schema: str = "") -> Callable[[apsw.Connection], None]:
    def change(connection: apsw.Connection) -> None:
        connection.execute(schema).fetchall()
        for sql, table, bindings in steps:
            with suppress(apsw.ConstraintError, apsw.SQLError):
                connection.execute(sql.format(t=table, c=TABLES[table]), bindings).fetchall()

    return change


def content(path: Path, table: str) -> dict[tuple[object, ...], tuple[object, ...]]:
    """Return the rows of a table by their key; those whose key is NULL by their rowid."""
    connection = apsw.Connection(str(path))
    found = {}
    try:
        rowid = "0" if table == "pairs" else "rowid"
        keys = KEYS[table]
        for row in connection.execute(f"SELECT {', '.join(keys)}, {rowid}, * FROM {table}"):
            key = tuple(
                folded(x) if isinstance(x, str) and table == "named" else x
                for x in row[: len(keys)]
            )
            rowid_part = row[len(keys)] if None in key else None
            # As keys 1 and 1.0 are one number, to SQLite and to Python; as values they are two.
            found[(*key, rowid_part)] = tuple((type(x), x) for x in row[len(keys) + 1 :])
    finally:
        connection.close()
    return found


def counted(rows: list[RowChange], table: str) -> Counter[str]:
    return Counter(row.what for row in rows if row.table == table)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=30), st.lists(STEPS, max_size=12))
def test_rows_and_script_agree_with_a_look_at_everything(
    before: list[Step], after: list[Step]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        two = Two(Path(folder), doing(before, SCHEMA), doing(after))
        rows = two.rows()
        applied, wanted = two.applied(), two.wanted()
        assert dbhash(applied) == dbhash(wanted)
        two.repository.restore(two.a, Path(folder) / "a.db")
        for table in TABLES:
            old, new = content(Path(folder) / "a.db", table), content(wanted, table)
            width = min([len(row) for row in (*old.values(), *new.values())], default=0)
            expected = Counter(
                {
                    "added": len(new.keys() - old.keys()),
                    "removed": len(old.keys() - new.keys()),
                    "changed": sum(
                        old[key][:width] != new[key][:width] for key in old.keys() & new.keys()
                    ),
                }
            )
            assert counted(rows, table) == +expected, table
        assert {(t, *c) for t, c in two.counts().items() if any(x for x in c[:3])} == {
            (t, c["added"], c["removed"], c["changed"], two.counts()[t][3])
            for t in {row.table for row in rows}
            for c in [counted(rows, t)]
        }
