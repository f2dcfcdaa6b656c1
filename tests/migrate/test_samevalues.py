"""A value that a new type would change for good is found; one that leads back is not."""

from __future__ import annotations

import pytest

from dbtool.errors import DbtoolError
from tests.migrate.kit import Project


def rebuild(project: Project, value: str, before: str, after: str, *, keyed: str = "") -> None:
    project.sql(f"CREATE TABLE t(a {before}); INSERT INTO t VALUES ({value}), (NULL)")
    line = f"-- dbtool:rebuild t\n{keyed}CREATE TABLE t({after});"
    project.write("0001_x.sql", line)
    project.run()


@pytest.mark.parametrize(
    ("value", "before", "after", "shown"),
    [
        ("'00501'", "TEXT", "a INTEGER", "'00501' into 501"),
        ("'1e3'", "TEXT", "a NUMERIC", "'1e3' into 1000"),
        ("' 5 '", "TEXT COLLATE RTRIM", "a REAL", "' 5 ' into 5.0"),
        ("9007199254740993", "INTEGER", "a REAL", "9007199254740993 into"),
        ("9e999", "REAL", "a TEXT", "inf into 'Inf'"),
        ("'007'", "TEXT", "a INTEGER, CHECK (t.a > 0)", "'007' into 7"),
        ("'9007199254740993'", "TEXT", "a REAL", "'9007199254740993' into"),
    ],
)
def test_a_value_that_would_not_be_the_same_stops_it(
    project: Project, value: str, before: str, after: str, shown: str
) -> None:
    with pytest.raises(DbtoolError) as caught:
        rebuild(project, value, before, after)
    assert caught.value.code == "rebuild-changed-values"
    assert shown in caught.value.message
    assert caught.value.message.startswith("0001_x.sql, line 1: ")
    assert project.sql("SELECT sql FROM sqlite_schema WHERE name = 't'") == [
        (f"CREATE TABLE t(a {before})",)
    ]


@pytest.mark.parametrize(
    ("value", "before", "after"),
    [
        ("'501'", "TEXT", "a INTEGER"),
        ("'-10'", "TEXT", "a REAL"),
        ("'1.5'", "TEXT", "a REAL"),
        ("'abc'", "TEXT", "a INTEGER"),
        ("501", "INTEGER", "a TEXT"),
        ("1.5", "REAL", "a TEXT"),
        ("5", "INTEGER", "a REAL"),
        ("x'00'", "TEXT", "a INTEGER"),
        ("'007'", "TEXT", "a VARCHAR(3)"),
    ],
)
def test_a_value_that_leads_back_is_taken(
    project: Project, value: str, before: str, after: str
) -> None:
    rebuild(project, value, before, after)
    assert project.versions() == ["0001"]


def test_a_map_says_that_it_is_meant(project: Project) -> None:
    rebuild(project, "'007'", "TEXT", "a INTEGER", keyed="-- dbtool:map a = a\n")
    assert project.sql("SELECT a FROM t") == [(7,), (None,)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("k TEXT PRIMARY KEY, a TEXT", "k TEXT PRIMARY KEY, a INTEGER) WITHOUT ROWID"),
        ("k TEXT PRIMARY KEY, a TEXT", "k INTEGER PRIMARY KEY, a TEXT)"),
        ("rowid TEXT, a TEXT", "rowid TEXT, a INTEGER)"),
        ("rowid TEXT, a TEXT", "oid TEXT, a INTEGER)"),
    ],
)
def test_rows_are_found_by_whatever_key_they_keep(
    project: Project, before: str, after: str
) -> None:
    project.sql(f"CREATE TABLE t({before}); INSERT INTO t VALUES ('01', '07')")
    project.write("0001_x.sql", f"-- dbtool:rebuild t\nCREATE TABLE t({after};")
    with pytest.raises(DbtoolError) as caught:
        project.run(allow=["drop-column"])
    assert caught.value.code == "rebuild-changed-values"


def test_any_of_a_strict_table_is_numeric_elsewhere(project: Project) -> None:
    project.sql("CREATE TABLE t(a ANY) STRICT; INSERT INTO t VALUES ('007')")
    project.write("0001_x.sql", "-- dbtool:rebuild t\nCREATE TABLE t(a ANY);")
    with pytest.raises(DbtoolError, match="'007' into 7"):
        project.run()
