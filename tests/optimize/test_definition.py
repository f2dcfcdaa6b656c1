"""Indexes that do not exist yet."""

from __future__ import annotations

import apsw

from dbtool.optimize.definition import IndexDefinition, Term


def test_the_sql_of_odd_names_makes_the_index(memory: apsw.Connection) -> None:
    memory.execute('CREATE TABLE "t"" x"("a""b", c)')
    definition = IndexDefinition(
        't" x',
        (Term('a"b', descending=True), Term("lower(c)", is_expression=True)),
        "\"c\" = 'o''k'",
    )
    name = definition.name()
    memory.execute(definition.sql(name))
    assert memory.execute("SELECT name FROM sqlite_schema WHERE type = 'index'").get == name


def test_a_name_that_is_taken_gets_a_number() -> None:
    definition = IndexDefinition("T", (Term("a"),))
    assert definition.name({"t_a_idx"}) == "T_a_idx2"
    assert len(IndexDefinition("t" * 300, (Term("a"),)).name()) < 70


def test_a_shorter_index_begins_a_longer_one_over_the_same_rows() -> None:
    short, long = IndexDefinition("t", (Term("a"),)), IndexDefinition("t", (Term("a"), Term("b")))
    assert short.begins(long)
    assert not long.begins(short)
    assert not short.begins(IndexDefinition("t", (Term("a"), Term("b")), "b = 1"))
