"""Rules about what a migration adds to tables that have rows already."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from dbtool.core.names import folded
from dbtool.core.schema import Table
from dbtool.migrate.altering import add_column_problem
from dbtool.migrate.canonical import read_table
from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.trial import Moment
from dbtool.migrate.tokens import Token

__all__ = ["LARGE_ROWS", "columns_added", "large_rewrites", "made_unique"]

LARGE_ROWS: Final = 500_000
"""Rows from which on a table counts as large."""


def columns_added(context: Context) -> None:
    """add-not-null-no-default and add-column-nonconstant-default, as SQLite itself answers."""
    for moment in context.trial.moments:
        if moment.rebuild is not None:
            _rebuilt(context, moment)
        elif moment.verb == "ALTER TABLE":
            _added(context, moment)


def _added(context: Context, moment: Moment) -> None:
    definition = _added_column(moment.words)
    for name, table in moment.after.tables.items():
        before = moment.before.tables.get(name)
        if before is None or len(table.columns) <= len(before.columns) or not definition:
            continue
        if not context.is_old(moment, name) or not context.may_have_rows(name):
            continue
        problem = add_column_problem(definition, [column.name for column in before.columns])
        column = f"{table.name}.{table.columns[-1].name}"
        if "NOT NULL" in problem:
            _say_null(context, moment, column)
        elif "non-constant" in problem:
            context.say(
                "add-column-nonconstant-default",
                moment,
                f"{column} has a default that is no constant, which ALTER TABLE cannot add "
                "to a table with rows",
                "add it without a default and fill it with UPDATE, or write "
                f"-- dbtool:rebuild {table.name}",
            )


def _say_null(context: Context, moment: Moment, column: str) -> None:
    context.say(
        "add-not-null-no-default",
        moment,
        f"{column} is NOT NULL, and nothing says what old rows have there",
        "give it a default, such as NOT NULL DEFAULT ''; or fill it in a rebuild: "
        f"-- dbtool:map {column.rpartition('.')[2]} = EXPRESSION",
    )


def _added_column(words: tuple[Token, ...]) -> tuple[Token, ...]:
    """Return the definition behind ALTER TABLE name ADD [COLUMN]."""
    for at, token in enumerate(words[2:], 2):
        if token.kind == "word" and token.text.upper() == "ADD":
            rest = words[at + 1 :]
            return rest[1:] if rest and rest[0].text.upper() == "COLUMN" else rest
    return ()


def _rebuilt(context: Context, moment: Moment) -> None:
    assert moment.rebuild is not None
    before = moment.before.table(moment.rebuild.table)
    after = moment.after.table(moment.rebuild.table)
    if before is None or after is None or moment.error or not context.may_have_rows(before.name):
        return
    text = read_table(after.item.sql or "")
    filled = {folded(column) for column, _ in moment.rebuild.maps}
    filled |= {folded(column.name) for column in before.columns}
    for column in after.columns:
        words = [token.text.upper() for token in (text and text.column(column.name)) or ()]
        required = any(pair == ("NOT", "NULL") for pair in pairwise(words))
        empty = required and "DEFAULT" not in words and column.name != after.alias
        if empty and folded(column.name) not in filled and not column.generated:
            _say_null(context, moment, f"{after.name}.{column.name}")


def made_unique(context: Context) -> None:
    """unique-on-populated: a new UNIQUE index, or one by a rebuild, on a table with rows."""
    for moment in context.trial.moments:
        if moment.rebuild is not None and not moment.error:
            _rebuilt_unique(context, moment)
        words = [token.text.upper() for token in moment.words[:2]]
        if moment.verb != "CREATE INDEX" or words != ["CREATE", "UNIQUE"]:
            continue
        for key, item in moment.after.schema.items.items():
            if key[0] != "index" or key in moment.before.schema.items:
                continue
            if context.is_old(moment, item.table) and context.may_have_rows(item.table):
                _say_unique(context, moment, item.table)


def _rebuilt_unique(context: Context, moment: Moment) -> None:
    assert moment.rebuild is not None
    before = moment.before.table(moment.rebuild.table)
    after = moment.after.table(moment.rebuild.table)
    if before is None or after is None or not context.may_have_rows(before.name):
        return
    for columns in _unique_sets(after) - _unique_sets(before):
        listed = ", ".join(sorted(columns))
        context.say(
            "unique-on-populated",
            moment,
            f"{after.name} has rows, and becomes unique by {listed}",
            f"look first: SELECT {listed}, count(*) FROM {after.name} "  # noqa: S608 - shown, never run
            f"GROUP BY {listed} HAVING count(*) > 1",
        )


def _unique_sets(table: Table) -> set[frozenset[str]]:
    """Return the sets of columns by which rows are unique."""
    found = {frozenset(map(folded, columns)) for columns in table.unique if columns}
    return found | ({frozenset({folded(table.alias)})} if table.alias else set())


def _say_unique(context: Context, moment: Moment, table: str) -> None:
    start = next(i for i, token in enumerate(moment.words) if token.text == "(")
    depth, names = 0, []
    for token in moment.words[start:]:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            break
        names.append(token.text)
    columns = " ".join(names[1:]).replace(" ,", ",")
    context.say(
        "unique-on-populated",
        moment,
        f"{table} has rows, and the index fails where two of them are equal",
        f"look first: SELECT {columns}, count(*) FROM {table} "  # noqa: S608 - shown, never run
        f"GROUP BY {columns} HAVING count(*) > 1",
    )


def large_rewrites(context: Context) -> None:
    """large-rewrite: what writes every row of a table that is known to be large."""
    for moment in context.trial.moments:
        for table in _rewritten(context, moment):
            if context.count(table) >= LARGE_ROWS:
                context.say(
                    "large-rewrite",
                    moment,
                    f"{table} has {LARGE_ROWS:,} rows or more, and all of them are written anew",
                    "dbtool migrate rehearse tells how long writers wait",
                )


def _rewritten(context: Context, moment: Moment) -> list[str]:
    if moment.rebuild is not None:
        return [folded(moment.rebuild.table)]
    if moment.verb == "CREATE INDEX":
        new = set(moment.after.schema.items) - set(moment.before.schema.items)
        return [folded(moment.after.schema.items[key].table) for key in new]
    if moment.verb == "ALTER TABLE":
        return [
            name
            for name, table in moment.before.tables.items()
            if name in moment.after.tables
            and len(moment.after.tables[name].columns) < len(table.columns)
        ]
    if moment.verb == "UPDATE" and not moment.has_word("WHERE"):
        import apsw

        return sorted(moment.touched(apsw.SQLITE_UPDATE))
    if moment.verb in ("INSERT", "REPLACE"):
        return [fate.name for fate in context.fates if fate.copied is moment]
    return []
