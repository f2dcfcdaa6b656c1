"""Rules about what a migration loses: tables, columns, rows, the schema table itself."""

from __future__ import annotations

import apsw

from dbtool.core.names import folded
from dbtool.migrate.altering import written
from dbtool.migrate.lint.adding import LARGE_ROWS
from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.trial import Moment

__all__ = ["columns_lost", "rows_lost", "tables_lost", "writes_schema"]

_SCHEMA_TABLES = ("sqlite_master", "sqlite_schema")


def tables_lost(context: Context) -> None:
    """drop-table: the rows of a table are nowhere afterwards."""
    for fate in context.fates:
        if fate.lost and fate.dropped is not None and context.may_have_rows(fate.name):
            table = context.trial.before.tables[fate.name].name
            known = context.count(fate.name)
            more = " or more" if known >= LARGE_ROWS else ""
            rows = f"its {known:,} rows{more} are lost" if known else "its rows are lost"
            context.say(
                "drop-table",
                fate.dropped,
                f"the table {table} is dropped, {rows}",
                "copy what is needed first; then say so: -- dbtool:ignore drop-table REASON",
            )


def columns_lost(context: Context) -> None:
    """drop-column: values that nothing reads before they are gone."""
    for moment in context.trial.moments:
        if moment.verb == "ALTER TABLE" and not moment.error:
            _altered(context, moment)
    for fate in context.fates:
        if not fate.remade or fate.copied is None or not context.may_have_rows(fate.name):
            continue
        gone = [name for name in context.trial.before.columns(fate.name) if name not in fate.read]
        for name in gone:
            table = context.trial.before.tables[fate.name].name
            context.say(
                "drop-column",
                fate.copied,
                f"the values of {table}.{name} are not copied to the new table",
                "copy the column, or say why not: -- dbtool:ignore drop-column REASON",
            )


def _altered(context: Context, moment: Moment) -> None:
    for name, table in moment.before.tables.items():
        after = moment.after.tables.get(name)
        if after is None or len(after.columns) >= len(table.columns):
            continue
        left = {folded(column.name) for column in after.columns}
        gone = [c for c in table.columns if folded(c.name) not in left and not c.generated]
        fate = context.followed.old(moment, name)
        if not gone or fate is None or not context.may_have_rows(fate.name):
            continue
        if folded(gone[0].name) in context.followed.added(moment, fate):
            continue
        context.say(
            "drop-column",
            moment,
            f"the values of {table.name}.{gone[0].name} are lost",
            "move them first; then say so: -- dbtool:ignore drop-column REASON",
        )


def rows_lost(context: Context) -> None:
    """delete-without-where and update-without-where, on tables that were there before."""
    for moment in context.trial.moments:
        if moment.verb not in ("DELETE", "UPDATE") or moment.has_word("WHERE"):
            continue
        action = apsw.SQLITE_DELETE if moment.verb == "DELETE" else apsw.SQLITE_UPDATE
        for table in moment.touched(action) - set(_SCHEMA_TABLES):
            _judge_rows(context, moment, table)


def _judge_rows(context: Context, moment: Moment, table: str) -> None:
    fate = context.followed.old(moment, table)
    held = context.followed.held(moment, table)
    owners = [fate] if fate is not None else [holding.fate for holding in held]
    if not any(context.may_have_rows(owner.name) for owner in owners):
        return
    if moment.verb == "DELETE":
        _say_deleted(context, moment, table)
        return
    written_to = moment.columns(apsw.SQLITE_UPDATE, table)
    if fate is not None:
        filled = written_to - context.followed.added(moment, fate)
    else:
        # Where no columns are named, all of them were filled.
        filled = {c for each in held for c in (written_to & each.into if each.into else written_to)}
    if filled:
        _say_updated(context, moment, table)


def _say_deleted(context: Context, moment: Moment, table: str) -> None:
    context.say(
        "delete-without-where",
        moment,
        f"every row of {_spelled(moment, table)} is deleted",
        "add a WHERE; where all of them are meant, say why: "
        "-- dbtool:ignore delete-without-where REASON",
    )


def _say_updated(context: Context, moment: Moment, table: str) -> None:
    columns = sorted(moment.columns(apsw.SQLITE_UPDATE, table))
    context.say(
        "update-without-where",
        moment,
        f"{', '.join(columns)} of every row of {_spelled(moment, table)} is overwritten",
        f"add a WHERE, such as WHERE {written(columns[0])} IS NULL; where all rows are meant, say "
        "why: -- dbtool:ignore update-without-where REASON",
    )


def _spelled(moment: Moment, table: str) -> str:
    found = moment.before.table(table)
    return found.name if found else table


def writes_schema(context: Context) -> None:
    """writable-schema: by the pragma, or by writing to the schema table."""
    for moment in context.trial.moments:
        pragma = any(
            action == apsw.SQLITE_PRAGMA
            and (name or "").lower() == "writable_schema"
            and value is not None
            for action, name, value, _ in moment.asked
        )
        by_hand = moment.verb in ("INSERT", "REPLACE", "UPDATE", "DELETE") and any(
            moment.touched(action) & set(_SCHEMA_TABLES)
            for action in (apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE, apsw.SQLITE_DELETE)
        )
        if pragma or by_hand:
            context.say(
                "writable-schema",
                moment,
                "the schema table is opened for writing, or written, by hand",
                "use ALTER TABLE, or -- dbtool:rebuild TABLE with the new CREATE TABLE",
            )
