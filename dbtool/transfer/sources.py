"""What is imported: a file, a folder, a pattern or standard input, each file with its format.

Compression is found by the first bytes, the format by the name and else by the first character.
Nothing is fetched from elsewhere: a URL is refused.
"""

from __future__ import annotations

import gzip
import io
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, Literal, NamedTuple, cast

from dbtool.core.atomicfile import failures_named
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, NotFound, UsageError
from dbtool.transfer.formats.batch import BLOCK_BYTES
from dbtool.transfer.formats.dexie import looks_like_dexie

__all__ = ["FORMATS", "Format", "Input", "find_inputs", "opened", "spooled"]

Format = Literal["json", "ndjson", "csv", "tsv", "dexie", "sqlite", "sql"]

FORMATS: Final[tuple[Format, ...]] = ("json", "ndjson", "csv", "tsv", "dexie", "sqlite", "sql")
_SUFFIXES: Final[dict[str, Format]] = {
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".sql": "sql",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
}
_PACKED: Final = (".gz", ".zst", ".zstd")
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_DATABASE: Final = b"SQLite format 3\0"
_STDIN: Final = "-"
_PACKED_BYTES: Final = 1 << 14
"""Read at once of zstd, which may be a thousand times as much when unpacked."""
_HEAD_BYTES: Final = 256


class Input(NamedTuple):
    """One file to read."""

    path: Path
    shown: str
    """What a person calls it."""
    table: str
    """Named after the file; the name that it gets where none is given."""
    format: Format
    size_bytes: int
    stamp: int
    """Time of its last change, in nanoseconds."""
    packed: bool


def find_inputs(source: str, form: Format | None, spool: Path | None = None) -> list[Input]:
    """Return the files that a source is, in the order of their names.

    Args:
        source: a path, a folder, a pattern such as `logs/*.csv`, or `-`.
        form: their format; None: found out.
        spool: file that holds what came from standard input.

    Raises:
        NotFound: `source-not-found`.
        UsageError: `source-is-url`, `source-is-pipe`, `source-format-unknown`.
    """
    if "://" in source:
        raise UsageError(
            "source-is-url",
            "nothing is fetched from elsewhere",
            hint=f"curl -fsS {source} | dbtool import - --table NAME ...",
        )
    if source == _STDIN:
        assert spool is not None
        return [_input(spool, form, shown="standard input", table="stdin")]
    path = Path(source).expanduser()
    with failures_named("read", path):
        if path.is_dir():
            found = sorted(p for p in path.iterdir() if p.is_file() and _is_rows(p))
        elif path.exists():
            _require_file(path)
            found = [path]
        else:
            found = sorted(p for p in _matching(path) if p.is_file())
    if not found:
        raise NotFound(
            "source-not-found", f"there is nothing to import at {source}", hint=_look(path)
        )
    return [_input(each, form) for each in found]


def _require_file(path: Path) -> None:
    """Refuse a pipe or a device, which can be read once only; a source is read twice."""
    if not path.is_file():
        raise UsageError(
            "source-is-pipe",
            f"{path} is no regular file",
            context="a source is read twice, a pipe or a device gives its bytes once",
            hint=f"dbtool import - --table NAME ... < {path}",
        )


def _look(path: Path) -> str:
    if path.is_dir():
        return f"files that end in {', '.join(_SUFFIXES)} are looked for, also with .gz and .zst"
    return f"ls -l {path.parent}"


def _matching(path: Path) -> Iterator[Path]:
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    pattern = str(path.relative_to(path.anchor)) if path.is_absolute() else str(path)
    try:
        yield from anchor.glob(pattern)
    except (ValueError, NotImplementedError):
        return


def _is_rows(path: Path) -> bool:
    """Return whether a file of a folder is one table; whole databases are named by themselves."""
    return _by_name(path) not in (None, "sqlite", "sql")


def _by_name(path: Path) -> Format | None:
    name = path.name.lower()
    for suffix in _PACKED:
        name = name.removesuffix(suffix)
    return _SUFFIXES.get(Path(name).suffix)


