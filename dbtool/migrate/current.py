"""Whether a database is up to date, in the least time: at every start of an application it is.

Hashes of the files are compared with the history, and nothing is parsed. Where anything is not as
expected, the answer is that it is not known, and the long way says what is the matter.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import apsw

from dbtool.migrate.files import NAME, Files, group_files, read_text
from dbtool.migrate.versions import HISTORY_TABLE, order_of

__all__ = ["current_version"]


def current_version(connection: apsw.Connection, folder: Path) -> str | None:
    """Return the newest version where all files are applied and unchanged; None: not known.

    Raises:
        DbtoolError: as `group_files` and `read_text`.
    """
    groups, others = group_files(folder)
    if others or not groups:
        return None
    try:
        sql = f"SELECT version, sha256 FROM {HISTORY_TABLE} ORDER BY sequence"  # noqa: S608  constant
        rows = connection.execute(sql).fetchall()
    except apsw.Error:
        return None
    hashes = {order_of(str(version)): str(sha256) for version, sha256 in rows}
    if len(groups) != len(hashes):
        return None
    for files in groups:
        if files.up is None or hashes.pop(_version(files.up), None) != _sha256(files):
            return None
    return str(rows[-1][0])


def _version(path: Path) -> int:
    match = NAME.fullmatch(path.name)
    return order_of(match[1]) if match else -1


def _sha256(files: Files) -> str:
    """Return the hash of the text, put together as `Migration.text` is."""
    assert files.up is not None
    text = read_text(files.up)
    if files.down is not None:
        text = f"{text}\0{read_text(files.down)}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
