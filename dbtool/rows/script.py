"""The SQL that turns one state of a database into another, to the last bit of every value.

One transaction. Triggers of the tables that are written are dropped first and made anew last, so
none fires, and what is in the script is all that happens. Foreign keys are not enforced meanwhile:
the pragma has to come before the transaction. Rows that leave come before rows that change, and
those before rows that come; a change of a column with a unique index is such a leaving and coming.
So no statement meets a value that is still taken.

A table whose definition changed is made anew with all its rows. Documents of an FTS5 table that
keeps them go through the table itself; what other virtual tables keep is copied as their shadow
tables hold it, which SQLite allows unless the connection is defensive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from dbtool.core.names import folded, identifier
from dbtool.core.schema import Item, Schema, Table
from dbtool.pages.literals import literal, text_literal
from dbtool.pages.records import Value
from dbtool.rows.compare import OneSided, Pair, TableComparison
from dbtool.rows.subjects import Subject, fts_content

if TYPE_CHECKING:
    from dbtool.rows.diff import Diff

__all__ = ["statements"]

_SEQUENCE = "sqlite_sequence"


def statements(diff: Diff) -> Iterator[str]:
    """Yield the script, a statement or a comment at a time."""
    plan = _Plan(diff)
    yield f"-- turns {_harmless(diff.a.label)} into {_harmless(diff.b.label)}"
    yield from plan.remarks()
    yield "PRAGMA foreign_keys = OFF;"
    yield "PRAGMA ignore_check_constraints = ON;"
    yield "BEGIN IMMEDIATE;"
    yield from plan.removals()
    yield from plan.tables()
    yield from plan.content()
    yield from plan.internals()
    yield from plan.additions()
    yield from plan.settings()
    yield "COMMIT;"
    yield "PRAGMA ignore_check_constraints = OFF;"


class _Plan:
    """What the script does, in the order of its sections."""

    def __init__(self, diff: Diff) -> None:
        self._diff = diff
        self._a, self._b = diff.schemas
        self._encoding = str(diff.connection.pragma("encoding"))
        self._only = {folded(name) for name in diff.options.tables}
        written = [s for s in diff.subjects if s.differs and not _is_system(s.name)]
        self._written = {folded(subject.name): subject for subject in written}
        self._rebuilt = {
            folded(table.name)
            for table in self._b.tables.values()
            if self._wanted(table.item) and table.kind != "shadow" and self._is_redefined(table)
        }
        self._written.update(
            (name, Subject(self._b.tables[name].name, self._a.tables[name], self._b.tables[name]))
            for name in self._rebuilt - set(self._written)
        )

    # -- sections

    def remarks(self) -> Iterator[str]:
        """Say what whoever runs the script should know."""
        yield "-- foreign_keys has to be off before the transaction begins: run the whole script"
        if self._diff.a.page_size != self._diff.b.page_size:
            yield "-- the page size differs; SQL does not change it"
        if any(subject.opaque for subject in self._written.values()):
            yield "-- writes shadow tables of virtual tables: not on a defensive connection"

    def removals(self) -> Iterator[str]:
        """Drop triggers that would fire, and everything that goes or is made anew."""
        for kind in ("trigger", "view", "index"):
            for item in self._gone(kind):
                yield f"DROP {kind.upper()} {identifier(item.name)};"
        for table in self._a.tables.values():
            name = folded(table.name)
            going = name not in self._b.tables or name in self._rebuilt
            ours = table.kind != "shadow" and not _is_system(name)
            if going and ours and self._wanted(table.item):
                yield f"DROP TABLE {identifier(table.name)};"

    def tables(self) -> Iterator[str]:
        """Make the tables that came or changed."""
        for item in self._items(self._b, "table"):
            name = folded(item.name)
            table = self._b.tables.get(name)
            coming = name not in self._a.tables or name in self._rebuilt
            if coming and table and table.kind != "shadow" and not _is_system(name):
                yield _closed(item.sql)

    def content(self) -> Iterator[str]:
        """Change the rows."""
        for subject in self._written.values():
            if subject.b is None:
                continue
            fresh = subject.a is None or folded(subject.name) in self._rebuilt
            if subject.b.kind == "virtual" and fts_content(self._b, subject.b) is None:
                yield from self._shadows(subject.b, fresh=fresh)
            elif fresh:
                yield from self._rows(OneSided(self._diff.connection, subject.b, "b"), subject.b)
            else:
                yield from self._rows(self._diff.comparison(subject), subject.b)

    def internals(self) -> Iterator[str]:
        """Bring the tables of SQLite itself into line: counters and statistics."""
        yield from self._sequence()
        if not self._only:
            yield from self._statistics()

    def additions(self) -> Iterator[str]:
        """Make indexes, views and triggers that came, changed, or were dropped on the way."""
        for kind in ("index", "view", "trigger"):
            dropped = {folded(item.name) for item in self._gone(kind)}
            for item in self._items(self._b, kind):
                name = folded(item.name)
                with_table = kind == "index" and (
                    folded(item.table) in self._rebuilt or folded(item.table) not in self._a.tables
                )
                if item.sql and (
                    name in dropped or with_table or (kind, name) not in self._a.items
                ):
                    yield _closed(item.sql)

    def settings(self) -> Iterator[str]:
        """Set what the header holds for the application."""
        for name, value in self._b.settings.items():
            if value != self._a.settings[name] and not self._only:
                yield f"PRAGMA {name} = {value};"

    # -- what is concerned

    def _wanted(self, item: Item) -> bool:
        return not self._only or folded(item.table) in self._only

    def _is_redefined(self, table: Table) -> bool:
        old = self._a.tables.get(folded(table.name))
        return old is not None and (old.item.sql, old.kind) != (table.item.sql, table.kind)

    def _items(self, schema: Schema, kind: str) -> list[Item]:
        return [i for (k, _), i in schema.items.items() if k == kind and self._wanted(i)]

    def _gone(self, kind: str) -> list[Item]:
        """Return what has to be dropped by itself before the tables are touched."""
        found = []
        views = {
            folded(item.name)
            for item in self._items(self._a, "view")
            if not _same(item, self._b.items.get(("view", folded(item.name))))
        }
        for item in self._items(self._a, kind):
            owner = folded(item.table)
            on_written = owner in self._written or owner in views
            table_goes = owner in self._rebuilt or owner not in self._b.tables
            differs = not _same(item, self._b.items.get((kind, folded(item.name))))
            by_itself = {
                "trigger": differs or on_written,
                "view": differs,
                "index": bool(item.sql) and differs and not table_goes,
            }
            if by_itself[kind]:
                found.append(item)
        return found

    # -- rows

    def _rows(self, comparison: TableComparison | OneSided, table: Table) -> Iterator[str]:
        writer = _Writer(table, comparison, self._encoding)
        phases: list[tuple[Callable[[Pair], Iterator[str]], ...]]
        if isinstance(comparison, OneSided) or not table.unique:
            phases = [(writer.delete, writer.update, writer.insert)]
        else:
            phases = [(writer.delete,), (writer.update,), (writer.insert,)]
        for phase in phases:
            for pair in comparison.pairs(moved=True):
                for step in phase:
                    yield from step(pair)

    def _shadows(self, table: Table, *, fresh: bool) -> Iterator[str]:
        for shadow in self._b.shadows(table):
            old = self._a.tables.get(folded(shadow.name))
            if fresh or old is None:
                yield f"DELETE FROM {identifier(shadow.name)};"
                yield from self._rows(OneSided(self._diff.connection, shadow, "b"), shadow)
            else:
                both = TableComparison(self._diff.connection, old, shadow, None)
                yield from self._rows(both, shadow)

    def _sequence(self) -> Iterator[str]:
        """Set the counters of AUTOINCREMENT, which the inserts above have moved."""
        old, new = self._a.tables.get(_SEQUENCE), self._b.tables.get(_SEQUENCE)
        if old is None and new is None:
            return
        where = ""
        if self._only:
            names = ", ".join(text_literal(s.name) for s in self._written.values())
            where = f" WHERE name IN ({names or 'NULL'})"
        yield f"DELETE FROM {_SEQUENCE}{where};"
        if new is None:
            return
        for name, number in self._diff.connection.execute(
            f"SELECT name, seq FROM b.{_SEQUENCE}{where}"
        ):
            values = f"{literal(name, self._encoding)}, {literal(number, self._encoding)}"
            yield f"INSERT INTO {_SEQUENCE}(name, seq) VALUES({values});"

    def _statistics(self) -> Iterator[str]:
        """Copy what ANALYZE found; its tables cannot be created by name."""
        names = ("sqlite_stat1", "sqlite_stat4")
        old = [name for name in names if name in self._a.tables]
        new = [name for name in names if name in self._b.tables]
        if new and set(new) - set(old):
            made = identifier("dbtool-makes-sqlite_stat")
            yield f"CREATE TABLE {made}(x PRIMARY KEY);"
            yield f"ANALYZE {made};"
            yield f"DROP TABLE {made};"
        yield from (
            f"DROP TABLE IF EXISTS {name};" for name in names if name not in new and (new or old)
        )
        for name in new:
            here, there = self._a.tables.get(name), self._b.tables[name]
            if here is None:
                rows = OneSided(self._diff.connection, there, "b")
                yield from self._rows(rows, there)
            else:
                both = TableComparison(self._diff.connection, here, there, None)
                yield from self._rows(both, there)


class _Writer:
    """Writes the statements for the rows of one table."""

    def __init__(self, table: Table, comparison: TableComparison | OneSided, encoding: str) -> None:
        self._name = identifier(table.name)
        self._encoding = encoding
        self._columns = [name for _, name in comparison.columns]
        self._rowid = None if table.without_rowid else table.rowid
        self._has_alias = table.alias is not None
        self._key = [part.column for part in table.key]
        self._unique = table.unique
        self._can_update = table.kind != "virtual"

    def delete(self, pair: Pair) -> Iterator[str]:
        """Yield the removal of a row that goes, or that cannot be changed in place."""
        if pair.old is not None and not self._in_place(pair):
            yield f"DELETE FROM {self._name} WHERE {self._where(pair)};"

    def update(self, pair: Pair) -> Iterator[str]:
        """Yield the change of a row in place."""
        if self._in_place(pair):
            sets = ", ".join(
                f"{identifier(self._columns[at])} = {literal(value, self._encoding)}"
                for at, value in self._differing(pair)
            )
            yield f"UPDATE {self._name} SET {sets} WHERE {self._where(pair)};"

    def insert(self, pair: Pair) -> Iterator[str]:
        """Yield the insertion of a row that comes, or comes again."""
        if pair.new is None or self._in_place(pair):
            return
        names = [identifier(name) for name in self._columns]
        values = [literal(value, self._encoding) for value in pair.new]
        if self._rowid is not None and not self._has_alias:
            names.insert(0, identifier(self._rowid))
            values.insert(0, str(pair.new_rowid))
        yield f"INSERT INTO {self._name}({', '.join(names)}) VALUES({', '.join(values)});"

    def _in_place(self, pair: Pair) -> bool:
        if pair.old is None or pair.new is None or pair.old_rowid != pair.new_rowid:
            return False
        changed = {folded(self._columns[at]) for at, _ in self._differing(pair)}
        return bool(changed) and not any(
            columns is None or changed & {folded(name) for name in columns}
            for columns in self._unique
        )

    def _differing(self, pair: Pair) -> list[tuple[int, Value]]:
        assert pair.old is not None
        assert pair.new is not None
        return [
            (at, new)
            for at, (old, new) in enumerate(zip(pair.old, pair.new, strict=True))
            if type(old) is not type(new) or old != new
        ]

    def _where(self, pair: Pair) -> str:
        if self._rowid is not None:
            return f"{identifier(self._rowid)} = {pair.old_rowid}"
        assert pair.old is not None
        values = {folded(n): v for n, v in zip(self._columns, pair.old, strict=True)}
        return " AND ".join(
            f"{identifier(name)} = {literal(values[folded(name)], self._encoding)}"
            for name in self._key
        )


def _same(one: Item, other: Item | None) -> bool:
    return other is not None and (one.sql, folded(one.table)) == (other.sql, folded(other.table))


def _is_system(name: str) -> bool:
    return folded(name).startswith("sqlite_")


def _closed(sql: str | None) -> str:
    """End a statement, even one that ends in a comment."""
    return f"{sql}\n;" if sql and "--" in sql else f"{sql};"


def _harmless(label: str) -> str:
    return label.encode("unicode_escape").decode("ascii")
