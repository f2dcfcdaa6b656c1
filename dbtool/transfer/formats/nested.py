"""Objects into rows: what becomes of objects and lists inside them.

`json` keeps a nested value as JSON text in one column; `flatten` gives every value of a nested
object a column of its own (`address_city`), lists stay JSON; `child-tables` flattens objects and
puts the items of a list into a table of their own, with the key of the row that they belong to and
their place in the list.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any, Literal

from dbtool.errors import UsageError
from dbtool.transfer.formats.batch import Batch

__all__ = ["MOST_COLUMNS", "Nesting", "Tabler", "as_batch"]

Nesting = Literal["json", "flatten", "child-tables"]

MOST_COLUMNS = 2000
"""As many as SQLite gives a table."""
_VALUE, _PLACE = "value", "position"


class Tabler:
    """Makes batches of records, by one way of nesting."""

    def __init__(self, nesting: Nesting, key: Sequence[str] = ()) -> None:
        """Remember the way.

        Args:
            nesting: what becomes of nested values.
            key: columns that name a row; child tables repeat them.

        Raises:
            UsageError: `key-missing`, child tables without a key.
        """
        if nesting == "child-tables" and not key:
            raise UsageError(
                "key-missing",
                "rows of child tables need the key of the row that they belong to",
                hint="name it, as in: --child-tables --pk id",
            )
        self._nesting = nesting
        self._key = tuple(key)
        self._names: dict[str, tuple[str, ...]] = {}

    def batches(self, table: str, records: list[Any]) -> tuple[Batch, ...]:
        """Return the rows of `records`; what is no object becomes a column `value`."""
        if not set(map(type, records)) <= {dict}:
            records = [r if isinstance(r, dict) else {_VALUE: r} for r in records]
        if self._nesting == "json" or not records:
            return (self._batch(table, records, None),)
        if self._nesting == "flatten":
            return (self._batch(table, [_flat(r) for r in records], None),)
        return self._with_children(table, records)

    def _batch(self, table: str, records: list[Any], of: list[int] | None) -> Batch:
        batch = as_batch(table, records, self._names.get(table, ()), of)
        self._names[table] = batch.names
        return batch

    def _with_children(self, table: str, records: list[Any]) -> tuple[Batch, ...]:
        parents: list[dict[str, Any]] = []
        children: dict[str, tuple[list[dict[str, Any]], list[int]]] = {}
        for index, record in enumerate(records):
            flat = _flat(record)
            lists = {name: value for name, value in flat.items() if isinstance(value, list)}
            key = {f"{table}_{name}": flat.get(name) for name in self._key}
            for name, items in lists.items():
                del flat[name]
                rows, of = children.setdefault(f"{table}_{name}", ([], []))
                rows += [_child(item, key, place) for place, item in enumerate(items)]
                of += repeat(index, len(items))
            parents.append(flat)
        made = [self._batch(name, rows, of) for name, (rows, of) in children.items()]
        return (self._batch(table, parents, None), *made)


def as_batch(
    table: str, records: list[dict[str, Any]], names: tuple[str, ...], of: list[int] | None = None
) -> Batch:
    """Return records as rows; a key that a record does not have is NULL in its row.

    Args:
        table: its name.
        records: objects.
        names: columns known from before; new ones follow them.
        of: see `Batch.records`.

    Raises:
        UsageError: `too-many-columns`.
    """
    names = names or tuple(records[0] if records else ())
    if len(names) > 1 and sum(map(len, records)) == len(records) * len(names):
        try:
            return Batch(table, names, list(map(itemgetter(*names), records)), of)
        except KeyError:
            pass
    known = dict.fromkeys(names)
    for record in records:
        known.update(dict.fromkeys(record))
    names = tuple(known)
    _require_few(table, len(names))
    return Batch(table, names, [[record.get(name) for name in names] for record in records], of)


def _require_few(table: str, count: int) -> None:
    if count > MOST_COLUMNS:
        raise UsageError(
            "too-many-columns",
            f"{table} would have {count:,} columns, and SQLite has at most {MOST_COLUMNS:,}",
            context="the names of columns are the keys of the objects",
            hint="if the keys are values, turn the objects into lists of pairs first",
        )


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    if dict not in map(type, record.values()):
        return dict(record)
    made: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            for inner, item in _flat(value).items():
                _put(made, f"{name}_{inner}", item)
        else:
            _put(made, name, value)
    return made


def _put(made: dict[str, Any], name: str, value: Any) -> None:
    if name in made:
        raise UsageError(
            "flatten-conflict",
            f"two values would both be the column {name}",
            context="an object has the key both by itself and through a nested object",
            hint="keep nested values as JSON: --json-values",
        )
    made[name] = value


def _child(item: Any, key: dict[str, Any], place: int) -> dict[str, Any]:
    fields = _flat(item) if isinstance(item, dict) else {_VALUE: item}
    return {**key, _PLACE: place, **fields}
