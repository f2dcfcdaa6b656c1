"""Rows as Parquet, for analytics; needs pyarrow, the extra `parquet`.

Parquet has one type for a column and SQLite one for each value, so the rows are looked at twice in
the same transaction: once for the types that a column holds, once to write them.

    only integers           int64
    only numbers            float64, where every integer among them is exact in it
    only text               string
    only BLOBs              binary
    nothing at all          as the column is declared
    a mixture               string, each value as in CSV; counted as a loss

The declared type is kept in the metadata of each field (`sqlite_type`). Text that is not valid in
its encoding cannot be a string of Parquet and ends the export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import apsw

from dbtool.core.names import distinct
from dbtool.core.progress import Progress
from dbtool.core.stoppable import stoppable
from dbtool.errors import DbtoolError, UsageError
from dbtool.pages.records import RawText
from dbtool.transfer.export.losses import Losses
from dbtool.transfer.export.reading import RowSource, Value, batches
from dbtool.transfer.export.separated import plain
from dbtool.transfer.export.sink import Sink

__all__ = ["MIXED", "write_parquet"]

MIXED: Final = "columns with values of several types are written as text"
_FLOATED: Final = "integers among floating-point numbers are written as such"
_GROUP_BYTES: Final = 16 << 20
_GROUP_ROWS: Final = 1 << 17
_EXACT: Final = 1 << 53
"""Largest integer up to which every one is exact as a float."""
_COLUMNS_A_LOOK: Final = 300
_QUESTIONS: Final = 5


class _Held(NamedTuple):
    """How many values of each type a column holds."""

    integers: int
    reals: int
    texts: int
    blobs: int
    large: int
    """Integers that a float does not hold exactly."""


def write_parquet(
    connection: apsw.Connection, source: RowSource, sink: Sink, losses: Losses, progress: Progress
) -> int:
    """Write the rows of one source; return how many there were.

    Raises:
        UsageError: `extra-missing`, pyarrow is not installed.
        DbtoolError: `value-not-held`, text that is not valid.
    """
    pa, pq = _pyarrow()
    losses.table = source.name
    progress.start(f"looking at {source.name}", None, "rows")
    with stoppable(connection, progress):
        held = list(_look(connection, source))
    kinds = [_kind(each, column.type) for each, column in zip(held, source.columns, strict=True)]
    _count(held, kinds, [column.type for column in source.columns], losses)
    fields = [
        pa.field(name, getattr(pa, kind)(), metadata={"sqlite_type": column.type})
        for name, kind, column in zip(
            distinct([column.name for column in source.columns]), kinds, source.columns, strict=True
        )
    ]
    schema = pa.schema(fields)
    makers = [_maker(kind, each) for kind, each in zip(kinds, held, strict=True)]
    progress.start(f"exporting {source.name}", None, "rows")
    rows, size_bytes, waiting = 0, 0, []
    with pq.ParquetWriter(_File(sink), schema, compression="zstd") as writer:
        for batch in batches(connection, source, progress):
            made = _made(pa, schema, makers, list(zip(*batch, strict=True)), source.name)
            waiting.append(made)
            size_bytes += made.nbytes
            rows += len(batch)
            if size_bytes >= _GROUP_BYTES or len(waiting) >= _GROUP_ROWS // len(batch):
                writer.write_table(pa.Table.from_batches(waiting))
                waiting, size_bytes = [], 0
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting))
    progress.finish()
    return rows


class _File:
    """What pyarrow writes to: a sink that looks like a file."""

    closed = False

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._at = 0

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._sink.write(piece)
        self._at += len(piece)
        return len(piece)

    def tell(self) -> int:
        return self._at

    def flush(self) -> None:
        """Leave it to the sink."""

    def close(self) -> None:
        """Leave it to the sink."""

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise UsageError(
            "extra-missing",
            "Parquet needs the library pyarrow, which is not installed",
            hint="pip install 'dbtool[parquet]'",
        ) from error
    return pyarrow, pyarrow.parquet


def _look(connection: apsw.Connection, source: RowSource) -> Iterator[_Held]:
    """Yield what each column holds."""
    names = [f"c{number}" for number in range(len(source.columns))]
    for begin in range(0, len(names), _COLUMNS_A_LOOK):
        some = names[begin : begin + _COLUMNS_A_LOOK]
        chosen = ", ".join(
            f"total(typeof({c}) = 'integer'), total(typeof({c}) = 'real'),"
            f" total(typeof({c}) = 'text'), total(typeof({c}) = 'blob'),"
            f" total(typeof({c}) = 'integer' AND ({c} > {_EXACT} OR {c} < -{_EXACT}))"
            for c in some
        )
        sql = f"WITH q({', '.join(names)}) AS ({source.sql}\n) SELECT {chosen} FROM q"
        totals = [0] * (len(some) * _QUESTIONS)
        for values in source.bindings:
            answer: Any = connection.execute(sql, values).fetchall()[0]
            totals = [a + int(b) for a, b in zip(totals, answer, strict=True)]
        for number in range(0, len(totals), _QUESTIONS):
            yield _Held(*totals[number : number + _QUESTIONS])


def _kind(held: _Held, declared: str) -> str:
    """Return the name of pyarrow's function that makes the type of a column."""
    kinds = {name for name in ("integers", "reals", "texts", "blobs") if getattr(held, name)}
    if not kinds:
        return _of_declared(declared.upper())
    if kinds == {"integers"}:
        return "int64"
    if kinds <= {"integers", "reals"} and not held.large:
        return "float64"
    return "binary" if kinds == {"blobs"} else "string"


def _of_declared(declared: str) -> str:
    """Choose as SQLite chooses an affinity (https://sqlite.org/datatype3.html#type_affinity)."""
    for words, kind in (
        (("INT",), "int64"),
        (("CHAR", "CLOB", "TEXT"), "string"),
        (("BLOB",), "binary"),
        (("REAL", "FLOA", "DOUB", "NUM", "DEC"), "float64"),
    ):
        if any(word in declared for word in words):
            return kind
    return "string"


def _count(held: list[_Held], kinds: list[str], declared: list[str], losses: Losses) -> None:
    for each, kind, name in zip(held, kinds, declared, strict=True):
        others = each.integers + each.reals + each.blobs
        if kind == "string" and others:
            losses.count(MIXED, others)
        # SQLite itself makes 1 of 1.0 in a column of that affinity, and would again.
        if kind == "float64" and each.integers and _of_declared(name.upper()) != "float64":
            losses.count(_FLOATED, each.integers)


def _maker(kind: str, held: _Held) -> Callable[[Value], Value] | None:
    """Return what makes a value of a column fit; None: it does as it is."""
    if kind == "float64" and held.integers:
        return lambda value: None if value is None else float(value)
    if kind == "string":
        return _text
    return None


def _text(value: Value) -> Value:
    if value is None or type(value) is str:
        return value
    if isinstance(value, RawText):
        raise TypeError("text that is not valid in its encoding")
    return plain(value, Losses())


def _made(
    pa: Any,
    schema: Any,
    makers: list[Callable[[Value], Value] | None],
    columns: list[tuple[Value, ...]],
    table: str,
) -> Any:
    try:
        arrays = [
            pa.array(values if make is None else list(map(make, values)), type=field.type)
            for values, make, field in zip(columns, makers, schema, strict=True)
        ]
    except (TypeError, OverflowError, pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DbtoolError(
            "value-not-held",
            f"{table} has a value that Parquet does not hold",
            context=str(error),
            hint="--as ndjson holds every value",
        ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
