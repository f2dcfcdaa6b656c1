"""What a column holds, and what a comparison with it therefore means.

The content decides, by a sample, and the declared type where there is none:

    number     integers and reals; a date is compared with the seconds, milliseconds or Julian days
    digits     numbers kept as text
    date       ISO 8601 text: 2026-01-31, 2026-01-31 12:00:00, 2026-01-31T12:00:00Z
    text       anything else; compared whatever the case of ASCII letters

A value of another kind than most of its column neither is less nor equal nor more: SQLite's own
order, in which every text is more than every number, would answer `price>100` with 'N/A'.
Dates are in UTC, as those of SQLite's own functions. A date stands for the whole time that it
names, so `created<=2026-01` includes the 31st; `7d` is the moment 7 days ago.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import apsw

from dbtool.core.names import identifier
from dbtool.search.model import Value
from dbtool.search.rows import fetch
from dbtool.search.subjects import Subject

__all__ = ["ColumnKind", "Condition", "compare", "kind_of", "within"]

Kind = Literal["number", "digits", "date", "text"]

_SAMPLE: Final = 64
_DATE_TEXT: Final = re.compile(
    r"\d{4}-\d\d-\d\d(?:([ T])\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?"
)
_DATE_GLOB: Final = "[0-9][0-9][0-9][0-9]-[0-9][0-9]*"
_NUMBER: Final = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_GIVEN_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d?)(?:-(\d\d?)"
    r"(?:[T ](\d\d?):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?",
    re.ASCII,
)
_YEAR: Final = re.compile(r"(?:19|20|21)\d\d", re.ASCII)
_AGE: Final = re.compile(r"(\d+)(s|min|h|d|w|mo|y)", re.ASCII)
_AGE_S: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_MILLISECONDS_FROM: Final = 10**11
_SECONDS_FROM: Final = 10**8
_JULIAN: Final = (1_700_000.0, 3_000_000.0)
_JULIAN_OF_1970: Final = 2440587.5
_LOGIC: Final = {"true": 1, "false": 0, "yes": 1, "no": 0}
_LARGEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class ColumnKind:
    """What a column holds."""

    kind: Kind
    separator: str = " "
    """Of a date: what stands between date and time."""
    unit: Literal["", "s", "ms", "julian"] = ""
    """Of a number: how it would count time; empty: not likely to be one."""
    mixed: bool = False
    """Of text: there are numbers too."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition in SQL with its values."""

    sql: str
    values: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class _Span:
    """The time that a date names; `start` equals `end` for a moment."""

    start: datetime
    end: datetime


def kind_of(connection: apsw.Connection, subject: Subject, column: str) -> ColumnKind:
    """Look at some values of a column."""
    name = identifier(column)
    sample = f"FROM (SELECT {name} FROM {subject.source} WHERE {name} IS NOT NULL LIMIT {_SAMPLE})"
    values = [row[0] for row in fetch(connection, sample, [name], ())]
    found = [value for value in values if not isinstance(value, bytes)]
    if not found:
        affinity = subject.affinities[subject.columns.index(column)]
        return ColumnKind("number" if affinity in ("integer", "real", "numeric") else "text")
    numbers = [value for value in found if isinstance(value, (int, float))]
    if len(numbers) == len(found):
        return ColumnKind("number", unit=_unit(numbers))
    texts = [value for value in found if isinstance(value, str)]
    if len(texts) == len(found):
        dates = [_DATE_TEXT.fullmatch(text) for text in texts]
        if all(dates):
            separators = [date[1] for date in dates if date and date[1]]
            return ColumnKind("date", separators[0] if separators else " ")
        if all(_NUMBER.fullmatch(text.strip()) for text in texts):
            return ColumnKind("digits")
    return ColumnKind("text", mixed=bool(numbers))


def compare(
    column: str, kind: ColumnKind, operator: str, value: str, now: datetime, *, quoted: bool = False
) -> Condition:
    """Return the condition `column operator value`; a NULL is neither less nor equal nor more.

    Args:
        column: SQL of the column.
        kind: what it holds.
        operator: = != < <= > >=
        value: as it was typed.
        now: what ages count from, aware.
        quoted: typed in quotes, so that NULL is text.

    Raises:
        ValueError: the value cannot be compared with such a column; its message says why.
    """
    if value == "NULL" and not quoted:
        if operator in ("=", "!="):
            return Condition(f"{column} IS {'NOT ' if operator == '!=' else ''}NULL")
        raise ValueError("NULL can only be compared with = and !=")
    if operator == "!=":
        equal = compare(column, kind, "=", value, now, quoted=True)
        return Condition(f"NOT coalesce({equal.sql}, 0)", equal.values)
    if kind.kind in ("number", "digits"):
        number = _number(value)
        # Beside seconds since 1970 or Julian days, 2026 is a year.
        if number is not None and not (kind.unit and _YEAR.fullmatch(value)):
            return _with_number(column, kind, operator, number)
        return _with_time(column, kind, operator, value, now)
    return (_with_date if kind.kind == "date" else _with_text)(column, kind, operator, value, now)


def within(column: str, kind: ColumnKind, low: str, high: str, now: datetime) -> Condition:
    """Return the condition that a column is between two values, both included.

    Raises:
        ValueError: as `compare`.
    """
    parts = [
        compare(column, kind, operator, value, now, quoted=True)
        for operator, value in ((">=", low), ("<=", high))
        if value
    ]
    values = tuple(value for part in parts for value in part.values)
    return Condition(" AND ".join(f"({part.sql})" for part in parts), values)