def _input(path: Path, form: Format | None, *, shown: str = "", table: str = "") -> Input:
    with failures_named("read", path):
        status = path.stat()
        with path.open("rb") as file:
            packed = file.read(4).startswith((_GZIP, _ZSTD))
    stem = path.name
    for suffix in (*_PACKED, *_SUFFIXES):
        if stem.lower().endswith(suffix):
            stem = stem[: -len(suffix)]
    found = form or (None if shown else _by_name(path)) or _by_content(path, shown or str(path))
    if found == "json" and form is None:
        with opened(path, shown or str(path)) as stream:
            found = "dexie" if looks_like_dexie(stream.read(_HEAD_BYTES)) else found
    return Input(
        path,
        shown or str(path),
        table or stem,
        found,
        status.st_size,
        status.st_mtime_ns,
        packed,
    )


def _by_content(path: Path, shown: str) -> Format:
    with opened(path, shown) as stream:
        head = stream.read(BLOCK_BYTES)
        if head.startswith(_DATABASE):
            return "sqlite"
        head = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith(b"["):
        return "json"
    if head.startswith(b"{"):
        first, _, rest = head.partition(b"\n")
        return "ndjson" if first.rstrip().endswith(b"}") and _is_line(rest) else "json"
    line = head.partition(b"\n")[0]
    if b"\0" in line or not line:
        raise UsageError(
            "source-format-unknown",
            f"the format of {shown} is not known",
            hint=f"say it: --from {'|'.join(FORMATS)}",
        )
    return "tsv" if line.count(b"\t") > line.count(b",") else "csv"


def _is_line(rest: bytes) -> bool:
    return not rest.strip() or rest.lstrip().startswith(b"{")


@contextmanager
def opened(path: Path, shown: str) -> Iterator[BinaryIO]:
    """Open a file for reading, uncompressed.

    Raises:
        Damaged: `source-damaged`, it is compressed and cut short or broken; also while it is read.
        StorageFailed: the system refuses.
    """
    import zstandard

    with failures_named("read", path), path.open("rb") as file:
        head = file.peek(4)[:4]
        try:
            if head.startswith(_GZIP):
                with gzip.open(file, "rb") as unpacked:
                    yield cast(BinaryIO, unpacked)
            elif head.startswith(_ZSTD):
                yield cast(BinaryIO, _Zstd(file))
            else:
                yield file
        except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
            raise Damaged(
                "source-damaged",
                f"{shown} is compressed, and cut short or broken",
                context=str(error),
                hint="get the file again",
            ) from error


class _Zstd(io.RawIOBase):
    """Reads zstd, also of several frames; goes back to the beginning, and nowhere else.

    The reader of the library takes the end of a file in the middle of a frame for the end of the
    content; this one does not.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._begin()

    def _begin(self) -> None:
        self._file.seek(0)
        self._ready = bytearray()
        self._frame: Any = None

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes; EOFError where the last frame has no end."""
        while size < 0 or len(self._ready) < size:
            packed = self._file.read(_PACKED_BYTES)
            if not packed:
                if self._frame is not None:
                    raise EOFError("it ends in the middle of a frame")
                break
            self._unpack(packed)
        count = len(self._ready) if size < 0 else size
        data = bytes(self._ready[:count])
        del self._ready[:count]
        return data

    def _unpack(self, packed: bytes) -> None:
        import zstandard

        while packed:
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._ready += self._frame.decompress(packed)
            packed = b""
            if self._frame.eof:
                packed, self._frame = self._frame.unused_data, None

    def seekable(self) -> bool:
        """Return False: only the beginning can be gone to."""
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to the beginning."""
        assert offset == 0
        assert whence == 0
        self._begin()
        return 0


@contextmanager
def spooled(stream: BinaryIO, progress: Progress) -> Iterator[Path]:
    """Keep what a stream holds in a temporary file: it is read twice, types first, rows then.

    Raises:
        StorageFailed: the system refuses.
    """
    import zstandard

    with tempfile.NamedTemporaryFile(prefix="dbtool-import-", suffix=".zst") as file:
        path = Path(file.name)
        with failures_named("write", path):
            progress.start("reading standard input", None, "bytes")
            head = stream.read(BLOCK_BYTES)
            plain = not head.startswith((_GZIP, _ZSTD))
            sink: Any = zstandard.ZstdCompressor(level=1).stream_writer(file, closefd=False)
            target = sink if plain else file
            while head:
                target.write(head)
                progress.advance(len(head))
                head = stream.read(BLOCK_BYTES)
            if plain:
                sink.flush(zstandard.FLUSH_FRAME)
            file.flush()
            progress.finish()
        yield path
