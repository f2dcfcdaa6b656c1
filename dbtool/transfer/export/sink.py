"""Where the bytes of an export go: a file that appears whole or not at all, or a stream.

A file is written under a temporary name beside its own, compressed on the way, synced, and then
gets its name. A stream is written as bytes come; what failed in between has been seen by then.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from dbtool.core.atomicfile import SYSTEM_FILES, FileOps, TempFile, failures_named, temporary_name
from dbtool.errors import Refused

__all__ = ["Sink", "file_exists", "file_sink", "publish", "require_free", "resolved", "stream_sink"]

_WRITE_BYTES: Final = 256 << 10
_ZSTD_LEVEL: Final = 3
_GZIP_LEVEL: Final = 6
_WITH_GZIP_HEADER: Final = 31


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Sink:
    """Takes bytes, compresses and counts them."""

    def __init__(self, write: Callable[[bytes], object], compression: str | None) -> None:
        self._write = write
        self._compressor = _compressor(compression)
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._digest = hashlib.sha256()
        self.size_bytes = 0
        """Of what was written, compressed."""

    @property
    def sha256(self) -> str:
        """Digest of what was written, compressed, in hexadecimal digits."""
        return self._digest.hexdigest()

    def write(self, data: bytes) -> None:
        """Take some bytes."""
        if self._compressor is not None:
            data = self._compressor.compress(data)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= _WRITE_BYTES:
            self._pass_on()

    def finish(self) -> None:
        """Pass on all that waits."""
        if self._compressor is not None:
            self._waiting.append(self._compressor.flush())
        self._pass_on()

    def _pass_on(self) -> None:
        data = b"".join(self._waiting)
        self._waiting.clear()
        self._waiting_bytes = 0
        self._digest.update(data)
        self.size_bytes += len(data)
        if data:
            self._write(data)


@contextmanager
def file_sink(
    path: Path,
    *,
    compression: str | None = None,
    overwrite: bool = False,
    files: FileOps = SYSTEM_FILES,
) -> Iterator[Sink]:
    """Give a sink for a new file (mode 0600); it is there when the block ends without an error.

    Args:
        path: of the file, in a folder that exists.
        compression: gzip, zstd, or None.
        overwrite: True: it may replace a file.
        files: the system calls.

    Raises:
        Refused: `file-exists`, without `overwrite`.
        StorageFailed: the system refuses.
    """
    require_free(path, overwrite=overwrite)
    path = resolved(path, overwrite=overwrite)
    with failures_named("write", path):
        temporary = TempFile(path.with_name(f".dbtool-{temporary_name()}"), files)
    try:
        sink = Sink(lambda data: _write(temporary, path, data), compression)
        yield sink
        sink.finish()
        publish(temporary, path, files, overwrite=overwrite)
    finally:
        temporary.discard()


def publish(temporary: TempFile, path: Path, files: FileOps, *, overwrite: bool) -> None:
    """Make a file durable and give it its name.

    Raises:
        Refused: `file-exists`, without `overwrite`.
        StorageFailed: the system refuses.
    """
    with failures_named("write", path):
        if overwrite:
            temporary.publish_over(path)
        else:
            try:
                temporary.publish_new(path)
            except FileExistsError:
                raise file_exists(path) from None
        files.fsync_folder(path.parent)


@contextmanager
def stream_sink(
    write: Callable[[bytes], object], *, compression: str | None = None
) -> Iterator[Sink]:
    """Give a sink for a stream; what a stream raises comes out as it is."""
    sink = Sink(write, compression)
    yield sink
    sink.finish()


def require_free(path: Path, *, overwrite: bool) -> None:
    """Refuse a path that is taken, before any work is done for it.

    Raises:
        Refused: `file-exists`; also with `overwrite` where it is no regular file.
    """
    if path.is_symlink() or path.exists():
        if not overwrite:
            raise file_exists(path)
        if not path.is_file():
            raise Refused("file-exists", f"{path} is there already, and it is no regular file")


def resolved(path: Path, *, overwrite: bool) -> Path:
    """Return what a symbolic link names where that may be replaced, so that the link stays one."""
    return path.resolve() if overwrite and path.is_symlink() else path


def file_exists(path: Path) -> Refused:
    """Return the error for a path that is taken."""
    hint = "name another file, or give --force to replace it"
    return Refused("file-exists", f"{path} is there already", hint=hint)


def _write(temporary: TempFile, path: Path, data: bytes) -> None:
    with failures_named("write", path):
        temporary.write(data)


def _compressor(name: str | None) -> _Compressor | None:
    if name is None:
        return None
    if name == "gzip":
        return zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _WITH_GZIP_HEADER)
    from zstandard import ZstdCompressor

    compressor: _Compressor = ZstdCompressor(level=_ZSTD_LEVEL, write_checksum=True).compressobj()
    return compressor
