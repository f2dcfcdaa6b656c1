"""zstd frames from a place that may lie about their size.

A frame names the size of its content, and zstd allocates that much before it looks at the rest:
100 KB can claim gigabytes. So the claim is compared with what the caller can accept first; a frame
without one is read through a stream that stops.
"""

from __future__ import annotations

from threading import local

import zstandard

__all__ = ["FrameBroken", "decompressed"]

_LOCAL = local()
_LARGEST_WINDOW_BYTES = 8 * 1024 * 1024
"""What zstd writes at any of its levels for content as short as ours."""


class FrameBroken(Exception):  # noqa: N818  named after what happened, like SealBroken
    """It is not a frame, or it holds more than was allowed."""


def decompressed(frame: bytes, most_bytes: int) -> bytes:
    """Return the content of `frame`, in memory of about `most_bytes` at most.

    Raises:
        FrameBroken: it does not decompress, or to more than `most_bytes`.
    """
    try:
        said = zstandard.get_frame_parameters(frame)
        if said.content_size == zstandard.CONTENTSIZE_UNKNOWN:
            return _streamed(frame, said.window_size, most_bytes)
        if said.content_size > most_bytes:
            raise FrameBroken(f"{said.content_size} bytes where {most_bytes} are allowed")
        return _decompressor().decompress(frame)
    except zstandard.ZstdError as error:
        raise FrameBroken(str(error)) from error


def _streamed(frame: bytes, window_bytes: int, most_bytes: int) -> bytes:
    if window_bytes > max(most_bytes, _LARGEST_WINDOW_BYTES):
        raise FrameBroken(f"a window of {window_bytes} bytes where {most_bytes} are allowed")
    with zstandard.ZstdDecompressor().stream_reader(frame) as stream:
        content = stream.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise FrameBroken(f"more than {most_bytes} bytes")
    return content


def _decompressor() -> zstandard.ZstdDecompressor:
    """Return this thread's decompressor: it may not be shared, and is dear to set up."""
    known: zstandard.ZstdDecompressor | None = getattr(_LOCAL, "decompressor", None)
    if known is None:
        known = _LOCAL.decompressor = zstandard.ZstdDecompressor()
    return known
