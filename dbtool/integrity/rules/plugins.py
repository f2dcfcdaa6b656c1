"""Rules written in Python: entry points of installed packages, in the group `dbtool.rules`.

Only a rule that the configuration names runs, and only packages that somebody installed beside
dbtool can offer one: no file of a project is executed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any, Final, Protocol

import apsw

from dbtool.errors import UsageError
from dbtool.integrity.rules.model import Offender, RuleResult, Value
from dbtool.integrity.rules.table import SHOWN_BYTES

__all__ = ["GROUP", "PythonRule", "find_rules", "run_rule"]

GROUP: Final = "dbtool.rules"


class PythonRule(Protocol):
    """What an entry point is: a function that takes a connection and yields offenders.

    An attribute `table` may name the table that it is about, for display.
    """

    def __call__(self, connection: apsw.Connection, /) -> Iterable[tuple[Mapping[str, Value], str]]:
        """Yield the key of every row that breaks the rule, by column, and what is wrong with it.

        The connection only reads and is within one read transaction, which must be left as it is.
        """


def find_rules(names: Iterable[str]) -> dict[str, Any]:
    """Return the entry points of these names; none is loaded yet.

    Raises:
        UsageError: `rule-not-installed`.
    """
    from importlib.metadata import entry_points

    known = {entry.name: entry for entry in entry_points(group=GROUP)}
    found = {}
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, 1, 0.6)
            other = f"did you mean {close[0]}?" if close else "install the package that offers it"
            raise UsageError(
                "rule-not-installed",
                f"no installed package offers the Python rule {name}",
                context=f"packages offer rules as entry points of the group {GROUP}",
                hint=other,
            )
        found[name] = known[name]
    return found


def run_rule(connection: apsw.Connection, name: str, entry: Any, limit: int) -> RuleResult:
    """Run one rule to its end; whatever it raises is its error."""
    table, total, error = "", 0, ""
    offenders: tuple[Offender, ...] = ()
    try:
        rule: PythonRule = entry.load()
        table = str(getattr(rule, "table", ""))
        found = iter(rule(connection))
        offenders = tuple(_offender(*item) for item in islice(found, limit))
        total = len(offenders)
        for _ in found:
            total += 1
    except Exception as failure:  # noqa: BLE001 - somebody else's code must not end the check
        error = f"{type(failure).__name__}: {failure}"
    return RuleResult(table, name, "python", total, offenders, error)


def _offender(key: Mapping[str, Value], note: str) -> Offender:
    return Offender(tuple((str(k), _value(v)) for k, v in key.items()), note=str(note))


def _value(value: object) -> Value:
    if value is None or isinstance(value, (int, float)):
        return value
    if isinstance(value, bytes):
        return value[:SHOWN_BYTES]
    text = str(value)
    return text if len(text) <= SHOWN_BYTES else f"{text[:SHOWN_BYTES]}…"
