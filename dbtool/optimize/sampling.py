"""How many rows tables have and how many different values their columns, guessed from a sample.

The guesses choose what is worth measuring; nothing that is shown to people comes from them.
The number of values is that of Haas and Stokes (Duj1), as PostgreSQL's ANALYZE takes it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import apsw

from dbtool.core.names import identifier
from dbtool.optimize.definition import IndexDefinition

__all__ = ["Samples"]

_WHOLE: Final = 8_000
"""Rows up to which a table is read whole."""
_PROBES: Final = 3_000
_FEW_VALUES: Final = 32
_RARER: Final = 2
"""How many times rarer than the average of its column a value is that gets a partial index."""

Value = int | float | str | bytes | None


class Samples:
    """Samples of the tables of one connection; each is taken when it is first needed."""

    def __init__(self, source: apsw.Connection, definitions: Iterable[IndexDefinition]) -> None:
        self._source = source
        self._random = random.Random(1)  # noqa: S311 - the same advice for the same database
        self._wanted: dict[str, dict[str, int]] = {}
        for definition in definitions:
            columns = self._wanted.setdefault(definition.table, {})
            for text in _texts(definition):
                columns.setdefault(text, len(columns))
        self._rows: dict[str, int] = {}
        self._samples: dict[str, list[tuple[Value, ...]]] = {}
        self.failed: set[str] = set()
        """Expressions and conditions that do not work on their table."""

    def rows(self, table: str) -> int:
        """Return how many rows a table has."""
        if table not in self._rows:
            sql = f"SELECT count(*) FROM {identifier(table)}"
            self._rows[table] = int(self._source.execute(sql).get)
        return self._rows[table]

    def common_value(self, definition: IndexDefinition) -> bool:
        """Say whether a partial index is for a value like others, so of no use to the next one.

        A value that is singled out has to be rare among few: a state that rows soon leave.
        """
        if not definition.singled_out:
            return False
        sample = self._sample(definition.table)
        places = self._wanted[definition.table]
        column = places[identifier(definition.singled_out)]
        condition = places[f"({definition.where})"]
        values = len({row[column] for row in sample})
        chosen = sum(1 for row in sample if row[condition])
        return values > _FEW_VALUES or chosen * values * _RARER > len(sample)

    def stat1(self, definition: IndexDefinition) -> str | None:
        """Return the row of sqlite_stat1 that ANALYZE would write, or None where it cannot be."""
        sample = self._sample(definition.table)
        columns = self._wanted[definition.table]
        if any(text in self.failed for text in _texts(definition)):
            return None
        rows = self.rows(definition.table)
        chosen: Sequence[tuple[Value, ...]] = sample
        if definition.where:
            at = columns[f"({definition.where})"]
            chosen = [row for row in sample if row[at]]
            rows = max(1, round(rows * len(chosen) / len(sample))) if sample else 0
        places = [columns[term.value()] for term in definition.terms]
        numbers = [max(rows, 1)]
        for length in range(1, len(places) + 1):
            keys = Counter(tuple(row[at] for at in places[:length]) for row in chosen)
            numbers.append(max(1, round(rows / distinct(keys, rows))))
        return " ".join(map(str, numbers))

    def _sample(self, table: str) -> list[tuple[Value, ...]]:
        if table not in self._samples:
            self._samples[table] = self._taken(table)
        return self._samples[table]

    def _taken(self, table: str) -> list[tuple[Value, ...]]:
        texts = list(self._wanted[table])
        name = identifier(table)
        for text in texts:
            try:
                self._source.execute(f"SELECT {text} FROM {name} LIMIT 0").fetchall()
            except apsw.Error:
                self.failed.add(text)
        chosen = ", ".join("NULL" if text in self.failed else text for text in texts)
        if self.rows(table) <= _WHOLE:
            return self._source.execute(f"SELECT {chosen} FROM {name}").fetchall()
        try:
            low, high = self._source.execute(f"SELECT min(rowid), max(rowid) FROM {name}").get
        except apsw.SQLError:  # WITHOUT ROWID
            return self._source.execute(f"SELECT {chosen} FROM {name} LIMIT {_WHOLE}").fetchall()
        probe = f"SELECT rowid, {chosen} FROM {name} WHERE rowid >= ? LIMIT 1"
        found: dict[int, tuple[Value, ...]] = {}
        for _ in range(_PROBES):
            row: Any = self._source.execute(probe, (self._random.randint(low, high),)).get
            if row is not None:
                found[row[0]] = tuple(row[1:])
        return list(found.values())


def distinct(keys: Counter[Any], rows: int) -> float:
    """Return how many different keys a table of `rows` has, from those of a sample of it."""
    taken = keys.total()
    if not taken:
        return 1.0
    if taken >= rows:
        return float(len(keys))
    single = sum(1 for count in keys.values() if count == 1)
    divisor = taken - single + single * taken / rows
    return min(float(rows), max(1.0, taken * len(keys) / divisor))


def _texts(definition: IndexDefinition) -> list[str]:
    texts = [term.value() for term in definition.terms]
    if definition.singled_out:
        texts.append(identifier(definition.singled_out))
    return [*texts, f"({definition.where})"] if definition.where else texts
