"""Compared rows written into the live table, within the transaction that the caller holds.

Order: rows that the snapshot does not have go, then rows that differ are updated, then missing ones
are inserted. Nothing is deleted to be inserted again, except where two rows swap a value that must
be unique: SQLite checks each row at once, so those rows alone are taken out and put back.
"""

from __future__ import annotations

from typing import Any

import apsw

from dbtool.core.names import identifier
from dbtool.errors import CheckFailed
from dbtool.rows.changes import Changes
from dbtool.rows.shape import UniqueIndex
from dbtool.rows.stage import Stage

__all__ = ["constraint_failed", "write_changes"]

_NOT_UNIQUE = frozenset(
    {
        apsw.SQLITE_CONSTRAINT_UNIQUE,
        apsw.SQLITE_CONSTRAINT_PRIMARYKEY,
        apsw.SQLITE_CONSTRAINT_ROWID,
    }
)
_MOST_NAMED = 3


def write_changes(live: apsw.Connection, stage: Stage, changes: Changes) -> None:
    """Write what `compare` found.

    Raises:
        CheckFailed: `rows-conflict`, a constraint or a trigger of the live table does not allow it;
            the caller has to roll back.
    """
    live.execute("SAVEPOINT dbtool_rows")
    try:
        try:
            _write(live, stage, changes)
        except apsw.ConstraintError as error:
            if _code(error) not in _NOT_UNIQUE or not changes.updated:
                raise
            live.execute("ROLLBACK TO dbtool_rows")
            _write_around(live, stage, changes)
    except apsw.ConstraintError as error:
        live.execute("ROLLBACK TO dbtool_rows")
        raise constraint_failed(stage.match.live.name, error, _conflicts(live, stage)) from error
    live.execute("RELEASE dbtool_rows")


def _write(live: apsw.Connection, stage: Stage, changes: Changes) -> None:
    if changes.deleted:
        _delete(live, stage, "SELECT * FROM temp.dbtool_gone")
    if changes.updated:
        _update(live, stage, changes, "w.act = 1")
    if changes.inserted:
        _insert(live, stage)


def _delete(live: apsw.Connection, stage: Stage, keys: str) -> None:
    own = ", ".join(stage.collated(stage.live_key("l")))
    live.execute(f"DELETE FROM {stage.table} AS l WHERE ({own}) IN ({keys})")


def _update(live: apsw.Connection, stage: Stage, changes: Changes, which: str) -> None:
    sets = ", ".join(
        f"{identifier(stage.match.pairs[at][0].name)} = s.c{at}" for at in changes.columns
    )
    same_key = stage.equal_keys(stage.live_key("l"), stage.staged_key("s"))
    live.execute(
        f"UPDATE {stage.table} AS l SET {sets} FROM temp.dbtool_todo AS w, temp.dbtool_rows AS s"
        f" WHERE {which} AND s.rowid = w.n AND {same_key}"
    )


def _insert(live: apsw.Connection, stage: Stage) -> None:
    columns = [identifier(column.name) for column, _ in stage.match.pairs]
    values = [f"s.c{at}" for at in range(len(columns))]
    origin = (
        "FROM temp.dbtool_todo AS w CROSS JOIN temp.dbtool_rows AS s ON s.rowid = w.n"
        " WHERE w.act = 0"
    )
    rowid = identifier(stage.match.live.rowid) if stage.match.live.rowid else None
    if rowid is None or (stage.match.source_rowid is None and not stage.match.by_rowid):
        _insert_rows(live, stage, columns, values, f"{origin} ORDER BY w.n")
        return
    if stage.match.by_rowid:
        _insert_rows(live, stage, [rowid, *columns], ["s.r", *values], f"{origin} ORDER BY w.n")
        return
    # A rowid that is not the key is kept where no other row has it by now.
    taken = f"EXISTS (SELECT 1 FROM {stage.table} AS l WHERE l.{rowid} = s.r)"
    live.execute("DROP TABLE IF EXISTS temp.dbtool_moved_rowids")
    live.execute(
        f"CREATE TABLE temp.dbtool_moved_rowids AS SELECT s.rowid AS n {origin} AND {taken}"
    )
    moved = "s.rowid IN (SELECT n FROM temp.dbtool_moved_rowids)"
    free = [rowid, *columns], ["s.r", *values]
    _insert_rows(live, stage, *free, f"{origin} AND NOT {moved} ORDER BY w.n")
    _insert_rows(live, stage, columns, values, f"{origin} AND {moved} ORDER BY w.n")


def _insert_rows(
    live: apsw.Connection, stage: Stage, columns: list[str], values: list[str], origin: str
) -> None:
    live.execute(
        f"INSERT INTO {stage.table}({', '.join(columns)}) SELECT {', '.join(values)} {origin}"
    )


# -- values that rows swap among themselves


def _write_around(live: apsw.Connection, stage: Stage, changes: Changes) -> None:
    """Write with those rows taken out that get another unique value, and put back complete."""
    _take_copies(live, stage, changes)
    if changes.deleted:
        _delete(live, stage, "SELECT * FROM temp.dbtool_gone")
    key = ", ".join(stage.staged_key("s"))
    _delete(
        live,
        stage,
        f"SELECT {key} FROM temp.dbtool_moved AS m JOIN temp.dbtool_rows AS s ON s.rowid = m.n",
    )
    _update(live, stage, changes, "w.act = 1 AND w.n NOT IN (SELECT n FROM temp.dbtool_moved)")
    columns = [identifier(column.name) for column in stage.match.live.stored]
    values = [f"v{at}" for at in range(len(columns))]
    if stage.match.live.rowid:
        columns, values = [identifier(stage.match.live.rowid), *columns], ["rid", *values]
    _insert_rows(live, stage, columns, values, "FROM temp.dbtool_moved ORDER BY n")
    if changes.inserted:
        _insert(live, stage)


