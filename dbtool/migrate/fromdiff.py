"""The migration that brings a database to a schema.sql, and back.

ALTER TABLE where SQLite can do it on a table with rows, `-- dbtool:rebuild` where it cannot; what
the order is does not depend on the names. The way is walked on a replica first: a migration that
does not end at the schema that was asked for is never returned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.core.schema import Table
from dbtool.core.schemadiff import SchemaChange
from dbtool.errors import DbtoolError
from dbtool.migrate.altering import alterations, written
from dbtool.migrate.canonical import canonical_sql, external_content
from dbtool.migrate.drift import schema_drift
from dbtool.migrate.replica import Replica
from dbtool.migrate.tokens import tokens

__all__ = ["SchemaWay", "way_between"]

_CONSTANTS: Final = frozenset({"TRUE", "FALSE"})
_KINDS: Final = ("trigger", "view", "index")


@dataclass(slots=True)
class SchemaWay:
    """What leads from one schema to another."""

    parts: list[str] = field(default_factory=list)
    """SQL as it stands in a migration, each part with its semicolon; rebuilds with their line."""
    losses: list[str] = field(default_factory=list)
    """What is lost with it, such as `table orders`, for people."""
    unfilled: list[str] = field(default_factory=list)
    """Columns `table.column` that are NOT NULL and say nothing of what old rows have there."""

    @property
    def text(self) -> str:
        """The section of a migration."""
        lines: list[str] = []
        for part in self.parts:
            apart = "\n" in part or (lines and "\n" in lines[-1])
            lines.append(f"\n{part}" if apart and lines else part)
        return "".join(f"{line}\n" for line in lines)


def way_between(old: Replica, new: Replica) -> SchemaWay:
    """Return the way from one schema to another.

    Args:
        old: where it begins; is at the end of the way afterwards.
        new: where it ends.

    Raises:
        DbtoolError: `schema-way-not-found`, what it found does not lead there.
    """
    return _Walk(old, new).walk()


class _Walk:
    def __init__(self, old: Replica, new: Replica) -> None:
        self.replica = old
        self.target = new
        self.a, self.b = old.schema(), new.schema()
        self.way = SchemaWay()
        changes = [c for c in schema_drift(self.a, self.b) if c.kind != "column"]
        self.going = {_key(c): c for c in changes if c.what != "added"}
        self.coming = {_key(c): c for c in changes if c.what != "removed"}
        self.altered = [c for c in changes if c.what == "changed" and c.kind == "table"]
        for change in self.altered:
            if not self._is_virtual(change):
                del self.going[_key(change)], self.coming[_key(change)]
        self.altered = [c for c in self.altered if _key(c) not in self.going]
        self._take_along()

    def walk(self) -> SchemaWay:
        """Return the way."""
        try:
            self._drop()
            for change in self.altered:
                self._alter(change)
            self._create()
        except apsw.Error as error:
            raise self._lost(str(error)) from error
        left = schema_drift(self.replica.schema(), self.b)
        if left:
            raise self._lost(f"{left[0].kind} {left[0].name} would not be as it should")
        return self.way

    def _lost(self, why: str) -> DbtoolError:
        return DbtoolError(
            "schema-way-not-found",
            "no migration was found that leads to this schema",
            context=why,
            hint="write it by hand: dbtool migrate new NAME",
        )

    def _is_virtual(self, change: SchemaChange) -> bool:
        tables = (self.a.tables.get(folded(change.name)), self.b.tables.get(folded(change.name)))
        return any(table is not None and table.kind == "virtual" for table in tables)

    def _take_along(self) -> None:
        """Let triggers of views that go and come, and all that hangs on tables, do the same."""
        for kind in ("trigger", "index"):
            for (each, name), item in self.b.items.items():
                owner = folded(item.table)
                renewed = any(
                    key in self.going and key in self.coming
                    for key in (("view", owner), ("table", owner))
                )
                if each == kind and item.sql and renewed and (kind, name) not in self.coming:
                    change = SchemaChange(
                        "changed", kind, item.name, item.table, item.sql, item.sql
                    )
                    self.coming[kind, name] = self.going[kind, name] = change

    # -- the steps

    def _run(self, sql: str) -> None:
        self.replica.execute(sql)
        self.way.parts.append(f"{sql};")

    def _drop(self) -> None:
        for kind in (*_KINDS, "table"):
            for (each, _), change in list(self.going.items()):
                if each == kind and not self._goes_with_its_table(change):
                    self._run(f"DROP {kind.upper()} {written(change.name)}")
                    if kind == "table":
                        self.way.losses.append(f"table {change.name}")

    def _goes_with_its_table(self, change: SchemaChange) -> bool:
        """Say whether dropping its table or view drops it as well."""
        if change.kind not in ("trigger", "index"):
            return False
        owner = folded(change.table)
        if change.kind == "trigger" and ("view", owner) in self.going:
            return not self._exists("trigger", change.name)
        return ("table", owner) in self.going and change.what == "removed"

    def _exists(self, kind: str, name: str) -> bool:
        return bool(self.replica.definition(kind, name))

    def _alter(self, change: SchemaChange) -> None:
        assert change.old is not None
        assert change.new is not None
        before, after = self.a.tables[folded(change.name)], self.b.tables[folded(change.name)]
        self._note_losses(before, after)
        statements = alterations(self.replica, change.old, change.new)
        if statements is not None:
            self.way.parts += [f"{statement};" for statement in statements]
            return
        create = canonical_sql("table", change.new)
        lines = [f"-- dbtool:rebuild {change.name}", f"{create};"]
        lines += [f"-- dbtool:map {c} = {e}" for c, e in self._maps(before, after)]
        self.way.parts.append("\n".join(lines))
        lost = self.replica.rebuild(change.name, create)
        if lost:
            kind, name, why = lost[0]
            raise self._lost(f"{kind} {name} does not fit the table {change.name}: {why}")

    def _maps(self, before: Table, after: Table) -> list[tuple[str, str]]:
        """Return what fills columns that may no longer be NULL."""
        maps = []
        old = {folded(column.name) for column in before.columns}
        required = {folded(name): default for name, default in self._required(before, after)}
        for column in after.columns:
            if folded(column.name) not in required:
                continue
            default = required[folded(column.name)]
            known = folded(column.name) in old
            if known and default is not None and _is_expression(default):
                name = written(column.name)
                maps.append((name, f"coalesce({name}, {default})"))
            elif not known and default is None:
                self.way.unfilled.append(f"{after.name}.{column.name}")
        return maps

    def _required(self, before: Table, after: Table) -> list[tuple[str, str | None]]:
        """Return (name, default) of columns that are NOT NULL and may have been NULL before."""
        # The replica still holds the old table while its rebuild is written.
        old = self._columns(self.replica, before)
        safe = {folded(name) for name, not_null, _ in old if not_null}
        return [
            (name, default)
            for name, not_null, default in self._columns(self.target, after)
            if not_null and folded(name) not in safe
        ]

    @staticmethod
    def _columns(replica: Replica, table: Table) -> list[tuple[str, bool, str | None]]:
        rows = replica.rows(
            'SELECT name, "notnull", dflt_value FROM pragma_table_xinfo(?) WHERE hidden = 0',
            (table.name,),
        )
        return [(str(name), bool(not_null), default) for name, not_null, default in rows]

    def _note_losses(self, before: Table, after: Table) -> None:
        kept = {folded(column.name) for column in after.columns}
        self.way.losses += [
            f"column {before.name}.{column.name}"
            for column in before.columns
            if folded(column.name) not in kept and not column.generated
        ]

    def _create(self) -> None:
        for kind in ("table", "virtual table", "index", "view", "trigger"):
            for key, change in self.coming.items():
                virtual = key[0] == "table" and self._is_virtual(change)
                if ("virtual table" if virtual else key[0]) == kind:
                    assert change.new is not None
                    self._run(canonical_sql(key[0], change.new))
                    if virtual and external_content(change.new) is not None:
                        name = written(change.name)
                        self._run(f"INSERT INTO {name}({name}) VALUES ('rebuild')")  # noqa: S608 - quoted


def _key(change: SchemaChange) -> tuple[str, str]:
    return change.kind.removeprefix("virtual "), folded(change.name)


def _is_expression(default: str) -> bool:
    """Say whether the text of a default can stand anywhere; a bare word there is a string."""
    listed = [token for token in tokens(default) if token.kind not in ("space", "comment")]
    if len(listed) == 1 and listed[0].kind in ("word", "name"):
        word = listed[0].text.upper()
        return word in _CONSTANTS or word.startswith("CURRENT_")
    return True
