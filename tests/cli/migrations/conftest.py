"""A project with a database and two migrations, in the current folder."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

FIRST = """-- dbtool:up
CREATE TABLE p(id INTEGER PRIMARY KEY, n TEXT);
INSERT INTO p(n) VALUES ('a'), ('b');
-- dbtool:down
DROP TABLE p;
"""
SECOND = """-- dbtool:up
CREATE TABLE c(id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id));
CREATE INDEX cp ON c(p);
-- dbtool:down
DROP TABLE c;
-- dbtool:verify
SELECT id FROM p WHERE n IS NULL;
"""


@pytest.fixture
def folder() -> Path:
    """Return migrations/ beside an app.db without tables."""
    made = Path("migrations")
    made.mkdir()
    (made / "0001_first.sql").write_text(FIRST, encoding="utf-8")
    (made / "0002_second.sql").write_text(SECOND, encoding="utf-8")
    connection = apsw.Connection("app.db")
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    return made
