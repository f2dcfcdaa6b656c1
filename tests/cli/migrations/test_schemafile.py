"""Where schema.sql is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.migrations.schemafile import find_schema_file, load_schema, read_schema_file
from dbtool.errors import NotFound, UsageError


def test_here_comes_before_the_migrations() -> None:
    session = Session([])
    with pytest.raises(NotFound):
        find_schema_file(session, None, None)
    Path("migrations").mkdir()
    Path("migrations/schema.sql").touch()
    assert find_schema_file(session, None, None) == Path("migrations/schema.sql")
    Path("schema.sql").touch()
    assert find_schema_file(session, None, None) == Path("schema.sql")
    assert find_schema_file(session, Path("x.sql"), None) == Path("x.sql")


def test_what_a_file_says_is_loaded_or_is_an_error_with_its_line() -> None:
    path = Path("schema.sql")
    path.write_text("CREATE TABLE t(a);\n\nCREATE TABLE u(b DEFAULT 'x", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_schema(path)
    assert "line 3" in caught.value.message
    path.write_text("\nBAD", encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        load_schema(path)
    assert caught.value.message == 'schema.sql: line 2: near "BAD": syntax error'
    path.write_text("CREATE TABLE t(a);", encoding="utf-8")
    assert load_schema(path).definition("table", "t")
    with pytest.raises(NotFound):
        read_schema_file(Path("none.sql"))
