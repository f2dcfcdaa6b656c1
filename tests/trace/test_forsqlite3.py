"""Traced connections of sqlite3 behave as before, to the letter, and are counted.

In a process of its own: two SQLite libraries must not share one, nor one database.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dbtool.trace.log import StatementUse, Workload, read_log

SOURCE = Path(__file__).resolve().parents[2]
_HEAD = """
import json, sqlite3, sys
import dbtool.trace
assert "apsw" not in sys.modules
tracer = dbtool.trace.start("log", examples=EXAMPLES)
def connect(**options):
    options = {"factory": tracer.factory(options.pop("base", sqlite3.Connection)), **options}
    return sqlite3.connect("app.db", isolation_level=None, **options)
db = connect()
db.executescript("CREATE TABLE IF NOT EXISTS t(a INTEGER PRIMARY KEY, b);")
db.executemany("INSERT INTO t VALUES(?, ?)", [(n, n) for n in range(50)])
answer = None
"""


def run(folder: Path, code: str, *, examples: bool = False) -> tuple[Any, Workload]:
    """Run code of an application; return its `answer` and its log."""
    whole = _HEAD.replace("EXAMPLES", str(examples)) + code
    whole += "\ntracer.close()\nprint(json.dumps(answer))"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", whole],
        cwd=folder,
        env={"PYTHONPATH": str(SOURCE), "PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not done.stderr
    return json.loads(done.stdout), read_log(folder / "log")


def use(log: Workload, sql: str) -> StatementUse:
    return next(found for found in log.statements if found.sql == sql)


def test_rows_are_counted_however_they_are_fetched(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
answer = [
    len(db.execute("SELECT 1 FROM t").fetchall()),
    len(list(db.execute("SELECT 2, a FROM t"))),
    len(db.execute("SELECT a, 3, 3 FROM t").fetchmany(10)),
    db.execute("SELECT a, 4, 4, 4 FROM t WHERE a = 7").fetchone(),
    db.execute("SELECT a, 4, 4, 4 FROM t WHERE a = 777").fetchone(),
]
cursor = db.cursor()
cursor.execute("SELECT a, b, a, b FROM t")
answer.append(next(cursor))
cursor.execute("SELECT 5 WHERE 0")
cursor.close()
""",
    )
    assert answer == [50, 50, 10, [7, 4, 4, 4], None, [0, 0, 0, 0]]
    assert use(log, "SELECT ? FROM t").rows == 50
    assert use(log, "SELECT ?, a FROM t").rows == 50
    assert use(log, "SELECT a, ?, ? FROM t").rows == 10
    assert use(log, "SELECT a, ?, ?, ? FROM t WHERE a = ?").rows == 1
    assert use(log, "SELECT a, b, a, b FROM t").rows == 1
    assert use(log, "SELECT ? WHERE ?").calls == 1
    assert log.libraries == ("sqlite3",)
    assert log.databases == (str(tmp_path / "app.db"),)


def test_calls_and_plans_are_counted(tmp_path: Path) -> None:
    _, log = run(
        tmp_path,
        """
for n in range(4):
    db.execute("SELECT * FROM t WHERE b = ? ORDER BY a + b", (n,)).fetchall()
    db.execute("SELECT * FROM t WHERE a = :a", {"a": n}).fetchall()
""",
    )
    scan = use(log, "SELECT * FROM t WHERE b = ? ORDER BY a + b")
    assert (scan.calls, scan.full_scans, scan.sorts, scan.full_scan_steps) == (4, 4, 4, None)
    assert use(log, "SELECT * FROM t WHERE a = ?").full_scans == 0
    assert use(log, "INSERT INTO t VALUES(?, ?)").calls == 50
    assert all(found.vm_steps is None for found in log.statements)


