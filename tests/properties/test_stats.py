"""Reports on databases with any names and any content, against what SQL says of them."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import apsw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.cli.stats.drawing.page import report_page
from dbtool.cli.stats.drawing.pagemap import MapObject, page_map
from dbtool.monitor.stats.advice import advice
from dbtool.monitor.stats.model import IndexesStats, StorageStats, TablesStats
from dbtool.monitor.stats.report import stats_report
from dbtool.pages.usage import read_usage

NAMES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=12
).filter(lambda name: not name.lower().startswith("sqlite_"))


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    tables=st.lists(
        st.tuples(NAMES, st.integers(0, 400), st.booleans(), st.integers(0, 3000)),
        max_size=5,
        unique_by=lambda table: table[0].lower(),
    ),
    page_size=st.sampled_from([512, 4096, 65536]),
    deleted=st.integers(1, 5),
)
def test_every_table_is_there_with_its_rows(
    tmp_path_factory: Any,
    tables: list[tuple[str, int, bool, int]],
    page_size: int,
    deleted: int,
) -> None:
    path = tmp_path_factory.mktemp("stats") / "a.db"
    rows = fill(path, tables, page_size, deleted)
    report = stats_report(path)
    found, indexes = report.sections["tables"], report.sections["indexes"]
    storage = report.sections["storage"]
    assert isinstance(found, TablesStats)
    assert isinstance(indexes, IndexesStats)
    assert isinstance(storage, StorageStats)
    own = {table.name: table for table in found.tables if table.kind != "system"}
    assert {name: table.rows for name, table in own.items()} == rows
    every = [*found.tables, *indexes.indexes]
    assert sum(item.pages for item in every) + storage.freelist_pages == storage.page_count
    check_pictures(path, report)


def fill(
    path: Any, tables: list[tuple[str, int, bool, int]], page_size: int, deleted: int
) -> dict[str, int]:
    """Create the tables; return how many rows each has in the end."""
    connection = apsw.Connection(str(path))
    connection.pragma("page_size", page_size)
    connection.execute("CREATE TABLE first(a)")
    rows = {"first": 0}
    with connection:
        for number, (name, count, without_rowid, size) in enumerate(tables):
            if name.lower() == "first":
                continue
            suffix = "WITHOUT ROWID" if without_rowid else ""
            connection.execute(f"CREATE TABLE {quoted(name)}(a INTEGER PRIMARY KEY, b) {suffix}")
            connection.execute(f"CREATE INDEX i{number} ON {quoted(name)}(b)")
            connection.executemany(
                f"INSERT INTO {quoted(name)} VALUES (?, zeroblob(?))",
                ((row, row * 7919 % (size + 1)) for row in range(count)),
            )
            connection.execute(f"DELETE FROM {quoted(name)} WHERE a % {deleted} = 1")
            rows[name] = connection.execute(f"SELECT count(*) FROM {quoted(name)}").get
    connection.close()
    return rows


def check_pictures(path: Any, report: Any) -> None:
    """See that whatever the names are, a browser reads what was meant."""
    connection = apsw.Connection(str(path))
    usage = read_usage(connection)
    connection.close()
    objects = [
        MapObject(table.name, table.size_bytes) for table in report.sections["tables"].tables
    ]
    drawing = page_map(usage, objects, 4096, str(path))
    ElementTree.fromstring(drawing)
    page = report_page(report, advice(report), drawing, db=str(path))
    body = page[page.index("<body>") : page.index("</html>")]
    ElementTree.fromstring(body.replace("<br>", "<br/>"))
