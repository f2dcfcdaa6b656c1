"""`manifest.json`: what a folder with an exported database holds, so that it can be taken back.

    manifest.json    written last, so a folder without one is an export that did not end
    schema.sql       definitions; up to byte `rows_at` the tables, after it what comes after the
                     rows: indexes, views and triggers
    NAME.ndjson...   one file for each table, with its checksum

    {"format": "dbtool.export/1", "created": "2026-11-26T05:40:00Z", "source": "app.db",
     "snapshot": null, "complete": true,
     "settings": {"encoding": "UTF-8", "page_size": 4096, "auto_vacuum": 0, "user_version": 0,
                  "application_id": 0, "journal_mode": "wal"},
     "schema": {"file": "schema.sql", "size_bytes": 190, "sha256": "...", "rows_at": 100},
     "tables": [{"name": "users", "file": "users.ndjson.gz", "format": "ndjson",
                 "compression": "gzip", "fill": "rows", "rowid": null,
                 "columns": [{"name": "id", "type": "INTEGER"}],
                 "rows": 3, "size_bytes": 77, "sha256": "..."}],
     "sequences": [{"table": "users", "value": 3}], "analyzed": false}

Rows of a table lie in the order of its key. In JSON and NDJSON every value is exact: a number with
a point or an exponent is a REAL and any other an INTEGER, `9e999` is infinite, a BLOB is
`{"$base64": true, "encoded": "..."}`, and text that is not valid in the encoding of the database is
`{"$text": true, "encoded": "..."}`, the Base64 of its bytes in that encoding.

Not the rows and not their formats; and no promise about what is written to these files later,
except that `sha256` tells.
Invariant: a `Manifest` that `parse` returns names only files that lie in the folder itself, each
once whatever the case of letters, and holds only numbers within SQLite's bounds.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from dbtool.core.names import folded
from dbtool.errors import Damaged, UsageError

__all__ = [
    "COMPRESSIONS",
    "FILLS",
    "FORMATS",
    "MANIFEST_FILE",
    "MAX_MANIFEST_BYTES",
    "SCHEMA_FILE",
    "VERSION",
    "Manifest",
    "ManifestColumn",
    "SchemaFile",
    "Sequence",
    "Settings",
    "TableFile",
    "comparable_name",
    "is_safe_name",
    "parse",
    "serialize",
]

VERSION: Final = "dbtool.export/1"
MANIFEST_FILE: Final = "manifest.json"
SCHEMA_FILE: Final = "schema.sql"
MAX_MANIFEST_BYTES: Final = 256 << 20
"""Far more than any schema takes; what is longer is no manifest."""

FORMATS: Final = ("ndjson", "json", "csv", "tsv", "parquet")
"""What the rows of a table may be written in; the first two hold every value exactly."""
COMPRESSIONS: Final = ("gzip", "zstd")
FILLS: Final = ("rows", "rebuild", "none")
"""How a table gets its rows back: from its file; by FTS's own 'rebuild', after all other tables;
or not at all (it has no file)."""

_ENCODINGS: Final = ("UTF-8", "UTF-16le", "UTF-16be")
_PAGE_SIZES: Final = tuple(1 << power for power in range(9, 17))
_JOURNAL_MODES: Final = ("wal", "delete")
_ROWID_NAMES: Final = ("rowid", "_rowid_", "oid")
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_INT32: Final = (-(1 << 31), (1 << 31) - 1)
_INT64: Final = (-(1 << 63), (1 << 63) - 1)
_LONGEST_FILE_NAME: Final = 255
_YEARS: Final = range(1970, 9998)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """What a database has beside its schema and rows."""

    encoding: str
    """UTF-8, UTF-16le or UTF-16be."""
    page_size: int
    """Bytes, a power of two from 512 to 65536."""
    auto_vacuum: int
    """0 none, 1 full, 2 incremental."""
    user_version: int
    """Signed, 32 bits."""
    application_id: int
    """Signed, 32 bits."""
    journal_mode: str
    """wal, or delete for every other."""


@dataclass(frozen=True, slots=True)
class SchemaFile:
    """The file with the definitions."""

    file: str
    size_bytes: int
    sha256: str
    """Lower-case hexadecimal digits."""
    rows_at: int
    """Bytes up to the place where the rows go in: after the tables, before all else."""


@dataclass(frozen=True, slots=True)
class ManifestColumn:
    """One column of a file of rows; generated columns are not in it."""

    name: str
    type: str
    """As declared; empty where nothing is."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table, and the file with its rows."""

    name: str
    file: str | None
    """None with `fill` other than rows."""
    format: str | None
    """One of `FORMATS`; None without a file."""
    compression: str | None
    """gzip, zstd, or None."""
    fill: str
    """One of `FILLS`."""
    rowid: str | None
    """Name under which each row begins with its rowid, beside the columns; None: it does not."""
    columns: tuple[ManifestColumn, ...]
    rows: int
    size_bytes: int
    """Of the file as it lies there."""
    sha256: str | None
    """Of the file as it lies there, lower-case hexadecimal digits; None without a file."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """The AUTOINCREMENT counter of a table."""

    table: str
    value: int
    """The largest rowid that was ever given."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A whole export."""

    created: datetime
    """When the rows were read."""
    source: str
    """What the exporter called the database; not a path to be opened."""
    snapshot: str | None
    """Id of the snapshot that was read; None: the live database."""
    complete: bool
    """True: all that the database holds; False: tables were chosen or something was left out."""
    settings: Settings
    schema: SchemaFile
    tables: tuple[TableFile, ...]
    """In the order of their creation."""
    sequences: tuple[Sequence, ...]
    """In the order of sqlite_sequence."""
    analyzed: bool
    """True: there were statistics of ANALYZE, which are made again and not exported."""


