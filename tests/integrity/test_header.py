"""The header level."""

from __future__ import annotations

import subprocess
import sys

import pytest

from dbtool.integrity.findings import Verdict
from tests.integrity.damaged import Damaged, brief, put


def test_pages_beyond_the_end(damaged: Damaged) -> None:
    pages = len(damaged.good) // 4096
    damaged.damage(lambda content: content.__delitem__(slice(-8192, None)))
    report = damaged.verify(repository=False)
    finding = next(f for f in report.findings if f.code == "file-truncated")
    assert finding.pages == ((pages - 1, pages),)
    assert "cut short" in finding.problem


def test_bytes_behind_the_last_page(damaged: Damaged) -> None:
    damaged.damage(lambda content: content.extend(b"x" * 100))
    report = damaged.verify(repository=False)
    assert ("file-size-odd", "header") in brief(report.findings)
    assert report.verdict == Verdict.DERIVED_DAMAGE


def test_pages_that_the_header_does_not_count(damaged: Damaged) -> None:
    damaged.damage(lambda content: content.extend(bytes(4096)))
    assert ("header-page-count", "header") in brief(damaged.verify(repository=False).findings)


@pytest.mark.parametrize(
    ("offset", "value"), [(32, (2).to_bytes(4, "big")), (32, b"\xff" * 4), (36, b"\0\0\0\x01")]
)
def test_a_freelist_that_leads_astray(damaged: Damaged, offset: int, value: bytes) -> None:
    damaged.damage(put(offset, value))
    report = damaged.verify(repository=False)
    assert ("freelist-damaged", "freelist") in brief(report.findings)


def test_a_field_that_is_out_of_bounds(damaged: Damaged) -> None:
    damaged.damage(put(56, b"\0\0\0\x09"))
    finding = damaged.verify(repository=False).findings[0]
    assert finding.code == "header-invalid"
    assert "text encoding 9" in finding.problem


def test_a_file_that_everybody_may_write_is_told(damaged: Damaged) -> None:
    damaged.path.chmod(0o666)
    report = damaged.verify(repository=False)
    assert any("every user" in note for note in report.notes)
    assert report.verdict == Verdict.HEALTHY


_CRASH = """
import os, sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("PRAGMA cache_size = 1").fetchall()
connection.execute("BEGIN")
for _ in range(50):
    connection.execute("INSERT INTO a(x) VALUES (hex(randomblob(9000)))")
connection.cache_flush()
os.kill(os.getpid(), 9)
"""


def test_a_hot_journal_is_no_damage_and_stays_where_it_is(damaged_delete: Damaged) -> None:
    subprocess.run([sys.executable, "-c", _CRASH, str(damaged_delete.path)], check=False)
    journal = damaged_delete.path.with_name("app.db-journal")
    before = damaged_delete.path.read_bytes(), journal.read_bytes()
    report = damaged_delete.verify(repository=False)
    assert report.findings == ()
    assert any("a writer crashed" in note for note in report.notes)
    assert (damaged_delete.path.read_bytes(), journal.read_bytes()) == before
