"""Values handed to SQLite."""

from __future__ import annotations

from typing import Any

import pytest

from dbtool.transfer.conversions import CONVERSIONS
from dbtool.transfer.formats.batch import Verbatim


@pytest.mark.parametrize(
    ("conversion", "value", "expected"),
    [
        ("integer", "12", 12),
        ("integer", 2**63, None),
        ("integer", 1.5, None),
        ("real", "1.5", 1.5),
        ("real", 2**60 + 1, None),
        ("real", "0.12345678901234567890", None),
        ("number", "1", 1),
        ("number", "x", None),
        ("text", 1.1, "1.1"),
        ("text", True, "true"),
        ("text", Verbatim("1.10"), "1.10"),
        ("plain", 2**64, str(2**64)),
        ("plain", [1], "[1]"),
        ("json", "a", '"a"'),
        ("boolean", "true", 1),
        ("boolean", "yes", None),
        ("guarded", "007", None),
        ("guarded", "7", 7),
        ("guarded", "1.0", None),
        ("guarded_real", "1.10", 1.1),
        ("guarded_real", "007", None),
        ("guarded_real", "0.12345678901234567890", None),
        ("guarded", "seven", "seven"),
    ],
)
def test_a_conversion_keeps_the_value_or_refuses_it(
    conversion: str, value: Any, expected: Any
) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r"\w"):
            CONVERSIONS[conversion]([value])
    else:
        assert CONVERSIONS[conversion]([value, None]) == [expected, None]
