"""Rung 1: what can be made again from other data is made again; no row is touched.

1. Indexes are rebuilt by REINDEX. Where that fails, because SQLite reads the old tree to free its
   pages, the tree is left out of the schema first, and the index made anew.
2. Full-text indexes are rebuilt from their text; where that fails, after their shadow tables were
   given new, empty trees.
3. A damaged freelist is forgotten, and VACUUM INTO leaves behind every page that nobody needs.
4. A bit of the WAL that its checksums prove to have flipped is flipped back, so that SQLite sees
   the commits behind it.

Where a row and its entry in a sound index contradict each other, either may have rotted. The row is
believed, and "without loss" is not said.

The result must pass the full level. An index that belongs to a constraint (sqlite_autoindex) and
cannot be rebuilt in place makes this rung fail: the salvage makes it anew, and loses no row by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.atomicfile import failures_named
from dbtool.core.names import identifier
from dbtool.integrity.findings import Code, Finding, Kind, Rung, Verdict
from dbtool.integrity.logcheck import log_of
from dbtool.integrity.repair.copying import private_connection, sync_file
from dbtool.integrity.repair.job import Job, require_sound
from dbtool.integrity.repair.losses import compared
from dbtool.integrity.repair.model import Healed, RungFailed
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid

__all__ = ["contradicted", "derive", "only_derived"]

_NEEDS_VACUUM: Final = frozenset(
    {
        Code.FREELIST_DAMAGED,
        Code.PAGE_LOST,
        Code.PAGE_SHARED,
        Code.FILE_SIZE_ODD,
        Code.HEADER_PAGE_COUNT,
    }
)
_FTS5: Final = re.compile(r"\bUSING\s+[\"'`\[]?fts5\b", re.IGNORECASE)
_FTS5_TREES: Final = {
    "data": "CREATE TABLE {}(id INTEGER PRIMARY KEY, block BLOB)",
    "idx": "CREATE TABLE {}(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID",
    "docsize": "CREATE TABLE {}(id INTEGER PRIMARY KEY, sz BLOB)",
}
_CONTRADICTION: Final = re.compile(r"row \S+ (?:missing|values differ) from index ")
_FEWER_ENTRIES: Final = "wrong # of entries in index "
_FREELIST: Final = 32
_FREELIST_BYTES: Final = 8


def only_derived(damage: Iterable[Finding]) -> bool:
    """Say whether all damage is to what can be made again."""
    return all(
        finding.verdict == Verdict.DERIVED_DAMAGE
        or (finding.code == Code.WAL_DAMAGED and finding.rung == Rung.DERIVED)
        for finding in damage
    )


def contradicted(damage: Iterable[Finding]) -> dict[str, int]:
    """Return how many rows of which tables a sound index has otherwise, as far as is known.

    Rows missing from an index that is damaged, or has fewer entries than the table has rows, say
    nothing against the rows. Entries that are all there and have other values do: the damage may as
    well be in the row.
    """
    found: dict[str, set[str]] = {}
    damage = tuple(damage)
    broken = {finding.object for finding in damage if finding.code == Code.INDEX_DAMAGED}
    for finding in damage:
        if finding.code != Code.INDEX_MISMATCH or finding.object in broken:
            continue
        if any(line.startswith(_FEWER_ENTRIES) for line in finding.answers):
            continue
        rows = {line.split()[1] for line in finding.answers if _CONTRADICTION.match(line)}
        if rows:
            found.setdefault(finding.table or finding.object, set()).update(rows)
    return {table: len(rows) for table, rows in found.items()}


def derive(job: Job) -> Healed:
    """Make a copy of the damaged database whose derived data is made anew.

    Raises:
        RungFailed: rows are damaged, something cannot be made anew, or the result is not sound.
        StorageFailed: no space, or an I/O error.
    """
    damage = job.plan.damage
    if not only_derived(damage):
        raise RungFailed("rows are damaged, not only what can be made again from them")
    path = job.copy("derived")
    done: list[str] = []
    try:
        if any(finding.code == Code.WAL_DAMAGED for finding in damage):
            done.append(_mend_log(path, job))
        _flatten(path, job)
        if any(finding.code == Code.FREELIST_DAMAGED for finding in damage):
            _forget_freelist(path, job)
        lost_pages = _rebuild(path, damage, done, job)
        codes = {finding.code for finding in damage}
        if lost_pages or codes & _NEEDS_VACUUM or not done:
            path = _vacuumed(path, job)
            done.append("VACUUM")
    except (apsw.FullError, apsw.IOError, apsw.InterruptError):
        raise
    except apsw.Error as error:
        raise RungFailed(f"SQLite cannot rebuild it: {error}") from error
    sync_file(path, job.files)
    rules = require_sound(path, job)
    how = ", ".join(done)
    doubtful = contradicted(damage)
    tables = tuple(
        replace(loss, unproven=doubtful.get(loss.table, loss.unproven))
        for loss in compared(job, path, lossless=True)
    )
    notes = tuple(
        f"{table}: an index had other values of {_rows(count)} than the table; which of the two"
        " rotted cannot be told, and the table was believed"
        for table, count in doubtful.items()
    )
    return Healed(path, how, lossless=not doubtful, tables=tables, rules=rules, notes=notes)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows or more"


def _flatten(path: Path, job: Job) -> None:
    """Let SQLite bring a WAL or journal into the copy."""
    with private_connection(path, job.progress) as connection:
        connection.pragma("schema_version")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _mend_log(path: Path, job: Job) -> str:
    """Flip the bits of the WAL back that rotted, as its checksums prove."""
    wal = path.with_name(path.name + "-wal")
    found = log_of(wal, job.progress)
    if found is None or not found.broken:
        raise RungFailed("the WAL is another one since it was checked")
    bits = [broken.bit for broken in found.broken]
    with failures_named("write", wal):
        descriptor = job.files.open_write(wal)
        try:
            for bit in bits:
                if bit is None:
                    raise RungFailed("not every bit that rotted in the WAL is known")
                (byte,) = job.files.read_at(descriptor, 1, bit // 8)
                job.files.write_at(descriptor, bytes([byte ^ 1 << bit % 8]), bit // 8)
        finally:
            job.files.close(descriptor)
    mended = log_of(wal, job.progress)
    if mended is None or mended.broken or mended.committed < found.last_commit:
        raise RungFailed("the checksums of the WAL do not hold after it was put right")
    count = "1 bit" if len(bits) == 1 else f"{len(bits)} bits"
    commits = "1 commit" if found.commits_behind == 1 else f"{found.commits_behind:,} commits"
    return f"{count} of the WAL put right, {commits} behind it kept"


def _forget_freelist(path: Path, job: Job) -> None:
    """Say in the header that there is no freelist, so that nothing is ever taken from it."""
    with failures_named("write", path):
        descriptor = job.files.open_write(path)
        try:
            try:
                DatabaseHeader.parse(job.files.read_at(descriptor, HEADER_BYTES, 0))
            except HeaderInvalid as error:
                raise RungFailed(f"the header is damaged: {error}") from error
            job.files.write_at(descriptor, bytes(_FREELIST_BYTES), _FREELIST)
        finally:
            job.files.close(descriptor)


def _rebuild(path: Path, damage: Iterable[Finding], done: list[str], job: Job) -> bool:
    """Rebuild indexes and full-text indexes; say whether that left pages that nobody owns."""
    indexes = dict.fromkeys(f.object for f in damage if f.kind == Kind.INDEX)
    texts = dict.fromkeys(f.table or f.object for f in damage if f.kind == Kind.FTS)
    statistics = any(f.object.lower().startswith("sqlite_stat") for f in damage)
    lost_pages = False
    job.progress.start("rebuilding", len(indexes) + len(texts), "objects")
    for name in indexes:
        lost_pages |= _reindex(path, name, job)
        done.append(f"REINDEX {name}")
        job.progress.advance(1)
    for name in texts:
        lost_pages |= _rebuild_text(path, name, job)
        done.append(f"rebuild of {name}")
        job.progress.advance(1)
    if statistics:
        with private_connection(path, job.progress) as connection:
            connection.execute("ANALYZE")
        done.append("ANALYZE")
    job.progress.finish()
    return lost_pages


def _reindex(path: Path, name: str, job: Job) -> bool:
    with private_connection(path, job.progress) as connection:
        try:
            connection.execute(f"REINDEX {identifier(name)}")
        except apsw.CorruptError:
            pass
        else:
            return False
        sql = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?", (name,)
        ).get
        if not sql:
            raise RungFailed(f"{name} belongs to a constraint and cannot be rebuilt in place")
        _edit_schema(
            connection, "DELETE FROM sqlite_schema WHERE type = 'index' AND name = ?", name
        )
    with private_connection(path, job.progress) as connection:
        connection.execute(str(sql))
    return True


def _rebuild_text(path: Path, name: str, job: Job) -> bool:
    rebuild = f"INSERT INTO {identifier(name)}({identifier(name)}) VALUES ('rebuild')"  # noqa: S608 - quoted
    with private_connection(path, job.progress) as connection:
        try:
            connection.execute(rebuild)
        except (apsw.CorruptError, apsw.SQLError):
            pass
        else:
            return False
        sql = str(
            connection.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (name,)).get or ""
        )
        if not _FTS5.search(sql):
            raise RungFailed(f"the full-text index {name} cannot be rebuilt in place")
        for suffix, create in _FTS5_TREES.items():
            _give_new_tree(connection, f"{name}_{suffix}", f"dbtool_new_{suffix}", create)
    with private_connection(path, job.progress) as connection:
        connection.execute(rebuild)
    return True


def _give_new_tree(connection: apsw.Connection, shadow: str, spare: str, create: str) -> None:
    """Let a shadow table begin at a new, empty tree; nobody owns the old one from then on."""
    there = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = ?", (shadow,)).get
    if not there:
        return  # columnsize=0 keeps no sizes
    connection.execute(create.format(spare))
    adopt = (
        "UPDATE sqlite_schema SET rootpage ="
        " (SELECT rootpage FROM sqlite_schema WHERE name = ?2) WHERE name = ?1"
    )
    _edit_schema(connection, adopt, shadow, spare)
    _edit_schema(connection, "DELETE FROM sqlite_schema WHERE name = ?", spare)


def _edit_schema(connection: apsw.Connection, sql: str, *names: str) -> None:
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    connection.pragma("writable_schema", 1)
    try:
        connection.execute(sql, names)
    finally:
        connection.pragma("writable_schema", 0)
        connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 1)


def _vacuumed(path: Path, job: Job) -> Path:
    """Return a copy without free or lost pages, in the journal mode of the original."""
    fresh = job.file("vacuumed")
    job.progress.start("vacuuming", None, "pages")
    with private_connection(path, job.progress) as connection:
        mode = connection.pragma("journal_mode")
        connection.execute("VACUUM INTO ?", (str(fresh),))
    fresh.chmod(0o600)
    if mode == "wal":
        with private_connection(fresh, job.progress) as connection:
            connection.pragma("journal_mode", "wal")
    job.progress.finish()
    return fresh
