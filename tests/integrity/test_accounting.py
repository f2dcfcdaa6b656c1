"""Every page has one owner."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import Verdict
from tests.integrity.damaged import Damaged, brief


def test_pages_that_nobody_has(damaged: Damaged) -> None:
    damaged.damage(lambda content: content.__setitem__(slice(32, 40), bytes(8)))
    report = damaged.verify(repository=False)
    assert brief(report.findings) == {("page-lost", "")}
    assert report.verdict == Verdict.DERIVED_DAMAGE
    assert sum(f.page_count for f in report.findings) > 5


def test_a_page_that_two_tables_have(damaged: Damaged) -> None:
    root, leaf = damaged.page("child", "internal", 0), damaged.page("a")
    at = (root - 1) * 4096

    def change(content: bytearray) -> None:
        content[at + 8 : at + 12] = leaf.to_bytes(4, "big")

    damaged.damage(change)
    found = brief(damaged.verify(repository=False).findings)
    assert ("page-lost", "") in found
    assert {code for code, _ in found} & {"page-shared"}


@pytest.mark.parametrize("mode", ["full", "incremental"])
@pytest.mark.parametrize("page_size", [512, 4096, 65536])
def test_pointer_maps_and_page_sizes_are_accounted_for(
    tmp_path: Path, mode: str, page_size: int
) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute(f"PRAGMA page_size = {page_size}")
    connection.execute(f"PRAGMA auto_vacuum = {mode}")
    connection.execute("CREATE TABLE t(x)")
    connection.executemany("INSERT INTO t VALUES (?)", ((bytes(3000),) for _ in range(300)))
    connection.execute("DELETE FROM t WHERE rowid % 3 = 0")
    connection.close()
    assert verify_database(path).findings == ()
