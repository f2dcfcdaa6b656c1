"""Lost pages and where they were found."""

from __future__ import annotations

from dbtool.backup.format import BlobRef
from dbtool.backup.lostpages import LostPages

ONE, OTHER, UNKNOWN = bytes([1] * 16), bytes([2] * 16), bytes([3] * 16)


def test_pages_are_sought_until_they_are_found() -> None:
    with LostPages() as lost:
        assert lost.all_found()
        lost.add([ONE, OTHER, ONE])
        assert lost.count() == 2
        assert lost.is_sought(ONE)
        assert not lost.is_sought(UNKNOWN)
        lost.found(ONE, "here", BlobRef(b"p" * 16, 7), 3)
        lost.found(UNKNOWN, "copy")
        assert not lost.is_sought(ONE)
        assert lost.place(ONE) == (BlobRef(b"p" * 16, 7), 3)
        assert lost.place(OTHER) is None
        assert lost.count("here") == 1
        assert lost.count("copy") == 0
        assert not lost.all_found()
        lost.add([ONE])
        assert not lost.is_sought(ONE)
