r"""Judges single values in Python: regular expressions and JSON Schema, both by jsonschema-rs.

Its regular expressions are those of JSON Schema (ECMA 262). They run in linear time; one that uses
look-around or back-references runs with a bounded number of steps instead, and a value for which
they do not suffice does not match. So no pattern can hang, which Python's `re` cannot promise.

A schema may refer to itself only: nothing is fetched from the network or from other files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, NoReturn

import apsw

__all__ = ["Validator", "compile_pattern", "compile_schema"]

Validator = Callable[[object], str | None]
"""Takes text, a number or a BLOB; returns what is wrong with it, None where nothing is."""

MOST_STEPS: Final = 100_000
_LONGEST_MESSAGE: Final = 300


def compile_pattern(pattern: str) -> Validator:
    """Return what judges text by a regular expression that must match all of it.

    Raises:
        ValueError: the expression is not one.
    """
    whole = {"pattern": f"^(?:{pattern})$"}
    _compile({"pattern": pattern}, "it is no regular expression of JSON Schema (ECMA 262)")
    is_valid = _compile(whole, "it cannot be used within a larger expression").is_valid

    def judge(value: object) -> str | None:
        if not isinstance(value, str):
            return "it is not text"
        return None if is_valid(value) else ""

    return judge


def compile_schema(schema: str) -> Validator:
    """Return what judges JSON by a schema.

    Raises:
        ValueError: the schema is not one.
    """
    try:
        document = json.loads(schema)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from error
    if not isinstance(document, (dict, bool)):
        raise ValueError("it is no JSON Schema: an object is wanted")  # noqa: TRY004 - as documented
    validator = _compile(document, "it is no JSON Schema")

    def judge(value: object) -> str | None:
        try:
            instance = _decode(value)
        except (ValueError, RecursionError) as error:
            return f"it is not JSON: {_first_line(error)}"
        try:
            if validator.is_valid(instance):
                return None
            found = next(iter(validator.iter_errors(instance)))
        except (ValueError, RecursionError) as failure:
            return f"it cannot be judged: {_first_line(failure)}"
        place = "".join(f"/{part}" for part in found.instance_path)
        return _short(f"{place}: {found.message}" if place else found.message)

    return judge


def _compile(schema: Any, failure: str) -> Any:
    import jsonschema_rs

    try:
        return jsonschema_rs.validator_for(
            schema,
            offline=True,
            pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=MOST_STEPS),
        )
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{failure}: {_first_line(error)}") from error


def _decode(value: object) -> Any:
    """Return what JSON text, JSONB or a number stands for."""
    if isinstance(value, bytes):
        if not apsw.jsonb_detect(value):
            raise ValueError("a BLOB that is no JSONB")
        return apsw.jsonb_decode(value)
    if isinstance(value, str):
        return _JSON.decode(value)
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


_JSON: Final = json.JSONDecoder(parse_constant=_no_constant)
"""Made once: `json.loads` would make one for every value."""


def _first_line(error: Exception) -> str:
    return _short(str(error).partition("\n")[0])


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
