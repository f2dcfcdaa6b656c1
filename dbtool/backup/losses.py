"""What lost groups mean: which snapshots and pages need them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator
from typing import TYPE_CHECKING

from dbtool.backup.format import SEGMENT_PAGES, BlobRef, pack_key
from dbtool.backup.model import Finding, SnapshotId
from dbtool.backup.tree import SnapshotTree
from dbtool.errors import Damaged

if TYPE_CHECKING:
    from dbtool.backup.check import Check
    from dbtool.backup.pagemap import SegmentEntries

__all__ = ["losses", "lost_entries"]


def losses(check: Check) -> Iterator[Finding]:
    """Turn lost groups into findings: one per pack, with the snapshots and pages that need it.

    Groups that no snapshot needs are no loss: they are told as warnings of the check.
    """
    if not check.damaged:
        return
    problems: dict[bytes, list[str]] = defaultdict(list)
    owners: dict[bytes, dict[SnapshotId, None]] = defaultdict(dict)
    pages: dict[bytes, set[tuple[int, int]]] = defaultdict(set)
    for ref, problem in sorted(check.damaged.items()):
        problems[ref.pack].append(f"blob {ref.ordinal} {problem}")
    for snapshot, body in check.snapshots.values():
        tree = SnapshotTree(snapshot, body, check.packs, hash_pages=check.repository.hash_pages)
        for number in range(len(body.segments)):
            for pack, span in _lost_extents(check, tree, number):
                owners[pack][snapshot.id] = None
                pages[pack].add(span)
    for pack, found in problems.items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        if not owners[pack]:
            check.warnings.append(f"{pack_key(pack)}: {found[0]}{more}; no snapshot needs it")
            continue
        yield Finding(
            pack_key(pack), found[0] + more, tuple(owners[pack]), _joined(sorted(pages[pack]))
        )


def lost_entries(entries: SegmentEntries, damaged: Container[BlobRef]) -> list[int]:
    """Return which pages of a whole segment, counted from 0 in it, lie in lost groups."""
    return [
        page
        for extent in entries.extents()
        if extent.ref in damaged
        for page in range(extent.first, extent.first + extent.pages)
    ]


def _lost_extents(
    check: Check, tree: SnapshotTree, number: int
) -> Iterator[tuple[bytes, tuple[int, int]]]:
    try:
        entries = tree.segment(number)
    except Damaged:
        return  # the map piece has its own finding
    start = number * SEGMENT_PAGES + 1
    for extent in entries.extents():
        if extent.ref in check.damaged:
            yield extent.ref.pack, (start + extent.first, start + extent.first + extent.pages - 1)


def _joined(spans: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    joined: list[tuple[int, int]] = []
    for first, last in spans:
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return tuple(joined)
