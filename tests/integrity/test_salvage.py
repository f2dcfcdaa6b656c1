"""What can be read of a damaged database is in the new one, and the new one is sound."""

from __future__ import annotations

import random
import stat
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.errors import Damaged, DbtoolError
from dbtool.integrity.damagedfile import DamagedFile
from dbtool.integrity.salvage import Salvaged, salvage
from dbtool.pages.owners import Role
from dbtool.pages.schematable import read_schema
from dbtool.pages.source import PageUnreadable
from tests.integrity.damages import DAMAGES, TABLES, Target, build, counts
from tests.pages.databases import closing
from tests.pages.pagesources import Pages, make_everything, mutate

SAMPLE = Path(__file__).parents[3] / "shared/data/malformed-sample.tar.zst"
"""400 malformed files of SQLite's own fuzz corpus."""


def salvaged(path: Path, **options: object) -> Salvaged:
    with DamagedFile(path) as source:
        return salvage(source, path, **options)


def dump(path: Path) -> dict[str, object]:
    """Return schema and content of a database that must be sound."""
    with closing(path) as connection:
        assert connection.pragma("integrity_check") == "ok"
        schema = connection.execute(
            "SELECT type, name, tbl_name, sql FROM sqlite_schema"
            " WHERE name NOT LIKE 'sqlite_stat%' ORDER BY name"
        ).fetchall()
        names = [name for kind, name, *_ in schema if kind == "table"]
        shadows = ("_data", "_idx")  # the index of a text index, built anew
        found: dict[str, object] = {"schema": schema}
        for name in names:
            if not name.endswith(shadows):
                quoted = name.replace('"', '""')
                rows = connection.execute(f'SELECT * FROM "{quoted}"').fetchall()
                found[name] = sorted(map(repr, rows))
        for pragma in (
            "page_size",
            "encoding",
            "auto_vacuum",
            "user_version",
            "application_id",
            "journal_mode",
        ):
            found[pragma] = connection.pragma(pragma)
        return found


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Target, dict[str, int]]:
    path = tmp_path_factory.mktemp("salvage") / "app.db"
    build(path, 60, page_size=512)
    return Target(path.read_bytes()), counts(path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_no_row_is_lost_but_those_on_damaged_pages(
    original: tuple[Target, dict[str, int]], tmp_path: Path, damage: str
) -> None:
    target, before = original
    raw = DAMAGES[damage](target)
    path = tmp_path / "app.db"
    path.write_bytes(raw)
    schema = read_schema(Pages(target.raw), pytest.fail)
    result = salvaged(path, schema=schema)
    assert path.read_bytes() == raw
    assert stat.S_IMODE(result.path.stat().st_mode) == 0o600
    after = counts(result.path)
    assert {t.name: t.rows for t in result.tables if t.name in TABLES} == after
    lost = sum(before.values()) - sum(after.values())
    assert lost <= target.rows_on_damaged_pages(raw)
    with closing(result.path) as connection:
        assert connection.pragma("integrity_check") == "ok"
        connection.execute("INSERT INTO words(words, rank) VALUES ('integrity-check', 1)")
        for name in TABLES:  # a row that came back is the row that was
            assert foreign_rows(connection, target, name, tmp_path) <= result_rescued(result, name)
    if "page 1" not in damage and "schema" not in damage:
        result.path.unlink()
        alone = salvaged(path)
        assert counts(alone.path) == after


def foreign_rows(connection: apsw.Connection, target: Target, name: str, folder: Path) -> int:
    """Count the rows of a salvaged table that the original does not have."""
    original = folder / "original.db"
    original.write_bytes(target.raw)
    connection.execute("ATTACH ? AS original", (str(original),))
    try:
        return connection.execute(
            f"SELECT count(*) FROM (SELECT * FROM {name} EXCEPT SELECT * FROM original.{name})"
        ).get
    finally:
        connection.execute("DETACH original")


def result_rescued(result: Salvaged, name: str) -> int:
    return next(table.rows_rescued for table in result.tables if table.name == name)


@pytest.mark.parametrize("damage", ["random page 1", "random schema"])
def test_a_schema_of_more_than_a_page_survives_the_loss_of_page_1(
    original: tuple[Target, dict[str, int]], tmp_path: Path, damage: str
) -> None:
    target, before = original
    path = tmp_path / "app.db"
    path.write_bytes(DAMAGES[damage](target))
    result = salvaged(path)
    assert counts(result.path) == before
    assert result.schema_from_snapshot == ()
    assert any("schema was found" in note for note in result.notes)


@pytest.mark.parametrize("damage", ["random page 1", "random schema"])
def test_without_a_schema_every_row_is_in_lost_and_found(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "app.db"
    build(path, 60)
    before, target = counts(path), Target(path.read_bytes())
    path.write_bytes(DAMAGES[damage](target))
    result = salvaged(path)
    assert result.lost_and_found == "lost_and_found"
    assert result.lost_rows >= sum(before.values())
    root = target.pages("orders", Role.ROOT)[0]
    with closing(result.path) as connection:
        assert (
            connection.execute(
                "SELECT count(*) FROM lost_and_found WHERE rootpgno = ?", (root,)
            ).get
            == before["orders"]
        )


AWKWARD = """
CREATE TABLE auto(id INTEGER PRIMARY KEY AUTOINCREMENT, v UNIQUE);
CREATE TABLE strictly(a INT, b TEXT, c ANY, d REAL) STRICT;
CREATE TABLE generated(a INTEGER, v AS (a * 2) VIRTUAL, s AS (a + 1) STORED, b TEXT);
CREATE TABLE "rowid"(rowid TEXT, _rowid_ TEXT, x INTEGER PRIMARY KEY);
CREATE TABLE no_name(rowid, _rowid_, oid);
CREATE TABLE descending(id INTEGER PRIMARY KEY DESC, v);
CREATE TABLE late(a INTEGER PRIMARY KEY, b);
CREATE TABLE pairs(b TEXT, a INTEGER, s AS (a || b) STORED, c, PRIMARY KEY(a DESC, b))
    WITHOUT ROWID;
CREATE TABLE "we""ird né\n[table]"("co""l" DEFAULT "quoted", "select");
CREATE TABLE checked(a CHECK (a > 0), b NOT NULL DEFAULT 7);
CREATE TABLE empty(a);
CREATE UNIQUE INDEX unique_late ON late(b) WHERE b IS NOT NULL;
CREATE INDEX expression ON late(abs(a) DESC, b COLLATE NOCASE);
CREATE VIEW seen AS SELECT a FROM late;
CREATE VIEW broken AS SELECT * FROM nowhere;
CREATE TRIGGER tr AFTER INSERT ON late BEGIN DELETE FROM checked; END;
CREATE VIRTUAL TABLE five USING fts5(a, b, tokenize='porter');
CREATE VIRTUAL TABLE four USING fts4(a);
CREATE VIRTUAL TABLE box USING rtree(id, x0, x1);
CREATE VIRTUAL TABLE outside USING fts5(b, content='late', content_rowid='a');
CREATE VIRTUAL TABLE bare USING fts5(b, content='');
PRAGMA user_version = -5; PRAGMA application_id = 77;
"""


def make_awkward(path: Path, *, page_size: int, encoding: str, auto_vacuum: str) -> None:
    with closing(path) as connection:
        connection.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 1)
        connection.pragma("page_size", page_size)
        connection.pragma("encoding", encoding)
        connection.pragma("auto_vacuum", auto_vacuum)
        connection.reserve_bytes(reserve=12)
        connection.pragma("journal_mode", "wal")
        connection.execute(AWKWARD)
        connection.execute("BEGIN")
        values = [
            None,
            0,
            1,
            -1,
            2**63 - 1,
            -(2**63),
            1.5,
            1e300,
            -0.0,
            "",
            "é€𝄞\0x",
            b"",
            b"\0\xff",
        ]
        for n in range(150):
            value = values[n % len(values)]
            connection.execute("INSERT INTO auto(v) VALUES (?)", (f"{value}{n}",))
            connection.execute("INSERT INTO strictly VALUES (?,?,?,?)", (n, str(n), value, n / 3))
            connection.execute("INSERT INTO generated(a, b) VALUES (?,?)", (n, "b" * n))
            connection.execute('INSERT INTO "rowid" VALUES (?,?,?)', (n, n, -n * 10**15))
            connection.execute("INSERT INTO no_name VALUES (?,?,?)", (n, value, n))
            connection.execute("INSERT INTO descending VALUES (?,?)", (n * 3, value))
            connection.execute("INSERT INTO late VALUES (?,?)", (n, None if n % 2 else n))
            connection.execute("INSERT INTO pairs(a,b,c) VALUES (?,?,?)", (n, "k" * n, "c" * 9 * n))
            connection.execute('INSERT INTO "we""ird né\n[table]" VALUES (?,?)', (value, n))
            connection.execute("INSERT INTO checked(a) VALUES (?)", (n + 1,))
            connection.execute("INSERT INTO five VALUES (?,?)", (f"running {n}", "x y z"))
            connection.execute("INSERT INTO four VALUES (?)", (f"walking {n}",))
            connection.execute("INSERT INTO box VALUES (?,?,?)", (n, n, n + 1))
        connection.execute("ALTER TABLE late ADD COLUMN c DEFAULT 'late'")
        connection.execute("INSERT INTO late VALUES (9999, 'n', 'new')")
        connection.execute("INSERT INTO outside(outside) VALUES ('rebuild')")
        connection.execute("INSERT INTO bare(rowid, b) VALUES (3, 'word')")
        raw = b"\xff\xfe\xfd" if encoding == "UTF-8" else b"\x00\xdc\x00\xdc"
        connection.execute("INSERT INTO no_name VALUES (CAST(? AS TEXT), 1, 'raw')", (raw,))
        connection.execute("DELETE FROM auto WHERE id > 140; COMMIT; ANALYZE")


@pytest.mark.parametrize(
    ("page_size", "encoding", "auto_vacuum"),
    [
        (512, "UTF-8", "full"),
        (1024, "UTF-16le", "none"),
        (4096, "UTF-16be", "incremental"),
        (65536, "UTF-8", "none"),
    ],
)
def test_a_sound_database_comes_back_as_it_was(
    tmp_path: Path, page_size: int, encoding: str, auto_vacuum: str
) -> None:
    path = tmp_path / "app.db"
    make_awkward(path, page_size=page_size, encoding=encoding, auto_vacuum=auto_vacuum)
    result = salvaged(path)
    assert result.notes == ()
    assert result.lost_rows == 0
    was, now = comparable(path), comparable(result.path)
    assert now == was
    with closing(result.path) as connection:
        assert connection.execute("SELECT rowid FROM five WHERE five MATCH 'run' AND rowid = 9").get
        assert connection.execute("SELECT rowid FROM bare('word')").get == 3
        connection.execute("INSERT INTO auto(v) VALUES ('next')")
        assert connection.last_insert_rowid() == 151


def comparable(path: Path) -> dict[str, object]:
    with closing(path) as connection:  # text that is not valid cannot be fetched as text
        [raw] = connection.execute(
            "SELECT hex(CAST(rowid AS BLOB)), typeof(rowid) FROM no_name WHERE oid = 'raw'"
        ).fetchall()
    copy = path.with_name(path.name + ".copy")
    copy.write_bytes(path.read_bytes())
    with closing(copy) as connection:
        connection.execute("DELETE FROM no_name WHERE oid = 'raw'")
        connection.execute("DROP TABLE four")  # its shadow tables are built anew
    return {**dump(copy), "raw": raw}


def test_rows_that_a_table_refuses_are_in_lost_and_found(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(path) as connection:
        connection.pragma("page_size", 512)
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT NOT NULL)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", ((n, f"v{n}") for n in range(100)))
        connection.pragma("writable_schema", 1)
        connection.execute(
            "UPDATE sqlite_schema SET sql = 'CREATE TABLE t(id INTEGER PRIMARY KEY,"
            " v TEXT NOT NULL CHECK (v <> ''v50''))'"
        )
    result = salvaged(path)
    assert result.tables[0].rows == 99
    assert result.tables[0].rows_rejected == {"CHECK failed": 1}
    with closing(result.path) as connection:
        found = connection.execute("SELECT nfield, id, c1 FROM lost_and_found").fetchall()
    assert found == [(2, 50, "v50")]


def test_a_row_in_its_tree_wins_over_an_orphan_with_its_key(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(path) as connection:
        connection.pragma("page_size", 512)
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", ((n, f"v{n:040}") for n in range(99)))
    target = Target(path.read_bytes())
    leaves = target.pages("t", Role.LEAF)
    stale = target.source.page(leaves[2]).replace(b"v0", b"w0")
    lost = target.rows_on(leaves[1])
    path.write_bytes(target.with_page(leaves[1], b"") + stale)
    result = salvaged(path)
    assert result.tables[0].rows == 99 - lost
    assert result.lost_rows == target.rows_on(leaves[2])
    assert result.lost_groups[0].guesses == ("t",)
    with closing(result.path) as connection:
        assert connection.execute("SELECT count(*) FROM t WHERE v LIKE 'w%'").get == 0


def test_deleted_rows_are_taken_only_on_request(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(path) as connection:
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
        connection.execute(
            "WITH n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n WHERE i<2000)"
            " INSERT INTO t SELECT i, 'value ' || i FROM n"
        )
        connection.execute("DELETE FROM t WHERE id > 500")
    result = salvaged(path)
    assert (result.rows, result.lost_rows) == (500, 0)
    result = salvaged(path, take_freelist=True)
    assert result.rows == 500
    assert result.lost_rows > 1000


def test_what_only_the_application_knows_is_stood_in_for_and_told(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(path) as connection:
        connection.create_collation("mine", lambda a, b: (a > b) - (a < b))
        connection.create_scalar_function("twice", lambda v: v * 2, deterministic=True)
        connection.execute(
            "CREATE TABLE t(a TEXT COLLATE mine UNIQUE, b CHECK (twice(b) > 0));"
            "INSERT INTO t VALUES ('x', 1), ('y', 2)"
        )
    result = salvaged(path)
    assert result.rows == 2
    assert ["mine" in note or "twice" in note for note in result.notes] == [True, True]


def test_a_text_index_is_rebuilt_from_its_content(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_everything(path, rows=200)
    target = Target(path.read_bytes())
    raw = bytearray(target.raw)
    for role in (Role.LEAF, Role.ROOT, Role.INTERIOR):
        for number in target.pages("words_data", role) + target.pages("words_idx", role):
            raw[(number - 1) * 4096 : number * 4096] = bytes(4096)
    path.write_bytes(raw)
    result = salvaged(path)
    with closing(result.path) as connection:
        connection.execute("INSERT INTO words(words, rank) VALUES ('integrity-check', 1)")
        assert connection.execute("SELECT count(*) FROM words").get == 200


HOSTILE = [
    "CREATE TABLE t(a); ATTACH '{victim}' AS v; CREATE TABLE v.stolen(a)",
    "CREATE TABLE t AS SELECT writefile('{victim}', 'x')",
    "CREATE TABLE t AS WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i+1 FROM n LIMIT 9)"
    " SELECT * FROM n",
    "PRAGMA writable_schema=1",
    "DROP TABLE good",
    "CREATE TABLE other(a)",
    "CREATE TEMP TABLE t(a)",
    "CREATE VIRTUAL TABLE t USING fts5(a",
    "",
    "CREATE TABLE t(\0a)",
    "CREATE TABLE " + "(" * 100_000,
    "CREATE TABLE t(a CHECK (nothing(a) + length(zeroblob(900000000)) > 0))",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_statements_of_a_hostile_schema_make_nothing_but_their_table(
    tmp_path: Path, sql: str
) -> None:
    path, victim = tmp_path / "app.db", tmp_path / "victim"
    with closing(path) as connection:
        connection.execute("CREATE TABLE good(a); CREATE TABLE t(a)")
        connection.execute("INSERT INTO good VALUES (1), (2); INSERT INTO t VALUES (5)")
        connection.pragma("writable_schema", 1)
        connection.execute(
            "UPDATE sqlite_schema SET sql = ? WHERE name = 't'", (sql.format(victim=victim),)
        )
    result = salvaged(path)
    assert not victim.exists()
    with closing(result.path) as connection:
        assert connection.execute("SELECT a FROM good").fetchall() == [(1,), (2,)]
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        assert tables <= {"good", "t", "lost_and_found", "other"}
        where = "t" if result.rows == 3 else "lost_and_found"
        column = "a" if where == "t" else "c0"
        assert connection.execute(f"SELECT {column} FROM {where}").get == 5


def test_the_new_file_is_removed_where_the_work_is_stopped(tmp_path: Path) -> None:
    class Stopping:
        warn = start = lambda *_: None
        finish = lambda _: None  # noqa: E731

        def advance(self, amount: int) -> None:
            raise KeyboardInterrupt

    path = tmp_path / "app.db"
    make_everything(path, rows=30)
    with pytest.raises(KeyboardInterrupt):
        salvaged(path, progress=Stopping())
    assert [entry.name for entry in tmp_path.iterdir()] == ["app.db"]


def test_a_target_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    make_everything(path, rows=3)
    with DamagedFile(path) as source, pytest.raises(DbtoolError) as caught:
        salvage(source, tmp_path / "nowhere" / "new.db")
    assert caught.value.exit_code == 15


class BadSectors(DamagedFile):
    """A file on a failing disk."""

    bad: frozenset[int] = frozenset()

    def page(self, number: int) -> bytes:
        if number in self.bad:
            self.unreadable.append(number)
            message = f"page {number} cannot be read: disk I/O error"
            raise PageUnreadable(message)
        return super().page(number)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.2, 1.0])
def test_pages_that_the_disk_cannot_read_are_named(
    original: tuple[Target, dict[str, int]], tmp_path: Path, share: float
) -> None:
    target, before = original
    path = tmp_path / "app.db"
    path.write_bytes(target.raw)
    draw = random.Random(5)
    numbers = range(1, target.source.page_count + 1)
    BadSectors.bad = frozenset(n for n in numbers if draw.random() < share or n == 1)
    schema = read_schema(target.source, pytest.fail)
    with BadSectors(path) as source:
        result = salvage(source, path, schema=schema)
    assert set(result.unreadable_pages) <= BadSectors.bad
    assert 1 in result.unreadable_pages
    assert (counts(result.path) == before) == (share == 0)
    assert [p.name for p in tmp_path.iterdir() if "-" in p.name[2:] and "wal" in p.name] == []


def test_an_empty_file_gives_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.touch()
    assert salvaged(path).rows == 0


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    folder = tmp_path_factory.mktemp("salvage-small")
    make_everything(folder / "a.db", page_size=512, auto_vacuum="full", rows=25)
    make_awkward(folder / "b.db", page_size=1024, encoding="UTF-16le", auto_vacuum="none")
    return [(folder / name).read_bytes() for name in ("a.db", "b.db")]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_any_damage_ends_in_a_sound_database(small: list[bytes], tmp_path: Path, seed: int) -> None:
    draw = random.Random(seed)
    path = tmp_path / "app.db"
    path.write_bytes(mutate(draw.choice(small), draw))
    try:
        result = salvaged(path, take_freelist=draw.random() < 0.5)
    except Damaged as error:
        pytest.fail(f"{error.code}: {error.context}")
    with closing(result.path) as connection:
        connection.create_collation("mine", lambda a, b: (a > b) - (a < b))
        assert connection.pragma("integrity_check") == "ok"
    result.path.unlink()


IN_A_CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (512 << 20, 512 << 20))
from pathlib import Path
from dbtool.errors import DbtoolError
from dbtool.integrity.damagedfile import DamagedFile
from dbtool.integrity.salvage import salvage
for name in sys.argv[1:]:
    try:
        with DamagedFile(Path(name)) as source:
            salvage(source, Path(name), take_freelist=True).path.unlink()
        print("salvaged")
    except DbtoolError as error:
        print(error.code)
"""


@pytest.mark.skipif(not SAMPLE.exists(), reason="the sample of malformed files is not there")
def test_malformed_files_end_in_a_database_or_a_named_error(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", UNPACK, SAMPLE, tmp_path], check=True, capture_output=True
    )
    files = sorted(str(found) for found in tmp_path.rglob("*") if found.is_file())
    assert len(files) == 400
    for first in range(0, len(files), 40):
        done = subprocess.run(
            [sys.executable, "-c", IN_A_CHILD, *files[first : first + 40]],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 40


UNPACK = """
import sys, tarfile, zstandard
with open(sys.argv[1], "rb") as packed:
    stream = zstandard.ZstdDecompressor().stream_reader(packed)
    tarfile.open(fileobj=stream, mode="r|").extractall(sys.argv[2], filter="data")
"""
