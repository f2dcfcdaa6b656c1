"""Any database, any history: every snapshot restores to the pages and the content of its moment."""

from __future__ import annotations

import random
import subprocess
import tempfile
from pathlib import Path

import apsw
import apsw.sqlite_extra
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.backup.model import BackupOptions, RestoreOptions
from dbtool.backup.repository import Repository
from dbtool.crypto.secret import Secret, generate_key_file_text

KEY = Secret.parse(generate_key_file_text())

shapes = st.fixed_dictionaries(
    {
        "page_size": st.sampled_from([512, 1024, 4096, 8192, 65536]),
        "encoding": st.sampled_from(["UTF-8", "UTF-16le", "UTF-16be"]),
        "auto_vacuum": st.sampled_from([0, 1, 2]),
        "journal_mode": st.sampled_from(["wal", "delete", "truncate", "persist"]),
    }
)
steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "insert",
                "update",
                "delete",
                "vacuum",
                "grow",
                "shrink",
                "fts",
                "checkpoint",
                "reopen",
                "nothing",
            ]
        ),
        st.integers(0, 2**16),
    ),
    min_size=1,
    max_size=8,
)


class Application:
    """An application that owns the database and changes it."""

    def __init__(self, path: Path, shape: dict[str, object]) -> None:
        self.path = path
        self.connection = apsw.Connection(str(path))
        for pragma in ("page_size", "encoding", "auto_vacuum", "journal_mode"):
            self.connection.execute(f"PRAGMA {pragma} = '{shape[pragma]}'").fetchall()
        for statement in (
            "CREATE TABLE plain(id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL)",
            "CREATE INDEX plain_a ON plain(a)",
            "CREATE TABLE keyed(k TEXT, n INTEGER, v BLOB, PRIMARY KEY(k, n)) WITHOUT ROWID",
            "CREATE VIRTUAL TABLE words USING fts5(text)",
        ):
            self.connection.execute(statement)

    def insert(self, draw: random.Random) -> None:
        execute = self.connection.execute
        with self.connection:
            for _ in range(draw.randint(1, 40)):
                values = f"text {draw.random()} ü", draw.randbytes(draw.randint(0, 300))
                execute("INSERT INTO plain(a, b, c) VALUES (?, ?, ?)", (*values, draw.random()))
                execute(
                    "INSERT OR REPLACE INTO keyed VALUES (?, ?, ?)",
                    (str(draw.randint(0, 99)), 1, b"v" * 50),
                )

    def step(self, kind: str, seed: int) -> None:
        draw = random.Random(seed)
        execute = self.connection.execute
        if kind == "insert":
            self.insert(draw)
        elif kind == "update":
            execute("UPDATE plain SET a = a || ? WHERE id % 7 = ?", (str(seed), seed % 7))
        elif kind == "delete":
            execute("DELETE FROM plain WHERE id % 3 = ?", (seed % 3,))
        elif kind == "vacuum":
            execute("VACUUM")
        elif kind == "grow":
            execute(
                "INSERT INTO plain(b) VALUES (?)", (draw.randbytes(draw.randint(20_000, 200_000)),)
            )
        elif kind == "shrink":
            execute("DELETE FROM plain WHERE length(b) > 10000")
            execute("PRAGMA incremental_vacuum").fetchall()
        elif kind == "fts":
            execute("INSERT INTO words VALUES (?)", (f"word{seed} common words",))
        elif kind == "checkpoint":
            self.connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        elif kind == "reopen":
            self.connection.close()
            self.connection = apsw.Connection(str(self.path))


def dbhash(path: Path) -> str:
    program = apsw.sqlite_extra.path("sqlite3_dbhash")
    answer = subprocess.run([str(program), str(path)], capture_output=True, text=True, check=True)
    return answer.stdout.split()[0]


def content_pages(path: Path) -> bytes:
    """Return the committed pages of a database as one string, through SQLite alone."""
    source = apsw.Connection(str(path))
    copy = apsw.Connection(str(path) + ".copy")
    with copy.backup("main", source, "main") as backup:
        backup.step(-1)
    copy.close()
    source.close()
    pages = Path(str(path) + ".copy").read_bytes()
    Path(str(path) + ".copy").unlink()
    return pages


def without_counters(pages: bytes) -> bytes:
    """Blank what SQLite's own backup writes anew.

    These are change counter, schema cookie, version-valid-for and versions.
    """
    return (
        pages[:18]
        + bytes(2)
        + pages[20:24]
        + bytes(4)
        + pages[28:40]
        + bytes(4)
        + pages[44:92]
        + bytes(8)
        + pages[100:]
    )


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=shapes, history=steps, force=st.booleans())
def test_every_snapshot_restores_to_its_moment(
    encrypted: bool, shape: dict[str, object], history: list[tuple[str, int]], force: bool
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        application = Application(folder / "app.db", shape)
        repository = Repository.create(folder / "repo", secret=KEY if encrypted else None)
        moments = {}
        for kind, seed in history:
            application.step(kind, seed)
            result = repository.backup(application.path, BackupOptions(force_scan=force))
            assert result.snapshot
            moments[result.snapshot.id] = (
                dbhash(application.path),
                content_pages(application.path),
            )
        application.connection.close()
        previous = folder / "delta.db"
        for number, (snapshot_id, (expected_hash, expected_pages)) in enumerate(moments.items()):
            restored = folder / f"restored{number}.db"
            repository.restore(snapshot_id, restored)
            assert without_counters(restored.read_bytes()) == without_counters(expected_pages)
            repository.restore(
                snapshot_id, previous, RestoreOptions(mode="delta", safety_snapshot=False)
            )
            assert previous.read_bytes() == restored.read_bytes()
            assert dbhash(restored) == expected_hash
        report = repository.verify(read_data=1.0)
        assert report.findings == ()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(shape=shapes, seeds=st.lists(st.integers(0, 1000), min_size=2, max_size=6))
def test_two_databases_in_one_repository_do_not_disturb_each_other(
    shape: dict[str, object], seeds: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = Repository.create(folder / "repo")
        applications = [Application(folder / f"{side}.db", shape) for side in ("left", "right")]
        expected = {}
        for number, seed in enumerate(seeds):
            application = applications[number % 2]
            application.step("insert", seed)
            result = repository.backup(application.path)
            assert result.snapshot
            expected[result.snapshot.id] = dbhash(application.path)
        for application in applications:
            application.connection.close()
        for snapshot_id, content in expected.items():
            target = folder / f"{snapshot_id}.db"
            repository.restore(snapshot_id, target)
            assert dbhash(target) == content
