"""Values are taken as they are or not at all."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dbtool.backup import fields

READERS: list[Callable[[object], object]] = [
    lambda value: fields.member(value, "a"),
    fields.items,
    fields.text,
    fields.strings,
    lambda value: fields.whole(value, -5, 5),
    lambda value: fields.number(value, 0, 100),
    fields.hex_id,
    fields.moment,
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(json_values, st.sampled_from(READERS))
def test_any_value_is_taken_unchanged_or_refused_with_value_error(
    value: object, read: Callable[[object], object]
) -> None:
    try:
        taken = read(value)
    except ValueError:
        return
    same = list(taken) if isinstance(taken, tuple) else taken
    assert same == value or isinstance(taken, datetime)


@pytest.mark.parametrize("value", [True, 1.0, "1", None, 6, -6])
def test_a_whole_number_is_exactly_one_and_within_its_bounds(value: object) -> None:
    assert fields.whole(5, -5, 5) == 5
    with pytest.raises(ValueError, match="whole number"):
        fields.whole(value, -5, 5)


@pytest.mark.parametrize(
    "value", [True, "1", math.nan, math.inf, -1, 10**400], ids=lambda value: str(value)[:9]
)
def test_a_number_is_finite_and_within_its_bounds(value: object) -> None:
    assert fields.number(1, 0, 5) == 1
    with pytest.raises(ValueError, match="not a"):
        fields.number(value, 0, 5)


def test_text_may_hold_the_bytes_of_a_file_name_but_no_other_half_character() -> None:
    assert fields.text("\udcff/app.db") == "\udcff/app.db"
    with pytest.raises(ValueError, match="surrogates"):
        fields.text("\ud800")


@pytest.mark.parametrize("value", ["ab" * 15, "AB" * 16, "ab " * 16, "ab" * 16 + "\n", 5])
def test_an_id_is_32_lower_case_digits(value: object) -> None:
    assert fields.hex_id("ab" * 16) == "ab" * 16
    with pytest.raises(ValueError, match="not a"):
        fields.hex_id(value)


@pytest.mark.parametrize(
    "value", ["2026-11-21T00:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "x", 5]
)
def test_a_time_has_a_zone_and_can_be_shown_in_every_other(value: object) -> None:
    assert fields.moment("2026-11-21T00:00:00+00:00") == datetime(2026, 11, 21, tzinfo=UTC)
    with pytest.raises(ValueError, match=r"."):
        fields.moment(value)


@given(st.datetimes().map(lambda time: time.replace(tzinfo=UTC)))
def test_a_time_that_is_taken_does_not_overflow_in_another_zone(time: datetime) -> None:
    try:
        taken = fields.moment(time.isoformat())
    except ValueError:
        return
    assert taken - timedelta(hours=24) < taken + timedelta(hours=24)
