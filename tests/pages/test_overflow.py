"""Chains of overflow pages give the whole payload, or say where they break."""

from __future__ import annotations

import pytest

from dbtool.pages.overflow import ChainBroken, chain, chain_length, payload
from tests.pages.pagesources import Pages

FREE = lambda _: True  # noqa: E731 - a claim that grants everything


def chained(*following: int) -> Pages:
    """Pages 1.. of 512 bytes, each with the next page's number and its own number as content."""
    raw = b"".join(
        next_.to_bytes(4, "big") + bytes([number]) * 508
        for number, next_ in enumerate(following, start=1)
    )
    return Pages(raw, 512)


def test_a_payload_is_put_together_from_its_pages() -> None:
    source = chained(0, 4, 0, 3)
    whole = payload(source, b"local", 2, size=5 + 508 + 508 + 100, usable=512, claim=FREE)
    assert whole == b"local" + b"\2" * 508 + b"\4" * 508 + b"\3" * 100


def test_reserved_bytes_hold_no_content() -> None:
    whole = payload(chained(0, 3, 0), b"", 2, size=480, usable=480, claim=FREE)
    assert whole == b"\2" * 476 + b"\3" * 4


@pytest.mark.parametrize(("size", "pages"), [(11, 1), (518, 1), (519, 2), (1 << 30, 2113665)])
def test_the_length_of_a_chain_follows_from_the_sizes(size: int, pages: int) -> None:
    assert chain_length(size, 10, 512) == pages


@pytest.mark.parametrize(
    ("following", "why"),
    [
        ((0, 3, 0), "ends after 2"),
        ((0, 3, 9), "page 9 after 2"),
        ((0, 3, 2), "not its own"),
        ((0, 3, 1), "page 1 after 2"),
    ],
)
def test_a_broken_chain_says_where_and_keeps_what_was_read(
    following: tuple[int, ...], why: str
) -> None:
    taken: set[int] = set()

    def claim(number: int) -> bool:
        fresh = number not in taken
        taken.add(number)
        return fresh

    with pytest.raises(ChainBroken, match=why) as caught:
        payload(chained(*following), b"x", 2, size=1 + 3 * 508, usable=512, claim=claim)
    assert caught.value.got == b"x" + b"\2" * 508 + b"\3" * 508


def test_no_memory_is_taken_for_a_size_that_the_file_cannot_hold() -> None:
    with pytest.raises(ChainBroken, match="longer than the database"):
        payload(chained(0, 0), b"x", 2, size=1 << 31, usable=512, claim=FREE)


def test_an_overflow_page_that_is_cut_off_breaks_the_chain() -> None:
    source = Pages(chained(0, 3, 0).raw[:-1], 512)
    with pytest.raises(ChainBroken, match="cannot be read"):
        list(chain(source, 2, 2, FREE))
