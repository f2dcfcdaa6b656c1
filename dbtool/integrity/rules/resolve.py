"""Puts rules and the schema of a database together: real names, conditions, validators."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import apsw

from dbtool.integrity.rules.conditions import (
    Condition,
    condition,
    prove_check,
    reference_condition,
)
from dbtool.integrity.rules.model import (
    Holds,
    JsonSchema,
    Matches,
    NotNull,
    OneOf,
    Range,
    References,
    Rule,
    RuleResult,
    TableRules,
    TypeIs,
    Unique,
)
from dbtool.integrity.rules.table import Table, find_column, find_table
from dbtool.integrity.rules.validators import Validator, compile_pattern, compile_schema

__all__ = ["Prepared", "PreparedTable", "prepare"]

_KINDS: Final[dict[type[Rule], str]] = {
    NotNull: "not_null",
    Unique: "unique",
    TypeIs: "type",
    Range: "range",
    Matches: "pattern",
    OneOf: "values",
    JsonSchema: "json_schema",
    Holds: "check",
    References: "references",
}


@dataclass(frozen=True, slots=True)
class Prepared:
    """One rule, ready to be judged: by a condition, by a validator, or as `Unique` is."""

    number: int
    """Its place among the rules of its table."""
    rule: Rule
    result: RuleResult
    """The result, should nothing be found."""
    columns: tuple[str, ...]
    """What it is about."""
    condition: Condition | None = None
    validator: Validator | None = None

    @property
    def sql(self) -> Condition:
        """The condition of a rule that has one."""
        if self.condition is None:
            raise TypeError("the rule has no condition")
        return self.condition


@dataclass(frozen=True, slots=True)
class PreparedTable:
    """The rules of one table."""

    table: Table
    rules: tuple[Prepared, ...]


def prepare(connection: apsw.Connection, rules: TableRules) -> PreparedTable:
    """Find the table and columns of rules.

    Raises:
        UsageError: `rule-unknown-table`, `rule-unknown-column`, `rule-check-invalid`.
    """
    table = find_table(connection, rules.table, rules.origin)
    prepared = (
        _prepare(
            connection,
            table,
            number,
            rule,
            rules.origins[number] if rules.origins else rules.origin,
        )
        for number, rule in enumerate(rules.rules)
    )
    return PreparedTable(table, tuple(prepared))


def _prepare(
    connection: apsw.Connection, table: Table, number: int, rule: Rule, origin: str
) -> Prepared:
    real = _with_real_names(connection, table, rule, origin)
    result = RuleResult(table.name, real.text, _KINDS[type(real)])
    if isinstance(real, Holds):
        columns = prove_check(table, real.expression, origin)
    elif isinstance(real, Unique):
        columns = real.columns
    else:
        columns = (real.column,)
    if isinstance(real, References):
        return Prepared(number, real, result, columns, reference_condition(connection, real))
    validator: Validator | None = None
    if isinstance(real, Matches):
        validator = compile_pattern(real.pattern)
    elif isinstance(real, JsonSchema):
        validator = compile_schema(real.schema)
    return Prepared(number, real, result, columns, condition(real), validator)


def _with_real_names(connection: apsw.Connection, table: Table, rule: Rule, origin: str) -> Rule:
    """Return the rule with names as the schema spells them."""
    if isinstance(rule, Holds):
        return rule
    if isinstance(rule, Unique):
        return Unique(tuple(find_column(table, name, origin) for name in rule.columns))
    column = find_column(table, rule.column, origin)
    if isinstance(rule, References):
        other = find_table(connection, rule.table, origin)
        return References(column, other.name, find_column(other, rule.target, origin))
    return replace(rule, column=column)
