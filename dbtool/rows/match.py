"""How the rows of a table in a snapshot and of the live table belong together, and what is asked.

Rows are the same row when their keys are equal: the primary key of the live table, or the rowid
where it has none. A column comes back when both tables have it and the live one stores it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from dbtool.core.names import identifier
from dbtool.errors import Refused, UsageError
from dbtool.rows.shape import TableColumn, TableShape

__all__ = ["MODES", "Match", "RowMode", "TableRestore", "match"]

RowMode = Literal["replace", "insert-missing", "update"]
MODES: Final = ("replace", "insert-missing", "update")


@dataclass(frozen=True, slots=True)
class TableRestore:
    """What of one table comes back, and how."""

    table: str
    where: str | None = None
    """SQL over the table's columns; a row counts that it is true of in the snapshot or now. None:
    every row."""
    columns: tuple[str, ...] = ()
    """Which columns of rows that are there are set back; empty: all."""
    mode: RowMode = "replace"
    """replace: the rows become exactly the snapshot's; insert-missing: only rows whose key is not
    there; update: only rows that are there."""
    triggers: bool = True
    """Whether the live table's triggers fire, as they do for every application's write."""
    busy_timeout_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Match:
    """Two shapes of one table, laid over each other."""

    live: TableShape
    source: TableShape
    pairs: tuple[tuple[TableColumn, str], ...]
    """(live column, its name in the source), for every column that comes back."""
    by_rowid: bool
    settable: frozenset[int]
    """Which of `pairs` an update may set."""
    only_in_snapshot: tuple[str, ...]
    only_in_live: tuple[str, ...]

    @property
    def key_positions(self) -> tuple[int, ...]:
        """Where the key's columns are in `pairs`; empty where the key is the rowid."""
        if self.by_rowid:
            return ()
        names = [column.name for column, _ in self.pairs]
        return tuple(names.index(name) for name in self.live.key)

    @property
    def key_names(self) -> tuple[str, ...]:
        """What the key is called."""
        if self.by_rowid:
            return (self.live.rowid_alias or "rowid",)
        return self.live.key

    @property
    def source_rowid(self) -> str | None:
        """SQL of the rowid in the source; None where it has none."""
        return None if self.source.rowid is None else identifier(self.source.rowid)

    def keyed_by_rowid(self) -> Match:
        """Return the same match, by rowid: for a key that does not tell all rows apart."""
        return replace(self, by_rowid=True)


def match(live: TableShape, source: TableShape, asked: TableRestore) -> Match:
    """Lay the table of the snapshot over the live one.

    Raises:
        Refused: `table-differs`, their keys do not compare, or rows cannot be inserted.
        UsageError: `column-unknown`, `invalid-value`.
    """
    pairs = tuple(
        (column, other.name)
        for column in live.stored
        if (other := source.column(column.name)) is not None
    )
    names = {column.name for column, _ in pairs}
    _require_key(live, source, names)
    made = Match(
        live=live,
        source=source,
        pairs=pairs,
        by_rowid=live.by_rowid,
        settable=_settable(live, pairs, asked),
        only_in_snapshot=tuple(
            column.name
            for column in source.columns
            if not column.generated and live.column(column.name) is None
        ),
        only_in_live=tuple(column.name for column in live.stored if column.name not in names),
    )
    if asked.mode != "update":
        _require_insertable(made)
    return made


def _require_key(live: TableShape, source: TableShape, names: set[str]) -> None:
    if live.by_rowid:
        ours, theirs = live.rowid_alias or "", source.rowid_alias or ""
        fits = source.rowid is not None and ours.lower() == theirs.lower()
    else:
        fits = set(live.key) <= names
    if not fits:
        ours, theirs = (_key_text(shape) for shape in (live, source))
        raise Refused(
            "table-differs",
            f"the rows of {live.name} cannot be told apart by the same key as in the snapshot",
            context=f"the key is {ours} now, in the snapshot it is {theirs}",
            hint="--into FILE takes the table out of the snapshot as it was",
        )


def _key_text(shape: TableShape) -> str:
    hidden = "the rowid, whose names are all those of columns"
    return ", ".join(shape.key) or ("the rowid" if shape.rowid else hidden)


def _settable(
    live: TableShape, pairs: tuple[tuple[TableColumn, str], ...], asked: TableRestore
) -> frozenset[int]:
    key = set(live.key)
    free = {column.name: at for at, (column, _) in enumerate(pairs) if column.name not in key}
    if not asked.columns:
        # Equal keys need not be alike: 'A' is 'a' in NOCASE, and 1 is 1.0.
        return frozenset(range(len(pairs)))
    if asked.mode == "insert-missing":
        raise UsageError(
            "usage",
            "--columns says what is set back in rows that are there, insert-missing leaves those",
            hint="leave one of them out",
        )
    wanted = [live.require_column(name) for name in asked.columns]
    for column in wanted:
        if column.name not in free:
            why = (
                "it is the key, by which rows are found"
                if column.name in key
                else "it is computed from other columns"
                if column.generated
                else "the snapshot's table does not have it"
            )
            message = f"the column {column.name} cannot be set back"
            raise UsageError("column-unknown", message, context=why)
    return frozenset(free[column.name] for column in wanted)


def _require_insertable(made: Match) -> None:
    """Refuse where an inserted row would lack a value that it must have."""
    lacking = [
        column.name
        for column in made.live.stored
        if column.name in made.only_in_live and column.not_null and column.default is None
    ]
    if lacking:
        raise Refused(
            "table-differs",
            f"rows of the snapshot cannot be inserted into {made.live.name}",
            context=f"{', '.join(lacking)} must not be NULL, has no default, and is not in the "
            "snapshot",
            hint="--mode update changes only rows that are there\n"
            "--into FILE takes the table out of the snapshot as it was",
        )
