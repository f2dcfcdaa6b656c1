"""Lines of SQLite's answers become findings."""

from __future__ import annotations

import pytest

from dbtool.integrity.answers import findings_of
from dbtool.integrity.findings import Kind, Level, Rung, Verdict
from dbtool.integrity.objects import Catalogue, SchemaObject

TABLE = SchemaObject("t", Kind.TABLE, "t", 2, "", derived=False)
INDEX = SchemaObject("ix", Kind.INDEX, "t", 3, "", derived=True)
TEXT = SchemaObject("f", Kind.FTS, "f", 0, "", derived=True)
CATALOGUE = Catalogue([TABLE, INDEX, TEXT])


def found(*rows: str, checked: SchemaObject = TABLE):
    return findings_of(rows, checked=checked, catalogue=CATALOGUE, level=Level.STRUCTURE)


def test_ok_is_nothing() -> None:
    assert found("ok") == []


def test_a_tree_is_named_by_its_root_and_keeps_every_line() -> None:
    (one,) = found(
        "*** in database main ***\nTree 2 page 20: Rowid 5 out of order\nTree 2 page 21 cell 3: x"
    )
    assert (one.object, one.code, one.verdict) == ("t", "tree-damaged", Verdict.DATA_DAMAGE)
    assert one.pages == ((20, 21),)
    assert len(one.answers) == 2
    assert one.problem.endswith("and 1 more")
    assert one.rung == Rung.SALVAGE


def test_what_sqlite_calls_its_own_functions_is_translated() -> None:
    (one,) = found("*** in database main ***\nTree 3 page 9: btreeInitPage() returns error code 11")
    assert one.problem == "page 9 does not hold together"
    assert "btreeInitPage" in one.answers[0]


@pytest.mark.parametrize(
    ("line", "name", "code", "verdict"),
    [
        ("row 5 missing from index ix", "ix", "index-mismatch", Verdict.DERIVED_DAMAGE),
        ("wrong # of entries in index ix", "ix", "index-mismatch", Verdict.DERIVED_DAMAGE),
        ("row 7 values differ from index ix", "ix", "index-mismatch", Verdict.DERIVED_DAMAGE),
        ("NULL value in t.c", "t", "constraint-broken", Verdict.RULES_BROKEN),
        ("CHECK constraint failed in t", "t", "constraint-broken", Verdict.RULES_BROKEN),
        ("non-INT value in t.c", "t", "constraint-broken", Verdict.RULES_BROKEN),
        ("database disk image is malformed", "t", "tree-damaged", Verdict.DATA_DAMAGE),
        ("something SQLite says one day", "t", "tree-damaged", Verdict.DATA_DAMAGE),
    ],
)
def test_single_lines(line: str, name: str, code: str, verdict: Verdict) -> None:
    (one,) = found(line)
    assert (one.object, one.code, one.verdict) == (name, code, verdict)


def test_the_freelist_and_lost_pages_are_no_data() -> None:
    rows = "*** in database main ***\nFreelist: size is 35 but should be 5\nPage 14: never used"
    freelist, lost = found(rows)
    assert (freelist.object, freelist.verdict) == ("freelist", Verdict.DERIVED_DAMAGE)
    assert (lost.code, lost.pages) == ("page-lost", ((14, 14),))


def test_trouble_of_a_full_text_index_is_derived() -> None:
    (one,) = found("malformed inverted index for FTS5 table main.f", checked=TEXT)
    assert (one.object, one.verdict, one.rung) == ("f", Verdict.DERIVED_DAMAGE, Rung.DERIVED)


def test_a_tree_that_no_object_has() -> None:
    (one,) = found("*** in database main ***\nTree 99 page 99: x")
    assert (one.kind, one.object) == (Kind.FILE, "")
