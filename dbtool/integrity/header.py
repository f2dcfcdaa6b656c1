"""The header level: does the file begin and end like a database, does its freelist hold together.

It reads page 1, the trunks of the freelist and what the file system says: milliseconds.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator

from dbtool.core.journals import journal_is_pending
from dbtool.core.progress import Progress
from dbtool.integrity.accounting import PageBits
from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict
from dbtool.integrity.opening import Opened
from dbtool.pages.freelist import freelist
from dbtool.pages.header import HEADER_BYTES, DatabaseHeader, HeaderInvalid
from dbtool.pages.source import PageInvalid

__all__ = ["check_header", "file_notes"]

_MOST_ANSWERS = 100
_PAGES_PER_STEP = 1_000


def check_header(opened: Opened, progress: Progress, held_pages: int = 0) -> list[Finding]:
    """Check the header, the size of the file and the freelist.

    Args:
        opened: the database.
        progress: told that the check goes on.
        held_pages: pages of the newest snapshot; 0 without one. SQLite never makes a file empty
            that had a page: then somebody cut it off, or deleted it and it was made anew.
    """
    if not opened.pages.page_count:
        return [_short(opened)] if opened.problem else _emptied(held_pages)
    try:
        header = DatabaseHeader.parse(opened.pages.page(1)[:HEADER_BYTES])
    except (HeaderInvalid, PageInvalid) as error:
        return [_invalid(f"the header is damaged: {error}")]
    found = list(_check_size(opened, header))
    if not any(finding.code == Code.FILE_TRUNCATED for finding in found):
        found += _check_freelist(opened, header, progress)
    if opened.problem and not found:
        found.append(_invalid(f"SQLite cannot read it: {opened.problem}"))
    return found


def file_notes(opened: Opened) -> Iterator[str]:
    """Yield what is odd about the files and no damage."""
    if journal_is_pending(opened.path):
        journal = f"{opened.path.name}-journal"
        yield (
            f"a writer crashed: {journal} is rolled back by whoever opens the database next, and"
            " what was checked is the database without that transaction; never remove the file"
        )
    mode = opened.path.stat().st_mode
    if mode & stat.S_IWOTH:
        yield f"every user of this machine may write to {opened.path.name}: chmod o-w"
    wal = opened.path.with_name(opened.path.name + "-wal")
    in_rollback_mode = opened.reader is not None and opened.reader.journal_mode == "delete"
    if in_rollback_mode and wal.exists() and wal.stat().st_size:
        yield f"{wal.name} lies beside a database without a WAL: it is of another state"


def _invalid(problem: str) -> Finding:
    return Finding(
        Level.HEADER,
        Code.HEADER_INVALID,
        Verdict.DATA_DAMAGE,
        Kind.HEADER,
        "header",
        problem,
        pages=((1, 1),),
        rows_at_risk=0,
        rung=Rung.SALVAGE,
    )


def _short(opened: Opened) -> Finding:
    return Finding(
        Level.HEADER,
        Code.FILE_TRUNCATED,
        Verdict.DATA_DAMAGE,
        Kind.FILE,
        "",
        f"the file does not hold a single page: {opened.problem}",
        rung=Rung.RESTORE,
    )


def _emptied(held_pages: int) -> list[Finding]:
    if not held_pages:
        return []
    held = "1 page" if held_pages == 1 else f"{held_pages:,} pages"
    return [
        Finding(
            Level.HEADER,
            Code.FILE_TRUNCATED,
            Verdict.DATA_DAMAGE,
            Kind.FILE,
            "",
            f"the file is empty, its newest snapshot has {held}",
            rung=Rung.RESTORE,
        )
    ]


def _check_size(opened: Opened, header: DatabaseHeader) -> Iterator[Finding]:
    if opened.reader is not None and (_has_wal(opened) or journal_is_pending(opened.path)):
        # The file is not what is read: pages are in the WAL, or wait to be rolled back. The reader
        # proved that every page is there.
        return
    size_bytes = opened.path.stat().st_size
    whole, rest = divmod(size_bytes, header.page_size)
    declared = header.page_count if header.page_count_valid else 0
    if rest and declared <= whole:
        yield _size(Code.FILE_SIZE_ODD, f"{rest} bytes too many for whole pages", Rung.DERIVED)
    if declared > whole:
        yield Finding(
            Level.HEADER,
            Code.FILE_TRUNCATED,
            Verdict.DATA_DAMAGE,
            Kind.FILE,
            "",
            f"the file is cut short: {whole:,} of {declared:,} pages are there",
            pages=((whole + 1, declared),),
            rung=Rung.SALVAGE,
        )
    elif declared and declared < whole:
        text = f"the file has {whole:,} pages, its header speaks of {declared:,}"
        yield _size(Code.HEADER_PAGE_COUNT, text, Rung.DERIVED)


def _has_wal(opened: Opened) -> bool:
    return opened.reader is not None and bool(opened.reader.state.wal_size_bytes)


def _size(code: Code, problem: str, rung: Rung) -> Finding:
    return Finding(
        Level.HEADER,
        code,
        Verdict.DERIVED_DAMAGE,
        Kind.HEADER,
        "header",
        problem,
        rows_at_risk=0,
        rung=rung,
    )


def _check_freelist(
    opened: Opened, header: DatabaseHeader, progress: Progress
) -> Iterator[Finding]:
    problems: list[str] = []
    seen = PageBits(opened.pages.page_count)
    count = 0
    usable = header.page_size - header.reserved_bytes
    for count, _page in enumerate(
        freelist(
            opened.pages,
            header.freelist_head,
            usable=usable,
            claim=seen.take,
            problems=problems.append,
        ),
        1,
    ):
        if not count % _PAGES_PER_STEP:
            progress.advance(0)
            del problems[_MOST_ANSWERS:]
    if count != header.freelist_count:
        text = f"it holds {count:,} pages, the header speaks of {header.freelist_count:,}"
        problems.append(text)
    if problems:
        more = len(problems) - 1
        yield Finding(
            Level.HEADER,
            Code.FREELIST_DAMAGED,
            Verdict.DERIVED_DAMAGE,
            Kind.FREELIST,
            "freelist",
            f"the freelist is damaged: {problems[0]}" + (f", and {more:,} more" if more else ""),
            rows_at_risk=0,
            rung=Rung.DERIVED,
            answers=tuple(problems[:_MOST_ANSWERS]),
        )
