"""Frames that lie about their size take no memory."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import suppress

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from dbtool.backup.frame import FrameBroken, decompressed

CHUNK = bytes(1 << 20)


def bomb(size_bytes: int, *, declared: bool) -> bytes:
    """Return a small frame of many zeros."""
    out = io.BytesIO()
    compressor = zstandard.ZstdCompressor(level=1)
    size = size_bytes if declared else -1
    with compressor.stream_writer(out, size=size, closefd=False) as writer:
        for _ in range(size_bytes // len(CHUNK)):
            writer.write(CHUNK)
    return out.getvalue()


@given(st.binary(max_size=2000))
def test_content_comes_back_with_and_without_a_declared_size(content: bytes) -> None:
    sized = zstandard.ZstdCompressor().compress(content)
    unsized = zstandard.ZstdCompressor(write_content_size=False).compress(content)
    assert decompressed(sized, len(content)) == content
    assert decompressed(unsized, len(content)) == content


@pytest.mark.parametrize("write_content_size", [True, False])
def test_one_byte_too_many_is_refused(write_content_size: bool) -> None:
    frame = zstandard.ZstdCompressor(write_content_size=write_content_size).compress(b"x" * 5000)
    with pytest.raises(FrameBroken):
        decompressed(frame, 4999)


@given(st.binary(max_size=100))
def test_whatever_is_no_frame_is_told(data: bytes) -> None:
    for frame in (data, b"\x28\xb5\x2f\xfd" + data):
        with suppress(FrameBroken):
            assert len(decompressed(frame, 50)) <= 50


@pytest.mark.parametrize("declared", [True, False])
def test_a_bomb_is_refused_without_taking_memory(declared: bool) -> None:
    script = (
        "import sys, resource\n"
        "from dbtool.backup.frame import FrameBroken, decompressed\n"
        "frame = sys.stdin.buffer.read()\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    decompressed(frame, 1 << 20)\n"
        "except FrameBroken:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    # zstd writes into what it has allocated only as far as the content goes, so it must be there.
    result = subprocess.run(
        [sys.executable, "-c", script],
        input=bomb(256 << 20, declared=declared),
        capture_output=True,
        check=True,
    )
    assert int(result.stdout) < 32 * 1024


def test_a_window_that_asks_for_gigabytes_is_refused() -> None:
    magic, no_size_no_single_segment, largest_window = b"\x28\xb5\x2f\xfd", b"\x00", b"\xa8"
    empty_last_block = b"\x01\x00\x00"
    frame = magic + no_size_no_single_segment + largest_window + empty_last_block
    with pytest.raises(FrameBroken, match="window"):
        decompressed(frame, 1 << 20)
