"""Places between records."""

from __future__ import annotations

from dbtool.transfer.formats.batch import START, Position, Verbatim


def test_the_beginning_is_before_everything() -> None:
    assert Position(0, 0, 0) == START


def test_a_number_as_it_was_written_shows_itself() -> None:
    assert repr(Verbatim("1.10")) == "1.10"
