"""Where in the file the pages of each table and index lie, for pictures and for fragmentation.

One pass over `dbstat`. Of files of more than half a million pages every n-th is looked up, which a
picture does not show; the pass itself looks at all of them. Pages of no tree are those of the
freelist, pointer maps and the page of the lock bytes.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_letters, digits
from typing import Final

import apsw

__all__ = ["PageRun", "PageUsage", "marks_of", "read_usage"]

_MOST_PAGES: Final = 500_000
_USAGE: Final = """
SELECT CAST(name AS BLOB), group_concat(pageno) FILTER (WHERE pagetype <> 'overflow'),
    group_concat(pageno) FILTER (WHERE pagetype = 'overflow')
FROM dbstat(?1) WHERE pageno % ?2 = 0 GROUP BY name
"""
_MARKS: Final = ascii_letters + digits
FREE: Final = 0
"""Code of a page of no tree."""


@dataclass(frozen=True, slots=True)
class PageRun:
    """Neighbouring pages of one owner."""

    first: int
    last: int
    """Inclusive."""
    owner: str
    """Empty: of no tree."""
    overflow: bool


@dataclass(frozen=True, slots=True)
class PageUsage:
    """The owner of every `step`-th page."""

    page_count: int
    step: int
    names: tuple[str, ...]
    """By index; that of `FREE` is empty."""
    codes: array[int]
    """Of each page looked up: twice the index of its name, plus 1 for an overflow page."""

    def cells(self, count: int) -> list[tuple[str, bool]]:
        """Divide the file into `count` parts; return the owner of most pages of each.

        Returns:
            (name, whether most of them are overflow pages); fewer where there are fewer pages.
        """
        looked_up = len(self.codes)
        count = min(count, looked_up)
        found = []
        for cell in range(count):
            part = self.codes[cell * looked_up // count : (cell + 1) * looked_up // count]
            code = max(set(part), key=part.count)
            found.append((self.names[code >> 1], bool(code & 1)))
        return found

    def runs(self) -> Iterator[PageRun]:
        """Yield neighbouring pages of one owner as one, ascending."""
        begin = 0
        for at in range(1, len(self.codes) + 1):
            if at == len(self.codes) or self.codes[at] != self.codes[begin]:
                code = self.codes[begin]
                last = min(at * self.step, self.page_count)
                yield PageRun(
                    begin * self.step + 1, last, self.names[code >> 1], overflow=bool(code & 1)
                )
                begin = at


def marks_of(cells: Sequence[str]) -> dict[str, str]:
    """Return a letter or digit for each owner of cells, those with most cells first.

    Cells of no owner get none; beyond 62 owners the last mark stands for all others.
    """
    owners = [owner for owner, _ in Counter(cells).most_common() if owner]
    last = len(_MARKS) - 1
    return {owner: _MARKS[min(number, last)] for number, owner in enumerate(owners)}


def read_usage(connection: apsw.Connection, schema: str = "main") -> PageUsage:
    """Look up the owners of the pages of a database.

    Args:
        connection: reads the database.
        schema: main, or the name of an attached database; not quoted here.

    Raises:
        apsw.Error: as SQLite says: locked, damaged in its schema, interrupted.
    """
    row = connection.execute(f'PRAGMA "{schema}".page_count').fetchone()
    page_count = int(row[0]) if row else 0
    step = page_count // _MOST_PAGES + 1
    encoding = str(connection.pragma("encoding")).lower().replace("utf-16", "utf-16-")
    codes = array("L", bytes(array("L").itemsize * (page_count // step)))
    names = [""]
    for name, trees, overflow in connection.execute(_USAGE, (schema, step)):
        names.append(name.decode(encoding, "replace"))  # as the rows of the schema are
        code = 2 * (len(names) - 1)
        for numbers, value in ((trees, code), (overflow, code + 1)):
            for number in map(int, numbers.split(",")) if numbers else ():
                if 0 < number // step <= len(codes):  # a damaged tree may lead anywhere
                    codes[number // step - 1] = value
    return PageUsage(page_count, step, tuple(names), codes)
