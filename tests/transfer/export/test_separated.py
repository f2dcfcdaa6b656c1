"""CSV and TSV: what the standard library reads back is what was there."""

from __future__ import annotations

import csv
import io

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.pages.records import RawText
from dbtool.transfer.export.losses import BLOBS_AS_HEX, INFINITE, NOT_TEXT, Losses
from dbtool.transfer.export.separated import CsvWriter, TsvWriter
from tests.transfer.export.conftest import exported

CELLS = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"])),
    st.sampled_from(["", "\r", "\n", '"', ",", "\t", "\\", "\\N", "inf", "\0"]),
)
BATCHES = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.tuples(*[CELLS] * width), min_size=1, max_size=8)
)


def unescaped(cell: str) -> str | None:
    """Read a cell of TSV, character by character."""
    if cell == "\\N":
        return None
    plain = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}
    escapes = iter(cell)
    out = [plain[next(escapes)] if each == "\\" else each for each in escapes]
    return "".join(out)


@given(BATCHES)
def test_python_reads_csv_back_as_the_text_of_every_value(batch: list[tuple[object, ...]]) -> None:
    data = CsvWriter(Losses()).rows(batch).decode()
    read = list(csv.reader(io.StringIO(data, newline="")))
    if len(batch[0]) == 1:  # the reader skips empty lines, which are NULL
        read = [row or [""] for row in read]
    assert read == [["" if value is None else str(value) for value in row] for row in batch]


def test_null_is_told_from_the_empty_text_in_csv() -> None:
    writer = CsvWriter(Losses())
    assert writer.rows([(None, ""), ("", None), (1, "x")]) == b',""\n"",\n1,x\n'
    assert writer.rows([(None,), ("",)]) == b'\n""\n'
    assert writer.rows([(b"", "", None, "\r")]) == b'x\'\',"",,"\r"\n'


@given(BATCHES)
def test_tsv_gives_back_every_value_and_null(batch: list[tuple[object, ...]]) -> None:
    data = TsvWriter(Losses()).rows(batch).decode()
    lines = data.split("\n")[:-1]
    read = [tuple(unescaped(cell) for cell in line.split("\t")) for line in lines]
    assert read == [tuple(None if v is None else str(v) for v in row) for row in batch]


@pytest.mark.parametrize("writer", [CsvWriter, TsvWriter])
def test_what_reads_like_text_is_counted(writer: type[CsvWriter] | type[TsvWriter]) -> None:
    losses = Losses()
    losses.table = "t"
    data = writer(losses).rows([(b"\x0a", float("inf"), RawText(b"a\xff"), "inf", 1.5)])
    assert data.replace(b"\t", b",") == b"x'0a',Inf,a\xff,inf,1.5\n"
    assert [(loss.what, loss.values) for loss in losses.all()] == [
        (BLOBS_AS_HEX, 1),
        (INFINITE, 1),
        (NOT_TEXT, 1),
    ]


def test_a_file_begins_with_the_names_of_the_columns() -> None:
    connection = apsw.Connection(":memory:")
    connection.execute('CREATE TABLE t("a,b", "c\td")')
    assert exported(connection, "csv", "t") == b'"a,b",c\td\n'
    assert exported(connection, "tsv", "t") == b"a,b\tc\\td\n"
