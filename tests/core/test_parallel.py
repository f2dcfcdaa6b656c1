"""Order is kept, the number of waiting results is bounded, errors belong to their item."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from dbtool.core.parallel import in_order


def test_results_come_in_the_order_of_the_items() -> None:
    with ThreadPoolExecutor(4) as executor:
        slow_first = lambda number: (time.sleep(0.01 if number % 3 == 0 else 0), number * 2)[1]  # noqa: E731
        found = [
            (item, result()) for item, result in in_order(executor, slow_first, range(30), depth=5)
        ]
    assert found == [(number, number * 2) for number in range(30)]


def test_no_more_than_depth_items_run_ahead() -> None:
    started, guard = [], threading.Lock()

    def work(number: int) -> int:
        with guard:
            started.append(number)
        return number

    with ThreadPoolExecutor(4) as executor:
        for item, result in in_order(executor, work, range(50), depth=3):
            result()
            assert len(started) <= item + 5


def test_an_error_belongs_to_its_item_and_the_others_go_on() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError(number)
        return number

    good = []
    with ThreadPoolExecutor(2) as executor:
        for item, result in in_order(executor, work, range(5), depth=2):
            if item == 2:
                with pytest.raises(ValueError, match="2"):
                    result()
            else:
                good.append(result())
    assert good == [0, 1, 3, 4]
