"""Blocks of whole lines."""

from __future__ import annotations

import io

import pytest

from dbtool.errors import UsageError
from dbtool.transfer.formats import lines
from dbtool.transfer.formats.lines import line_blocks, skip_bom, skip_to


def test_every_block_ends_with_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 7)
    text = b"".join(b"%d\n" % (n * 37) for n in range(50)) + b"last"
    blocks = list(line_blocks(io.BytesIO(text)))
    assert b"".join(blocks) == text
    assert len(blocks) > 10
    assert all(block.endswith(b"\n") for block in blocks[:-1])


def test_a_line_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_RECORD_BYTES", 1 << 20)
    with pytest.raises(UsageError) as caught:
        list(line_blocks(io.BytesIO(b"x" * (3 << 20))))
    assert caught.value.code == "record-too-long"


def test_a_mark_of_utf_8_is_passed_over() -> None:
    stream = io.BytesIO(b"\xef\xbb\xbfabc")
    first, mark = skip_bom(stream)
    assert (first + stream.read(), mark) == (b"abc", 3)


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_other_encodings_are_refused_by_their_mark(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        skip_bom(io.BytesIO("id,name\n".encode(name)))
    assert caught.value.code == "text-encoding"


def test_a_stream_that_cannot_seek_is_read_up_to_the_place() -> None:
    stream = io.BytesIO(b"0123456789")
    stream.seekable = lambda: False  # type: ignore[method-assign]
    skip_to(stream, 4)
    assert stream.read() == b"456789"