def _take_copies(live: apsw.Connection, stage: Stage, changes: Changes) -> None:
    """Keep whole rows, as they are to be, whose unique values change."""
    stored = stage.match.live.stored
    staged = {stage.match.pairs[at][0].name: f"s.c{at}" for at in changes.columns}
    values = [staged.get(column.name, f"l.{identifier(column.name)}") for column in stored]
    kinds = [f"v{at} {column.affinity}" for at, column in enumerate(stored)]
    rowid = f"l.{identifier(stage.match.live.rowid)}" if stage.match.live.rowid else "NULL"
    unique = {name for index in stage.match.live.unique for name in index.columns}
    if stage.match.by_rowid:
        unique |= set(stage.match.live.key)
    all_known = bool(unique) and not _has_other_unique(live, stage)
    changed = [
        f"l.{identifier(name)} COLLATE BINARY IS NOT {value}"
        for name, value in staged.items()
        if name in unique or not all_known
    ]
    same_key = stage.equal_keys(stage.live_key("l"), stage.staged_key("s"))
    live.execute("DROP TABLE IF EXISTS temp.dbtool_moved")
    live.execute(f"CREATE TABLE temp.dbtool_moved(n INTEGER PRIMARY KEY, rid, {', '.join(kinds)})")
    live.execute(
        f"INSERT INTO temp.dbtool_moved SELECT s.rowid, {rowid}, {', '.join(values)}"
        " FROM temp.dbtool_todo AS w CROSS JOIN temp.dbtool_rows AS s ON s.rowid = w.n"
        f" CROSS JOIN {stage.table} AS l ON {same_key}"
        f" WHERE w.act = 1 AND ({' OR '.join(changed) or '0'})"
    )


def _has_other_unique(live: apsw.Connection, stage: Stage) -> bool:
    """Say whether there are unique indexes over a part of the rows, or over expressions."""
    rows: Any = live.execute(
        "SELECT count(*) FROM pragma_index_list(?, 'main') WHERE \"unique\" AND origin <> 'pk'",
        (stage.match.live.name,),
    ).fetchall()
    return int(rows[0][0]) > len(stage.match.live.unique)


# -- what stands in the way


def constraint_failed(table: str, error: apsw.ConstraintError, conflicts: list[str]) -> CheckFailed:
    """Return the error for a row that the live table does not take."""
    hint = "--columns, --where or --mode restore less; --into FILE leaves the database alone"
    if _code(error) == apsw.SQLITE_CONSTRAINT_TRIGGER:
        hint = "--no-triggers restores without the triggers of the table"
    return CheckFailed(
        "rows-conflict",
        f"rows of {table} cannot be restored; nothing was changed",
        context="\n".join([str(error), *conflicts]),
        hint=hint,
    )


def _code(error: apsw.Error) -> int:
    return int(getattr(error, "extendedresult", 0))


def _conflicts(live: apsw.Connection, stage: Stage) -> list[str]:
    """Name rows of the snapshot whose unique values other live rows have."""
    found: list[str] = []
    for index in stage.match.live.unique:
        found += _conflicts_of(live, stage, index)
    return found[:_MOST_NAMED]


def _conflicts_of(live: apsw.Connection, stage: Stage, index: UniqueIndex) -> list[str]:
    places = {column.name: at for at, (column, _) in enumerate(stage.match.pairs)}
    if not set(index.columns) <= set(places):
        return []
    same_values = " AND ".join(
        f"l.{identifier(name)} COLLATE {identifier(collation)} = s.c{places[name]}"
        for name, collation in zip(index.columns, index.collations, strict=True)
    )
    live_key, staged_key = stage.live_key("l"), stage.staged_key("s")
    gone = f"({', '.join(stage.collated(live_key))}) IN (SELECT * FROM temp.dbtool_gone)"
    written = (
        "EXISTS (SELECT 1 FROM temp.dbtool_todo AS w2 JOIN temp.dbtool_rows AS s2"
        f" ON s2.rowid = w2.n WHERE {stage.equal_keys(live_key, stage.staged_key('s2'))})"
    )
    rows = live.execute(
        f"SELECT {_shown(staged_key)}, {_shown(live_key)}"
        " FROM temp.dbtool_todo AS w CROSS JOIN temp.dbtool_rows AS s ON s.rowid = w.n"
        f" CROSS JOIN {stage.table} AS l ON {same_values}"
        f" WHERE NOT ({stage.equal_keys(live_key, staged_key)})"
        f" AND NOT {gone} AND NOT {written} LIMIT {_MOST_NAMED}"
    )
    key, what = ", ".join(stage.match.key_names), ", ".join(index.columns)
    return [
        f"the row with {key} {theirs} of the snapshot has the same {what} as {ours} has now"
        for theirs, ours in rows
    ]


def _shown(key: list[str]) -> str:
    return " || ', ' || ".join(f"quote({part})" for part in key)
