"""In which format an export is written, compressed how, and where: from options and file names.

--as                      says it
else the suffix of --to   .json .ndjson .jsonl .csv .tsv .sql .db .sqlite .sqlite3
                              .parquet .md
                          and behind it .gz or .zst
else a folder             of NDJSON, where several tables go to a path without such a suffix
else -o                   where rows go to standard output
else                      SQL of a whole database, NDJSON of rows: both hold every value
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["COMPRESSIONS", "FORMATS", "Form", "choose_form"]

FORMATS = ("json", "ndjson", "csv", "tsv", "sql", "sqlite", "parquet", "markdown")
COMPRESSIONS = ("gzip", "zstd", "none")
_SUFFIXES = {
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".csv": "csv",
    ".tsv": "tsv",
    ".sql": "sql",
    ".db": "sqlite",
    ".sqlite": "sqlite",
    ".sqlite3": "sqlite",
    ".parquet": "parquet",
    ".md": "markdown",
    ".markdown": "markdown",
}
_COMPRESSED = {".gz": "gzip", ".zst": "zstd"}
_IN_FOLDERS = ("ndjson", "json", "csv", "tsv", "parquet")
_WHOLE_FILES = ("sqlite", "parquet")
"""Formats that are not compressed from outside."""


class Form(NamedTuple):
    """How and where."""

    format: str
    compression: str | None
    path: Path | None
    """None: standard output."""
    folder: bool
    """True: a file for each table in a folder, with a manifest."""


def choose_form(
    session: Session,
    to: str | None,
    given: str | None,
    compress: str | None,
    *,
    single: bool,
    dry_run: bool = False,
) -> Form:
    """Choose by the table at the head of this module.

    Args:
        session: of this run; where rows go to standard output, its own format becomes table, so
            that nothing else is written there.
        to: file or folder; None or `-`: standard output.
        given: the value of --as.
        compress: the value of --compress.
        single: whether one table or query is exported.
        dry_run: True: no rows will be written, so the session keeps its format.

    Raises:
        UsageError: `usage`, these do not go together.
    """
    for name, value, choices in (("--as", given, FORMATS), ("--compress", compress, COMPRESSIONS)):
        if value is not None and value not in choices:
            raise UsageError("invalid-value", f"{name} is one of {', '.join(choices)}")
    if to is None or to == "-":
        asked = _asked(session, dry_run=dry_run)
        form = _stream(given or asked, compress, single=single)
    else:
        form = _file(to, given, compress, single=single)
    if form.format in _WHOLE_FILES and form.compression is not None:
        raise UsageError(
            "usage",
            f"a file of {form.format} is not compressed from outside",
            hint="--as sql --compress zstd" if form.format == "sqlite" else "it is within, by zstd",
        )
    return form


def _asked(session: Session, *, dry_run: bool) -> str | None:
    """Take the general format for the rows; what else is said goes to people from then on."""
    if dry_run:
        return None
    asked = session.given_format
    session.given["output_format"], session.given["json_output"] = "table", False
    return "markdown" if asked == "table" else asked


def _stream(given: str | None, compress: str | None, *, single: bool) -> Form:
    chosen = given or ("ndjson" if single else "sql")
    if chosen == "sqlite":
        raise UsageError(
            "usage", "an SQLite file is not written to a stream", hint="name a file with --to"
        )
    return Form(chosen, None if compress in (None, "none") else compress, None, folder=False)


def _file(to: str, given: str | None, compress: str | None, *, single: bool) -> Form:
    path = Path(to).expanduser()
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    compression = _COMPRESSED.get(suffixes[-1]) if suffixes else None
    if compression is not None:
        suffixes.pop()
    by_name = _SUFFIXES.get(suffixes[-1]) if suffixes else None
    if compress is not None:
        compression = None if compress == "none" else compress
    is_folder = to.endswith("/") or path.is_dir()
    if single and is_folder:
        raise UsageError(
            "usage",
            f"{path} is a folder, and one table goes to one file",
            hint=f"--to {path / 'table.csv'}",
        )
    if is_folder or (by_name is None and not single and (given or "ndjson") in _IN_FOLDERS):
        return _folder(path, given or "ndjson", compression)
    return Form(given or by_name or "ndjson", compression, path, folder=False)


def _folder(path: Path, chosen: str, compression: str | None) -> Form:
    if chosen not in _IN_FOLDERS:
        raise UsageError(
            "usage",
            f"a folder holds tables as {', '.join(_IN_FOLDERS)}, not as {chosen}",
            hint=f"name a file with --to for {chosen}",
        )
    return Form(chosen, compression, path, folder=True)
