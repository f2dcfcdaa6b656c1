"""A database and a folder of migrations, for tests."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw

from dbtool.core.progress import Silent
from dbtool.migrate.discover import discover
from dbtool.migrate.opening import open_to_look, open_to_migrate
from dbtool.migrate.options import RunOptions, RunResult
from dbtool.migrate.runner import Runner
from dbtool.migrate.standing import Standing, standing

SHOP = """-- dbtool:up
CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT);
CREATE TABLE c(id INTEGER PRIMARY KEY, p REFERENCES p(id) ON DELETE CASCADE);
CREATE TABLE log(x);
CREATE INDEX pn ON p(n) WHERE n IS NOT NULL;
CREATE TRIGGER tr AFTER DELETE ON p BEGIN INSERT INTO log VALUES(old.id); END;
CREATE VIEW v AS SELECT n FROM p;
INSERT INTO p(n) VALUES('a'),('b'),('c');
INSERT INTO c(p) VALUES(1),(2),(2);
DELETE FROM p WHERE id = 3;
-- dbtool:down
DROP VIEW v; DROP TABLE c; DROP TABLE p; DROP TABLE log;
"""


class Project:
    """A folder with app.db and migrations/."""

    def __init__(self, folder: Path, journal_mode: str = "wal") -> None:
        self.db = folder / "app.db"
        self.folder = folder / "migrations"
        self.folder.mkdir()
        self.sql(f"PRAGMA journal_mode = {journal_mode}")

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def sql(self, text: str, *bindings: Any) -> list[Any]:
        with closing(apsw.Connection(str(self.db))) as connection:
            connection.set_busy_timeout(5000)
            return connection.execute(text, bindings or None).fetchall()

    def run(self, way: str = "up", **options: Any) -> RunResult:
        allow = frozenset(options.pop("allow", ()))
        asked = RunOptions(allow=allow, **options)
        with open_to_migrate(self.db) as connection:
            runner = Runner(connection, self.migrations(), asked, progress=Silent())
            return getattr(runner, way)()

    def migrations(self) -> Any:
        return discover(self.folder).migrations

    def standing(self) -> Standing:
        with open_to_look(self.db) as connection:
            return standing(connection, self.migrations())

    def versions(self) -> list[str]:
        return [applied.version for applied in self.standing().applied]

    def content(self) -> dict[str, Any]:
        """Return schema and rows, without the history."""
        schema = self.sql(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema"
            " WHERE tbl_name NOT LIKE '_dbtool%' ORDER BY 1, 2"
        )
        rows: dict[str, Any] = {"schema": schema}
        for kind, name, _, sql in schema:
            if kind == "table" and (sql or "").upper().startswith("CREATE TABLE"):
                rows[name] = sorted(map(repr, self.sql(f'SELECT * FROM "{name}"')))
        return rows
