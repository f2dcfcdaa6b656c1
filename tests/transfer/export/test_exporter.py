"""One export in any format: what fits into one file and what does not."""

from __future__ import annotations

import apsw
import pytest

from dbtool.core.progress import Silent
from dbtool.core.query import QueryOptions, prepare_query
from dbtool.errors import UsageError
from dbtool.transfer.export.exporter import ExportWanted, write_stream
from dbtool.transfer.export.losses import Losses
from dbtool.transfer.export.sink import stream_sink
from tests.transfer.export.conftest import exported


@pytest.mark.parametrize("format_name", ["ndjson", "csv", "tsv"])
def test_several_tables_do_not_go_into_one_file_of_rows(
    nasty: apsw.Connection, format_name: str
) -> None:
    with pytest.raises(UsageError) as caught:
        exported(nasty, format_name)
    assert caught.value.code == "export-needs-folder"


@pytest.mark.parametrize("end", ["", " ;", "; -- last", " -- last"])
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_a_query_gives_its_rows_whatever_comes_behind_it(end: str, encoding: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.execute(f"PRAGMA encoding = '{encoding}'")
    options = QueryOptions({"b": "x"})
    query = prepare_query(connection, f"SELECT 1 AS a, :b AS b{end}", options)
    parts: list[bytes] = []
    with stream_sink(parts.append) as sink:
        write_stream(connection, ExportWanted(query=query), "csv", sink, Losses(), Silent())
    assert b"".join(parts) == b"a,b\n1,x\n"
