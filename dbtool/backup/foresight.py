"""Which pages a reader will want next, told from the b-trees that it walks.

An interior page names its children in the order in which a scan reads them, wherever they lie. A
reader that took the child before this one is scanning, and will want those that follow. What is
read here is only used to guess: a hostile page makes for a bad guess and nothing else.
Format: https://sqlite.org/fileformat2.html#b_tree_pages
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Container, Iterator
from typing import Final

__all__ = ["Foresight", "interior_children"]

INTERIOR_TYPES: Final = frozenset({2, 5})
_HEADER_BYTES: Final = 12
_FILE_HEADER_BYTES: Final = 100
_KEPT_PAGES: Final = 16
"""Interior pages remembered; a walk is within one of each level at a time."""


class Foresight:
    """Remembers the interior pages that were read last."""

    def __init__(self, page_count: int) -> None:
        self._page_count = page_count
        self._children: OrderedDict[int, list[int]] = OrderedDict()
        self._places: dict[int, tuple[int, int]] = {}
        """Of a child: its parent, and which of its children it is."""
        self._told: dict[int, int] = {}
        """Of a parent: the last of its children that was told."""

    def learn(self, number: int, content: memoryview) -> None:
        """Take note of an interior page."""
        children = interior_children(number, content, self._page_count)
        if not children or number in self._children:
            return
        self._children[number] = children
        self._places.update({child: (number, index) for index, child in enumerate(children)})
        if len(self._children) > _KEPT_PAGES:
            gone, forgotten = self._children.popitem(last=False)
            self._told.pop(gone, None)
            for child in forgotten:
                self._places.pop(child, None)

    def next_after(self, number: int, seen: Container[int]) -> Iterator[int] | None:
        """Return the pages that follow `number` in a scan, each told once; None where none runs."""
        parent, index = self._places.get(number, (0, 0))
        if not self._scanned(parent, index, seen):
            return None
        return self._following(parent, index)

    def _scanned(self, parent: int, index: int, seen: Container[int]) -> bool:
        siblings = self._children.get(parent)
        if siblings is None:
            return False
        if index:
            return siblings[index - 1] in seen
        above, place = self._places.get(parent, (0, 0))
        return place > 0 and self._scanned(above, place, seen)

    def _following(self, parent: int, index: int) -> Iterator[int]:
        siblings = self._children[parent]
        if index and siblings[index - 1] in self._children:
            yield from siblings[index + 1 : index + 2]  # an interior level: leaves come first
            return
        for told in range(max(index, self._told.get(parent, 0)) + 1, len(siblings)):
            self._told[parent] = told
            yield siblings[told]
        above, place = self._places.get(parent, (0, 0))
        yield from self._children.get(above, ())[place + 1 : place + 2]


def interior_children(number: int, content: memoryview, page_count: int) -> list[int]:
    """Return the children of an interior page, in order; none where it is no such page."""
    at = _FILE_HEADER_BYTES if number == 1 else 0
    if content[at] not in INTERIOR_TYPES:
        return []
    cells = int.from_bytes(content[at + 3 : at + 5], "big")
    pointers = at + _HEADER_BYTES
    children = []
    for pointer in range(pointers, min(pointers + 2 * cells, len(content) - 1), 2):
        cell = int.from_bytes(content[pointer : pointer + 2], "big")
        children.append(int.from_bytes(content[cell : cell + 4], "big"))
    children.append(int.from_bytes(content[at + 8 : at + 12], "big"))
    return children if all(0 < child <= page_count for child in children) else []
