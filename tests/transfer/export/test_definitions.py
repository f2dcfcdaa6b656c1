"""Definitions, settings and counters."""

from __future__ import annotations

import apsw

from dbtool.core.schema import Item, read_schema
from dbtool.transfer.export.definitions import counters, definitions, settings_of, statement
from dbtool.transfer.manifest import Sequence


def test_the_two_halves_make_the_same_schema_again(nasty: apsw.Connection) -> None:
    before, after = definitions(read_schema(nasty, "main")).texts()
    back = apsw.Connection(":memory:")
    back.execute(before.decode())
    assert not back.execute("SELECT 1 FROM sqlite_schema WHERE type = 'trigger'").fetchall()
    back.execute(after.decode())
    texts = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"
    assert back.execute(texts).fetchall() == nasty.execute(texts).fetchall()


def test_a_comment_at_the_end_does_not_swallow_the_semicolon() -> None:
    assert statement(Item("table", "t", "t", "CREATE TABLE t(a) -- x", 2)) == (
        "CREATE TABLE t(a) -- x\n;"
    )
    assert statement(Item("table", "t", "t", "CREATE TABLE t(a)", 2)) == "CREATE TABLE t(a);"


def test_settings_are_those_of_the_database(nasty: apsw.Connection) -> None:
    settings = settings_of(nasty)
    assert (settings.page_size, settings.user_version, settings.application_id) == (1024, -7, 77)
    assert settings.encoding == nasty.pragma("encoding")
    assert settings.journal_mode == "delete"


def test_counters_that_are_none_are_counted(nasty: apsw.Connection) -> None:
    nasty.execute("INSERT INTO sqlite_sequence VALUES('gone', 1), (NULL, NULL), ('plain', 'x')")
    found, odd = counters(nasty, read_schema(nasty, "main"))
    assert found == (Sequence("plain", 32),)
    assert odd == 3
