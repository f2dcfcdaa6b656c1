"""Which pages a reader will want next, told from the b-trees that it walks.

An interior page names its children in the order in which a scan reads them, wherever they lie. A
reader that took the child before this one is scanning, and will want those that follow. What is
read here is only used to guess: a hostile page makes for a bad guess and nothing else.
Format: https://sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Callable, Container, Iterator
from typing import Final

__all__ = ["Foresight", "interior_children"]

INTERIOR_TYPES: Final = frozenset({2, 5})
_HEADER_BYTES: Final = 12
_FILE_HEADER_BYTES: Final = 100
_KEPT_PAGES: Final = 16
"""Interior pages remembered; a walk is within one of each level at a time."""


class Foresight:
    """Remembers the interior pages that were read last.

    Args:
        page_count: of the database; no other page is ever told.
        at_hand: returns a page that can be had at once; None where it cannot.
    """

    def __init__(self, page_count: int, at_hand: Callable[[int], memoryview | None]) -> None:
        self._page_count = page_count
        self._at_hand = at_hand
        self._children: OrderedDict[int, list[int]] = OrderedDict()
        self._told: dict[int, int] = {}
        """Of a parent: how many of its children were told, or passed by."""

    def learn(self, number: int, content: memoryview) -> None:
        """Take note of an interior page."""
        if number in self._children:
            self._children.move_to_end(number)
            return
        children = interior_children(number, content, self._page_count)
        if not children:
            return
        self._children[number] = children
        if len(self._children) > _KEPT_PAGES:
            gone, _ = self._children.popitem(last=False)
            self._told.pop(gone, None)

    def next_after(self, number: int, seen: Container[int]) -> Iterator[int] | None:
        """Return the pages that follow `number` in a scan, each told once; None where none runs."""
        parent, index = self._place(number)
        if not self._scanned(parent, index, seen):
            return None
        return self._following(parent, index)

    def _place(self, number: int) -> tuple[int, int]:
        """Return the parent of a page, and which of its children it is; 0 where it is not known."""
        for parent, children in reversed(self._children.items()):
            if number in children:
                return parent, children.index(number)
        return 0, 0

    def _scanned(self, parent: int, index: int, seen: Container[int]) -> bool:
        siblings = self._children.get(parent)
        if siblings is None:
            return False
        if index:
            return siblings[index - 1] in seen
        above, place = self._place(parent)
        return place > 0 and self._scanned(above, place, seen)

    def _following(self, parent: int, index: int) -> Iterator[int]:
        siblings = self._children[parent]
        if index and siblings[index - 1] in self._children:
            yield from siblings[index + 1 : index + 2]  # an interior level: leaves come first
            return
        above, place = self._place(parent)
        if above:
            self._children.move_to_end(above)  # it is read once, and needed to the end of the scan
        cousins = self._children.get(above, ())[place + 1 : place + 2]
        yield from cousins  # early, so that the scan need not stop where it goes on there
        yield from self._untold(parent, index + 1)
        for cousin in cousins:
            content = self._at_hand(cousin)
            if content is not None:
                self.learn(cousin, content)
                yield from self._untold(cousin, 0)

    def _untold(self, parent: int, index: int) -> Iterator[int]:
        children = self._children.get(parent, ())
        for told in range(max(index, self._told.get(parent, 0)), len(children)):
            self._told[parent] = told + 1
            yield children[told]


def interior_children(number: int, content: memoryview, page_count: int) -> list[int]:
    """Return the children of an interior page, in order; none where it is no such page."""
    at = _FILE_HEADER_BYTES if number == 1 else 0
    if content[at] not in INTERIOR_TYPES:
        return []
    page = bytes(content)
    pointers = at + _HEADER_BYTES
    cells = min(int.from_bytes(page[at + 3 : at + 5], "big"), (len(page) - pointers) // 2)
    cell_at = struct.unpack_from(f">{cells}H", page, pointers)
    children = [int.from_bytes(page[cell : cell + 4], "big") for cell in cell_at]
    children.append(int.from_bytes(page[at + 8 : at + 12], "big"))
    return children if min(children) > 0 and max(children) <= page_count else []