def serialize(manifest: Manifest) -> bytes:
    """Return the manifest as JSON, UTF-8 in ASCII characters, with a line feed at its end."""
    fields = asdict(manifest)
    fields["created"] = manifest.created.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return (json.dumps({"format": VERSION, **fields}, indent=1) + "\n").encode("ascii")


def parse(data: bytes) -> Manifest:
    """Return the manifest that somebody wrote, every field of it judged.

    Members that this version does not know are passed over.

    Raises:
        UsageError: `manifest-unknown`, it is of a version that is not known here.
        Damaged: `manifest-damaged`, it is not what `serialize` writes.
    """
    try:
        value = json.loads(data[: MAX_MANIFEST_BYTES + 1])  # a longer one is not whole
        version = _text(_member(value, "format"))
        if version == VERSION:
            return _manifest(value)
    except (ValueError, RecursionError) as error:
        raise Damaged(
            "manifest-damaged",
            f"{MANIFEST_FILE} is not as dbtool export writes it",
            context=str(error),
            hint="export the database again",
        ) from error
    raise UsageError(
        "manifest-unknown",
        f"{MANIFEST_FILE} has the format {version[:80]!r}",
        context=f"this dbtool reads {VERSION}",
        hint="use the version of dbtool that wrote it",
    )


def is_safe_name(name: str) -> bool:
    """Return whether a file name stays in its folder, everywhere: no path, nothing hidden."""
    return (
        0 < len(name.encode("utf-8", "replace")) <= _LONGEST_FILE_NAME
        and not name.startswith((".", "-"))
        and name == name.strip()
        and not set(name) & set('/\\:*?"<>|')
        and name.isprintable()
    )


def comparable_name(name: str) -> str:
    """Return a file name as file systems compare it that know no case or compose letters."""
    return unicodedata.normalize("NFKC", name).casefold()


# -- judging


def _manifest(value: object) -> Manifest:
    tables = tuple(_named("tables", value, _table))
    sequences = tuple(_named("sequences", value, _sequence))
    schema = _schema(_member(value, "schema"))
    _distinct("table", (folded(table.name) for table in tables))
    _distinct("sequence of", (folded(each.table) for each in sequences))
    files = [MANIFEST_FILE, schema.file, *(t.file for t in tables if t.file is not None)]
    _distinct("file", map(comparable_name, files))
    snapshot = _member(value, "snapshot")
    return Manifest(
        created=_moment(_member(value, "created")),
        source=_text(_member(value, "source")),
        snapshot=None if snapshot is None else _text(snapshot),
        complete=_truth(_member(value, "complete")),
        settings=_settings(_member(value, "settings")),
        schema=schema,
        tables=tables,
        sequences=sequences,
        analyzed=_truth(_member(value, "analyzed")),
    )


