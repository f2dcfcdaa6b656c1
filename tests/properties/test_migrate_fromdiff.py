"""Any schema becomes any other one by the migration that is written for it, and rows stay.

The oracle is the dump of a database that was made from the schema itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import apsw
from hypothesis import given, settings
from hypothesis import strategies as st

from dbtool.core.names import identifier
from dbtool.core.progress import Silent
from dbtool.migrate.discover import read_migration
from dbtool.migrate.dump import schema_sql
from dbtool.migrate.fromdiff import way_between
from dbtool.migrate.lint.findings import RULES
from dbtool.migrate.newfile import text_of_ways
from dbtool.migrate.options import RunOptions
from dbtool.migrate.replica import Replica, load_schema_file
from dbtool.migrate.runner import Runner

NAMES = ["a", "b", "two words", "select", 'q"q']
COLUMNS = ["x", "y", "z", "group", "two words"]
ROWS = 3


@dataclass(frozen=True)
class Column:
    name: str
    kind: str
    extra: str
    """Constraints, none of which a row of ours breaks."""
    generated: str = ""

    @property
    def sql(self) -> str:
        words = [identifier(self.name), self.kind]
        words += [f"AS (id + 1) {self.generated}"] if self.generated else [self.extra]
        return " ".join(filter(None, words))


@dataclass(frozen=True)
class Table:
    name: str
    key: str
    columns: tuple[Column, ...]
    options: str
    parent: str
    hanging: tuple[str, ...]
    """SQL of its indexes, triggers and views."""

    @property
    def sql(self) -> str:
        parts = [self.key, f"p INT {self.parent}", *(column.sql for column in self.columns)]
        return f"CREATE TABLE {identifier(self.name)}({', '.join(parts)}) {self.options}"


KEYS = st.sampled_from(
    [
        ("id INTEGER PRIMARY KEY", ""),
        ("id INTEGER PRIMARY KEY AUTOINCREMENT", ""),
        ("id INTEGER PRIMARY KEY", "STRICT"),
        ("id INT PRIMARY KEY", ""),
        ("id INT PRIMARY KEY", "WITHOUT ROWID"),
    ]
)
EXTRAS = [
    "",
    "NOT NULL DEFAULT 7",
    "NOT NULL DEFAULT 7",
    "DEFAULT 7",
    "UNIQUE",
    "COLLATE NOCASE",
    "CHECK ({0} <> -1)",
]
PARENTS = [
    "",
    "REFERENCES a(id)",
    "REFERENCES a(id) ON DELETE CASCADE",
    "REFERENCES a ON DELETE SET NULL",
]
HANGING = [
    "CREATE INDEX {i} ON {t}({c})",
    "CREATE UNIQUE INDEX {i} ON {t}(id, {c})",
    "CREATE INDEX {i} ON {t}({c} DESC) WHERE id > 1",
    "CREATE INDEX {i} ON {t}(abs({c}))",
    "CREATE VIEW {i} AS SELECT id, {c} FROM {t}",
    "CREATE TRIGGER {i} AFTER UPDATE OF {c} ON {t} BEGIN SELECT new.{c}; END",
    "CREATE TRIGGER {i} AFTER INSERT ON {t} BEGIN DELETE FROM {t} WHERE id = -new.id; END",
]


@st.composite
def columns(draw: st.DrawFn, name: str) -> Column:
    kind = draw(st.sampled_from(["INT", "TEXT", "REAL"]))
    generated = draw(st.sampled_from(["", "", "", "VIRTUAL", "STORED"]))
    extra = draw(st.sampled_from(EXTRAS)).format(identifier(name))
    return Column(name, kind, extra, generated)


@st.composite
def hanging_on(draw: st.DrawFn, name: str, listed: tuple[Column, ...]) -> tuple[str, ...]:
    if not listed:
        return ()
    found = []
    for at, shape in enumerate(draw(st.lists(st.sampled_from(HANGING), max_size=3))):
        column = identifier(draw(st.sampled_from(listed)).name)
        # Few names, so that an object may come back as another one.
        called = identifier(f"o {at} of {name}")
        found.append(shape.format(i=called, t=identifier(name), c=column))
    return tuple(found)


@st.composite
def tables(draw: st.DrawFn, name: str) -> Table:
    key, options = draw(KEYS)
    chosen = draw(st.lists(st.sampled_from(COLUMNS), max_size=4, unique=True))
    listed = tuple(draw(columns(each)) for each in chosen)
    parent = draw(st.sampled_from(PARENTS))
    return Table(name, key, listed, options, parent, draw(hanging_on(name, listed)))


@st.composite
def altered(draw: st.DrawFn, table: Table) -> Table:
    """Return a table with a column more or less or other than before."""
    listed = list(table.columns)
    if listed and draw(st.booleans()):
        at = draw(st.integers(0, len(listed) - 1))
        extra = draw(st.sampled_from(EXTRAS)).format(identifier(listed[at].name))
        listed[at] = replace(listed[at], extra=extra, generated="")
    if listed and draw(st.booleans()):
        listed.remove(draw(st.sampled_from(listed)))
    unused = [name for name in COLUMNS if name not in {column.name for column in table.columns}]
    if unused and draw(st.booleans()):
        listed.append(draw(columns(draw(st.sampled_from(unused)))))
    hanging = draw(hanging_on(table.name, tuple(listed)))
    return replace(table, columns=tuple(listed), hanging=hanging)


@st.composite
def schemas(draw: st.DrawFn) -> tuple[Table, ...]:
    names = ["a", *draw(st.lists(st.sampled_from(NAMES[1:]), max_size=2, unique=True))]
    return tuple(draw(tables(name)) for name in names)


@st.composite
def two_schemas(draw: st.DrawFn) -> tuple[tuple[Table, ...], tuple[Table, ...]]:
    old = draw(schemas())
    if draw(st.booleans()):
        return old, tuple(draw(altered(table)) for table in old)
    return old, draw(schemas())


def sql_of(schema: tuple[Table, ...]) -> str:
    statements = [table.sql for table in schema]
    statements += [sql for table in schema for sql in table.hanging]
    return "".join(f"{statement};\n" for statement in statements)


def filled(schema: tuple[Table, ...], nulls: bool) -> apsw.Connection:
    connection = apsw.Connection(":memory:")
    connection.execute(sql_of(schema)).fetchall()
    for table in schema:
        stored = [column for column in table.columns if not column.generated]
        names = ", ".join(["id", "p", *(identifier(column.name) for column in stored)])
        for number in range(1, ROWS + 1):
            values = [
                None if nulls and number == 2 and "NOT NULL" not in column.extra else number * 10
                for column in stored
            ]
            marks = ", ".join("?" * (len(values) + 2))
            connection.execute(
                f"INSERT INTO {identifier(table.name)}({names}) VALUES ({marks})",
                (number, number, *values),
            )
    return connection


def content(connection: apsw.Connection, schema: tuple[Table, ...]) -> dict[str, dict[str, list]]:
    found: dict[str, dict[str, list]] = {}
    for table in schema:
        columns = ["id", "p", *(c.name for c in table.columns if not c.generated)]
        found[table.name] = {
            column: [
                value
                for (value,) in connection.execute(
                    f"SELECT CAST({identifier(column)} AS INT) FROM {identifier(table.name)}"
                    " ORDER BY id"
                )
            ]
            for column in columns
        }
    return found


def require_kept(before: dict[str, dict[str, list]], after: dict[str, dict[str, list]]) -> None:
    for table in before.keys() & after.keys():
        for column in before[table].keys() & after[table].keys():
            pairs = zip(before[table][column], after[table][column], strict=True)
            # NULL becomes the default where NULL is not allowed any more.
            assert all(old == new or (old is None and new == 7) for old, new in pairs)


@settings(max_examples=150, deadline=None)
@given(both=two_schemas(), nulls=st.sampled_from([True, True, False]))
def test_any_schema_becomes_any_other_and_rows_stay(
    both: tuple[tuple[Table, ...], tuple[Table, ...]], nulls: bool
) -> None:
    old, new = both
    connection = filled(old, nulls)
    before, dumped = content(connection, old), schema_sql(connection)
    up = way_between(Replica.of(connection), load_schema_file(sql_of(new)))
    down = way_between(load_schema_file(sql_of(new)), Replica.of(connection))
    migration = read_migration(Path("0001_generated.sql"), text_of_ways(up, down))
    options = RunOptions(allow=frozenset(RULES), quick_check=False)
    runner = Runner(connection, (migration,), options, progress=Silent())
    runner.up()
    made = apsw.Connection(":memory:")
    made.execute(sql_of(new)).fetchall()
    assert schema_sql(connection) == schema_sql(made)
    after = content(connection, new)
    require_kept(before, after)
    assert not connection.execute("PRAGMA foreign_key_check").fetchall() or any(
        table.name not in before for table in new
    )
    runner.down()
    assert schema_sql(connection) == dumped
    require_kept(after, content(connection, old))
