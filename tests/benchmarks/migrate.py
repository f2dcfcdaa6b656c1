"""Measure `dbtool migrate` beside other migrators: each as a process, in one run.

    python tests/benchmarks/migrate.py --rows 500000 --runs 7

First `up` where there is nothing to do, as at every start of an application, with 30 migrations
applied. Then the rebuild of a table with two indexes and a child table, to make a column NOT NULL:
by SQLite's twelve steps in plain SQL, by us, by sqlite-utils, by alembic; afterwards it says what
each of them lost. Ours checks the whole file before, and foreign keys after. Peers that are not
installed are left out: pip install 'dbtool[compat]'.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import apsw

from tests.benchmarks.measure import Cost, repeat, run, size_of, table
from tests.compat.test_other_migrators import ALEMBIC, SQLITE_UTILS

PYTHON = sys.executable
SCHEMA = """
PRAGMA journal_mode = wal;
CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, note TEXT);
CREATE TABLE child(id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent(id) ON DELETE CASCADE);
CREATE INDEX of_parent ON child(parent);
CREATE INDEX named ON parent(name);
CREATE INDEX noted ON parent(note) WHERE note IS NOT NULL;
CREATE TRIGGER gone AFTER DELETE ON parent BEGIN SELECT 1; END;
"""
NEW = "CREATE TABLE parent(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, note TEXT)"
PLAIN = f"""
import sys, apsw
apsw.Connection(sys.argv[1]).execute('''
PRAGMA foreign_keys = OFF; BEGIN IMMEDIATE;
{NEW.replace("TABLE parent", "TABLE new_parent")};
INSERT INTO new_parent SELECT * FROM parent;
DROP TABLE parent;
ALTER TABLE new_parent RENAME TO parent;
CREATE INDEX named ON parent(name);
CREATE INDEX noted ON parent(note) WHERE note IS NOT NULL;
CREATE TRIGGER gone AFTER DELETE ON parent BEGIN SELECT 1; END;
COMMIT''')
"""
ALEMBIC_INI = "[alembic]\nscript_location = {0}/alembic\nsqlalchemy.url = sqlite:///{0}/a.db\n"
ALEMBIC_ENV = """
from alembic import context
from sqlalchemy import create_engine
with create_engine(context.config.get_main_option("sqlalchemy.url")).connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""


def nothing_to_do(folder: Path, runs: int) -> list[list[str]]:
    """Measure a start at which everything is applied."""
    ours = folder / "migrations"
    ours.mkdir()
    for number in range(1, 31):
        text = f"CREATE TABLE t{number}(a INTEGER PRIMARY KEY, b TEXT, c REAL);"
        (ours / f"{number:04}_t.sql").write_text(text)
    up = [PYTHON, "-m", "dbtool", "migrate", "up", "-q", "-m", ours, folder / "ours.db"]
    apsw.Connection(str(folder / "ours.db")).execute("PRAGMA journal_mode = wal").fetchall()
    run(up)
    rows = [["dbtool migrate up", *shown(repeat(runs, lambda: run(up)))]]
    if importlib.util.find_spec("alembic"):
        command = alembic(folder)
        run(command)
        rows.append(["alembic upgrade head", *shown(repeat(runs, lambda: run(command)))])
    if importlib.util.find_spec("yoyo"):
        target = ["--database", f"sqlite:///{folder}/y.db", ours]
        command = [PYTHON, "-m", "yoyo", "apply", "--batch", "--no-config-file", *target]
        run(command)
        rows.append(["yoyo apply", *shown(repeat(runs, lambda: run(command)))])
    return rows


def alembic(folder: Path) -> list[str | Path]:
    """Write 30 revisions, and return the command that applies them."""
    scripts = folder / "alembic"
    (scripts / "versions").mkdir(parents=True)
    (scripts / "env.py").write_text(ALEMBIC_ENV)
    for number in range(1, 31):
        before = f"'r{number - 1}'" if number > 1 else None
        (scripts / "versions" / f"r{number}.py").write_text(
            f"from alembic import op\nrevision = 'r{number}'\ndown_revision = {before}\n"
            f"def upgrade():\n    op.execute('CREATE TABLE t{number}(a, b, c)')\n"
        )
    ini = folder / "alembic.ini"
    ini.write_text(ALEMBIC_INI.format(folder))
    return [PYTHON, "-m", "alembic.config", "-c", ini, "upgrade", "head"]


def rebuilds(folder: Path, rows: int, runs: int) -> list[list[str]]:
    """Measure the rebuild of a table, each time on a fresh copy."""
    source = folder / "source.db"
    with closing(apsw.Connection(str(source))) as connection:
        connection.execute(SCHEMA).fetchall()
        numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        with connection:
            connection.execute(
                f"INSERT INTO parent {numbers} SELECT i, hex(randomblob(20)), iif(i % 3, NULL, i)"
                " FROM n",
                (rows,),
            )
            connection.execute("INSERT INTO child SELECT id, id FROM parent WHERE id % 2")
    migrations = folder / "rebuild"
    migrations.mkdir()
    (migrations / "0001_rebuild.sql").write_text(f"-- dbtool:rebuild parent\n{NEW};")
    copy = folder / "copy.db"
    ours = [PYTHON, "-m", "dbtool", "migrate", "up", "-q", "--no-snapshot", "-m", migrations, copy]
    commands: list[tuple[str, list[str | Path]]] = [
        ("twelve steps in SQL", [PYTHON, "-c", PLAIN, copy]),
        ("dbtool migrate up", ours),
        ("sqlite-utils transform", [PYTHON, "-c", SQLITE_UTILS, copy]),
    ]
    if importlib.util.find_spec("alembic"):
        commands.append(("alembic batch", [PYTHON, "-W", "ignore", "-c", ALEMBIC, copy]))

    def fresh() -> None:
        for path in folder.glob("copy.db*"):
            path.unlink()
        shutil.copyfile(source, copy)

    found = []
    for name, command in commands:
        cost = repeat(runs, lambda command=command: run(command), fresh)
        found.append([name, *shown(cost), f"{size_of(copy) >> 20} MiB", lost(copy, rows)])
    return found


def lost(path: Path, rows: int) -> str:
    """Say what is not there any more."""
    with closing(apsw.Connection(str(path))) as connection:
        children = connection.execute("SELECT count(*) FROM child").get
        objects = connection.execute(
            "SELECT count(*) FROM sqlite_schema WHERE name IN ('named', 'noted', 'gone')"
        ).get
    missing = [f"{(rows + 1) // 2 - children:,} child rows"] if children < (rows + 1) // 2 else []
    missing += [f"{3 - objects} of 3 indexes and triggers"] if objects < 3 else []
    return ", ".join(missing) or "nothing"


def shown(cost: Cost) -> list[str]:
    """Return a cost as cells."""
    times = [f"{seconds * 1000:.0f} ms" for seconds in (cost.seconds, cost.cpu_seconds)]
    return [*times, cost.spread, f"{cost.peak_mib:.0f} MiB"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--runs", type=int, default=7)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        head = ["nothing to do, 30 applied", "median", "CPU", "s from-to", "peak memory"]
        table("Start of an application", head, nothing_to_do(folder, asked.runs))
        head = [f"rebuild, {asked.rows:,} rows", "median", "CPU", "s from-to", "peak memory"]
        rows = rebuilds(folder, asked.rows, max(1, asked.runs // 2))
        table("Rebuild of a table", [*head, "file after", "lost"], rows)


if __name__ == "__main__":
    main()
