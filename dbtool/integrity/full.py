"""What `PRAGMA integrity_check` leaves out: foreign keys, JSON, and full-text over other tables."""

from __future__ import annotations

import re
from typing import Final

import apsw

from dbtool.core.names import identifier
from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict
from dbtool.integrity.objects import SchemaObject

__all__ = ["check_external_text", "check_foreign_keys", "check_json", "has_foreign_keys"]

_MOST_KEYS: Final = 5
_JSON_TYPE: Final = re.compile(r"\bJSONB?\b", re.IGNORECASE)


def has_foreign_keys(connection: apsw.Connection, table: SchemaObject) -> bool:
    """Say whether the table references another."""
    if table.kind != Kind.TABLE:
        return False
    try:
        sql = f"SELECT 1 FROM pragma_foreign_key_list({_text(table.name)})"  # noqa: S608 - quoted
        return connection.execute(sql).get is not None
    except apsw.Error:
        return False


def check_foreign_keys(connection: apsw.Connection, table: SchemaObject) -> list[Finding]:
    """Find rows of `table` that reference nothing; one finding for each parent table."""
    broken: dict[str, tuple[int, list[str]]] = {}
    answers: list[str] = []
    try:
        rows = connection.execute(f"PRAGMA foreign_key_check({identifier(table.name)})")
        for _table, rowid, parent, _number in rows:
            count, keys = broken.get(str(parent), (0, []))
            if len(keys) < _MOST_KEYS and rowid is not None:
                keys.append(str(rowid))
            broken[str(parent)] = count + 1, keys
    except apsw.Error as error:
        if _is_damage(error):
            return []  # the tree has its own finding
        answers.append(str(error))
    found = [_dangling(table, parent, *value) for parent, value in broken.items()]
    return [*found, *(_rule(table, Code.FOREIGN_KEY_BROKEN, text) for text in answers)]


def check_json(connection: apsw.Connection, table: SchemaObject) -> list[Finding]:
    """Find values that are no JSON in columns declared as JSON or JSONB."""
    if table.kind != Kind.TABLE or not _JSON_TYPE.search(table.sql):
        return []
    found = []
    for column in _json_columns(connection, table):
        name = identifier(column)
        sql = (
            f"SELECT count(*) FROM {identifier(table.name)} WHERE {name} IS NOT NULL AND NOT "  # noqa: S608 - quoted
            f"json_valid({name}, CASE typeof({name}) WHEN 'blob' THEN 8 ELSE 1 END)"
        )
        try:
            count = connection.execute(sql).get
        except apsw.Error:
            continue  # the tree has its own finding
        if count:
            problem = f"{count:,} of the values in {column}, declared as JSON, are none"
            found.append(_rule(table, Code.JSON_INVALID, problem))
    return found


def check_external_text(connection: apsw.Connection, table: SchemaObject) -> list[Finding]:
    """Compare a full-text index with the text of another table.

    Args:
        connection: may write a private copy: the command is an INSERT, though it changes nothing.
        table: an fts5 table with external content.
    """
    name = identifier(table.name)
    try:
        connection.execute(f"INSERT INTO {name}({name}, rank) VALUES('integrity-check', 1)")
    except apsw.Error as error:
        if not _is_damage(error):
            problem = f"not compared with its text: {error}"
            return [_text_finding(table, Code.NOT_CHECKED, Verdict.UNPROVEN, None, problem)]
        problem = "the full-text index does not agree with the text that it indexes"
        return [_text_finding(table, Code.FTS_DAMAGED, table.damage, Rung.DERIVED, problem)]
    return []


def _text_finding(
    table: SchemaObject, code: Code, verdict: Verdict, rung: Rung | None, problem: str
) -> Finding:
    return Finding(
        Level.FULL,
        code,
        verdict,
        table.kind,
        table.name,
        problem,
        table=table.table,
        rows_at_risk=0,
        rung=rung,
    )


def _json_columns(connection: apsw.Connection, table: SchemaObject) -> list[str]:
    try:
        rows = connection.execute(
            f"SELECT name, type FROM pragma_table_info({_text(table.name)})"  # noqa: S608 - quoted
        ).fetchall()
    except apsw.Error:
        return []
    return [str(name) for name, declared in rows if _JSON_TYPE.search(str(declared))]


def _dangling(table: SchemaObject, parent: str, count: int, keys: list[str]) -> Finding:
    shown = f": rows {', '.join(keys)}" if keys else ""
    more = " ..." if keys and count > len(keys) else ""
    noun = "row references" if count == 1 else "rows reference"
    return _rule(
        table,
        Code.FOREIGN_KEY_BROKEN,
        f"{count:,} {noun} what is not in {parent}{shown}{more}",
    )


def _rule(table: SchemaObject, code: Code, problem: str) -> Finding:
    return Finding(
        Level.FULL,
        code,
        Verdict.RULES_BROKEN,
        table.kind,
        table.name,
        problem,
        table=table.table,
        rows_at_risk=0,
    )


def _is_damage(error: apsw.Error) -> bool:
    return isinstance(error, (apsw.CorruptError, apsw.NotADBError, apsw.IOError))


def _text(value: str) -> str:
    """Return a string literal; a name holds no zero character."""
    return "'" + value.replace("'", "''") + "'"
