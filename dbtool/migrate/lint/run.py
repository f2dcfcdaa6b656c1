"""Judges migrations on an in-memory replica of the schema that they are for.

Each migration is walked statement by statement: SQLite says by its authorizer what a statement
touches, and two looks at the schema say what it changed. Python migrations are not run. After a
statement that fails the schema is not known, so nothing beyond it is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.schema import read_schema, select
from dbtool.migrate.dump import own_items
from dbtool.migrate.lint import adding, designing, losing, rebuilding, transacting
from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.findings import RULES, LintFinding
from dbtool.migrate.lint.look import Look
from dbtool.migrate.lint.reversing import duplicates, way_back
from dbtool.migrate.lint.trial import Trial, walk
from dbtool.migrate.model import Migration
from dbtool.migrate.options import GUARDS
from dbtool.migrate.replica import Replica

__all__ = ["count_rows", "lint"]

_RULES: Final = (
    losing.tables_lost,
    losing.columns_lost,
    losing.rows_lost,
    losing.writes_schema,
    rebuilding.parts_lost,
    rebuilding.checks_lost,
    rebuilding.views_broken,
    rebuilding.drops_parent,
    rebuilding.renames_before_drop,
    rebuilding.copies_star,
    adding.columns_added,
    adding.made_unique,
    adding.large_rewrites,
    designing.quoted_strings,
    designing.not_strict,
    designing.keys_without_index,
    transacting.keys_in_transaction,
    transacting.transactions,
    transacting.vacuums,
)
_OF_THE_WAY_DOWN: Final = (
    transacting.keys_in_transaction,
    transacting.transactions,
    transacting.vacuums,
    losing.writes_schema,
)


def lint(
    migrations: Sequence[Migration],
    schema: apsw.Connection | None = None,
    *,
    rows: Mapping[str, int] | None = None,
) -> tuple[LintFinding, ...]:
    """Judge migrations, each on the schema that those before it leave.

    Args:
        migrations: in the order in which they will be applied.
        schema: the database before the first of them; only its schema is read. None: an empty one.
        rows: what `count_rows` says of that database; None: any table may have rows.

    Returns:
        Every finding, by migration and line; those that an ignore line is for say so.

    Raises:
        UsageError: `schema-not-loaded`.
    """
    replica = Replica() if schema is None else Replica.of(schema)
    try:
        return tuple(_all(migrations, replica, rows))
    finally:
        replica.close()


def count_rows(connection: apsw.Connection, *, most: int = adding.LARGE_ROWS) -> dict[str, int]:
    """Return how many rows each table has, counted up to a bound, by folded name."""
    schema = read_schema(connection, "main")
    counted = {}
    for item in own_items(schema):
        table = schema.tables.get(folded(item.name))
        if item.kind == "table" and table is not None and table.kind == "table":
            sql = f"SELECT count(*) FROM (SELECT 1 FROM {identifier(item.name)} LIMIT {most})"  # noqa: S608 - quoted
            ((count,),) = select(connection, sql)
            counted[folded(item.name)] = count
    return counted


def _all(
    migrations: Sequence[Migration], replica: Replica, rows: Mapping[str, int] | None
) -> Iterable[LintFinding]:
    firsts = duplicates(migrations)
    look = Look(replica)
    known = None if rows is None else dict(rows)
    for migration in migrations:
        context = _judge(migration, replica, look, known)
        first = firsts.get(migration.order)
        if first is not None and first is not migration:
            _say_duplicate(context, first)
        yield from sorted(context.found, key=lambda finding: (str(finding.path), finding.line))
        if context.trial.failed:
            return
        look = context.trial.after
        for moment in context.trial.moments:
            # Tables that it filled may have rows when the next one comes.
            for table in moment.touched(apsw.SQLITE_INSERT):
                if known is not None:
                    known.pop(table, None)


def _judge(
    migration: Migration, replica: Replica, look: Look, rows: Mapping[str, int] | None
) -> Context:
    if migration.is_python:
        context = Context(Trial(migration, look, look), migration.path, rows)
        _say_python(context)
        return context
    trial = walk(migration, migration.up, replica, look)
    context = Context(trial, migration.path, rows)
    _unknown_ignores(context)
    _failures(context)
    for rule in _RULES:
        rule(context)
    if not trial.failed:
        _verify_queries(context, replica)
        designing.index_follows(context, replica)
        down = way_back(context, replica)
        if down is not None:
            _judge_down(context, down)
    return context


def _judge_down(context: Context, down: Trial) -> None:
    path = down.migration.down_path or context.path
    for_down = Context(down, path, context.rows, found=context.found)
    for rule in _OF_THE_WAY_DOWN:
        rule(for_down)


def _failures(context: Context) -> None:
    for moment in context.trial.moments:
        if moment.verb in ("ATTACH", "DETACH"):
            context.say(
                "statement-fails",
                moment,
                f"{moment.verb} is refused: a migration is about one database",
                "move the rows with dbtool export and dbtool import, or in the application",
            )
        elif moment.error:
            context.say(
                "statement-fails",
                moment,
                moment.error if moment.ours else f"SQLite says: {moment.error}",
                "nothing after this statement was judged; mend it and look again",
            )


def _verify_queries(context: Context, replica: Replica) -> None:
    """Look at the queries of dbtool:verify, on the schema that they will meet."""
    for query in context.trial.migration.verify:
        try:
            replica.explain(query.text)
        except apsw.Error as error:
            context.say(
                "statement-fails",
                query.line,
                f"SQLite says: {error}",
                "a query of dbtool:verify runs after the migration, on the new schema",
            )


def _unknown_ignores(context: Context) -> None:
    for ignore in context.trial.migration.ignores:
        if ignore.rule in RULES or ignore.rule in GUARDS:
            continue
        close = get_close_matches(ignore.rule, [*RULES, *GUARDS], 1)
        context.say(
            "unknown-ignore",
            ignore.line,
            f"there is no rule {ignore.rule}, so nothing is ignored",
            f"did you mean {close[0]}?" if close else "dbtool migrate lint --rules lists them",
        )


def _say_python(context: Context) -> None:
    context.say(
        "not-judged",
        context.trial.migration.up.line,
        "a Python migration is not run here; what comes after it is judged without it",
        "dbtool migrate rehearse runs it on a copy",
    )


def _say_duplicate(context: Context, first: Migration) -> None:
    context.say(
        "duplicate-version",
        1,
        f"{context.path.name} has the version of {first.path.name}",
        "give the newer one a later version: rename its file",
    )
