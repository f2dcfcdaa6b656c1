"""Table by table, whatever one of them does."""

from __future__ import annotations

import apsw

from dbtool.integrity.findings import Verdict
from dbtool.integrity.objects import read_objects
from dbtool.integrity.structure import check_table, schema_finding
from tests.integrity.damaged import Damaged, brief, put, zero
from tests.integrity.test_objects import NoPages


def test_an_exception_in_one_table_leaves_the_others_checked(damaged: Damaged) -> None:
    damaged.damage(zero(damaged.page("a", "internal", 0)), zero(damaged.page("w")))
    report = damaged.verify(repository=False)
    assert {("tree-damaged", "a"), ("tree-damaged", "w")} <= brief(report.findings)
    assert next(i for i in report.objects if i.name == "child").verdict == Verdict.HEALTHY


def test_quick_and_full_differ_in_what_they_compare(damaged: Damaged) -> None:
    connection = apsw.Connection(str(damaged.path))
    catalogue = read_objects(connection, NoPages())
    table = catalogue.named("a")
    assert check_table(connection, table, catalogue, full=False) == []
    assert check_table(connection, table, catalogue, full=True) == []
    connection.close()
    number = damaged.page("a")
    text = damaged.good.index(b"00000001", (number - 2) * 4096)
    damaged.damage(put(text, b"99"))
    connection = apsw.Connection(str(damaged.path))
    assert check_table(connection, table, catalogue, full=False) == []
    full = check_table(connection, table, catalogue, full=True)
    assert ("index-mismatch", "ax") in brief(tuple(full))
    connection.close()


def test_a_schema_that_cannot_be_read(damaged: Damaged) -> None:
    connection = apsw.Connection(str(damaged.path))
    assert schema_finding(connection, read_objects(connection, NoPages())) is None
    connection.close()
    damaged.damage(put(100, b"\xff" * 50))
    connection = apsw.Connection(str(damaged.path))
    finding = schema_finding(connection, read_objects(connection, NoPages()))
    assert (finding.code, finding.object) == ("schema-damaged", "sqlite_schema")
    connection.close()
