"""How values are handed to SQLite: each conversion keeps a value or refuses it, by ValueError."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

from dbtool.transfer.formats.batch import Verbatim
from dbtool.transfer.formats.exact import encode, exact_float

__all__ = ["CONVERSIONS"]

_DIGITS: Final = re.compile(r"-?[0-9]+")
_DECIMAL: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_PYTHON_ONLY: Final = re.compile("[nN_]")
_MOST: Final = (1 << 63) - 1
_LEAST: Final = -(1 << 63)


def _each_value(convert: Callable[[Any], Any]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    def column(values: Sequence[Any]) -> Sequence[Any]:
        return [None if value is None else convert(value) for value in values]

    return column


def _integer(value: Any) -> int:
    number = int(value) if not isinstance(value, Verbatim) else None
    if number is None or (isinstance(value, float) and number != value):
        raise ValueError(f"{value} is no integer")
    if not _LEAST <= number <= _MOST:
        raise ValueError(f"{value} does not fit into 64 bits")
    return number


def _real(value: Any) -> float:
    number = exact_float(value) if isinstance(value, str) else value
    if isinstance(number, Verbatim) or float(number) != number:
        raise ValueError(f"no float holds {value} exactly")
    return float(number)


def _number(value: Any) -> Any:
    try:
        return _integer(value)
    except ValueError:
        return _real(value)


def _text(value: Any) -> Any:
    if isinstance(value, (str, bytes)):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Verbatim):
        return value.text
    if type(value) is int and not _LEAST <= value <= _MOST:
        return str(value)
    return encode(value) if isinstance(value, (dict, list)) else value


_TRUTHS: Final = {"true": 1, "false": 0, "1": 1, "0": 0, "True": 1, "False": 0}


def _boolean(value: Any) -> int:
    truth = _TRUTHS.get(str(value))
    if truth is None:
        raise ValueError(f"{value} is neither true nor false")
    return truth


def _guarded(value: Any) -> Any:
    """Pass text that an integer or numeric column leaves as it is; refuse what it would change."""
    value = _plain(value)
    if not isinstance(value, str) or not _is_number(value):
        return value
    number = int(value) if _DIGITS.fullmatch(value) else float(value)
    whole = isinstance(number, float) and number.is_integer()
    if str(number) != value or whole or (type(number) is int and not _LEAST <= number <= _MOST):
        raise _changed(value)
    return number


def _guarded_real(value: Any) -> Any:
    """Pass what a column of floats holds as the same number; refuse what it would change."""
    if type(value) is int:
        return _real(value)
    value = _plain(value)
    if not isinstance(value, str) or not _is_number(value):
        return value
    if _DECIMAL.fullmatch(value) is None or isinstance(exact_float(value), Verbatim):
        raise _changed(value)
    return float(value)


def _only_text(value: Any) -> Any:
    if not isinstance(value, (str, bytes)):
        raise _changed(value)
    return value


def _is_number(text: str) -> bool:
    """Return whether SQLite may take it for a number; not inf, nan and 1_000, as Python does."""
    if _PYTHON_ONLY.search(text):
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True


def _changed(value: Any) -> ValueError:
    return ValueError(f"the type of the column would change {value!r}")


CONVERSIONS: Final[dict[str, Callable[[Sequence[Any]], Sequence[Any]]]] = {
    "as_is": lambda values: values,
    "integer": _each_value(_integer),
    "real": _each_value(_real),
    "number": _each_value(_number),
    "text": _each_value(_text),
    "plain": _each_value(_plain),
    "json": _each_value(encode),
    "boolean": _each_value(_boolean),
    "guarded": _each_value(_guarded),
    "guarded_real": _each_value(_guarded_real),
    "only_text": _each_value(_only_text),
}
"""Each turns a column of values into what is bound; ValueError says why one cannot be."""
