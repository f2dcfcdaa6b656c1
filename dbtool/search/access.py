"""Searches of a database as a whole: with its index, brought up to date, or without.

    words, index there            refreshed in the transaction that is searched; where that cannot
                                  be (somebody else writes it, read-only), as of its own time
    words, no index, small        an index in temporary tables, gone afterwards: nothing is left
    words, no index, large        the index is built
    substring, regex              the rows are read; an index with trigrams narrows substrings

The application's database is only ever read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import apsw

from dbtool.core.clock import Clock, SystemClock
from dbtool.core.connection import classified, require_database
from dbtool.core.progress import Progress, Silent
from dbtool.core.stoppable import stoppable
from dbtool.errors import Locked, StorageFailed
from dbtool.pages.reader import PageReader
from dbtool.search.engine import Corpus, run_search
from dbtool.search.indexfile import (
    discarding,
    index_failures,
    open_sidecar,
    require_plain,
    sidecar_path,
)
from dbtool.search.model import Mode, SearchOptions, SearchResult
from dbtool.search.query import Word, parse_query, words
from dbtool.search.refresh import Refreshed, known_state, refresh, still_there
from dbtool.search.rows import HIGHEST, LOWEST
from dbtool.search.sidecar import IndexedTable, IndexStore, is_current_format, stamp_of
from dbtool.search.subjects import subjects_of
from dbtool.search.suggest import suggestions
from dbtool.search.text import tokens
from dbtool.search.writer import TableWriter

__all__ = [
    "SCANNED_BYTES",
    "SearchAccess",
    "Searched",
    "corpus_of",
    "has_index",
    "open_database",
    "search_corpus",
    "search_database",
    "size_of",
]

SCANNED_BYTES: Final = 8 << 20
"""Size of a database up to which no index is kept unless it is asked for: about half a second."""
_ATTACHED: Final = "search_index"
_DEFAULTS: Final = SearchOptions()


@dataclass(frozen=True, slots=True)
class SearchAccess:
    """How a database is searched."""

    index: Path | None = None
    """Where its index lies; None: beside it."""
    use: bool = True
    """False: neither use an index nor build one."""
    build: bool = True
    """Whether a large database without one gets an index; else its rows are read each time."""
    refresh: bool = True
    """False: answer from the index as it is."""
    busy_timeout_s: float = 10.0
    scanned_bytes: int = SCANNED_BYTES
    """Size up to which a database without an index is read instead."""


@dataclass(frozen=True, slots=True)
class Searched:
    """An open corpus, and what was done for it."""

    corpus: Corpus
    as_of: datetime | None = None
    notes: tuple[str, ...] = ()
    refreshed_rows: int = 0


def search_database(
    path: Path | str,
    text: str,
    options: SearchOptions = _DEFAULTS,
    access: SearchAccess | None = None,
    *,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> SearchResult:
    """Search a live database.

    Args:
        path: the database.
        text: the query, see `dbtool.search.query`; for `mode="regex"` a regular expression.
        options: how to search.
        access: where the index is, and whether one may be built.
        progress: hears of building and refreshing, and may stop everything.
        clock: gives the time of the index.

    Raises:
        UsageError: as `dbtool.search.engine.run_search`.
        DbtoolError: as `dbtool.pages.reader.PageReader.open`; `search-timeout`.
    """
    progress = progress or Silent()
    with open_database(
        Path(path), access or SearchAccess(), mode=options.mode, progress=progress, clock=clock
    ) as found:
        result = search_corpus(found.corpus, text, options, progress)
    return replace(result, as_of=found.as_of, notes=(*found.notes, *result.notes))


def search_corpus(
    corpus: Corpus, text: str, options: SearchOptions, progress: Progress
) -> SearchResult:
    """Search an open corpus, with suggestions where nothing was found."""
    result = run_search(corpus, text, options, progress)
    if result.total or options.mode != "word" or corpus.schema is None or not text.strip():
        return result
    with stoppable(corpus.connection, progress):
        return replace(result, suggestions=_suggested(corpus, words(parse_query(text))))


def has_index(path: Path, access: SearchAccess) -> bool:
    """Say whether a database has an index that this version can use."""
    place = access.index or sidecar_path(path, None)
    if not place.exists():
        return False
    with open_sidecar(place, path, create=False, busy_timeout_s=access.busy_timeout_s) as store:
        return _readable(store, place)


@contextmanager
def open_database(
    path: Path,
    access: SearchAccess,
    *,
    mode: Mode = "word",
    progress: Progress,
    clock: Clock | None = None,
) -> Iterator[Searched]:
    """Open a live database for searches, in one read transaction; see the table above."""
    clock = clock or SystemClock()
    real = require_database(path)
    place = access.index or sidecar_path(path, None)
    with ExitStack() as opened:
        if mode == "regex" or not real.stat().st_size:
            yield Searched(_rows_alone(_reader(real, access, progress, opened)))
            return
        if access.use and (place.exists() or (mode == "word" and _wants_index(real, access))):
            yield _with_index(real, place, access, (progress, clock), opened)
            return
        reader = _reader(real, access, progress, opened)
        if mode == "substring" or reader.connection is None:
            yield Searched(_rows_alone(reader))
            return
        with classified(real):
            yield Searched(corpus_of(reader.connection, progress))


def corpus_of(connection: apsw.Connection, progress: Progress, mode: Mode = "word") -> Corpus:
    """Return what a connection reads, with an index in its temporary tables where words need one.

    Args:
        connection: hardened; it may make temporary tables, and nobody else uses it.
        progress: is told of the rows.
        mode: of the searches to come.
    """
    found = subjects_of(connection)
    if mode != "word":
        tables = tuple(
            IndexedTable(number, subject, tuple(range(len(subject.columns))))
            for number, subject in enumerate(found.tables, 1)
        )
        return Corpus(connection, tables, found.skipped, None)
    store = IndexStore(connection, "temp")
    alone = not connection.in_transaction
    if alone:
        connection.execute("BEGIN")
    progress.start("reading rows", None, "rows")
    with stoppable(connection, progress):
        store.create()
        for subject in found.tables:
            table = store.add(connection, subject)
            writer = TableWriter(store, table, on_written=progress.advance)
            if subject.rowid is None:
                writer.update_keyed(connection)
            else:
                writer.update_range(connection, LOWEST, HIGHEST)
                writer.flush()
            store.save(table, b"", writer.skipped_columns)
    progress.finish()
    if alone:
        connection.execute("COMMIT")
    return Corpus(connection, tuple(store.tables()), found.skipped, "temp")


def _reader(real: Path, access: SearchAccess, progress: Progress, opened: ExitStack) -> PageReader:
    reader = PageReader.open(real, busy_timeout_s=access.busy_timeout_s, progress=progress)
    return opened.enter_context(closing(reader))


def _rows_alone(reader: PageReader) -> Corpus:
    """Return the corpus of searches that need no index."""
    connection = reader.connection
    if connection is None:  # an empty file
        return Corpus(apsw.Connection(":memory:"), (), (), None)
    return corpus_of(connection, Silent(), "regex")


def size_of(path: Path, *, busy_timeout_s: float = 10.0) -> int:
    """Return the bytes of a database as they are read; much of it may be in the WAL still."""
    with PageReader.open(path, busy_timeout_s=busy_timeout_s) as reader:
        return reader.page_count * reader.page_size


def _wants_index(real: Path, access: SearchAccess) -> bool:
    if not access.build:
        return False
    return size_of(real, busy_timeout_s=access.busy_timeout_s) > access.scanned_bytes


def _with_index(
    real: Path,
    place: Path,
    access: SearchAccess,
    tools: tuple[Progress, Clock],
    opened: ExitStack,
) -> Searched:
    with ExitStack() as quick:
        corpus = _as_it_is(_reader(real, access, tools[0], quick), real, place)
        if corpus is not None:
            opened.push(quick.pop_all())
            return Searched(corpus)
    for left in reversed(range(_TRIES)):
        with ExitStack() as attempt:
            try:
                found = _refreshed(real, place, access, tools, attempt)
            except Locked as error:
                if not left or error.code != "index-removed":
                    raise
                continue
            if found.corpus.exact or found.notes or not left:
                opened.push(attempt.pop_all())
                break
    if found.corpus.exact or found.notes:
        return found
    return replace(found, notes=("the index is of another moment: others refresh it all the time",))


def _refreshed(
    real: Path,
    place: Path,
    access: SearchAccess,
    tools: tuple[Progress, Clock],
    opened: ExitStack,
) -> Searched:
    """Refresh an index and open it; where somebody refreshed it since, it is not exact."""
    progress, clock = tools
    wait_s = access.busy_timeout_s
    store = opened.enter_context(open_sidecar(place, real, create=True, busy_timeout_s=wait_s))
    usable = _readable(store, place)
    why = "" if access.refresh or not usable else "it was not to be refreshed"
    done: Refreshed | None = None
    if not why:
        try:
            with discarding(place, store, unfinished=not usable), index_failures(place):
                done = refresh(real, store, progress=progress, clock=clock, busy_timeout_s=wait_s)
        except (Locked, StorageFailed) as error:
            if not usable or error.code not in _KEEPS_ANSWERING:
                raise
            denied = error.code == "permission-denied"
            why = "it may not be written" if denied else error.message
    if done is not None:
        reader = opened.enter_context(closing(done.reader))
    else:
        reader = _reader(real, access, progress, opened)
    with index_failures(place):
        found = _attached(reader, place, done.stamp if done is not None else "")
    if done is not None:
        return replace(found, refreshed_rows=done.rows_changed)
    return replace(found, notes=(f"the index is older than the database: {why}", *found.notes))


_TRIES: Final = 3
_KEEPS_ANSWERING: Final = frozenset({"index-busy", "permission-denied", "no-space"})
"""Failures to write the index that leave it as it was, as of an earlier time."""


def _as_it_is(reader: PageReader, real: Path, place: Path) -> Corpus | None:
    """Return the corpus of an index that is of the state that is read; None: it is not."""
    connection = reader.connection
    if connection is None or not place.exists():
        return None
    require_plain(place, real)
    try:
        connection.execute(f"ATTACH ? AS {_ATTACHED}", (str(place),))
        known = known_state(IndexStore(connection, _ATTACHED))
        if known is None or not reader.still_reads(known):
            return None
        return _corpus(connection, exact=True)
    except apsw.Error:  # whatever it is, opening the index alone says it better
        return None


def _attached(reader: PageReader, place: Path, stamp: str) -> Searched:
    connection = reader.connection
    assert connection is not None
    connection.execute(f"ATTACH ? AS {_ATTACHED}", (str(place),))
    store = IndexStore(connection, _ATTACHED)
    # Begins the read transaction of the index; somebody may have refreshed it since.
    if stamp and stamp_of(store) == stamp:
        return Searched(_corpus(connection, exact=True))
    as_of = datetime.fromisoformat(str(store.get("indexed_at")))
    corpus = _corpus(connection, exact=False)
    tables, others = still_there(corpus.tables, subjects_of(connection).tables)
    note = f"made, renamed or altered since, so left out: {', '.join(others)}"
    return Searched(replace(corpus, tables=tables), as_of, (note,) if others else ())


def _corpus(connection: apsw.Connection, *, exact: bool) -> Corpus:
    store = IndexStore(connection, _ATTACHED)
    return Corpus(
        connection,
        tuple(store.tables()),
        store.left_out(),
        _ATTACHED,
        trigrams=bool(store.get("trigrams")),
        exact=exact,
    )


def _readable(store: IndexStore, place: Path) -> bool:
    with index_failures(place):
        return is_current_format(store) and store.get("state") is not None


def _suggested(corpus: Corpus, asked: list[Word]) -> tuple[str, ...]:
    """Return suggestions for the first word that no row has."""
    assert corpus.schema is not None
    for word in asked:
        found = tokens(word.text, query=True)
        if len(found) != 1 or word.prefix:
            continue
        close = suggestions(corpus.connection, corpus.schema, corpus.tables, found[0].word)
        if close and not _occurs(corpus, found[0].word):
            return close
    return ()


def _occurs(corpus: Corpus, word: str) -> bool:
    return any(
        corpus.connection.execute(
            f"SELECT 1 FROM {corpus.schema}.{table.words} f WHERE f.{table.words} MATCH ? LIMIT 1",
            (json.dumps(word, ensure_ascii=False),),
        ).fetchall()
        for table in corpus.tables
    )
