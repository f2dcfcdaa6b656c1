"""What each table and index has of the pages that differ, and which rows of a table may.

Memory is bounded by the changed pages: 4 bytes for each, and some bits for every page.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from dbtool.core.schema import Schema
from dbtool.errors import Damaged
from dbtool.pages.freelist import freelist, pointer_maps
from dbtool.pages.source import PageInvalid, header_of, lock_page_of
from dbtool.rows.chains import hidden_changes, pages_of_chains
from dbtool.rows.pages import State
from dbtool.rows.sets import Bits, Ranges
from dbtool.rows.territory import Side, differing_ranges, survey

__all__ = ["SCHEMA_NAME", "Footprint", "Footprints", "measure"]

Name = tuple[str, str]
"""Kind (table or index) and folded name."""
SCHEMA_NAME: Name = ("table", "sqlite_schema")


@dataclass(slots=True)
class Footprint:
    """One table or index."""

    touched: tuple[array[int], array[int]] = field(default_factory=lambda: (array("I"), array("I")))
    """Its pages in a and in b that differ."""
    beside: array[int] = field(default_factory=lambda: array("I"))
    """Leaves right behind those, equal on both sides, which SQLite reads to see a range end."""
    ranges: Ranges = field(default_factory=Ranges)
    """Rowids that may differ; empty for an index."""
    whole: bool = False
    """True: any row may differ, whatever the pages say."""

    @property
    def pages(self) -> int:
        """How many pages of it differ, each counted once."""
        return len({*self.touched[0], *self.touched[1]})

    @property
    def differs(self) -> bool:
        """Whether its rows may differ."""
        return self.whole or bool(self.touched[0] or self.touched[1] or self.ranges)


@dataclass(slots=True)
class Footprints:
    """All of them."""

    of: dict[Name, Footprint]
    unowned: int
    """Changed pages that belong to no object: free ones, pointer maps, the lock page."""


def measure(
    states: tuple[State, State],
    schemas: tuple[Schema, Schema],
    changed: Bits,
    tick: Callable[[int], object],
) -> Footprints:
    """Find out whose the changed pages are.

    Args:
        states: a and b, with pages of the same size.
        schemas: theirs.
        changed: pages that are not equal on both.
        tick: called with the number of pages read; may raise to stop.

    Raises:
        Damaged: `database-damaged`, the trees of one side cannot be walked.
    """
    try:
        sides = (_side(states[0], tick), _side(states[1], tick))
        roots = (_roots(*pair) for pair in zip(states, schemas, strict=True))
        return _Surveyor(sides, (next(roots), next(roots)), changed).measure(schemas)
    except PageInvalid as error:
        raise Damaged(
            "database-damaged",
            f"a tree of {states[0].label} or of {states[1].label} is damaged",
            context=str(error),
            hint="dbtool verify --snapshots --read-data      is the repository sound?",
        ) from error


def _side(state: State, tick: Callable[[int], object]) -> Side:
    reserved = header_of(state).reserved_bytes if state.page_count else 0
    return Side(state, state.page_size - reserved, tick)


def _roots(state: State, schema: Schema) -> dict[Name, int]:
    roots = {SCHEMA_NAME: 1} if state.page_count else {}
    roots.update((name, item.root) for name, item in schema.items.items() if item.root)
    return roots


class _Surveyor:
    """Walks the trees of both sides; `missing` are the changed pages that nothing explains yet."""

    def __init__(
        self,
        sides: tuple[Side, Side],
        roots: tuple[dict[Name, int], dict[Name, int]],
        changed: Bits,
    ) -> None:
        self._sides = sides
        self._roots = roots
        self._changed = changed
        self._missing = tuple(changed.up_to(side.source.page_count) for side in sides)

    def measure(self, schemas: tuple[Schema, Schema]) -> Footprints:
        names = dict.fromkeys([*self._roots[0], *self._roots[1]])
        found = {name: self._trees(name) for name in names}
        for side, missing in zip(self._sides, self._missing, strict=True):
            _take_places(side, missing)
        for footprint in found.values():
            for at, side in enumerate(self._sides):
                chained = pages_of_chains(side, footprint.touched[at], self._missing[at])
                footprint.touched[at].extend(chained)
        self._find_hidden(found, schemas[1])
        owned = Bits(max(side.source.page_count for side in self._sides))
        for footprint in found.values():
            for number in (*footprint.touched[0], *footprint.touched[1]):
                owned.add(number)
        return Footprints(found, len(self._changed) - len(owned))

    def _trees(self, name: Name) -> Footprint:
        roots = (self._roots[0].get(name, 0), self._roots[1].get(name, 0))
        footprint = Footprint(whole=not all(roots))
        surveys = []
        for at, root in enumerate(roots):
            if root:
                surveys.append(survey(self._sides[at], root, self._changed))
                footprint.touched[at].extend(surveys[-1].touched)
                footprint.beside.extend(surveys[-1].beside)
                for number in surveys[-1].touched:
                    self._missing[at].discard(number)
        if all(roots):
            a, b = (
                (side, root, found)
                for side, root, found in zip(self._sides, roots, surveys, strict=True)
            )
            footprint.ranges = differing_ranges(a, b, self._changed)
        return footprint

    def _find_hidden(self, found: dict[Name, Footprint], schema: Schema) -> None:
        """Look for values rewritten in place behind leaves that did not change."""
        wanted = self._missing[0].within(self._missing[1])
        trees = [name for name in found if name[0] == "table" and not found[name].whole]
        for name in trees:
            table = schema.tables.get(name[1])
            if not wanted or (table is not None and table.without_rowid):
                continue
            footprint, root = found[name], self._roots[1][name]
            before = array("I", wanted)
            hidden = hidden_changes(self._sides[1], root, footprint.ranges, self._changed, wanted)
            footprint.ranges = footprint.ranges.merged(hidden)
            footprint.touched[1].extend(number for number in before if number not in wanted)
        if wanted:  # the trees of keys are not searched for them: their tables are compared whole
            for name in trees:
                table = schema.tables.get(name[1])
                found[name].whole |= table is not None and table.without_rowid


def _take_places(side: Side, missing: Bits) -> None:
    """Take out of `missing` what holds no content: the freelist, pointer maps, the lock page."""
    source = side.source
    if not source.page_count:
        return
    header = header_of(source)
    missing.discard(lock_page_of(source))
    if header.auto_vacuum != "none":
        for number in pointer_maps(source, usable=side.usable):
            missing.discard(number)
    taken = Bits(source.page_count)
    problems: list[str] = []
    for number, _ in freelist(
        source,
        header.freelist_head,
        usable=side.usable,
        claim=lambda number: _fresh(taken, number),
        problems=problems.append,
    ):
        missing.discard(number)
    if problems:
        raise PageInvalid(problems[0])


def _fresh(taken: Bits, number: int) -> bool:
    fresh = number not in taken
    taken.add(number)
    return fresh
