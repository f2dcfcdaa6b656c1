"""Rules and what became of them, as frozen data.

NULL satisfies every rule except `NotNull`, as it does in SQL's constraints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = [
    "Holds",
    "JsonSchema",
    "Matches",
    "NotNull",
    "Offender",
    "OneOf",
    "Range",
    "References",
    "Rule",
    "RuleResult",
    "RuleSet",
    "RulesReport",
    "TableRules",
    "TypeIs",
    "Unique",
    "Value",
]

Value = None | int | float | str | bytes
"""A value as SQLite knows it. Long text and BLOBs are cut, text then ends in an ellipsis."""

_MOST_NAMED = 6
"""Allowed values that the text of a rule names."""


@dataclass(frozen=True, slots=True)
class NotNull:
    """No NULL in a column."""

    column: str

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"{self.column}: not null"


@dataclass(frozen=True, slots=True)
class Unique:
    """No two rows with the same values; rows with a NULL among them differ from all others."""

    columns: tuple[str, ...]

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"{', '.join(self.columns)}: unique"


@dataclass(frozen=True, slots=True)
class TypeIs:
    """Values of certain types."""

    column: str
    types: tuple[str, ...]
    """What `typeof` may answer."""

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"{self.column}: {' or '.join(self.types)}"


@dataclass(frozen=True, slots=True)
class Range:
    """Values between two bounds, both inclusive; values of another kind than them fail."""

    column: str
    least: int | float | str | None
    """None: no lower bound."""
    most: int | float | str | None
    dates: bool = False
    """True: the bounds are ISO dates or times, and values must begin with a date."""

    @property
    def text(self) -> str:
        """The rule in words."""
        if self.most is None:
            return f"{self.column}: at least {self.least}"
        if self.least is None:
            return f"{self.column}: at most {self.most}"
        return f"{self.column}: from {self.least} to {self.most}"


@dataclass(frozen=True, slots=True)
class Matches:
    """Text that a regular expression matches from its beginning to its end."""

    column: str
    pattern: str

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"{self.column}: matches {self.pattern}"


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of a few values; text is compared byte by byte, and 1 is not '1'."""

    column: str
    values: tuple[int | float | str, ...]

    @property
    def text(self) -> str:
        """The rule in words."""
        named = ", ".join(repr(value) for value in self.values[:_MOST_NAMED])
        rest = len(self.values) - _MOST_NAMED
        return f"{self.column}: one of {named}" + (f" and {rest} more" if rest > 0 else "")


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """JSON text, JSONB or a number that fits a JSON Schema."""

    column: str
    schema: str
    """The schema as JSON text."""
    name: str = ""
    """Its file; empty: it stands in the configuration."""

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"{self.column}: fits the JSON Schema {self.name}".rstrip()


@dataclass(frozen=True, slots=True)
class Holds:
    """An SQL expression over the row that is not false; NULL is not false, as in CHECK."""

    expression: str

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"check {self.expression}"


@dataclass(frozen=True, slots=True)
class References:
    """A value that a column of another table holds, declared as a foreign key or not."""

    column: str
    table: str
    target: str
    """The column of `table`."""

    @property
    def text(self) -> str:
        """The rule in words."""
        return f"{self.column}: references {self.table}.{self.target}"


Rule = NotNull | Unique | TypeIs | Range | Matches | OneOf | JsonSchema | Holds | References


@dataclass(frozen=True, slots=True)
class TableRules:
    """The rules of one table or view."""

    table: str
    rules: tuple[Rule, ...]
    origin: str = ""
    """Where they were declared, for errors, such as `dbtool.toml:12`."""
    origins: tuple[str, ...] = ()
    """The same for each rule; empty: not known."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Everything to judge a database by."""

    tables: tuple[TableRules, ...] = ()
    python_rules: tuple[str, ...] = ()
    """Names of entry points in the group `dbtool.rules`."""
    time_limit_s: float | None = None
    """Longest time for one rule; None: no limit."""

    @property
    def count(self) -> int:
        """How many rules there are."""
        return sum(len(table.rules) for table in self.tables) + len(self.python_rules)


@dataclass(frozen=True, slots=True)
class Offender:
    """A row, or for `Unique` the first of several equal rows, that breaks a rule."""

    key: tuple[tuple[str, Value], ...]
    """Column and value of the primary key or the rowid; empty: the table has none."""
    values: tuple[tuple[str, Value], ...] = ()
    """Column and value of what the rule is about."""
    note: str = ""
    """What is wrong, where the values do not tell."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of one rule."""

    table: str
    rule: str
    """The rule in words."""
    kind: str
    """`not_null`, `unique` ...: its key in the configuration; `python` for a Python rule."""
    total: int = 0
    """Rows that break it; for `unique` those beyond the first of each value."""
    offenders: tuple[Offender, ...] = ()
    """The first of them."""
    error: str = ""
    """Why it could not be judged to the end; empty: it was."""

    @property
    def ok(self) -> bool:
        """Whether the rule was judged and holds."""
        return not self.total and not self.error


@dataclass(frozen=True, slots=True)
class RulesReport:
    """What became of all rules."""

    results: Sequence[RuleResult] = field(default_factory=tuple)
    rows_read: int = 0
    """Rows of tables under rules, each table counted once."""
    duration_s: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return all(result.ok for result in self.results)
