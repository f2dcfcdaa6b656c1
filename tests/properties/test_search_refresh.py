"""Whatever was written, however a refresh was cut into slices, it gives what a rebuild gives."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path
from typing import Any

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.search import refresh as refreshing
from dbtool.search import slices
from dbtool.search.indexfile import open_sidecar
from dbtool.search.sidecar import IndexStore

WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "épsilon",
    "東京都",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
]
SCHEMA = (
    "CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT, y); CREATE TABLE b(v);"
    "CREATE TABLE n(k1 TEXT, k2 INT, v, PRIMARY KEY(k1, k2)) WITHOUT ROWID"
)
SCHEMA_CHANGES = (
    "DROP TABLE IF EXISTS b2; ALTER TABLE b RENAME TO b2; CREATE TABLE b(v)",
    "DROP TABLE a; CREATE TABLE a(id INTEGER PRIMARY KEY, x TEXT, y)",
    "ALTER TABLE n RENAME COLUMN v TO w; ALTER TABLE n RENAME COLUMN w TO v",
    "VACUUM",
    "BEGIN; UPDATE a SET x = 'rolled back'; DELETE FROM n; ROLLBACK",
)


class Application:
    """Writes at random."""

    def __init__(self, path: Path, draw: random.Random) -> None:
        self.draw = draw
        self.connection = apsw.Connection(str(path))
        run = self.connection.execute
        run(f"PRAGMA page_size = {draw.choice((512, 1024, 4096))}")
        run(f"PRAGMA auto_vacuum = {draw.choice((0, 0, 1, 2))}")
        if draw.random() < 0.6:
            run("PRAGMA journal_mode = wal").fetchall()
        run(SCHEMA)

    def value(self) -> object:
        draw = self.draw
        kind = draw.random()
        if kind < 0.05:
            return " ".join(draw.choices(WORDS, k=draw.choice((900, 3000))))
        if kind < 0.1:
            return draw.randbytes(30)
        if kind < 0.25:
            return draw.choice((None, draw.randint(-5, 10**9), draw.random()))
        return " ".join(draw.choices(WORDS, k=draw.randint(1, 30)))

    def write(self) -> None:
        """Do one thing; a constraint may refuse it."""
        acts = (self.insert, self.insert, self.change, self.change, self.remove, self.other)
        with suppress(apsw.ConstraintError):
            self.draw.choice(acts)(self.draw.choice("abn"))

    def insert(self, table: str) -> None:
        draw, run = self.draw, self.connection.execute
        with self.connection:
            for _ in range(draw.randint(1, 200)):
                if table == "n":
                    key = draw.choice(WORDS) + str(draw.randint(0, 99)), draw.randint(0, 5)
                    run("REPLACE INTO n VALUES(?, ?, ?)", (*key, self.value()))
                elif table == "a":
                    rowid = draw.choice((None, draw.randint(1, 2000), draw.randint(-9, -1)))
                    row = (rowid, self.value(), self.value())
                    run("REPLACE INTO a(id, x, y) VALUES(?, ?, ?)", row)
                else:
                    run("INSERT INTO b VALUES(?)", (self.value(),))

    def change(self, table: str) -> None:
        column, key = {"a": "x", "b": "v", "n": "v"}[table], "k2" if table == "n" else "rowid"
        self.connection.execute(
            f"UPDATE {table} SET {column} = ? WHERE {key} % ? = 0",
            (self.value(), self.draw.randint(2, 60)),
        )

    def remove(self, table: str) -> None:
        key = "k2" if table == "n" else "rowid"
        self.connection.execute(
            f"DELETE FROM {table} WHERE {key} % ? = 1", (self.draw.randint(2, 40),)
        )

    def other(self, _table: str) -> None:
        kind = self.draw.randrange(len(SCHEMA_CHANGES) + 3)
        run = self.connection.execute
        if kind < len(SCHEMA_CHANGES):
            run(SCHEMA_CHANGES[kind])
        elif kind == len(SCHEMA_CHANGES):
            run(f"ALTER TABLE a ADD COLUMN z{self.draw.randint(0, 10**6)} DEFAULT 'omega'")
        elif kind == len(SCHEMA_CHANGES) + 1:
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        else:
            run("UPDATE a SET id = id + 5000 WHERE id IN (SELECT id FROM a ORDER BY x LIMIT 3)")


def content(store: IndexStore) -> dict[str, Any]:
    """Return everything that an index knows, without its own numbers."""
    run = store.connection.execute
    found = {}
    for table in store.tables():
        number, subject = table.number, table.subject
        names: dict[int, object] = {}
        if subject.rowid is None:
            names = {row[0]: row[1:] for row in run(f"SELECT * FROM keys_{number}")}
        run(f"CREATE VIRTUAL TABLE temp.v USING fts5vocab('main', 'fts_{number}', 'instance')")
        words = sorted(
            (str(names.get(doc, doc)), term, subject.columns[table.order[int(column[1:])]], offset)
            for term, doc, column, offset in run("SELECT term, doc, col, offset FROM temp.v")
        )
        run("DROP TABLE temp.v")
        digests = run(f"SELECT * FROM rows_{number}")
        rows = sorted((str(names.get(row[0], row[0])), *row[1:]) for row in digests)
        found[subject.name] = (rows, words, table.rows, table.skipped, subject.columns)
    return found


def indexed(path: Path, place: Path, at_once_bytes: int) -> dict[str, Any]:
    with open_sidecar(place, path, create=True, busy_timeout_s=5) as store:
        done = refreshing.refresh(
            path, store, progress=Silent(), clock=SystemClock(), at_once_bytes=at_once_bytes
        )
        done.reader.close()
        return content(store)


@pytest.mark.parametrize("seed", range(10))
def test_a_refresh_gives_what_a_rebuild_gives(tmp_path: Path, monkeypatch, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "a.db"
    application = Application(path, draw)
    monkeypatch.setattr(slices, "SLICE_S", draw.choice((-1.0, -1.0, 10.0)))
    monkeypatch.setattr(slices, "GROUP_LEAVES", draw.choice((1, 3, 128)))
    at_once_bytes = draw.choice((0, 2000, 1 << 30))
    renew = refreshing._Run._renew

    def renew_after_a_write(run: Any) -> None:
        run.reader.close()
        if draw.random() < 0.5:
            application.write()
        renew(run)

    for number in range(4):
        for _ in range(draw.randint(0, 4)):
            application.write()
        with monkeypatch.context() as between_slices:
            between_slices.setattr(refreshing._Run, "_renew", renew_after_a_write)
            got = indexed(path, tmp_path / "kept.search.db", at_once_bytes)
        assert got == indexed(path, tmp_path / f"fresh{number}.search.db", 1 << 30)
    application.connection.close()
