"""Makes a rule set of the settings under `[validate]`, with the place of every mistake.

Settings come from several files, each value with its origin; the configuration hands them over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from dbtool.core.tomllines import dotted
from dbtool.errors import UsageError
from dbtool.integrity.rules.model import Rule, RuleSet, TableRules
from dbtool.integrity.rules.parse import column_rules, table_rules

__all__ = ["Declared", "rule_set"]


class Declared(Protocol):
    """One value under `[validate]`."""

    @property
    def value(self) -> Any:
        """As TOML reads it."""

    @property
    def origin(self) -> str:
        """File and line."""

    @property
    def file(self) -> Path | None:
        """Where paths count from."""

    @property
    def path(self) -> tuple[str, ...]:
        """The key in parts, beginning with `validate`."""


def rule_set(settings: Iterable[Declared]) -> RuleSet:
    """Return the rules that settings declare, in their order.

    Raises:
        UsageError: `config-value`, with file and line.
    """
    options: dict[str, Any] = {}
    tables: dict[str, list[Declared]] = {}
    for setting in settings:
        if len(setting.path) == 2:  # noqa: PLR2004 - validate.OPTION
            options[setting.path[1]] = setting.value
        else:
            tables.setdefault(setting.path[1], []).append(setting)
    return RuleSet(
        tuple(_table(name, found) for name, found in tables.items()),
        tuple(options.get("python_rules", ())),
        options.get("time_limit"),
    )


def _table(table: str, settings: Sequence[Declared]) -> TableRules:
    pairs = [(rule, setting.origin) for setting, rule in _rules(settings)]
    rules, origins = zip(*pairs, strict=True) if pairs else ((), ())
    return TableRules(table, tuple(rules), settings[0].origin, tuple(origins))


def _rules(settings: Sequence[Declared]) -> Iterator[tuple[Declared, Rule]]:
    columns: dict[str, dict[str, Any]] = {}
    for setting in settings:
        if setting.path[2] == "columns":
            columns.setdefault(setting.path[3], {})[setting.path[4]] = setting.value
    for setting in settings:
        with _placed(setting):
            if setting.path[2] == "columns":
                column, key = setting.path[3:]
                folder = (setting.file or Path()).parent.absolute()
                for rule in column_rules(column, key, columns[column], folder):
                    yield setting, rule
            else:
                for rule in table_rules(setting.path[2], setting.value):
                    yield setting, rule


@contextmanager
def _placed(setting: Declared) -> Iterator[None]:
    """Give a mistake in a value its place."""
    try:
        yield
    except ValueError as error:
        key = dotted(setting.path)
        message = f"{setting.origin}: {key} = {setting.value!r} is not right: {error}"
        raise UsageError("config-value", message) from error
