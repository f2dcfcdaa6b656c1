"""How plans look."""

from __future__ import annotations

import pytest

from dbtool.cli.optimize.view import steps_text


@pytest.mark.parametrize(
    ("steps", "shown"),
    [
        (0, "0"),
        (950, "950"),
        (12_345, "12.3k"),
        (4_571_000, "4.57M"),
        (1.85e9, "1.85G"),
        (2e12, "2000G"),
    ],
)
def test_steps_have_three_digits(steps: float, shown: str) -> None:
    assert steps_text(steps) == shown