def _settings(value: object) -> Settings:
    page_size = _whole(_member(value, "page_size"), 512, 65536)
    if page_size not in _PAGE_SIZES:
        raise ValueError(f"{page_size} is no page size")
    return Settings(
        encoding=_one_of(_member(value, "encoding"), _ENCODINGS),
        page_size=page_size,
        auto_vacuum=_whole(_member(value, "auto_vacuum"), 0, 2),
        user_version=_whole(_member(value, "user_version"), *_INT32),
        application_id=_whole(_member(value, "application_id"), *_INT32),
        journal_mode=_one_of(_member(value, "journal_mode"), _JOURNAL_MODES),
    )


def _schema(value: object) -> SchemaFile:
    size_bytes = _whole(_member(value, "size_bytes"), 0, _INT64[1])
    return SchemaFile(
        file=_file(_member(value, "file")),
        size_bytes=size_bytes,
        sha256=_digest(_member(value, "sha256")),
        rows_at=_whole(_member(value, "rows_at"), 0, size_bytes),
    )


def _table(value: object) -> TableFile:
    fill = _one_of(_member(value, "fill"), FILLS)
    file, kind = _member(value, "file"), _member(value, "format")
    digest, compression = _member(value, "sha256"), _member(value, "compression")
    if (fill == "rows") != (file is not None) or (file is None) != (kind is None):
        raise ValueError("a table has a file and a format exactly where rows fill it")
    if (file is None) != (digest is None):
        raise ValueError("a file has a checksum")
    columns = tuple(_named("columns", value, _column))
    rowid = _member(value, "rowid")
    rowid = None if rowid is None else _one_of(rowid, _ROWID_NAMES)
    names = [column.name for column in columns] + ([rowid] if rowid else [])
    _distinct("column", map(folded, names))
    return TableFile(
        name=_text(_member(value, "name")),
        file=None if file is None else _file(file),
        format=None if kind is None else _one_of(kind, FORMATS),
        compression=None if compression is None else _one_of(compression, COMPRESSIONS),
        fill=fill,
        rowid=rowid,
        columns=columns,
        rows=_whole(_member(value, "rows"), 0, _INT64[1]),
        size_bytes=_whole(_member(value, "size_bytes"), 0, _INT64[1]),
        sha256=None if digest is None else _digest(digest),
    )


def _column(value: object) -> ManifestColumn:
    return ManifestColumn(_text(_member(value, "name")), _text(_member(value, "type")))


def _sequence(value: object) -> Sequence:
    return Sequence(_text(_member(value, "table")), _whole(_member(value, "value"), *_INT64))


def _named(name: str, value: object, judge: Callable[[object], T]) -> Iterable[T]:
    """Judge every item of a list; what is wrong says which item it was."""
    listed = _member(value, name)
    if type(listed) is not list:
        raise ValueError(f"{name} is not a list")
    for number, item in enumerate(listed):
        try:
            yield judge(item)
        except ValueError as error:
            raise ValueError(f"{name}[{number}]: {error}") from error


def _member(value: object, name: str) -> Any:
    if type(value) is not dict or name not in value:
        raise ValueError(f"no member {name!r}")
    return value[name]


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError(f"not a string: {type(value).__name__}")
    value.encode("utf-8")
    return value


def _truth(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError(f"neither true nor false: {type(value).__name__}")
    return value


def _whole(value: object, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"not a whole number from {least} to {most}")
    return value


def _one_of(value: object, allowed: Iterable[str]) -> str:
    text = _text(value)
    if text not in allowed:
        raise ValueError(f"{text[:80]!r} is none of {', '.join(allowed)}")
    return text


def _digest(value: object) -> str:
    if not _SHA256.fullmatch(_text(value)):
        raise ValueError("not a SHA-256")
    return _text(value)


def _file(value: object) -> str:
    name = _text(value)
    if not is_safe_name(name):
        raise ValueError(f"{name[:80]!r} is no file name of an export")
    return name


def _moment(value: object) -> datetime:
    time = datetime.fromisoformat(_text(value))
    if time.utcoffset() is None or time.year not in _YEARS:
        raise ValueError("not a time with a zone")
    return time


def _distinct(what: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"the {what} {name[:80]!r} comes twice")
        seen.add(name)