def _with_date(
    column: str, kind: ColumnKind, operator: str, value: str, now: datetime
) -> Condition:
    span = _span(value, now)
    if span is None:
        raise ValueError(f"the column holds dates, and {value!r} is none such as 2026-01-31 or 7d")
    found = _in_time(column, operator, _as_text(span.start, kind), _as_text(span.end, kind))
    return Condition(f"({column} GLOB '{_DATE_GLOB}' AND {found.sql})", found.values)


def _with_text(
    column: str, kind: ColumnKind, operator: str, value: str, _now: datetime
) -> Condition:
    if kind.mixed and (number := _number(value)) is not None:
        return _with_number(column, ColumnKind("number"), operator, number)
    same = f"{column} {operator} ? COLLATE NOCASE"
    return Condition(f"(typeof({column}) = 'text' AND {same})", (value,))


def _with_number(column: str, kind: ColumnKind, operator: str, number: float) -> Condition:
    if kind.kind == "digits":
        cast = f"CAST({column} AS NUMERIC)"
        # Equal to itself as a number only where all of the text is one.
        return Condition(f"({cast} = {column} AND {cast} {operator} ?)", (number,))
    return Condition(f"({_is_number(column)} AND {column} {operator} ?)", (number,))


def _is_number(column: str) -> str:
    return f"typeof({column}) IN ('integer', 'real')"


def _with_time(
    column: str, kind: ColumnKind, operator: str, value: str, now: datetime
) -> Condition:
    span = _span(value, now)
    if span is None:
        raise ValueError(f"the column holds numbers, and {value!r} is none")
    if not kind.unit:
        raise ValueError(f"the column holds numbers that are no times, and {value!r} is no number")
    found = _in_time(column, operator, _as_number(span.start, kind), _as_number(span.end, kind))
    return Condition(f"({_is_number(column)} AND {found.sql})", found.values)


def _in_time(column: str, operator: str, start: Value, end: Value) -> Condition:
    if start == end:
        return Condition(f"{column} {operator} ?", (start,))
    if operator == "=":
        return Condition(f"({column} >= ? AND {column} < ?)", (start, end))
    bound, sign = {">=": (start, ">="), ">": (end, ">="), "<": (start, "<"), "<=": (end, "<")}[
        operator
    ]
    return Condition(f"{column} {sign} ?", (bound,))


def _number(text: str) -> int | float | None:
    if text.lower() in _LOGIC:
        return _LOGIC[text.lower()]
    if not _NUMBER.fullmatch(text):
        return None
    try:
        whole = int(text)
    except ValueError:
        return float(text)
    return whole if -_LARGEST <= whole <= _LARGEST else float(whole)


def _unit(numbers: Sequence[int | float]) -> Literal["", "s", "ms", "julian"]:
    middle = sorted(numbers)[len(numbers) // 2]
    if middle >= _MILLISECONDS_FROM:
        return "ms"
    if middle >= _SECONDS_FROM:
        return "s"
    return "julian" if _JULIAN[0] <= middle <= _JULIAN[1] else ""


def _span(text: str, now: datetime) -> _Span | None:
    """Return the time that a text names; None where it names none."""
    today = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = timedelta(days=1)
    named = {
        "now": (now, now),
        "today": (today, today + day),
        "yesterday": (today - day, today),
        "tomorrow": (today + day, today + 2 * day),
    }.get(text.lower())
    if named:
        return _Span(named[0].astimezone(UTC), named[1].astimezone(UTC))
    try:
        if age := _AGE.fullmatch(text.lower()):
            moment = _before(now.astimezone(UTC), int(age[1]), age[2])
            return _Span(moment, moment)
        given = _GIVEN_DATE.fullmatch(text)
        return _dated(given) if given else None
    except (ValueError, OverflowError):
        return None


def _before(moment: datetime, count: int, unit: str) -> datetime:
    """Return the time so long before; months and years are those of the calendar."""
    if unit in _AGE_S:
        return moment - timedelta(seconds=count * _AGE_S[unit])
    months = moment.year * 12 + moment.month - 1 - count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _dated(given: re.Match[str]) -> _Span:
    year, month, day, hour, minute, second = (
        int(part) if part else None for part in given.groups()[:6]
    )
    assert year is not None
    zone = datetime.fromisoformat(f"2000-01-01T00:00:00{given[7] or 'Z'}").tzinfo
    start = datetime(year, month or 1, day or 1, hour or 0, minute or 0, second or 0, tzinfo=zone)
    start = start.astimezone(UTC)
    if month is None:
        return _Span(start, start.replace(year=year + 1))
    if day is None:
        following = start.replace(year=year + month // 12, month=month % 12 + 1)
        return _Span(start, following)
    for part, length_s in ((hour, 86400), (second, 60)):
        if part is None:
            return _Span(start, start + timedelta(seconds=length_s))
    return _Span(start, start + timedelta(seconds=1))


def _as_text(moment: datetime, kind: ColumnKind) -> str:
    """Return a moment so that text of the column sorts around it."""
    if moment == moment.replace(hour=0, minute=0, second=0, microsecond=0):
        return moment.strftime("%Y-%m-%d")
    return moment.strftime(f"%Y-%m-%d{kind.separator}%H:%M:%S")


def _as_number(moment: datetime, kind: ColumnKind) -> int | float:
    seconds = moment.timestamp()
    if kind.unit == "ms":
        return round(seconds * 1000)
    if kind.unit == "julian":
        return seconds / 86400 + _JULIAN_OF_1970
    return round(seconds)
