"""Whether ALTER TABLE can turn one definition of a table into another, as SQLite itself answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apsw

from dbtool.core.names import folded, identifier
from dbtool.migrate.canonical import TableText, is_plain_name, meaning, read_table, spelled
from dbtool.migrate.replica import Replica
from dbtool.migrate.tokens import Token

__all__ = ["add_column_problem", "alterations", "written"]


def written(name: str) -> str:
    """Return a name as people write it: in quotes only where it needs them."""
    return name if is_plain_name(name) else identifier(name)


def add_column_problem(definition: Sequence[Token], others: Iterable[str] = ()) -> str:
    """Return why ALTER TABLE cannot add a column to a table that has rows; empty: it can.

    Args:
        definition: the column, its name first.
        others: names of the columns that the table has.
    """
    trial = Replica()
    try:
        columns = ", ".join(map(identifier, ["dbtool_trial", *others]))
        trial.execute(f"CREATE TABLE one({columns})")
        trial.execute("INSERT INTO one DEFAULT VALUES")
        trial.execute("PRAGMA foreign_keys = ON")
        trial.execute(f"ALTER TABLE one ADD COLUMN {spelled(definition)}")
    except apsw.Error as error:
        return str(error)
    finally:
        trial.close()
    return ""


def alterations(replica: Replica, old_sql: str, new_sql: str) -> list[str] | None:
    """Return the ALTER TABLE statements between two definitions; None: it takes a rebuild.

    Args:
        replica: holds the schema with the old definition; is left with the new one, or as it was.
        old_sql: the definition that it has.
        new_sql: the one that is wanted.
    """
    old, new = read_table(old_sql), read_table(new_sql)
    if old is None or new is None or not _only_columns_differ(old, new):
        return None
    table = written(old.name)
    statements = [
        f"ALTER TABLE {table} DROP COLUMN {written(name)}"
        for name, _ in old.columns
        if new.column(name) is None
    ]
    added = [text for name, text in new.columns if old.column(name) is None]
    kept = [name for name, _ in new.columns if old.column(name) is not None]
    if any(add_column_problem(text, kept) for text in added):
        return None
    statements += [f"ALTER TABLE {table} ADD COLUMN {spelled(text)}" for text in added]
    return statements if _leads_to(replica, statements, old.name, new_sql) else None


def _only_columns_differ(old: TableText, new: TableText) -> bool:
    kept = [folded(name) for name, _ in old.columns if new.column(name) is not None]
    coming = [folded(name) for name, _ in new.columns if old.column(name) is None]
    if not kept or [folded(name) for name, _ in new.columns] != kept + coming:
        return False
    same = all(
        meaning(text) == meaning(other)
        for name, text in old.columns
        if (other := new.column(name)) is not None
    )
    return same and (
        [meaning(text) for text in old.constraints] == [meaning(text) for text in new.constraints]
        and sorted(meaning(old.options)) == sorted(meaning(new.options))
    )


def _leads_to(replica: Replica, statements: list[str], table: str, wanted: str) -> bool:
    replica.execute("SAVEPOINT altering")
    try:
        for statement in statements:
            replica.execute(statement)
        if meaning(replica.definition("table", table)) == meaning(wanted):
            replica.execute("RELEASE altering")
            return True
    except apsw.Error:
        pass
    replica.execute("ROLLBACK TO altering")
    replica.execute("RELEASE altering")
    return False
