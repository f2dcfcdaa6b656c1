"""CSV and TSV, strictly."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.errors import UsageError
from dbtool.transfer.formats import csvread, lines
from dbtool.transfer.formats.batch import START
from dbtool.transfer.formats.csvread import CsvReader, header_lines, header_names

FIELDS = st.text(st.sampled_from('ab,"\n\r\t é\0'), max_size=6)


@given(st.lists(st.tuples(FIELDS, FIELDS), max_size=30), st.integers(1, 40))
def test_what_was_written_is_read_whatever_the_blocks(
    rows: list[tuple[str, str]], block_bytes: int
) -> None:
    target = io.StringIO(newline="")
    csv.writer(target, quoting=csv.QUOTE_ALL).writerows([("x", "y"), *rows])
    data = target.getvalue().encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", block_bytes)
        steps = list(CsvReader("t").steps(io.BytesIO(data), START))
        assert [tuple(row) for s in steps for row in s.batches[0].rows] == rows
        assert not [bad for s in steps for bad in s.bad]
        if steps:
            assert steps[-1].end.offset == len(data)
            half = steps[len(steps) // 2].end
            rest = CsvReader("t").steps(io.BytesIO(data), half)
            assert [tuple(r) for s in rest for r in s.batches[0].rows] == rows[half.records :]


def test_ragged_rows_and_open_quotes_are_named_by_their_line() -> None:
    data = b'a,b\n1,2\n3\n"x\ny",4\n5,6,7\n\n\xff,8\n9,"10\n'
    steps = list(CsvReader("t").steps(io.BytesIO(data), START))
    assert [row for s in steps for row in s.batches[0].rows] == [["1", "2"], ["x\ny", "4"]]
    assert [(bad.line, bad.reason) for s in steps for bad in s.bad] == [
        (3, "it has 1 fields, the header 2"),
        (6, "it has 3 fields, the header 2"),
        (8, "it is not UTF-8"),
        (9, "a quote is never closed"),
    ]


def test_a_row_knows_its_line_in_a_block_that_is_sound() -> None:
    (step,) = CsvReader("t").steps(io.BytesIO(b'a\r\n1\r\n"2\r\n2"\r\n3\r\n'), START)
    assert [step.origin(n) for n in range(3)] == [(2, b"1"), (3, b'"2\r\n2"'), (5, b"3")]


def test_a_hundred_thousand_columns_are_refused() -> None:
    data = ",".join(f"c{n}" for n in range(100_000)).encode() + b"\n"
    with pytest.raises(UsageError) as caught:
        next(iter(CsvReader("t").steps(io.BytesIO(data), START)))
    assert caught.value.code == "too-many-columns"
    assert "100,000" in caught.value.message


def test_a_quote_that_never_ends_is_found_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csvread, "LONGEST_RECORD_BYTES", 4000)
    monkeypatch.setattr(lines, "BLOCK_BYTES", 500)
    data = b'a\n1\n"2\n' + b"3\n" * 4000
    with pytest.raises(UsageError) as caught:
        list(CsvReader("t").steps(io.BytesIO(data), START))
    assert caught.value.code == "quote-open"
    assert caught.value.message.startswith("line 3 ")


def test_no_header_is_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        list(CsvReader("t").steps(io.BytesIO(b""), START))
    assert caught.value.code == "source-empty"


def test_names_that_are_empty_or_doubled_are_numbered() -> None:
    assert header_names(["a", "", "a", "a_2"]) == ("a", "column_2", "a_2", "a_2_2")


def test_a_header_may_take_several_lines() -> None:
    assert header_lines(["a\nb", "c"]) == 2
