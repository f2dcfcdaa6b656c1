"""Which indexes another one makes superfluous, and above all which ones none does."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.core.indexshape import RedundantIndex, read_index_shapes, redundant_indexes

TABLE = "CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT, b INT, c, d)"


def found(*statements: str, table: str = TABLE) -> dict[str, RedundantIndex]:
    connection = apsw.Connection(":memory:")
    for statement in (table, *statements):
        connection.execute(statement)
    return {item.index.name: item for item in redundant_indexes(connection)}


def test_the_beginning_of_another_index_is_redundant() -> None:
    items = found("CREATE INDEX short ON t(a)", "CREATE INDEX long ON t(a, b)")
    assert list(items) == ["short"]
    assert items["short"].covered_by == "long"
    assert not items["short"].duplicate


def test_of_two_equal_indexes_one_stays() -> None:
    items = found("CREATE INDEX one ON t(a, b)", "CREATE INDEX two ON t(a, b)")
    assert [(name, item.covered_by, item.duplicate) for name, item in items.items()] == [
        ("two", "one", True)
    ]


def test_the_index_of_a_constraint_stays_and_the_other_goes() -> None:
    items = found(
        "CREATE INDEX x ON t(a)", "CREATE UNIQUE INDEX y ON t(a, b)",
        table="CREATE TABLE t(id INTEGER PRIMARY KEY, a, b, UNIQUE(a, b))",
    )  # fmt: skip
    assert {name: item.covered_by for name, item in items.items()} == {
        "x": "sqlite_autoindex_t_1",
        "y": "sqlite_autoindex_t_1",
    }


def test_what_serves_instead_is_never_redundant_itself() -> None:
    items = found(
        "CREATE INDEX one ON t(a)",
        "CREATE INDEX two ON t(a, b)",
        "CREATE INDEX three ON t(a, b, c)",
        "CREATE INDEX four ON t(a, b, c)",
    )
    assert set(items) == {"one", "two", "three"}
    assert {item.covered_by for item in items.values()} == {"four"}


def test_an_index_on_the_rowid_is_redundant() -> None:
    assert found("CREATE INDEX x ON t(id)")["x"].covered_by == "rowid"


def test_an_index_on_a_descending_primary_key_is_not_on_the_rowid() -> None:
    table = "CREATE TABLE t(id INTEGER PRIMARY KEY DESC, a)"
    assert found("CREATE INDEX x ON t(id, a)", table=table) == {}


def test_expressions_and_conditions_compare_by_what_they_say() -> None:
    items = found(
        "CREATE INDEX x ON t(lower( a ))  WHERE b>1",
        'CREATE INDEX y ON t(LOWER("a"), c) WHERE "b" > 1 -- the same',
    )
    assert items["x"].covered_by == "y"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t(a)", "t(b, a)"),
        ("t(a)", "t(a DESC, b)"),
        ("t(a)", "t(a COLLATE NOCASE, b)"),
        ("t(a) WHERE b > 1", "t(a, c)"),
        ("t(a)", "t(a, c) WHERE b > 1"),
        ("t(a) WHERE b > 1", "t(a, c) WHERE b > 2"),
        ("t(lower(a))", "t(upper(a), b)"),
        ("t(a || 'X')", "t(a || 'x', b)"),
        ("t(a, b)", "t(a, c)"),
        ("t(b)", "u(b, a)"),
    ],
)
def test_what_differs_is_not_redundant(one: str, other: str) -> None:
    indexes = (f"CREATE INDEX x ON {one}", f"CREATE INDEX y ON {other}")
    assert found("CREATE TABLE u(a, b)", *indexes) == {}


def test_a_unique_index_enforces_something_and_stays() -> None:
    assert found("CREATE UNIQUE INDEX x ON t(a)", "CREATE INDEX y ON t(a, b)") == {}
    assert set(found("CREATE UNIQUE INDEX x ON t(a)", "CREATE INDEX y ON t(a)")) == {"y"}


def test_a_key_of_a_table_without_rowid_serves_its_beginning() -> None:
    items = found(
        "CREATE INDEX x ON w(a)",
        "CREATE INDEX y ON w(b)",
        table="CREATE TABLE w(a, b, PRIMARY KEY(a, b)) WITHOUT ROWID",
    )
    assert set(items) == {"x"}


def test_who_names_an_index_is_told() -> None:
    items = found(
        "CREATE INDEX x ON t(a)",
        "CREATE INDEX y ON t(a, b)",
        'CREATE VIEW v AS SELECT * FROM t INDEXED BY "x" WHERE a = 1',
    )
    assert items["x"].named_in == ("v",)


def test_names_of_punctuation_confuse_nobody() -> None:
    items = found('CREATE INDEX "(" ON t(lower(a))', 'CREATE INDEX "," ON t(lower(a), "b")')
    assert items["("].covered_by == ","


def test_tables_that_cannot_be_loaded_are_left_out() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a); CREATE INDEX x ON t(a)")
    connection.execute("PRAGMA writable_schema = 1")
    connection.execute(
        "INSERT INTO sqlite_schema VALUES "
        "('table', 'odd', 'odd', 9, 'CREATE VIRTUAL TABLE odd USING nosuch(a)')"
    )
    assert [shape.name for shape in read_index_shapes(connection)] == ["x"]


def test_dropping_all_that_is_redundant_leaves_nothing_redundant() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(TABLE)
    columns = ("a", "b", "a, b", "b, a", "a, b, c", "a, b, c, d", "b", "c", "c, d", "c, d")
    for number, listed in enumerate(columns):
        connection.execute(f"CREATE INDEX i{number} ON t({listed})")
    for item in redundant_indexes(connection):
        assert item.covered_by not in {other.index.name for other in redundant_indexes(connection)}
    for item in redundant_indexes(connection):
        connection.execute(f"DROP INDEX {item.index.name}")
    left = {tuple(term.text for term in shape.terms) for shape in read_index_shapes(connection)}
    assert left == {("b", "a"), ("a", "b", "c", "d"), ("c", "d")}
    assert redundant_indexes(connection) == []


def test_what_an_expression_says_is_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = apsw.Connection(str(path))
    connection.execute(TABLE)
    connection.execute("CREATE INDEX x ON t(lower(a)) WHERE b > 1")
    connection.execute("CREATE INDEX y ON t(upper(a), b) WHERE b > 2; CREATE TABLE aXQ(b)")
    connection.execute("CREATE INDEX iXQ ON aXQ(b)")
    connection.close()
    path.write_bytes(path.read_bytes().replace(b"XQ", b"\xff\xfe"))  # statements cannot be read
    connection = apsw.Connection(str(path))
    assert redundant_indexes(connection) == []
    connection.close()
