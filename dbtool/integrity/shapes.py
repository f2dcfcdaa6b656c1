"""How the records of a table look on disk, and how a row of it is inserted again.

Learnt from SQLite itself, which has made the table in the new database:

- the fields of a record are the columns in their order, without virtual generated ones;
- a WITHOUT ROWID record has the columns of its primary key first;
- the column that is the rowid (INTEGER PRIMARY KEY) is NULL in the record;
- a record may be shorter than the table where columns were added later; these have their defaults;
- stored generated columns are in the record, but cannot be inserted.

Source: https://sqlite.org/fileformat2.html#representation_of_sql_tables
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.pages.records import RawText, Value

__all__ = ["TableShape", "shape_of"]

_ROWID_NAMES: Final = ("rowid", "_rowid_", "oid")
_VIRTUAL_GENERATED: Final = 2
_STORED_GENERATED: Final = 3
_AFFINITIES: Final = (
    (("INT",), "integer"),
    (("CHAR", "CLOB", "TEXT"), "text"),
    (("BLOB",), "blob"),
    (("REAL", "FLOA", "DOUB"), "real"),
)
_FITS: Final = {
    ("text", "text"): 1.0,
    ("integer", "text"): 0.0,
    ("real", "text"): 0.0,
    ("real", "real"): 1.0,
    ("integer", "integer"): 1.0,
    ("integer", "numeric"): 1.0,
    ("integer", "real"): 0.8,
    ("real", "integer"): 0.5,
    ("real", "numeric"): 0.5,
}
"""(storage class, affinity) -> how usual that is; 0: SQLite never stores it. 0.3 for the others."""
_SAMPLE_TOLERANCE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record."""

    name: str
    affinity: str
    """integer, text, blob, real or numeric."""
    not_null: bool
    generated: bool


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table of the new database."""

    name: str
    fields: tuple[Field, ...]
    """In the order of the record."""
    without_rowid: bool
    rowid_field: int | None
    """Which field is the rowid; None: none."""
    rowid_name: str | None
    """A name of the rowid where no field is it; None: it has none that is free."""
    has_generated: bool
    """Whether some field is a stored generated column."""

    def insertion(self, field_count: int, raw: Sequence[int] = ()) -> str:
        """Return the statement that inserts a row of `field_count` fields, made by `row`.

        Args:
            field_count: how many fields of the record are there, at most those of the table.
            raw: which parameters, 0-based, are text given by its bytes.
        """
        names = [field.name for field in self.fields[:field_count] if not field.generated]
        if self.rowid_name:
            names.insert(0, self.rowid_name)
        if self.rowid_field is not None and field_count <= self.rowid_field:
            names.append(self.fields[self.rowid_field].name)
        if not names:
            return f"INSERT INTO {identifier(self.name)} DEFAULT VALUES"
        marks = ("CAST(? AS TEXT)" if at in raw else "?" for at in range(len(names)))
        columns = ", ".join(map(identifier, names))
        return f"INSERT INTO {identifier(self.name)}({columns}) VALUES ({', '.join(marks)})"  # noqa: S608

    def row(self, rowid: int, values: list[Value]) -> list[Value]:
        """Turn the fields of a record, at most those of the table, into what `insertion` takes."""
        at = self.rowid_field
        tail: list[Value] = []
        if at is not None:
            if at < len(values):
                values[at] = rowid
            else:
                tail = [rowid]
        if self.has_generated:
            values = [
                value
                for value, field in zip(values, self.fields, strict=False)
                if not field.generated
            ]
        elif at is not None and not tail:
            return values
        return [rowid, *values] if self.rowid_name else values + tail

    def rows(self, found: Sequence[tuple[int, list[Value]]], field_count: int) -> list[list[Value]]:
        """Turn records of `field_count` fields each into rows, as `row` does; changes them."""
        at = self.rowid_field
        if at is None or at >= field_count or self.has_generated:
            return [self.row(rowid, values) for rowid, values in found]
        for rowid, values in found:
            values[at] = rowid
        return [values for _, values in found]

    def likeness(self, rows: Sequence[Sequence[Value]]) -> float:
        """Say how much records look like those of this table: 0 not at all, 1 in every way.

        Values that SQLite would have converted or refused speak against the table: numbers in text
        columns, text where the rowid is kept, NULL where it is not allowed. A quarter of the rows
        may be damaged.
        """
        if not rows:
            return 0.0
        scores = [self._row_likeness(values) for values in rows]
        sound = [score for score in scores if score > 0]
        if len(sound) < len(scores) * (1 - _SAMPLE_TOLERANCE):
            return 0.0
        return sum(sound) / len(scores)

    def _row_likeness(self, values: Sequence[Value]) -> float:
        if not 0 < len(values) <= len(self.fields):
            return 0.0
        points = 0.0
        for at, (value, field) in enumerate(zip(values, self.fields, strict=False)):
            if at == self.rowid_field:
                if value is not None:
                    return 0.0
                points += 1
                continue
            fit = _fit(value, field)
            if fit == 0:
                return 0.0
            points += fit
        # Shorter records occur where columns were added, but whole ones are likelier.
        return points * len(values) / len(self.fields) ** 2


def shape_of(connection: apsw.Connection, name: str) -> TableShape:
    """Learn the shape of a table of the new database.

    Raises:
        apsw.Error: SQLite cannot say.
    """
    columns: list[tuple[Any, ...]] = connection.execute(
        'SELECT cid, name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)', (name,)
    ).fetchall()
    [(without_rowid, strict)] = connection.execute(
        "SELECT wr, strict FROM pragma_table_list WHERE schema = 'main' AND name = ?", (name,)
    ).fetchall()
    key_index = connection.execute(
        "SELECT name FROM pragma_index_list(?) WHERE origin = 'pk'", (name,)
    ).fetchall()
    order = [cid for cid, *_, hidden in columns if hidden != _VIRTUAL_GENERATED]
    if without_rowid and key_index:
        positions: list[tuple[Any, ...]] = connection.execute(
            "SELECT cid FROM pragma_index_xinfo(?) ORDER BY seqno", key_index[0]
        ).fetchall()
        order = [cid for (cid,) in positions if cid >= 0 and columns[cid][5] != _VIRTUAL_GENERATED]
    fields = tuple(
        Field(
            name=columns[cid][1],
            affinity=_affinity(columns[cid][2], strict=bool(strict)),
            not_null=bool(columns[cid][3]),
            generated=columns[cid][5] == _STORED_GENERATED,
        )
        for cid in order
    )
    # An ordinary primary key has an index; the one that is the rowid has none.
    keys = [at for at, cid in enumerate(order) if columns[cid][4]]
    rowid_field = keys[0] if len(keys) == 1 and not key_index and not without_rowid else None
    used = {column[1].lower() for column in columns}
    free = next((alias for alias in _ROWID_NAMES if alias not in used), None)
    return TableShape(
        name=name,
        fields=fields,
        without_rowid=bool(without_rowid),
        rowid_field=rowid_field,
        rowid_name=free if rowid_field is None and not without_rowid else None,
        has_generated=any(field.generated for field in fields),
    )


def _affinity(declared: str | None, *, strict: bool) -> str:
    """Return the affinity of a declared type (https://sqlite.org/datatype3.html section 3.1)."""
    kind = (declared or "").upper()
    if not kind or (strict and kind == "ANY"):
        return "blob"
    return next((name for parts, name in _AFFINITIES if any(p in kind for p in parts)), "numeric")


def _fit(value: Value, field: Field) -> float:
    """Return 0 for what SQLite never stores there, 1 for the usual, between for the odd."""
    if value is None:
        return 0.0 if field.not_null else 0.45
    if field.affinity == "blob":
        return 0.7
    return _FITS.get((_storage(value), field.affinity), 0.3)


def _storage(value: Value) -> str:
    if isinstance(value, str | RawText):
        return "text"
    if isinstance(value, bytes):
        return "blob"
    return "real" if isinstance(value, float) else "integer"
