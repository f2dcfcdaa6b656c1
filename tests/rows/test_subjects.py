"""Which tables a comparison has to look at."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.schema import read_schema
from dbtool.rows.subjects import fts_content, subjects


@pytest.mark.parametrize(
    ("sql", "own"),
    [
        ("CREATE VIRTUAL TABLE f USING fts5(t)", True),
        ('CREATE VIRTUAL TABLE "f" USING "fts5"(t, u UNINDEXED)', True),
        ("create virtual table [f] using FTS5(t, tokenize='porter')", True),
        ("CREATE VIRTUAL TABLE f USING fts5(t, content='')", False),
        ("CREATE VIRTUAL TABLE f USING fts5(t, content = docs)", False),
        ("CREATE VIRTUAL TABLE f USING rtree(id, x0, x1)", False),
    ],
)
def test_an_fts_table_that_keeps_its_documents_is_known(sql: str, own: bool) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(sql)
    schema = read_schema(connection, "main")
    assert (fts_content(schema, schema.tables["f"]) is not None) == own
    found = list(subjects(schema, schema, None))
    assert [(subject.name, subject.opaque) for subject in found] == [("f", not own)]


def test_a_table_made_anew_as_something_else_is_a_new_one() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE f(t)")
    before = read_schema(connection, "main")
    connection.execute("DROP TABLE f; CREATE VIRTUAL TABLE f USING fts5(t)").fetchall()
    (subject,) = subjects(before, read_schema(connection, "main"), None)
    assert subject.a is None