def test_errors_reach_the_application_and_are_counted(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
other = connect(timeout=0)
db.execute("BEGIN IMMEDIATE")
answer = []
for sql in ("BEGIN IMMEDIATE", "SELECT missing"):
    try:
        other.execute(sql)
    except sqlite3.OperationalError as error:
        answer.append(str(error))
""",
    )
    assert answer == ["database is locked", "no such column: missing"]
    assert use(log, "BEGIN IMMEDIATE").busy_errors == 1
    assert use(log, "SELECT missing").errors == 1


def test_classes_and_factories_of_the_application_are_kept(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
ended = []
class Mine(sqlite3.Connection):
    def __init__(self, *given, **options):
        super().__init__(*given, **options)
        self.execute("PRAGMA foreign_keys = ON")
    def ours(self): return "ours"
class MyCursor(sqlite3.Cursor):
    def mine(self): return "mine"
    def __del__(self): ended.append(1)
mine = connect(base=Mine)
mine.row_factory = sqlite3.Row
mine.text_factory = bytes
cursor = mine.cursor(MyCursor)
row = cursor.execute("SELECT 'x' AS name, a FROM t WHERE b = 3").fetchone()
answer = [mine.ours(), cursor.mine(), row["name"].decode(), type(mine).__name__,
          type(cursor).__name__, isinstance(mine.cursor(), sqlite3.Cursor),
          mine.cursor(lambda c: MyCursor(c)).mine()]
del cursor
answer.append(ended != [])
with mine:
    mine.execute("DELETE FROM t WHERE a = 1")
answer.append(mine.total_changes)
""",
    )
    assert answer == ["ours", "mine", "x", "Mine", "MyCursor", True, "mine", True, 1]
    assert use(log, "SELECT ? AS name, a FROM t WHERE b = ?").full_scans == 1


def test_asking_for_plans_changes_nothing_that_the_application_sees(tmp_path: Path) -> None:
    answer, _ = run(
        tmp_path,
        """
plain = sqlite3.connect(":memory:")
traced = sqlite3.connect(":memory:", factory=tracer.factory(sqlite3.Connection))
answer = []
for one in (plain, traced):
    said = []
    one.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b)")
    for n in range(3):
        cursor = one.execute("INSERT INTO t(b) VALUES(?)", (n,))
        said.append([cursor.lastrowid, cursor.rowcount, one.total_changes, one.in_transaction])
    cursor = one.execute("UPDATE t SET b = 1 RETURNING a")
    said.append([cursor.fetchall(), cursor.description[0][0], one.in_transaction])
    one.rollback()
    said.append(one.execute("SELECT count(*), changes(), last_insert_rowid() FROM t").fetchall())
    try:
        one.execute("SELECT ?", (1, 2))
    except sqlite3.ProgrammingError as error:
        said.append(str(error))
    answer.append(said)
""",
    )
    assert answer[0] == answer[1]


@pytest.mark.parametrize("examples", [False, True])
def test_values_are_in_the_log_only_where_the_application_says_so(
    tmp_path: Path, examples: bool
) -> None:
    run(tmp_path, 'db.execute("SELECT ?", ("secret",)).fetchall()', examples=examples)
    assert (b"secret" in (tmp_path / "log").read_bytes()) is examples


def test_a_process_that_is_left_open_writes_its_log_at_its_end(tmp_path: Path) -> None:
    code = """
from types import SimpleNamespace
db.execute("SELECT 1")
kept, tracer = tracer, SimpleNamespace(close=lambda: None)
"""
    _, log = run(tmp_path, code)
    assert use(log, "SELECT ?").calls == 1


