"""Rules as SQL conditions that are true for rows which break them, and checks proven harmless.

Every bound and allowed value is a bound parameter. A unary plus takes the affinity from a column,
so that the number 1 and the text '1' stay two values.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import apsw

from dbtool.core.names import identifier
from dbtool.core.pragmas import harden
from dbtool.errors import UsageError
from dbtool.integrity.rules.model import (
    Holds,
    NotNull,
    OneOf,
    Range,
    References,
    Rule,
    TypeIs,
    Value,
)
from dbtool.integrity.rules.table import Table

__all__ = ["Condition", "condition", "prove_check", "reference_condition"]

_TOKENS: Final = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\]
      | --[^\n]* | /\*.*?\*/ | (.)""",
    re.VERBOSE | re.DOTALL,
)
_DATE: Final = "[0-9]" * 4 + "-[0-9][0-9]-[0-9][0-9]*"


class Condition(NamedTuple):
    """SQL that is true for a row which breaks a rule."""

    sql: str
    parameters: tuple[Value, ...] = ()


def condition(rule: Rule) -> Condition | None:
    """Return the condition of a rule that looks at one row alone; None for any other."""
    if isinstance(rule, NotNull):
        return Condition(f"{identifier(rule.column)} IS NULL")
    if isinstance(rule, TypeIs):
        return Condition(f"typeof({identifier(rule.column)}) NOT IN ({_typed(rule.types)}, 'null')")
    if isinstance(rule, Range):
        return _range(rule)
    if isinstance(rule, OneOf):
        marks = ", ".join("?" * len(rule.values))
        sql = f"(+{identifier(rule.column)} COLLATE BINARY) NOT IN ({marks})"
        return Condition(sql, rule.values)
    if isinstance(rule, Holds):
        return Condition(f"NOT (\n{rule.expression}\n)")
    return None


def reference_condition(connection: apsw.Connection, rule: References) -> Condition:
    """Return the condition of a reference, compared as the column that it points to compares."""
    try:
        collation = connection.column_metadata("main", rule.table, rule.target)[1]
    except apsw.SQLError:  # a view
        collation = "BINARY"
    column, target = identifier(rule.column), identifier(rule.target)
    inner = f"SELECT {target} FROM main.{identifier(rule.table)} WHERE {target} IS NOT NULL"  # noqa: S608 - quoted
    return Condition(f"({column} COLLATE {identifier(collation)}) NOT IN ({inner})")


def _typed(types: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in types)


def _range(rule: Range) -> Condition:
    name = identifier(rule.column)
    bounds = [bound for bound in (rule.least, rule.most) if bound is not None]
    if not isinstance(bounds[0], str):
        value, misfit = f"+{name}", f"typeof({name}) NOT IN ('integer', 'real')"
    elif rule.dates:
        value = f"replace({name}, ' ', 'T')"
        day = f"substr({name}, 1, 10)"
        misfit = (
            f"typeof({name}) <> 'text' OR {name} NOT GLOB '{_DATE}' OR date({day}) IS NOT {day}"
        )
        bounds = [str(bound).replace(" ", "T") for bound in bounds]
    else:
        value, misfit = f"(+{name} COLLATE BINARY)", f"typeof({name}) <> 'text'"
    parts = [misfit]
    if rule.least is not None:
        parts.append(f"{value} < ?")
    if rule.most is not None:
        # All of the last day or second counts.
        upper = f"substr({value}, 1, {len(str(bounds[-1]))})" if rule.dates else value
        parts.append(f"{upper} > ?")
    return Condition(f"{name} IS NOT NULL AND ({' OR '.join(parts)})", tuple(bounds))


def prove_check(table: Table, expression: str, origin: str) -> tuple[str, ...]:
    """Return the columns of an expression after proof that it is one over a row of a table.

    It is proven where CHECK is at home: as a constraint of an empty table with the same columns, so
    subqueries, parameters and unknown names are refused by SQLite itself, and a misspelt name in
    double quotes is no string.

    Raises:
        UsageError: `rule-check-invalid`.
    """
    try:
        _require_one_expression(expression)
        return _columns_of(table, expression)
    except (ValueError, apsw.Error) as error:
        where = f"{origin}: " if origin else ""
        raise UsageError(
            "rule-check-invalid",
            f"{where}check {expression!r} is no expression over a row of {table.name}",
            context=str(error),
            hint='it is SQL as in CHECK, such as "length(name) > 0", without subqueries',
        ) from error


def _require_one_expression(expression: str) -> None:
    """Refuse what would end the parentheses that are put around it."""
    depth = 0
    for token in _TOKENS.finditer(expression):
        character = token[1]
        depth += (character == "(") - (character == ")")
        if depth < 0 or character in (";", "\0", "'", '"', "`", "["):
            raise ValueError(f"unexpected {character!r}")
    if depth:
        raise ValueError("a parenthesis is not closed")


def _columns_of(table: Table, expression: str) -> tuple[str, ...]:
    read: list[str] = []

    def note(action: int, _table: str | None, column: str | None, *_rest: str | None) -> int:
        if action == apsw.SQLITE_READ and column and column in table.columns:
            read.append(column)
        return apsw.SQLITE_OK

    probe = apsw.Connection(":memory:")
    try:
        harden(probe)
        probe.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        probe.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        columns = ", ".join(map(identifier, table.columns))
        check = f"CHECK (\n{expression}\n)"
        probe.execute(f"CREATE TABLE main.{identifier(table.name)}({columns}, {check})")
        probe.authorizer = note
        probe.execute(f"SELECT (\n{expression}\n) FROM {table.sql}")  # noqa: S608 - proven above
    finally:
        probe.close()
    return tuple(dict.fromkeys(read))
