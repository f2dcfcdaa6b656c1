"""Who has which page, against the roots and chains that are known."""

from __future__ import annotations

from array import array
from pathlib import Path

import apsw
import pytest

from dbtool.pages.usage import PageUsage, marks_of, read_usage


@pytest.fixture
def connection() -> apsw.Connection:
    found = apsw.Connection(":memory:")
    found.pragma("page_size", 4096)
    found.execute("CREATE TABLE a(x); CREATE TABLE b(x); CREATE INDEX ax ON a(x)")
    found.execute("INSERT INTO b VALUES (zeroblob(20000))")
    return found


def test_every_page_has_its_owner(connection: apsw.Connection) -> None:
    usage = read_usage(connection)
    roots = dict(connection.execute("SELECT name, rootpage FROM sqlite_schema"))
    owners = {page: run.owner for run in usage.runs() for page in range(run.first, run.last + 1)}
    assert owners[1] == "sqlite_schema"
    assert {name: owners[root] for name, root in roots.items()} == {name: name for name in roots}
    assert len(owners) == connection.pragma("page_count")


def test_the_rest_of_long_rows_is_told_apart(connection: apsw.Connection) -> None:
    overflow = [run for run in read_usage(connection).runs() if run.overflow]
    assert [run.owner for run in overflow] == ["b"]
    assert overflow[0].last - overflow[0].first + 1 == 4


def test_free_pages_belong_to_nobody(connection: apsw.Connection) -> None:
    connection.execute("DELETE FROM b")
    assert sum(r.last - r.first + 1 for r in read_usage(connection).runs() if not r.owner) == 4


def test_cells_show_who_has_most_of_their_pages() -> None:
    usage = PageUsage(8, 1, ("", "a", "b"), array("L", [2, 2, 4, 2, 5, 5, 5, 0]))
    assert usage.cells(2) == [("a", False), ("b", True)]
    assert len(usage.cells(100)) == 8


def test_of_a_huge_file_every_nth_page_is_looked_up(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbtool.pages.usage._MOST_PAGES", 3)
    usage = read_usage(connection)
    assert usage.step > 1
    assert len(usage.codes) == usage.page_count // usage.step
    assert list(usage.runs())[-1].last <= usage.page_count


def test_an_empty_database_has_no_pages() -> None:
    usage = read_usage(apsw.Connection(":memory:"))
    assert (usage.page_count, list(usage.runs()), usage.cells(10)) == (0, [], [])


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le"])
def test_names_come_back_in_every_encoding(encoding: str) -> None:
    connection = apsw.Connection(":memory:")
    connection.pragma("encoding", encoding)
    connection.execute('CREATE TABLE "größe\n<b>"(a)')
    assert "größe\n<b>" in {run.owner for run in read_usage(connection).runs()}


def test_a_damaged_tree_that_leads_out_of_the_file_ends_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE a(x)")
    connection.execute(
        "WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500) "
        "INSERT INTO a SELECT zeroblob(200) FROM n"
    )
    root = connection.execute("SELECT rootpage FROM sqlite_schema").get
    connection.close()
    with path.open("r+b") as stream:
        stream.seek((root - 1) * 4096 + 8)
        stream.write((999_999).to_bytes(4, "big"))  # the right-most child
    connection = apsw.Connection(str(path))
    usage = read_usage(connection)
    connection.close()
    assert list(usage.runs())[-1].last == usage.page_count


def test_owners_are_told_by_letters_the_largest_first() -> None:
    assert marks_of(["b", "a", "a", ""]) == {"a": "a", "b": "b"}
    many = marks_of([str(number) for number in range(100)])
    assert len(many) == 100
    assert len(set(many.values())) == 62
