"""Lines of JSON."""

from __future__ import annotations

import io

import pytest

from dbtool.transfer.formats import lines
from dbtool.transfer.formats.batch import START
from dbtool.transfer.formats.ndjson import NdjsonReader
from dbtool.transfer.formats.nested import Tabler


def reader() -> NdjsonReader:
    return NdjsonReader("t", Tabler("json"))


def test_good_lines_of_a_block_count_beside_bad_ones() -> None:
    text = b'{"a":1}\n\nnonsense\n[1]\n{"a":2,"a":3}\n{"a":"\xff"}\n{"a":4}\n'
    (step,) = reader().steps(io.BytesIO(text), START)
    assert [list(row) for row in step.batches[0].rows] == [[1], [4]]
    assert [(bad.line, bad.raw) for bad in step.bad] == [
        (3, b"nonsense"),
        (4, b"[1]"),
        (5, b'{"a":2,"a":3}'),
        (6, b'{"a":"\xff"}'),
    ]
    assert step.origin(1) == (7, b'{"a":4}')
    assert step.end == (len(text), 7, 6)


def test_a_later_block_begins_where_the_one_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 20)
    text = b"\xef\xbb\xbf" + b"".join(b'{"a":%d}\n' % n for n in range(30))
    steps = list(reader().steps(io.BytesIO(text), START))
    assert steps[-1].end == (len(text), 30, 30)
    again = list(reader().steps(io.BytesIO(text), steps[3].end))
    rows = [row[0] for s in again for row in s.batches[0].rows]
    assert rows == list(range(steps[3].end.records, 30))
    assert again[-1].end == steps[-1].end
    assert again[0].origin(0)[0] == steps[3].end.line + 1


def test_a_key_that_appears_later_is_null_before() -> None:
    (step,) = reader().steps(io.BytesIO(b'{"a":1}\n{"b":2}\n'), START)
    assert step.batches[0].names == ("a", "b")
    assert [list(row) for row in step.batches[0].rows] == [[1, None], [None, 2]]
