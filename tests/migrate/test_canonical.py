"""The canonical layout of definitions, and their meaning."""

from __future__ import annotations

import apsw
import pytest

from dbtool.migrate.canonical import (
    canonical_sql,
    external_content,
    is_plain_name,
    meaning,
    read_table,
)

LOOSE = """CREATE TABLE "t"( a INTEGER PRIMARY KEY  AUTOINCREMENT
 ,"b c" VARCHAR( 50 ) DEFAULT -1 CHECK("a">- 5 or -(3)<a-1),
 "select" REFERENCES "groups"("id") ,  primary key(a) ) strict"""
NEAT = """CREATE TABLE t (
    a INTEGER PRIMARY KEY AUTOINCREMENT,
    "b c" VARCHAR(50) DEFAULT -1 CHECK ("a" > -5 or -(3) < a - 1),
    "select" REFERENCES "groups"("id"),
    primary key (a)
) strict"""


def test_a_table_has_one_column_on_each_line() -> None:
    assert canonical_sql("table", LOOSE).replace('"id"', "id") == NEAT.replace('"id"', "id")


def test_the_layout_is_its_own_layout() -> None:
    once = canonical_sql("table", LOOSE)
    assert canonical_sql("table", once) == once
    assert meaning(once) == meaning(LOOSE)


def test_quotes_stay_where_text_may_be_a_string() -> None:
    sql = 'CREATE TABLE t(a DEFAULT "x", b CHECK (b IN ("y", "z")), c AS ("y" || a))'
    assert canonical_sql("table", sql).count('"') == 8


def test_quotes_that_are_never_those_of_a_string_go() -> None:
    assert "[" not in canonical_sql("table", "CREATE TABLE [t](a CHECK ([a] > 1 OR `a` IS NULL))")
    assert canonical_sql("index", "CREATE INDEX [i] ON [t]([a], [two words])") == (
        "CREATE INDEX i ON t(a, [two words])"
    )


def test_an_index_stands_on_one_line() -> None:
    sql = 'CREATE INDEX "i"  on "t"\n( "a"  desc,lower( b ) ) WHERE c>1'
    assert canonical_sql("index", sql) == 'CREATE INDEX i on t("a" desc, lower(b)) WHERE c > 1'


@pytest.mark.parametrize(
    ("kind", "sql"),
    [
        ("table", "CREATE TABLE t(\n  a, -- the first\n  b\n)"),
        ("view", "CREATE VIEW v AS\n  SELECT  1"),
        ("trigger", "CREATE TRIGGER r AFTER INSERT ON t BEGIN\n  SELECT 1;\nEND"),
        ("table", "CREATE VIRTUAL TABLE f USING fts5( a,b )"),
        ("index", "CREATE INDEX i ON t(a) /* why */"),
    ],
)
def test_what_somebody_laid_out_stays(kind: str, sql: str) -> None:
    assert canonical_sql(kind, sql) == sql


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CREATE TABLE t(a)", 'create table "T" ( "A" ) ; '),
        ("CREATE TABLE t(a, b)", "CREATE TABLE t(a, /* second */ b -- last\n)"),
        ("CREATE VIEW v AS SELECT 1", "CREATE VIEW [v] AS\nSELECT\t1"),
    ],
)
def test_layout_has_no_meaning(one: str, other: str) -> None:
    assert meaning(one) == meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CREATE TABLE t(a)", "CREATE TABLE t(a, b)"),
        ("CREATE TABLE t(a DEFAULT 'x')", "CREATE TABLE t(a DEFAULT 'X')"),
        ("CREATE TABLE t(a)", "CREATE TABLE t(a) STRICT"),
        ('CREATE TABLE "a b"(x)', "CREATE TABLE ab(x)"),
        ('CREATE TABLE "ä"(x)', 'CREATE TABLE "Ä"(x)'),
    ],
)
def test_everything_else_has(one: str, other: str) -> None:
    assert meaning(one) != meaning(other)


def test_a_table_is_cut_into_columns_constraints_and_options() -> None:
    table = read_table(
        "CREATE TABLE [a b](x DECIMAL(10,2), \"check\" TEXT DEFAULT 'a,b', "
        "CONSTRAINT q CHECK (x IN (1,2)), FOREIGN KEY (x) REFERENCES u(y)) WITHOUT ROWID, STRICT"
    )
    assert table is not None
    assert table.name == "a b"
    assert [name for name, _ in table.columns] == ["x", "check"]
    assert [text[0].text for text in table.constraints] == ["CONSTRAINT", "FOREIGN"]
    assert [token.text for token in table.options] == ["WITHOUT", "ROWID", ",", "STRICT"]
    assert table.column("CHECK") is not None
    assert table.column("nothing") is None


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIRTUAL TABLE f USING fts5(a)",
        "CREATE VIEW v AS SELECT 1",
        "",
    ],
)
def test_what_has_no_list_of_columns_is_not_cut(sql: str) -> None:
    assert read_table(sql) is None


def test_signs_and_brackets_keep_what_sqlite_reads() -> None:
    expressions = ["1 - -2", "- - 1", "x'00'", "a->>'$.b'", "-a + +b", "(1)-(2)", "1e-5", "~ -1"]
    connection = apsw.Connection(":memory:")
    for text in expressions:
        sql = f"CREATE TABLE t(a, b, c CHECK ({text}))"
        neat = canonical_sql("table", sql)
        assert meaning(neat) == meaning(sql)
        connection.execute(f"{neat}; DROP TABLE t").fetchall()


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("CREATE VIRTUAL TABLE f USING fts5(a, content='t')", "t"),
        ('CREATE VIRTUAL TABLE f USING fts4(content="two words", a)', "two words"),
        ("CREATE VIRTUAL TABLE f USING fts5(a, content='')", None),
        ("CREATE VIRTUAL TABLE f USING fts5(content)", None),
        ("CREATE TABLE f(content)", None),
    ],
)
def test_the_table_behind_a_full_text_index(sql: str, table: str | None) -> None:
    assert external_content(sql) == table


def test_a_keyword_is_no_plain_name() -> None:
    assert is_plain_name("orders_2")
    assert not any(map(is_plain_name, ["select", "two words", "2", "", "ä"]))