def test_methods_of_the_application_keep_their_arguments_and_are_called(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
class Cursor(sqlite3.Cursor):
    def execute(self, query, params=None):
        if params is None:
            return super().execute(query)
        return super().execute(query.replace("%s", "?"), params)
class Connection(sqlite3.Connection):
    calls = 0
    def execute(self, sql, *values, retries=0):
        self.calls += 1
        return super().execute(sql, *values)
    def cursor(self):
        return super().cursor(Cursor)
class Explicit(sqlite3.Connection):
    def cursor(self, *given, **named):
        named.setdefault("factory", Cursor)
        return super().cursor(*given, **named)
own, explicit = connect(base=Connection), connect(base=Explicit)
answer = [
    own.execute("SELECT 1", retries=2).fetchone(),
    own.cursor().execute("SELECT strftime('%s', '1970-01-01')").fetchone(),
    own.cursor().execute("SELECT %s + 1", params=(4,)).fetchone(),
    own.calls,
    isinstance(own.cursor(), Cursor),
    explicit.cursor().execute("SELECT 2").fetchone(),
]
""",
    )
    assert answer == [[1], ["0"], [5], 1, True, [2]]
    assert use(log, "SELECT ?").calls == 2
    assert use(log, "SELECT ? + ?").calls == 1


def test_changes_are_those_of_the_statement_before(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
answer = []
for n in range(3):
    db.execute("UPDATE t SET b = b + 1 WHERE b > 47")
    answer += db.execute("SELECT changes()").fetchone()
""",
    )
    assert answer == [2, 2, 2]
    assert use(log, "UPDATE t SET b = b + ? WHERE b > ?").calls == 3


def test_what_would_raise_in_the_shim_raises_nothing(tmp_path: Path) -> None:
    answer, _ = run(
        tmp_path,
        """
import logging, os
class Values:
    def __iter__(self): return iter([(100, 1), (101, 1)])
    def __len__(self): raise RuntimeError
class Handler(logging.Handler):
    def emit(self, record): raise RuntimeError
answer = [db.executemany("INSERT INTO t VALUES(?, ?)", Values()).rowcount]
factory, log = tracer.factory(sqlite3.Connection), os.getcwd()
os.mkdir("gone"); os.chdir("gone"); os.rmdir("../gone")
memory = sqlite3.connect("file:x?mode=memory", uri=True, factory=factory)
answer += memory.execute("SELECT 1").fetchone()
os.chdir(log)
logging.getLogger("dbtool").addHandler(Handler())
os.mkdir("log"); tracer.flush(); os.rmdir("log")
memory.execute("SELECT 2")
""",
    )
    assert answer == [2, 1]


def test_connections_of_one_database_ask_for_a_plan_once_a_period(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
answer, asked = [], []
def note(action, *_):
    if action == sqlite3.SQLITE_SELECT: asked.append(action)
    return sqlite3.SQLITE_OK
def request():
    other = connect()
    other.set_authorizer(note)
    other.execute("SELECT b FROM t WHERE b > 40").fetchall()
    other.close()
    answer.append(len(asked))
request(); request(); tracer.flush(); request()
db.execute("CREATE INDEX i ON t(b)"); tracer.flush(); request()
""",
    )
    assert answer == [2, 3, 5, 7], "one for the statement, one for its plan where it is asked for"
    found = use(log, "SELECT b FROM t WHERE b > ?")
    assert (found.calls, found.full_scans) == (4, 3)


def test_a_class_that_calls_the_module_by_its_name_is_traced(tmp_path: Path) -> None:
    answer, log = run(
        tmp_path,
        """
class Named(sqlite3.Connection):
    def __init__(self, *given, **named):
        sqlite3.Connection.__init__(self, *given, **named)
class Fixed(sqlite3.Connection):
    def __init__(self):
        super().__init__("app.db")
class Configured(sqlite3.Connection):
    def __init__(self, settings):
        sqlite3.Connection.__init__(self, settings["path"])
answer = tracer.factory(Configured)({"path": "app.db"}).execute("SELECT 4").fetchone()
answer += connect(base=Named).execute("SELECT 5, 5").fetchone()
answer += tracer.factory(Fixed)().execute("SELECT 6, 6, 6").fetchone()
""",
    )
    assert answer == [4, 5, 5, 6, 6, 6]
    assert use(log, "SELECT ?").calls == 1
    assert use(log, "SELECT ?, ?").calls == 1
    assert use(log, "SELECT ?, ?, ?").calls == 1
