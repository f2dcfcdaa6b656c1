"""Rules about how tables, keys and full-text indexes are declared."""

from __future__ import annotations

import apsw

from dbtool.core.names import folded, identifier
from dbtool.core.schema import Table
from dbtool.migrate.altering import written
from dbtool.migrate.canonical import external_content
from dbtool.migrate.lint.context import Context
from dbtool.migrate.lint.look import ForeignKey, Look
from dbtool.migrate.lint.trial import Moment
from dbtool.migrate.replica import Replica

__all__ = ["index_follows", "keys_without_index", "not_strict", "quoted_strings"]

_CHANGES = ("INSERT", "UPDATE", "DELETE")
_WRITES = (apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE, apsw.SQLITE_DELETE)


def quoted_strings(context: Context) -> None:
    """double-quoted-string: as SQLite says when it is told to take no such strings."""
    for moment in context.trial.moments:
        found = moment.quoted_name or _quoted_default(moment)
        if found and not moment.error:
            context.say(
                "double-quoted-string",
                moment,
                found,
                "write strings in single quotes: 'text'",
            )


def _quoted_default(moment: Moment) -> str:
    for before, token in zip(moment.words, moment.words[1:], strict=False):
        if before.text.upper() == "DEFAULT" and token.text.startswith('"'):
            return f"the default {token.text} is a string by accident"
    return ""


def not_strict(context: Context) -> None:
    """missing-strict: a new table that takes values of any type."""
    for moment in context.trial.moments:
        if moment.verb != "CREATE TABLE":
            continue
        for name, table in moment.after.tables.items():
            fresh = name not in moment.before.tables and name not in context.trial.before.tables
            remade = any(fate.successor == name for fate in context.fates)
            still = name in context.trial.after.tables
            loose = table.kind == "table" and name not in moment.after.strict
            if fresh and still and not remade and loose:
                context.say(
                    "missing-strict",
                    moment,
                    f"{table.name} is not STRICT: an INTEGER column takes 'abc'",
                    "end the CREATE TABLE with ) STRICT; types are then INT, INTEGER, REAL, TEXT, "
                    "BLOB and ANY",
                )


def keys_without_index(context: Context) -> None:
    """fk-without-index: a foreign key whose columns no index begins with, any more or yet."""
    before, after = context.trial.before, context.trial.after
    old = {_named(key): _is_served(before, key) for key in before.foreign_keys}
    for key in after.foreign_keys:
        # One that had no index before is not the fault of this migration.
        if _is_served(after, key) or old.get(_named(key)) is False:
            continue
        columns = ", ".join(map(written, key.columns))
        name = "_".join([key.child, *key.columns])
        context.say(
            "fk-without-index",
            _maker(context, key.child),
            f"{key.child}({columns}) refers to {key.parent} and has no index: "
            f"every delete in {key.parent} reads all of {key.child}",
            f"CREATE INDEX {written(name)} ON {written(key.child)}({columns});",
        )


def _is_served(look: Look, key: ForeignKey) -> bool:
    wanted = {folded(column) for column in key.columns}
    indexes = look.indexed[folded(key.child)]
    return any(set(columns[: len(wanted)]) == wanted for columns in indexes)


def _named(key: ForeignKey) -> tuple[str, str, tuple[str, ...]]:
    return folded(key.child), folded(key.parent), tuple(map(folded, key.columns))


def _maker(context: Context, table: str) -> Moment | int:
    """Return the last statement that changed the definition of a table."""
    name = folded(table)
    for moment in reversed(context.trial.moments):
        before, after = moment.before.tables.get(name), moment.after.tables.get(name)
        if after is not None and (before is None or before.item.sql != after.item.sql):
            return moment
    return context.trial.migration.up.line


def index_follows(context: Context, replica: Replica) -> None:
    """fts-out-of-sync: a full-text index over a table whose changes do not reach it.

    SQLite is asked what each change of the table would do: only triggers that write to the index
    count.
    """
    for name, table in context.trial.after.tables.items():
        content = external_content(table.item.sql or "") if table.kind == "virtual" else None
        source = context.trial.after.table(content or "")
        if content is None or source is None:
            continue
        missing = [verb for verb in _CHANGES if not _reaches(replica, verb, source, name)]
        if missing and (name not in context.trial.before.tables or _lost_trigger(context, source)):
            context.say(
                "fts-out-of-sync",
                _maker(context, name),
                f"no trigger of {source.name} brings {' and '.join(missing)} to the full-text "
                f"index {table.name}",
                f"add triggers AFTER {', AFTER '.join(missing)} on {source.name} that write to "
                f"{table.name}",
            )
        copied = _copied_without_rebuild(context, name, source)
        if copied is not None:
            index = written(table.name)
            context.say(
                "fts-out-of-sync",
                copied,
                f"the rows of {source.name} may get other rowids, and {table.name} finds rows by "
                "their old ones",
                f"INSERT INTO {index}({index}) VALUES ('rebuild'); after the copy",  # noqa: S608 - shown
            )


def _lost_trigger(context: Context, source: Table) -> bool:
    before = context.trial.before.parts("trigger", source.name)
    return bool(before.keys() - context.trial.after.parts("trigger", source.name).keys())


def _reaches(replica: Replica, verb: str, source: Table, index: str) -> bool:
    table = identifier(source.name)
    for statement in {
        "INSERT": [f"INSERT INTO {table} DEFAULT VALUES"],
        "DELETE": [f"DELETE FROM {table}"],  # noqa: S608 - quoted
        "UPDATE": [
            f"UPDATE {table} SET {identifier(c)} = {identifier(c)}"  # noqa: S608 - quoted
            for c in source.stored
        ],
    }[verb]:
        try:
            asked = replica.explain(statement)
        except apsw.Error:
            continue
        if any(
            via and action in _WRITES and folded(to or "") == index for action, to, _, via in asked
        ):
            return True
    return False


def _copied_without_rebuild(context: Context, index: str, source: Table) -> Moment | None:
    """Return the copy that gave rows new rowids after the index was filled last."""
    fate = next((fate for fate in context.fates if fate.successor == folded(source.name)), None)
    if fate is None or fate.copied is None or source.alias is not None:
        return None
    # A rebuild of ours keeps rowids, and so does a copy that reads them.
    if fate.copied.rebuild is not None or "rowid" in fate.read:
        return None
    moments = context.trial.moments
    later = moments[moments.index(fate.copied) :]
    filled = any(index in moment.touched(apsw.SQLITE_INSERT) for moment in later)
    return None if filled or index not in context.trial.before.tables else fate.copied
