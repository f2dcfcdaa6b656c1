"""Exported folders taken back."""

from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError
from dbtool.transfer.export.folder import FolderOptions, export_folder
from dbtool.transfer.export.plan import plan_database
from dbtool.transfer.fromfolder import is_export, take_folder
from tests.rows.states import dbhash
from tests.transfer.export.conftest import content, nasty

__all__ = ["nasty"]


def export(connection: apsw.Connection, folder: Path, **options: str) -> Path:
    settings = FolderOptions(**options)  # type: ignore[arg-type]
    export_folder(connection, plan_database(connection), folder, settings, Silent())
    return folder


@pytest.fixture
def simple(tmp_path: Path) -> Path:
    """An export of a small database."""
    connection = apsw.Connection(str(tmp_path / "simple.db"))
    connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v); CREATE INDEX i ON t(v)")
    connection.execute("INSERT INTO t(v) VALUES (1), ('x'), (x'00ff'), (NULL), (9e999), (0.1)")
    return export(connection, tmp_path / "out")


@pytest.mark.parametrize(
    ("form", "compression"), [("ndjson", None), ("ndjson", "zstd"), ("json", "gzip")]
)
def test_a_database_with_everything_comes_back_equal(
    nasty: apsw.Connection, tmp_path: Path, form: str, compression: str | None
) -> None:
    options = {"format": form} | ({"compression": compression} if compression else {})
    folder = export(nasty, tmp_path / "out", **options)
    assert is_export(folder)
    take_folder(folder, tmp_path / "back.db", Silent())
    back = apsw.Connection(str(tmp_path / "back.db"))
    assert content(back) == content(nasty)
    assert back.execute("PRAGMA integrity_check").get == "ok"
    back.close()


def test_the_hash_of_its_content_is_the_same(simple: Path, tmp_path: Path) -> None:
    taken = take_folder(simple, tmp_path / "back.db", Silent())
    assert taken.tables == (("t", 6),)
    assert dbhash(tmp_path / "back.db") == dbhash(tmp_path / "simple.db")
    assert not list(tmp_path.glob(".back.db*"))


def test_rows_that_a_check_forbids_come_back_too(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "old.db"))
    connection.execute("CREATE TABLE t(v CHECK (v < 10)); PRAGMA ignore_check_constraints = 1")
    connection.execute("INSERT INTO t VALUES (50)")
    take_folder(export(connection, tmp_path / "out"), tmp_path / "back.db", Silent())
    assert dbhash(tmp_path / "back.db") == dbhash(tmp_path / "old.db")


def test_one_changed_byte_is_found_before_anything_is_made(simple: Path, tmp_path: Path) -> None:
    for name in ("t.ndjson", "schema.sql"):
        whole = (simple / name).read_bytes()
        (simple / name).write_bytes(whole.replace(b"x", b"y", 1).replace(b"t", b"u", 1))
        with pytest.raises(DbtoolError) as caught:
            take_folder(simple, tmp_path / "back.db", Silent())
        assert caught.value.code == "export-damaged"
        (simple / name).write_bytes(whole)
    assert not (tmp_path / "back.db").exists()


def test_a_database_that_is_there_is_left_alone(simple: Path, tmp_path: Path) -> None:
    before = (tmp_path / "simple.db").read_bytes()
    with pytest.raises(DbtoolError) as caught:
        take_folder(simple, tmp_path / "simple.db", Silent())
    assert caught.value.code == "database-exists"
    assert (tmp_path / "simple.db").read_bytes() == before


def test_a_format_that_does_not_hold_every_value_is_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute("CREATE TABLE t(a); INSERT INTO t VALUES (1)")
    folder = export(connection, tmp_path / "out", format="csv")
    with pytest.raises(DbtoolError) as caught:
        take_folder(folder, tmp_path / "back.db", Silent())
    assert caught.value.code == "manifest-inexact"


def test_definitions_that_reach_beyond_the_database_are_refused(
    simple: Path, tmp_path: Path
) -> None:
    import hashlib

    sql = f"ATTACH '{tmp_path}/evil.db' AS e; CREATE TABLE e.x(y);".encode()
    (simple / "schema.sql").write_bytes(sql)
    manifest = json.loads((simple / "manifest.json").read_text())
    manifest["schema"] |= {
        "size_bytes": len(sql),
        "sha256": hashlib.sha256(sql).hexdigest(),
        "rows_at": len(sql),
    }
    (simple / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DbtoolError) as caught:
        take_folder(simple, tmp_path / "back.db", Silent())
    assert caught.value.code == "schema-not-loaded"
    assert not list(tmp_path.glob("*evil*"))
    assert not list(tmp_path.glob(".back.db*"))
