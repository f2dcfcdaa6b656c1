"""What objects are, and what losing them costs."""

from __future__ import annotations

import apsw
import pytest

from dbtool.integrity.findings import Kind, Verdict
from dbtool.integrity.objects import read_objects


class NoPages:
    page_size = page_count = 0

    def page(self, number: int) -> bytes:
        raise ValueError(number)


@pytest.fixture
def catalogue():
    connection = apsw.Connection(":memory:")
    for statement in (
        "CREATE TABLE t(a UNIQUE)",
        "CREATE INDEX ix ON t(a)",
        "CREATE VIRTUAL TABLE own USING fts5(x)",
        "CREATE VIRTUAL TABLE outer_text USING fts5(x, content='t', content_rowid='rowid')",
        "CREATE VIRTUAL TABLE none USING fts5(x, content='')",
        "CREATE VIRTUAL TABLE old USING fts4(x)",
        "CREATE VIRTUAL TABLE box USING rtree(id, a, b)",
        "CREATE VIEW v AS SELECT 1",
        "INSERT INTO t VALUES (1)",
        "ANALYZE",
    ):
        connection.execute(statement)
    return read_objects(connection, NoPages())


@pytest.mark.parametrize(
    ("name", "kind", "damage"),
    [
        ("t", Kind.TABLE, Verdict.DATA_DAMAGE),
        ("ix", Kind.INDEX, Verdict.DERIVED_DAMAGE),
        ("sqlite_autoindex_t_1", Kind.INDEX, Verdict.DERIVED_DAMAGE),
        ("sqlite_schema", Kind.SCHEMA, Verdict.DATA_DAMAGE),
        ("sqlite_stat1", Kind.TABLE, Verdict.DERIVED_DAMAGE),
        ("own", Kind.FTS, Verdict.DERIVED_DAMAGE),
        ("own_data", Kind.FTS, Verdict.DERIVED_DAMAGE),
        ("own_content", Kind.TABLE, Verdict.DATA_DAMAGE),
        ("none", Kind.FTS, Verdict.DATA_DAMAGE),
        ("none_data", Kind.TABLE, Verdict.DATA_DAMAGE),
        ("old_segments", Kind.FTS, Verdict.DERIVED_DAMAGE),
        ("box", Kind.RTREE, Verdict.DATA_DAMAGE),
        ("box_node", Kind.TABLE, Verdict.DATA_DAMAGE),
    ],
)
def test_kinds(catalogue, name: str, kind: Kind, damage: Verdict) -> None:
    found = catalogue.named(name.upper())
    assert (found.kind, found.damage) == (kind, damage)


def test_only_a_text_of_another_table_is_external(catalogue) -> None:
    assert [item.name for item in catalogue.objects if item.external_text] == ["outer_text"]


def test_roots_and_checkable(catalogue) -> None:
    assert catalogue.at(1).name == "sqlite_schema"
    assert catalogue.at(0) is None
    assert "v" not in {item.name for item in catalogue.objects}
    assert "ix" not in {item.name for item in catalogue.checkable()}
