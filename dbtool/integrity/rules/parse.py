"""Makes rules of the tables `[validate.TABLE]` as TOML reads them.

Knows no file but JSON Schemas that are named; where a value stands is the caller's knowledge. The
keys themselves are judged by the configuration, which knows what else could have been meant.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from dbtool.integrity.rules.model import (
    Holds,
    JsonSchema,
    Matches,
    NotNull,
    OneOf,
    Range,
    References,
    Rule,
    TypeIs,
    Unique,
)
from dbtool.integrity.rules.validators import compile_pattern, compile_schema

__all__ = ["column_rules", "table_rules"]

MOST_VALUES: Final = 1000
MOST_SCHEMA_BYTES: Final = 4 << 20

_TYPES: Final = {
    "integer": ("integer",),
    "real": ("real",),
    "number": ("integer", "real"),
    "text": ("text",),
    "blob": ("blob",),
}
_ISO_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d(?:[T ].+)?")


def table_rules(key: str, value: Any) -> Iterator[Rule]:
    """Yield the rules of one key of `[validate.TABLE]`.

    Args:
        key: not_null, unique or check.
        value: as TOML reads it.

    Raises:
        ValueError: the value makes no sense; the message says what is wanted.
    """
    if not isinstance(value, list) or not value:
        raise ValueError("a list is wanted")
    if key == "unique":
        yield from (Unique(_columns(item)) for item in value)
        return
    kind: Callable[[str], Rule] = NotNull if key == "not_null" else Holds
    for item in value:
        if not isinstance(item, str) or not item.strip():
            raise ValueError("a list of strings is wanted")
        yield kind(item)


def column_rules(column: str, key: str, settings: Mapping[str, Any], folder: Path) -> list[Rule]:
    """Return the rules of one key of `[validate.TABLE.columns.COLUMN]`; min and max are one.

    Args:
        column: its name.
        key: one of `settings`.
        settings: all keys of the column and their values, as TOML reads them.
        folder: where the path of a JSON Schema counts from.

    Raises:
        ValueError: the value makes no sense; the message says what is wanted.
    """
    return [] if key == "max" and "min" in settings else _COLUMN_KEYS[key](column, settings, folder)


def _columns(item: Any) -> tuple[str, ...]:
    names = [item] if isinstance(item, str) else item
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError('a list of columns is wanted, such as ["email", ["tenant", "login"]]')
    if len({name.lower() for name in names}) < len(names):
        raise ValueError(f"a column is named twice in {names!r}")
    return tuple(names)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is wanted")  # noqa: TRY004 - as above
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a string is wanted")
    return value


def _not_null(column: str, settings: Mapping[str, Any], _folder: Path) -> list[Rule]:
    return [NotNull(column)] if _flag(settings["not_null"]) else []


def _unique(column: str, settings: Mapping[str, Any], _folder: Path) -> list[Rule]:
    return [Unique((column,))] if _flag(settings["unique"]) else []


def _type(column: str, settings: Mapping[str, Any], _folder: Path) -> list[Rule]:
    value = settings["type"]
    names = value if isinstance(value, list) else [value]
    if not names or not all(isinstance(name, str) and name in _TYPES for name in names):
        raise ValueError(f"one or a list of {', '.join(_TYPES)} is wanted")
    return [TypeIs(column, tuple(dict.fromkeys(kind for name in names for kind in _TYPES[name])))]


def _range(column: str, settings: Mapping[str, Any], _folder: Path) -> list[Rule]:
    least, most = settings.get("min"), settings.get("max")
    bounds: list[Any] = [bound for bound in (least, most) if bound is not None]
    texts = [isinstance(bound, str) for bound in bounds]
    if not all(_is_number(bound) or isinstance(bound, str) for bound in bounds):
        raise ValueError("a number, a date or a string is wanted")
    if len(set(texts)) > 1:
        raise ValueError("min and max are of different kinds")
    if len(bounds) > 1 and bounds[0] > bounds[1]:
        raise ValueError(f"min {least} is above max {most}")
    dates = all(texts) and all(_ISO_DATE.fullmatch(bound) for bound in bounds)
    return [Range(column, least, most, dates=dates)]


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _pattern(column: str, settings: Mapping[str, Any], _folder: Path) -> list[Rule]:
    pattern = _text(settings["pattern"])
    compile_pattern(pattern)
    return [Matches(column, pattern)]


def _values(column: str, settings: Mapping[str, Any], _folder: Path) -> list[Rule]:
    values = settings["values"]
    if not isinstance(values, list) or not 0 < len(values) <= MOST_VALUES:
        raise ValueError(f"a list of 1 to {MOST_VALUES} values is wanted")
    plain = [int(value) if isinstance(value, bool) else value for value in values]
    if not all(_is_number(value) or isinstance(value, str) for value in plain):
        raise ValueError("strings and numbers are wanted")
    return [OneOf(column, tuple(plain))]


def _json_schema(column: str, settings: Mapping[str, Any], folder: Path) -> list[Rule]:
    value = settings["json_schema"]
    if isinstance(value, Mapping):
        schema, name = json.dumps(value), ""
    else:
        name = _text(value)
        schema = _read_schema(folder / Path(name).expanduser())
    compile_schema(schema)
    return [JsonSchema(column, schema, name)]


def _read_schema(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_SCHEMA_BYTES:
            raise ValueError(f"{path} is too large for a schema")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error


def _references(column: str, settings: Mapping[str, Any], _folder: Path) -> list[Rule]:
    value = settings["references"]
    if isinstance(value, str):
        table, _, target = value.rpartition(".")
    elif isinstance(value, list) and all(isinstance(part, str) for part in value):
        table, target = value if len(value) == 2 else ("", "")  # noqa: PLR2004 - table and column
    else:
        table = target = ""
    if not table or not target:
        raise ValueError('"table.column" is wanted, or ["table", "column"]')
    return [References(column, table, target)]


_COLUMN_KEYS: Final[dict[str, Callable[[str, Mapping[str, Any], Path], list[Rule]]]] = {
    "type": _type,
    "not_null": _not_null,
    "unique": _unique,
    "min": _range,
    "max": _range,
    "values": _values,
    "pattern": _pattern,
    "json_schema": _json_schema,
    "references": _references,
}
