"""What is wrong with a piece of SQL: the place in the text, and the name that was meant."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

import apsw

from dbtool.errors import UsageError

__all__ = ["nearest", "pointed", "sql_invalid"]

_SHOWN: Final = 60
"""Characters of a long line shown on either side of the place."""
_MISSING: Final = re.compile(r"no such (table|column|function): (.+)", re.DOTALL)
_NAMES: Final = {
    "table": "SELECT name FROM pragma_table_list WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' "
    "UNION SELECT 'sqlite_schema'",
    "column": "SELECT DISTINCT c.name FROM pragma_table_list t, pragma_table_xinfo(t.name) c "
    "WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    "function": "SELECT DISTINCT name FROM pragma_function_list",
}


def sql_invalid(connection: apsw.Connection, sql: str, error: apsw.Error) -> UsageError:
    """Return the error that shows where SQLite stopped understanding `sql`."""
    message = str(error)
    missing = _MISSING.fullmatch(message)
    offset = _offset(sql, message, missing, getattr(error, "error_offset", -1))
    return UsageError(
        "sql-invalid",
        message,
        context=pointed(sql, offset) if offset >= 0 else "",
        hint=_meant(connection, missing[1], missing[2]) if missing else "",
    )


def nearest(word: str, names: list[str]) -> str | None:
    """Return the name that is closest to `word`, whatever the case; None where none is close."""
    by_lower = {name.lower(): name for name in names}
    close = get_close_matches(word.lower(), by_lower, 1, 0.6)
    return by_lower[close[0]] if close else None


def _offset(sql: str, message: str, missing: re.Match[str] | None, told: int | None) -> int:
    """Return the byte that the message is about; SQLite does not tell it for every message."""
    if told is not None and told >= 0:
        return told
    at = -1
    if message == "incomplete input":
        at = len(sql.rstrip())
    elif missing:
        named = re.search(rf"(?<!\w){re.escape(_word(missing[2]))}(?!\w)", sql, re.IGNORECASE)
        at = named.start() if named else -1
    return len(sql[:at].encode("utf-8", "surrogatepass")) if at >= 0 else -1


def _word(missing: str) -> str:
    return missing.rpartition(".")[2].partition(" - ")[0].strip('"[]`')


def pointed(sql: str, offset: int) -> str:
    """Return the line that holds the byte at `offset`, and a caret below that byte."""
    before = sql.encode("utf-8", "surrogatepass")[:offset].decode("utf-8", "replace")
    start = before.rfind("\n") + 1
    column = len(before) - start
    line = sql[start:].partition("\n")[0].rstrip("\r").replace("\t", " ")
    first = max(0, column - _SHOWN)
    shown = line[first : column + _SHOWN]
    head = "" if "\n" not in sql.strip() else f"line {before.count(chr(10)) + 1}: "
    dots = "..." if first else ""
    return f"{head}{dots}{shown}\n{' ' * (len(head) + len(dots) + column - first)}^"


def _meant(connection: apsw.Connection, kind: str, missing: str) -> str:
    """Return "did you mean" the nearest name; empty where none is near or the schema is broken."""
    word = _word(missing)
    try:
        names = [str(name) for (name,) in connection.execute(_NAMES[kind])]
    except (apsw.Error, UnicodeDecodeError):
        return ""
    name = nearest(word, names)
    if name is not None:
        return f"did you mean {name}?"
    if kind == "table" and 0 < len(names) <= 12:  # noqa: PLR2004  as many as a line holds
        return f"tables: {', '.join(sorted(names))}"
    return ""
