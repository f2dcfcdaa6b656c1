"""The pages level: the hash of every page against the map of the newest snapshot.

A page that differs was changed by a writer, or it rotted. Where no writer can have changed the file
since (`dbtool.integrity.opening.no_writer_since`) it rotted: that is proof, and finds damage that
no check of the structure sees, such as a bit in a number. Otherwise the structure decides.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dbtool.backup.compare import differing_in
from dbtool.backup.format import SEGMENT_PAGES
from dbtool.backup.pagecache import PageCache
from dbtool.backup.repository import Repository
from dbtool.backup.tree import SnapshotTree
from dbtool.core.progress import Progress
from dbtool.errors import Damaged, StorageFailed
from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict, joined
from dbtool.integrity.objects import Catalogue, SchemaObject
from dbtool.integrity.opening import Opened
from dbtool.pages.owners import Owner, owners_of
from dbtool.pages.source import PageSource, PageUnreadable

__all__ = ["PageComparison", "SnapshotPages", "compare_segment", "found_by_owner", "segments"]

_MOST_OWNED = 20_000
"""Damaged pages whose owner is looked for; the others are named without."""


@dataclass(slots=True)
class PageComparison:
    """What the comparison found so far."""

    differing: array[int] = field(default_factory=lambda: array("I"))
    """Page numbers, ascending, 4 bytes each, that the file has otherwise than the snapshot."""
    missing: int = 0
    """Pages of the snapshot beyond the end of the file."""
    unreadable: list[int] = field(default_factory=list)
    """Pages that the system cannot read."""


class SnapshotPages:
    """The pages of a snapshot, one at a time, each proven by its hash."""

    def __init__(self, tree: SnapshotTree) -> None:
        self.page_size = tree.snapshot.page_size
        self.page_count = tree.snapshot.page_count
        self._cache = PageCache(tree)

    def page(self, number: int) -> bytes:
        """Return the content of one page.

        Raises:
            PageUnreadable: it cannot be proven.
        """
        try:
            return bytes(self._cache.page(number))
        except Damaged as error:
            raise PageUnreadable(error.message) from error

    def close(self) -> None:
        """Stop reading."""
        self._cache.close()


def segments(tree: SnapshotTree) -> range:
    """Return the numbers of the segments of a snapshot."""
    return range(len(tree.body.segments))


def compare_segment(
    opened: Opened,
    tree: SnapshotTree,
    number: int,
    repository: Repository,
    progress: Progress,
    found: PageComparison,
) -> None:
    """Compare one segment of 8,192 pages, and add what differs to `found`.

    Raises:
        Damaged: the map of the snapshot is damaged.
    """
    if opened.pages.page_size != tree.snapshot.page_size:
        return
    entries = tree.segment(number)
    start = number * SEGMENT_PAGES + 1
    try:
        differing = differing_in(opened.pages, entries, repository.hash_pages, progress)
    except StorageFailed:
        bad = _unreadable(opened, range(start, start + len(entries)), progress)
        found.unreadable += bad
        return
    last = opened.pages.page_count
    found.differing.extend(start + page for page in differing if start + page <= last)
    found.missing += sum(start + page > last for page in differing)


def found_by_owner(
    pages: PageSource,
    catalogue: Catalogue,
    numbers: Sequence[int],
    *,
    code: Code,
    problem: str,
    rung: Rung | None,
) -> list[Finding]:
    """Return one finding per owner of the pages `numbers`.

    Args:
        pages: where owners are looked for: the damaged database, or better a snapshot of it.
        catalogue: its schema.
        numbers: damaged pages, ascending.
        code: what is wrong with them.
        problem: the same for people; the pages are put before it.
        rung: what heals them; None: what heals their owner without a snapshot.
    """
    groups: dict[SchemaObject, list[int]] = {}
    for page, owner in _owners(pages, numbers[:_MOST_OWNED]):
        groups.setdefault(_subject(owner, catalogue), []).append(page)
    if len(numbers) > _MOST_OWNED:
        groups.setdefault(_UNKNOWN, []).extend(numbers[_MOST_OWNED:])
    return [
        Finding(
            Level.PAGES,
            code,
            Verdict.UNPROVEN if code == Code.PAGE_DIFFERS else subject.damage,
            subject.kind,
            subject.name,
            f"{_counted(len(pages))} {problem}",
            table=subject.table,
            pages=joined(pages),
            rows_at_risk=0 if subject.derived else None,
            rung=Rung.DERIVED if subject.derived else (rung or subject.rung),
        )
        for subject, pages in groups.items()
    ]


_UNKNOWN = SchemaObject("", Kind.FILE, "", 0, "", derived=False)
_FREELIST = SchemaObject("freelist", Kind.FREELIST, "", 0, "", derived=True)
_POINTER_MAP = SchemaObject("", Kind.FILE, "", 0, "", derived=True)


def _subject(owner: Owner | None, catalogue: Catalogue) -> SchemaObject:
    if owner is None:
        return _UNKNOWN
    if owner.kind == "freelist":
        return _FREELIST
    if owner.kind in ("pointer map", "lock page"):
        return _POINTER_MAP
    return catalogue.named(owner.name) or _UNKNOWN if owner.name else _UNKNOWN


def _owners(pages: PageSource, numbers: Sequence[int]) -> Iterable[tuple[int, Owner | None]]:
    asked = [number for number in numbers if number <= pages.page_count]
    owners = dict(owners_of(pages, asked).items()) if asked else {}
    return [(number, owners.get(number)) for number in numbers]


def _unreadable(opened: Opened, numbers: Iterable[int], progress: Progress) -> list[int]:
    """Return the pages that cannot be read one by one; their block could not."""
    bad = []
    for number in numbers:
        progress.advance(0)
        try:
            if number <= opened.pages.page_count:
                opened.pages.page(number)
        except (StorageFailed, PageUnreadable):
            bad.append(number)
    return bad


def _counted(count: int) -> str:
    return "1 page" if count == 1 else f"{count:,} pages"
