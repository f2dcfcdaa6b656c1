"""New places for pages that were found again: groups, and the map pieces that name them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbtool.backup.format import BLOB_MAP, BLOB_PAGES, BlobRef, group_pages
from dbtool.backup.lostpages import LostPages, Origin
from dbtool.backup.packing import PackSession
from dbtool.backup.pagemap import PieceRef, SegmentEntries, encode_piece

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["NewPlaces"]


class NewPlaces:
    """Takes pages, then pieces; a context manager. Nothing counts until `finish` has returned.

    Args:
        repository: where to.
        lost: told where each page lies.
        apply: False: count, and write nothing.
    """

    def __init__(self, repository: Repository, lost: LostPages, *, apply: bool) -> None:
        self._session = PackSession(
            repository.store,
            repository.master,
            repository.config.id,
            compression=repository.config.compression,
            dry_run=not apply,
        )
        self._lost = lost
        self._ref: BlobRef | None = None
        self._pages: list[bytes] = []
        self._pieces: dict[tuple[int, tuple[tuple[int, bytes], ...]], PieceRef] = {}

    def __enter__(self) -> NewPlaces:
        """Return self."""
        self._session.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        """Forget what is not finished."""
        self._session.__exit__(kind, *rest)

    def store(self, page_hash: bytes, content: memoryview, origin: Origin) -> None:
        """Store a page, and say so."""
        if self._pages and len(self._pages[0]) != len(content):
            self._flush()
        if self._ref is None:
            self._ref = self._session.reserve()
        self._lost.found(page_hash, origin, self._ref, len(self._pages))
        self._pages.append(bytes(content))
        if len(self._pages) == group_pages(len(content)):
            self._flush()

    def piece(self, number: int, lost: list[tuple[int, bytes]]) -> PieceRef | None:
        """Write a map piece with the new places of pages; None where none of them was found.

        Args:
            number: of the segment.
            lost: page within it and hash, ascending.
        """
        self._flush()
        known = (number, tuple(lost))
        if known not in self._pieces:
            entries = SegmentEntries(number)
            for page, page_hash in lost:
                place = self._lost.place(page_hash)
                if place is not None:
                    entries.add((page,), page_hash, *place)
            if not len(entries):
                return None
            ref = self._session.reserve()
            self._session.submit(ref, BLOB_MAP, encode_piece(entries))
            self._pieces[known] = PieceRef(ref, len(entries))
        return self._pieces[known]

    def finish(self) -> int:
        """Make everything durable; return its size in bytes."""
        self._flush()
        return self._session.finish()

    def _flush(self) -> None:
        if self._ref is not None:
            data, pages = b"".join(self._pages), len(self._pages)
            self._session.submit(self._ref, BLOB_PAGES, data, pages=pages)
            self._ref, self._pages = None, []
