"""Statements end where SQLite says, never at just any semicolon."""

from __future__ import annotations

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.migrate.statements import UnendedText, created_table, split

TRIGGER = (
    "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n"
    "  UPDATE a SET b = CASE WHEN 1 THEN 2 END; DELETE FROM a; END;"
)
WHOLE = st.sampled_from(
    [
        "SELECT ';';",
        "SELECT 1 -- ;\n;",
        "/* ; */ SELECT [;];",
        TRIGGER,
        "explain select 1;",
        'CREATE TABLE end(\n begin, "a;");',
        "create temp trigger x after delete on a begin select 1; end;",
    ]
)


@given(st.lists(WHOLE, max_size=6))
def test_statements_put_together_are_cut_as_they_were(parts: list[str]) -> None:
    found = [statement.text for statement in split("\n".join(parts))]
    assert len(found) == len(parts)
    for text in found:
        assert apsw.complete(text)


@given(st.lists(WHOLE, max_size=5).map(" ".join))
def test_sqlite_agrees_that_nothing_before_the_end_is_complete(text: str) -> None:
    for statement in split(text):
        for end in range(1, len(statement.text)):
            if statement.text[end - 1] == ";":
                assert not apsw.complete(statement.text[:end])


def test_a_statement_knows_the_line_of_its_first_word() -> None:
    found = list(split("-- a\n\nSELECT 1;\n/* b\n */ SELECT\n2;;\n;SELECT 3", first_line=10))
    assert [(s.text, s.line) for s in found] == [
        ("SELECT 1;", 12),
        ("SELECT\n2;", 14),
        ("SELECT 3", 16),
    ]


def test_comments_alone_are_no_statement() -> None:
    assert list(split("-- x\n/* y */ ;; ")) == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("SELECT 1;\nSELECT 'a", 2, "the quotation '"),
        ("SELECT 1; /* b", 1, "the comment /*"),
        ("\n\nCREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1;", 3, "the trigger"),
        ("SELECT x'00", 1, "the quotation x'"),
        ("/*/", 1, "the comment /*"),
    ],
)
def test_what_does_not_end_is_named_with_its_line(text: str, line: int, what: str) -> None:
    with pytest.raises(UnendedText) as caught:
        list(split(text))
    assert (caught.value.line, caught.value.what) == (line, what)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("CREATE TABLE a(b)", "a"),
        ('create temp table if not exists "a b"(c)', "a b"),
        ("CREATE /* x */ TABLE main.[t](c)", "t"),
        ("CREATE VIEW v AS SELECT 1", None),
        ("CREATE TABLE", None),
        ("", None),
    ],
)
def test_the_table_of_a_create_is_found(sql: str, table: str | None) -> None:
    assert created_table(sql) == table
