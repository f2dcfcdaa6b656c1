"""What has to be written so that the live rows become the snapshot's: compared, not yet done.

    temp.dbtool_todo  n (row in dbtool_rows), act: 0 insert, 1 update
    temp.dbtool_gone  k0, ...: keys of live rows that the snapshot does not have

A row that is as it was appears in neither, so it is not written and no trigger fires for it. Equal
means: same type, same bytes; a column's collation does not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.rows.match import RowMode
from dbtool.rows.stage import Stage

__all__ = ["Changes", "compare"]

_TYPE_MATTERS: Final = frozenset({"INTEGER", "NUMERIC", "BLOB"})
"""Affinities under which 1 and 1.0 may both be stored."""
_MOST_COLUMNS: Final = 400
"""Columns compared by one aggregate; SQLite takes 2000 terms in it."""


@dataclass(frozen=True, slots=True)
class Changes:
    """How many rows are written each way."""

    inserted: int
    updated: int
    deleted: int
    unchanged: int
    """Rows that are in both and stay as they are."""
    columns: tuple[int, ...]
    """Which of the match's pairs differ in at least one updated row."""


def compare(live: apsw.Connection, stage: Stage, mode: RowMode) -> Changes:
    """Compare the staged rows with the live ones; leave the result in the two tables."""
    for name in ("dbtool_todo", "dbtool_gone"):
        live.execute(f"DROP TABLE IF EXISTS temp.{name}")
    live.execute("CREATE TABLE temp.dbtool_todo(n INTEGER PRIMARY KEY, act INTEGER)")
    live.execute(f"CREATE TABLE temp.dbtool_gone({stage.key_columns()})")
    _note_writes(live, stage, mode)
    if mode == "replace":
        _note_deletions(live, stage)
    counts: Any = live.execute(
        "SELECT (SELECT count(*) FROM temp.dbtool_todo WHERE act = 0),"
        " (SELECT count(*) FROM temp.dbtool_todo WHERE act = 1),"
        " (SELECT count(*) FROM temp.dbtool_gone), (SELECT count(*) FROM temp.dbtool_rows)"
    ).fetchall()[0]
    inserted, updated, deleted, staged = counts
    absent = _count_absent(live, stage) if mode == "update" else inserted
    columns = _differing_columns(live, stage) if updated else ()
    return Changes(inserted, updated, deleted, staged - absent - updated, columns)


def _note_writes(live: apsw.Connection, stage: Stage, mode: RowMode) -> None:
    same_key = stage.equal_keys(stage.live_key("l"), stage.staged_key("s"))
    absent = f"{stage.live_key('l')[0]} IS NULL"
    differs = _differs(stage)
    join, condition = {
        "replace": ("LEFT JOIN", f"{absent} OR {differs}"),
        "insert-missing": ("LEFT JOIN", absent),
        "update": ("JOIN", differs),
    }[mode]
    live.execute(
        f"INSERT INTO temp.dbtool_todo SELECT s.rowid, {stage.live_key('l')[0]} IS NOT NULL"
        f" FROM temp.dbtool_rows AS s {join} {stage.table} AS l ON {same_key} WHERE {condition}"
    )


def _differs(stage: Stage) -> str:
    settable = sorted(stage.match.settable)
    if not settable:
        return "0"
    columns = [(at, stage.match.pairs[at][0]) for at in settable]
    ours = ", ".join(f"l.{identifier(column.name)} COLLATE BINARY" for _, column in columns)
    staged = ", ".join(f"s.c{at}" for at, _ in columns)
    typed = [(at, column) for at, column in columns if column.affinity in _TYPE_MATTERS]
    condition = f"({ours}) IS NOT ({staged})"
    if typed:
        types = ", ".join(f"typeof(l.{identifier(column.name)})" for _, column in typed)
        staged_types = ", ".join(f"typeof(s.c{at})" for at, _ in typed)
        condition = f"({condition} OR ({types}) IS NOT ({staged_types}))"
    return condition


def _note_deletions(live: apsw.Connection, stage: Stage) -> None:
    if stage.where is None:
        key, origin = stage.live_key("l"), f"{stage.table} AS l"
    else:
        key, origin = stage.kept_key("z"), "temp.dbtool_scope AS z"
    live.execute(
        f"INSERT INTO temp.dbtool_gone SELECT {', '.join(key)} FROM {origin} WHERE NOT EXISTS"
        f" (SELECT 1 FROM temp.dbtool_rows AS s"
        f" WHERE {stage.equal_keys(key, stage.staged_key('s'))})"
    )


def _count_absent(live: apsw.Connection, stage: Stage) -> int:
    same_key = stage.equal_keys(stage.live_key("l"), stage.staged_key("s"))
    row: Any = live.execute(
        "SELECT count(*) FROM temp.dbtool_rows AS s WHERE NOT EXISTS"
        f" (SELECT 1 FROM {stage.table} AS l WHERE {same_key})"
    ).fetchall()[0]
    return int(row[0])


def _differing_columns(live: apsw.Connection, stage: Stage) -> tuple[int, ...]:
    settable = sorted(stage.match.settable)
    parts = [settable[at : at + _MOST_COLUMNS] for at in range(0, len(settable), _MOST_COLUMNS)]
    return tuple(at for part in parts for at in _differing_among(live, stage, part))


def _differing_among(live: apsw.Connection, stage: Stage, settable: list[int]) -> list[int]:
    tests = []
    for at in settable:
        ours = f"l.{identifier(stage.match.pairs[at][0].name)}"
        tests.append(
            f"max({ours} COLLATE BINARY IS NOT s.c{at} OR typeof({ours}) <> typeof(s.c{at}))"
        )
    same_key = stage.equal_keys(stage.live_key("l"), stage.staged_key("s"))
    row = live.execute(
        f"SELECT {', '.join(tests)} FROM temp.dbtool_todo AS w"
        f" CROSS JOIN temp.dbtool_rows AS s ON s.rowid = w.n"
        f" CROSS JOIN {stage.table} AS l ON {same_key} WHERE w.act = 1"
    ).fetchall()[0]
    return [at for at, differs in zip(settable, row, strict=True) if differs]
