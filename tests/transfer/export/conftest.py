"""Databases with everything that is hard to take along, and a reader that takes exports back."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import zstandard

from dbtool.core.progress import Silent
from dbtool.transfer.export.exporter import ExportWanted, write_stream
from dbtool.transfer.export.losses import Loss, Losses
from dbtool.transfer.export.sink import stream_sink
from dbtool.transfer.manifest import Manifest, parse

Export = Callable[..., bytes]

SCHEMA = """
CREATE TABLE plain(id INTEGER PRIMARY KEY AUTOINCREMENT, v, n NUMERIC, t TEXT DEFAULT 'x''y');
CREATE TABLE hidden(a, b);
CREATE TABLE bare(k TEXT, p, PRIMARY KEY(k, p)) WITHOUT ROWID;
CREATE TABLE made(a INTEGER, twice AS (a * 2), stored AS (a || '!') STORED, b);
CREATE TABLE exact(i INTEGER, r REAL, t TEXT, b BLOB, a ANY) STRICT;
CREATE TABLE "odd ""name""; --
"("a b" INT, "c""d", rowid TEXT);
CREATE TABLE empty(a);
CREATE INDEX plain_v ON plain(v) WHERE v IS NOT NULL;
CREATE UNIQUE INDEX bare_u ON bare(p, k DESC);
CREATE VIEW seen AS SELECT id, t FROM plain;
CREATE TRIGGER noted AFTER INSERT ON plain BEGIN INSERT INTO hidden VALUES('fired', new.id); END;
CREATE VIRTUAL TABLE words USING fts5(title, body);
CREATE VIRTUAL TABLE outside USING fts5(t, content='plain', content_rowid='id');
CREATE VIRTUAL TABLE boxes USING rtree(id, x0, x1);
PRAGMA user_version = -7;
PRAGMA application_id = 77;
"""

VALUES: list[Any] = [
    None, 0, -1, 1.0, -0.0, 0.1, 1e300, 5e-324, math.inf, -math.inf, 2**53 + 1, 2**63 - 1, -(2**63),
    "", "NULL", "a,b", 'say "hi"', "two\nlines", "cr\rlf\r\n", "tab\t", "back\\slash\\N",
    "nul\0inside", "\u2028\x1b[31m", "ä€😀", "x'00'", "|pipe|*_`", b"", b"\x00\xff", b"text", "inf",
    " lead", "=1+1",
]  # fmt: skip


def fill(connection: apsw.Connection) -> None:
    """Put the values everywhere."""
    connection.execute("DROP TRIGGER noted")
    for value in VALUES:
        connection.execute("INSERT INTO plain(v, n, t) VALUES(?1, ?1, ?1)", (value,))
        connection.execute("INSERT INTO exact(a) VALUES(?)", (value,))
    connection.execute("DELETE FROM plain WHERE id = (SELECT max(id) FROM plain)")
    connection.execute("INSERT INTO hidden(rowid, a, b) VALUES(5, 1, 2), (-3, 'x', ''), (99, 3, 4)")
    connection.execute("INSERT INTO bare VALUES('z', 1), ('a', 2), ('a', x'00')")
    connection.execute("INSERT INTO made(a, b) VALUES(1, 'q'), (NULL, 2.5)")
    connection.execute('INSERT INTO "odd ""name""; --\n" VALUES(1, 2, 3)')
    connection.execute("INSERT INTO words(rowid, title, body) VALUES(7, 'one', 'two three')")
    connection.execute("INSERT INTO boxes VALUES(1, 0.5, 2.25)")
    connection.execute("INSERT INTO outside(outside) VALUES('rebuild')")
    connection.execute(
        "CREATE TRIGGER noted AFTER INSERT ON plain"
        " BEGIN INSERT INTO hidden VALUES('fired', 1); END"
    )


def spoil(connection: apsw.Connection) -> None:
    """Add text that is not valid in the encoding of the database."""
    for raw in ("61ff62", "eda080", "c080", "f4908080", "00d861", "d8000061d9"):
        connection.execute(f"INSERT INTO hidden(a, b) VALUES(CAST(x'{raw}00' AS TEXT), 'after')")


@pytest.fixture(params=["UTF-8", "UTF-16le", "UTF-16be"])
def nasty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[apsw.Connection]:
    """A database with all of it, in each encoding."""
    connection = apsw.Connection(str(tmp_path / "nasty.db"))
    connection.execute(f"PRAGMA encoding = '{request.param}'")
    connection.execute("PRAGMA page_size = 1024")
    connection.execute(SCHEMA)
    fill(connection)
    spoil(connection)
    yield connection
    connection.close()


@pytest.fixture
def values() -> Iterator[apsw.Connection]:
    """One table with one column of values."""
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    connection.executemany("INSERT INTO t(v) VALUES(?)", [(value,) for value in VALUES])
    yield connection
    connection.close()


def exported(
    connection: apsw.Connection, format_name: str, *tables: str, losses: list[Loss] | None = None
) -> bytes:
    """Return an export as bytes."""
    parts: list[bytes] = []
    counted = Losses()
    with stream_sink(parts.append) as sink:
        wanted = ExportWanted(tables=tables)
        write_stream(connection, wanted, format_name, sink, counted, Silent())
    if losses is not None:
        losses.extend(counted.all())
    return b"".join(parts)


def content(connection: apsw.Connection) -> dict[str, Any]:
    """Return all of a database, values with their types and bits, text as its bytes."""
    found: dict[str, Any] = {
        "schema": sorted(
            connection.execute(
                "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL"
            ).fetchall(),
            key=str,
        )
    }
    for name in ("encoding", "page_size", "user_version", "application_id"):
        found[name] = connection.pragma(name)
    listed = connection.execute(
        "SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main'"
    )
    for name, kind, without_rowid in listed.fetchall():
        if kind == "shadow" or name == "sqlite_schema":
            continue
        quoted = '"' + name.replace('"', '""') + '"'
        columns = [
            row[0] for row in connection.execute("SELECT name FROM pragma_table_info(?)", (name,))
        ]
        keyed = kind == "table" and not without_rowid
        chosen = ["_rowid_"] if keyed else []
        for column in columns:
            c = '"' + column.replace('"', '""') + '"'
            chosen += [f"typeof({c})", f"iif(typeof({c}) = 'text', CAST({c} AS BLOB), {c})"]
        rows = connection.execute(f"SELECT {', '.join(chosen)} FROM {quoted}").fetchall()
        found[name] = [tuple(map(repr, row)) for row in rows]
    return found


def value_of(item: Any) -> tuple[str, Any]:
    """Return a value of JSON as (SQL with one parameter, its value)."""
    if isinstance(item, dict):
        raw = base64.b64decode(item["encoded"], validate=True)
        if item.get("$text") is True:
            return "CAST(? AS TEXT)", raw
        assert item["$base64"] is True
        return "?", raw
    return "?", item


def take(folder: Path, connection: apsw.Connection) -> Manifest:
    """Fill a new database from an export, as an import does."""
    manifest = parse((folder / "manifest.json").read_bytes())
    settings = manifest.settings
    connection.execute(f"PRAGMA encoding = '{settings.encoding}'")
    connection.execute(f"PRAGMA page_size = {settings.page_size}")
    schema = (folder / manifest.schema.file).read_bytes()
    assert hashlib.sha256(schema).hexdigest() == manifest.schema.sha256
    connection.execute(schema[: manifest.schema.rows_at].decode())
    for table in manifest.tables:
        if table.file is not None:
            _rows(folder, table, connection)
    for sequence in manifest.sequences:
        row = (sequence.table, sequence.value)
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?", row[:1])
        connection.execute("INSERT INTO sqlite_sequence VALUES(?, ?)", row)
    connection.execute(schema[manifest.schema.rows_at :].decode())
    connection.pragma("user_version", settings.user_version)
    connection.pragma("application_id", settings.application_id)
    return manifest


def _rows(folder: Path, table: Any, connection: apsw.Connection) -> None:
    data = (folder / table.file).read_bytes()
    assert (hashlib.sha256(data).hexdigest(), len(data)) == (table.sha256, table.size_bytes)
    if table.compression == "gzip":
        data = gzip.decompress(data)
    elif table.compression == "zstd":
        data = zstandard.ZstdDecompressor().decompressobj().decompress(data)
    text = data.decode()
    rows = json.loads(text) if table.format == "json" else [
        json.loads(line) for line in text.split("\n")[:-1]
    ]  # fmt: skip
    assert len(rows) == table.rows
    names = [table.rowid] if table.rowid else []
    names += [column.name for column in table.columns]
    columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    quoted = '"' + table.name.replace('"', '""') + '"'
    for row in rows:
        assert list(row) == names
        places, bound = zip(*map(value_of, row.values()), strict=True)
        connection.execute(f"INSERT INTO {quoted}({columns}) VALUES({', '.join(places)})", bound)
