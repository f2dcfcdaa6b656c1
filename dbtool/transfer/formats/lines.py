"""A stream cut into blocks of whole lines, so that a block can be parsed by C code at once."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import BLOCK_BYTES

__all__ = ["LONGEST_RECORD_BYTES", "line_blocks", "skip_bom", "skip_to"]

LONGEST_RECORD_BYTES: Final = 64 << 20
_FOREIGN_MARKS: Final = (
    (codecs.BOM_UTF32_LE, "UTF-32LE"),
    (codecs.BOM_UTF32_BE, "UTF-32BE"),
    (codecs.BOM_UTF16_LE, "UTF-16LE"),
    (codecs.BOM_UTF16_BE, "UTF-16BE"),
)


def line_blocks(stream: BinaryIO, first: bytes = b"") -> Iterator[bytes]:
    """Yield blocks that end with a line feed; the last one may not.

    Args:
        stream: read from where it is.
        first: bytes that were read from it already.

    Raises:
        UsageError: `record-too-long`.
    """
    parts, held = [first], len(first)
    while chunk := stream.read(BLOCK_BYTES):
        cut = chunk.rfind(b"\n") + 1
        if not cut:
            parts.append(chunk)
            held += len(chunk)
            if held > LONGEST_RECORD_BYTES:
                raise UsageError(
                    "record-too-long",
                    f"a line of the source is longer than {LONGEST_RECORD_BYTES >> 20} MiB",
                    hint="if it is one JSON document, say so: --from json",
                )
            continue
        yield b"".join([*parts, chunk[:cut]])
        parts, held = [chunk[cut:]], len(chunk) - cut
    last = b"".join(parts)
    if last:
        yield last


def skip_bom(stream: BinaryIO) -> tuple[bytes, int]:
    """Read past a byte order mark; return what was read of the text, and the length of the mark.

    Raises:
        UsageError: `text-encoding`, the mark is not of UTF-8.
    """
    head = stream.read(4)
    for mark, name in _FOREIGN_MARKS:
        if head.startswith(mark):
            raise UsageError(
                "text-encoding",
                f"the source is {name}, and only UTF-8 is read",
                hint=f"iconv -f {name} -t UTF-8 SOURCE | dbtool import - ...",
            )
    if head.startswith(codecs.BOM_UTF8):
        return head[len(codecs.BOM_UTF8) :], len(codecs.BOM_UTF8)
    return head, 0


def skip_to(stream: BinaryIO, offset: int) -> None:
    """Go to an offset, by reading where the stream cannot seek."""
    if stream.seekable():
        stream.seek(offset)
        return
    left = offset
    while left and (chunk := stream.read(min(left, BLOCK_BYTES))):
        left -= len(chunk)
