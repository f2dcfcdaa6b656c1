"""JSON parsed so that nothing is lost unnoticed.

Integers keep every digit; a decimal that no float holds is kept as it was written (`Verbatim`);
keys that occur twice, NaN, Infinity and half a surrogate pair are errors. The fast parser does not
notice keys that occur twice; `doubles_possible` says, cheaply, when they could be there.
"""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from typing import Any, Final

import msgspec

from dbtool.transfer.formats.batch import Verbatim

__all__ = ["SLOW", "decode_lines", "doubles_possible", "encode", "exact_float", "parse_slowly"]

_SAFE_LENGTH: Final = 16
"""Characters of a decimal that every float holds: 15 digits and a point."""
_SPACED: Final = (b" :", b"\t:", b"\r:", b"\n:")
_SPACED_COLON: Final = re.compile(rb'"[ \t\r\n]+:')


def exact_float(text: str) -> float | Verbatim:
    """Return a decimal as a float where that is the same number, else as it is written."""
    value = float(text)
    # Most are written as Python and JavaScript write them: the shortest text that gives the float.
    if repr(value) == text or (len(text) <= _SAFE_LENGTH and "e" not in text and "E" not in text):
        return value
    if not math.isfinite(value) or Decimal(text) != Decimal(repr(value)):
        return Verbatim(text)
    return value


_FAST: Final = msgspec.json.Decoder(float_hook=exact_float)
_FASTEST: Final = msgspec.json.Decoder()


def decode_lines(block: bytes, *, plain: bool = False) -> list[Any]:
    """Parse a block of NDJSON at once; raises whatever is wrong with any line of it.

    Args:
        block: whole lines.
        plain: it is known that floats hold every decimal of it.
    """
    return (_FASTEST if plain else _FAST).decode_lines(block)


def doubles_possible(block: bytes, records: list[Any]) -> bool:
    """Return whether an object of the block may have had a key twice.

    Without white space before colons, every key of the text shows as `":`. Where there are as many
    as the parsed objects have keys, none was lost. Strings may hold `":` too: then it is only
    possible.
    """
    shown = block.count(b'":')
    spaced = any(map(block.count, _SPACED)) and _SPACED_COLON.search(block) is not None
    if spaced or shown == sum(map(len, records)):
        return spaced
    return shown != sum(map(_keys, records))


def _keys(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_keys(v) for v in value.values() if isinstance(v, (dict, list)))
    if isinstance(value, list):
        return sum(_keys(v) for v in value if isinstance(v, (dict, list)))
    return 0


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        double = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        message = f"the key {double!r} occurs twice in one object"
        raise ValueError(message)
    return made


def _constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)


SLOW: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=exact_float, parse_constant=_constant
)
"""Notices everything, at a fifth of the speed."""


def parse_slowly(line: bytes) -> Any:
    """Parse one text; errors say what is wrong with it.

    Raises:
        ValueError: it is no JSON, or has a key twice.
    """
    try:
        return SLOW.decode(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"it is not UTF-8 at byte {error.start + 1}"
        raise ValueError(message) from None
    except json.JSONDecodeError as error:
        message = f"it is no JSON at character {error.pos + 1}: {error.msg}"
        raise ValueError(message) from None
    except RecursionError:
        message = "it is nested too deeply"
        raise ValueError(message) from None


def _verbatim(value: Any) -> Any:
    if isinstance(value, Verbatim):
        return msgspec.Raw(value.text.encode())
    message = f"{type(value).__name__} has no form in JSON"
    raise TypeError(message)


def encode(value: Any) -> str:
    """Return a value as JSON text, numbers as they were written where a float would not do."""
    try:
        return msgspec.json.encode(value, enc_hook=_verbatim).decode()
    except RecursionError:
        message = "it is nested too deeply"
        raise ValueError(message) from None
