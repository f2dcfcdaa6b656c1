"""Formats that are written row by row."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.transfer.export.losses import Losses
from dbtool.transfer.export.reading import RowSource
from dbtool.transfer.export.rowfile import ROW_FORMATS, write_source
from dbtool.transfer.export.sink import stream_sink
from dbtool.transfer.manifest import ManifestColumn


@pytest.mark.parametrize("format_name", ROW_FORMATS)
def test_rows_are_counted_and_reported(format_name: str) -> None:
    class Counting(Silent):
        rows = 0

        def advance(self, amount: int) -> None:
            self.rows += amount

    connection = apsw.Connection(":memory:")
    sql = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n LIMIT 1000)"
    sql += " SELECT i FROM n"
    source = RowSource("n", (ManifestColumn("i", ""),), sql)
    progress, parts = Counting(), []
    with stream_sink(parts.append) as sink:
        count = write_source(connection, source, format_name, sink, Losses(), progress)
    assert count == ("n", 1000)
    assert progress.rows == 1000
    assert b"1000" in b"".join(parts)
