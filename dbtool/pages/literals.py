"""Values as SQL that gives back exactly them.

Invariant: SQLite reads a literal as the same value with the same type, to the last bit. Text that a
literal cannot hold (a zero character, bytes that are no text) or that would act on a terminal is
written as the text of a BLOB. Source: https://sqlite.org/lang_expr.html#literal_values_constants_
"""

from __future__ import annotations

import math
import re
from typing import Final

from dbtool.pages.records import RawText, Value

__all__ = ["literal", "text_literal"]

_ACTING: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_CODECS: Final = {"UTF-8": "utf-8", "UTF-16le": "utf-16-le", "UTF-16be": "utf-16-be"}


def text_literal(text: str) -> str:
    """Return text in single quotes, for text that is known to be harmless."""
    return "'" + text.replace("'", "''") + "'"


def literal(value: Value, encoding: str = "UTF-8") -> str:
    """Return a value as SQL.

    Args:
        value: None, int, float, str, bytes or `RawText`.
        encoding: of the database that will read it, for text that needs its bytes spelled out.
    """
    if isinstance(value, str):
        if not _ACTING.search(value):
            return text_literal(value)
        value = RawText(value.encode(_CODECS[encoding], "surrogatepass"))
    if isinstance(value, bytes):
        blob = f"x'{value.hex()}'"
        return f"CAST({blob} AS TEXT)" if isinstance(value, RawText) else blob
    if isinstance(value, float) and math.isinf(value):
        return "9e999" if value > 0 else "-9e999"
    return "NULL" if value is None else repr(value)
