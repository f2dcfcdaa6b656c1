"""The same rebuild of a parent table by alembic, yoyo, sqlite-utils and us: ours loses nothing.

Foreign keys are enforced, as applications have them. The other tools run in processes of their own,
since they use the other SQLite library. What they lose is not asserted, as a later version may do
better: each test says that ours keeps what was there, and prints what became of it elsewhere.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.migrate.kit import Project

SCHEMA = """
CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, note TEXT);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id) ON DELETE CASCADE);
CREATE TABLE log(what TEXT);
CREATE INDEX partly ON parent(name) WHERE note IS NOT NULL;
CREATE INDEX expression ON parent(lower(name));
CREATE TRIGGER gone AFTER DELETE ON parent BEGIN INSERT INTO log VALUES (old.name); END;
INSERT INTO parent(name, note) VALUES ('a', 'x'), ('b', NULL), ('c', 'z'), ('d', NULL);
DELETE FROM parent WHERE id = 4;
DELETE FROM log;
INSERT INTO child(parent) VALUES (1), (1), (2), (3);
"""
NEW = "CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, note TEXT);"
ALEMBIC = """
import sys
import sqlalchemy
from alembic.migration import MigrationContext
from alembic.operations import Operations

engine = sqlalchemy.create_engine(f"sqlite:///{sys.argv[1]}")

@sqlalchemy.event.listens_for(engine, "connect")
def enforce(connection, record):
    connection.execute("PRAGMA foreign_keys = ON")

with engine.begin() as connection:
    operations = Operations(MigrationContext.configure(connection))
    with operations.batch_alter_table("parent", recreate="always") as batch:
        batch.alter_column("name", nullable=False)
"""
YOYO = """
import sys
import yoyo
from pathlib import Path

folder = Path(sys.argv[1]).with_name("yoyo")
folder.mkdir()
(folder / "0001.rebuild.sql").write_text('''
PRAGMA foreign_keys = OFF;
CREATE TABLE new_parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, note TEXT);
INSERT INTO new_parent SELECT id, name, note FROM parent;
DROP TABLE parent;
ALTER TABLE new_parent RENAME TO parent;
PRAGMA foreign_keys = ON;
''')
backend = yoyo.get_backend(f"sqlite:///{sys.argv[1]}")
backend.execute("PRAGMA foreign_keys = ON")
migrations = yoyo.read_migrations(str(folder))
with backend.lock():
    backend.apply_migrations(backend.to_apply(migrations))
"""
SQLITE_UTILS = """
import sys
import sqlite_utils

database = sqlite_utils.Database(sys.argv[1])
database.execute("PRAGMA foreign_keys = ON")
with database.conn:
    database["parent"].transform(not_null={"name"})
"""


def findings(path: Path) -> dict[str, Any]:
    """Return what of the surroundings of the table is there."""
    with closing(apsw.Connection(str(path))) as connection:

        def rows(sql: str) -> list[Any]:
            try:
                return connection.execute(sql).fetchall()
            except apsw.Error as error:
                return [str(error)]

        return {
            "parents": rows("SELECT id, name, note FROM parent ORDER BY id"),
            "children": rows("SELECT id, parent FROM child ORDER BY id"),
            "log": rows("SELECT what FROM log"),
            "mark": rows("SELECT seq FROM sqlite_sequence WHERE name = 'parent'"),
            "triggers": rows("SELECT name FROM sqlite_schema WHERE type = 'trigger' ORDER BY 1"),
            "indexes": rows(
                "SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'parent'"
                " AND sql IS NOT NULL ORDER BY 1"
            ),
        }


def made(path: Path) -> Path:
    """Create the database."""
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(SCHEMA)
    return path


@pytest.fixture
def ours(tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what was there before and after our rebuild."""
    project = Project(tmp_path)
    made(project.db)
    before = findings(project.db)
    project.write("0001_rebuild.sql", f"-- dbtool:rebuild parent\n{NEW}")
    project.run()
    assert project.sql(
        "SELECT \"notnull\" FROM pragma_table_info('parent') WHERE name = 'name'"
    ) == [(1,)]
    return before, findings(project.db)


@pytest.mark.parametrize(
    ("package", "script"),
    [("alembic", ALEMBIC), ("yoyo", YOYO), ("sqlite_utils", SQLITE_UTILS)],
)
def test_ours_keeps_every_row_trigger_index_and_mark(
    ours: tuple[dict[str, Any], dict[str, Any]], tmp_path: Path, package: str, script: str
) -> None:
    before, after = ours
    assert after == before
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed: pip install 'dbtool[compat]'")
    theirs = made(tmp_path / "theirs.db")
    done = subprocess.run(
        [sys.executable, "-c", script, str(theirs)], capture_output=True, text=True, check=False
    )
    found = findings(theirs)
    print(f"{package}: exit code {done.returncode} {done.stderr.strip()[-200:]}")
    for what, was in before.items():
        if found[what] != was:
            print(f"  {what}: {was} became {found[what]}")
