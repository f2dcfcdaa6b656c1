"""Virtual tables that cannot be made sound leave their content in plain tables."""

from __future__ import annotations

from pathlib import Path

from dbtool.integrity.damagedfile import DamagedFile
from dbtool.integrity.salvage import salvage
from dbtool.pages.owners import Role
from tests.integrity.damages import Target
from tests.pages.databases import closing


def test_a_damaged_r_tree_keeps_its_shadow_tables(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(path) as connection:
        connection.execute("CREATE VIRTUAL TABLE box USING rtree(id, a, b)")
        connection.executemany("INSERT INTO box VALUES (?,?,?)", ((n, n, n) for n in range(999)))
    target = Target(path.read_bytes())
    path.write_bytes(target.with_page(target.middle("box_node", Role.LEAF), b""))
    with DamagedFile(path) as source:
        result = salvage(source, path)
    assert "box is damaged" in result.notes[-1]
    with closing(result.path) as connection:
        assert connection.pragma("integrity_check") == "ok"
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
        assert names == {"box_node", "box_rowid", "box_parent"}


def test_counters_of_autoincrement_go_on_after_deleted_rows(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(path) as connection:
        connection.execute("CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT)")
        connection.execute("CREATE TABLE u(id INTEGER PRIMARY KEY AUTOINCREMENT)")
        connection.execute("INSERT INTO t VALUES (5), (90); INSERT INTO u VALUES (7)")
        connection.execute("DELETE FROM t WHERE id = 90; DELETE FROM u")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('gone', 4)")
    with DamagedFile(path) as source:
        result = salvage(source, path)
    with closing(result.path) as connection:
        rows = connection.execute("SELECT name, seq FROM sqlite_sequence ORDER BY name").fetchall()
    assert rows == [("t", 90), ("u", 7)]
