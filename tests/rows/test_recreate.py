"""Parts of a snapshot's schema created elsewhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import pytest

from dbtool.errors import Refused
from dbtool.rows.recreate import run_single
from tests.rows.twins import twins


def test_nothing_behind_a_definition_is_run() -> None:
    with closing(apsw.Connection(":memory:")) as target:
        target.execute("CREATE TABLE x(a)")
        with pytest.raises(Refused) as caught:
            run_single(target, "CREATE TABLE t(a); DROP TABLE x")
        assert caught.value.code == "schema-not-taken"
        assert target.execute("SELECT count(*) FROM x").fetchall() == [(0,)]


def test_an_index_name_that_is_taken_is_named_and_nothing_stays(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(a); CREATE INDEX i ON t(a); CREATE TABLE o(a)")
    made.run("DROP TABLE t; CREATE INDEX i ON o(a)")
    with pytest.raises(Refused) as caught:
        made.restore()
    assert "index i already exists" in caught.value.context
    assert made.rows("SELECT name FROM sqlite_schema WHERE type = 'table'") == [(("str", "o"),)]


def test_full_text_tables_are_made_anew_too(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE VIRTUAL TABLE t USING fts5(a, b UNINDEXED)")
    made.run("INSERT INTO t(rowid, a, b) VALUES (5, 'some words', 1)", both=True)
    made.run("DROP TABLE t")
    made.restore()
    assert made.rows("SELECT rowid FROM t('words')") == [(("int", 5),)]


def test_a_sequence_is_advanced_and_never_set_back(tmp_path: Path) -> None:
    made = twins(tmp_path, "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, a)")
    made.run("INSERT INTO t VALUES (100, 1), (1, 1); DELETE FROM t WHERE id = 100", both=True)
    made.run("UPDATE sqlite_sequence SET seq = 3; UPDATE t SET a = 2")
    made.restore()
    assert made.rows("SELECT seq FROM sqlite_sequence") == [(("int", 100),)]
    made.run("UPDATE sqlite_sequence SET seq = 500; UPDATE t SET a = 2")
    made.restore()
    assert made.rows("SELECT seq FROM sqlite_sequence") == [(("int", 500),)]
