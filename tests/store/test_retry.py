from __future__ import annotations

import itertools

import pytest

from dbtool.errors import Refused, Unreachable
from dbtool.store.retry import Patience, Retrying


def failing(times: int) -> tuple[list[int], object]:
    asked: list[int] = []

    def work(failures: int) -> str:
        asked.append(failures)
        if len(asked) <= times:
            raise Unreachable("store-unreachable", "no answer")
        return "done"

    return asked, work


def test_what_does_not_come_through_is_tried_again_and_told_how_often_it_failed() -> None:
    slept: list[float] = []
    asked, work = failing(2)
    assert Retrying(sleep=slept.append)(work) == "done"
    assert asked == [0, 1, 2]
    assert len(slept) == 2


def test_a_store_that_never_answered_is_given_up_sooner() -> None:
    retrying = Retrying(Patience(attempts=7, attempts_at_first=3), sleep=lambda _: None)
    asked, work = failing(99)
    with pytest.raises(Unreachable):
        retrying(work)
    assert len(asked) == 3
    retrying(lambda _: None)
    asked, work = failing(99)
    with pytest.raises(Unreachable):
        retrying(work)
    assert len(asked) == 7


def test_other_errors_are_not_tried_again() -> None:
    asked: list[int] = []

    def work(failures: int) -> None:
        asked.append(failures)
        raise Refused("object-exists", "there")

    with pytest.raises(Refused):
        Retrying(sleep=lambda _: pytest.fail("slept"))(work)
    assert asked == [0]


def test_waits_double_are_jittered_and_bounded() -> None:
    for _ in range(50):
        waits = list(itertools.islice(Patience(first_s=1, longest_s=8).waits(), 6))
        for wait_s, most_s in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
            assert most_s / 2 <= wait_s <= most_s


def test_a_default_upload_is_tried_for_about_a_minute_and_a_first_contact_for_two_seconds() -> None:
    patience = Patience()
    waits = list(itertools.islice(Patience().waits(), patience.attempts - 1))
    assert 20 < sum(waits) < 90
    assert sum(waits[: patience.attempts_at_first - 1]) < 2
