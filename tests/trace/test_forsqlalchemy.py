"""Engines of SQLAlchemy on SQLite are traced."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trace.test_forsqlite3 import run, use

pytest.importorskip("sqlalchemy")


def test_statements_of_an_engine_are_counted(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
import sqlalchemy
engine = tracer.attach(sqlalchemy.create_engine("sqlite:///app.db"))
with engine.begin() as connection:
    for n in range(3):
        rows = connection.execute(sqlalchemy.text("SELECT a FROM t WHERE b > :b"), {"b": n})
        answer = len(rows.fetchall())
    connection.execute(sqlalchemy.text("INSERT INTO t VALUES(:a, 1)"), [{"a": 91}, {"a": 92}])
try:
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("SELECT missing"))
except sqlalchemy.exc.OperationalError:
    answer += 1000
engine.dispose()
""",
    )
    assert answer == 1047
    found = use(log, "SELECT a FROM t WHERE b > ?")
    assert (found.calls, found.rows, found.full_scans) == (3, 49 + 48 + 47, 3)
    assert use(log, "INSERT INTO t VALUES(?, ?)").calls == 52
    assert use(log, "SELECT missing").errors == 1


def test_another_database_and_an_untraced_creator_are_said(tmp_path: Path) -> None:
    answer, _ = run(
        tmp_path,
        """
import logging, sqlalchemy
told = []
class Handler(logging.Handler):
    def emit(self, record): told.append(record.getMessage())
logging.getLogger("dbtool.trace").addHandler(Handler())
engine = sqlalchemy.create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:"))
tracer.attach(engine)
with engine.connect() as connection:
    connection.execute(sqlalchemy.text("SELECT 1"))
engine.dispose()
answer = [told]
from types import SimpleNamespace as Space
for name, driver in (("postgresql", "psycopg"), ("sqlite", "odd")):
    try:
        tracer.attach(Space(dialect=Space(name=name, driver=driver), url=None))
    except ValueError as error:
        answer.append(str(error))
import gc; del engine, connection; gc.collect()
""",
    )
    assert answer == [
        ["connections that a creator makes are not traced"],
        "an engine of postgresql is no engine of SQLite",
        "the driver odd is none of pysqlite, aiosqlite",
    ]
