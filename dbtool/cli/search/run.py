"""From the words of `dbtool search` to one call of the library, on the database or a snapshot."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from dbtool import config as configuration
from dbtool.cli.parameters import parse_value
from dbtool.cli.targets import choose, require_path
from dbtool.cli.views import brief, counted
from dbtool.core.quantities import format_duration, format_size, parse_duration
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.search.access import SearchAccess, Searched
    from dbtool.search.engine import Corpus
    from dbtool.search.model import Filter, Place, SearchOptions, Value
    from dbtool.search.saved import SavedSearch

Failed = Callable[[], AbstractContextManager[None]]
"""Names failures of SQLite in a block."""

__all__ = ["Request", "index_place", "query_and_database", "search"]


class Request(NamedTuple):
    """What was asked for, beside the query."""

    mode: Literal["word", "substring", "regex"]
    places: tuple[str, ...]
    where: tuple[str, ...]
    facets: tuple[str, ...]
    limit: int
    offset: int
    counts: bool
    whole: bool
    saved: str | None
    filters: tuple[str, ...]
    timeout: str | None
    refresh: bool
    use_index: bool
    in_db: bool
    yes: bool

    @property
    def narrows(self) -> bool:
        """Whether something beside a query says which rows are wanted."""
        return bool(self.saved or self.where or self.places)


def query_and_database(
    session: Session, query: str | None, db: str | None, request: Request
) -> tuple[str, str | None]:
    """Tell the query from the database where one word was given; with conditions one may do."""
    if query is not None and db is None and request.narrows and _is_database(session, query):
        return "", query
    if query is None and not request.narrows:
        raise UsageError(
            "missing-argument", "what to search for? nothing was given", hint="dbtool search --help"
        )
    return query or "", db


def search(
    session: Session,
    text: str,
    db: str | None,
    request: Request,
    *,
    at: str | None,
    name: str | None,
) -> None:
    """Search and show what was found."""
    from dataclasses import replace

    from dbtool.cli.search import view as searchview
    from dbtool.search.access import search_corpus

    began_s = time.monotonic()
    saved = _saved(session, request)
    filters = _filters(request, saved)
    with _opened(session, db, request, at=at, name=name) as (found, failed):
        options = _options(request, saved, filters, found.corpus)
        with session.work() as progress, failed():
            result = search_corpus(found.corpus, text, options, progress)
        result = replace(
            result,
            as_of=found.as_of,
            notes=(*found.notes, *result.notes),
            elapsed_s=time.monotonic() - began_s,
        )
    searchview.show(session, result, request, text)


def index_place(path: Path) -> Path:
    """Return where the index of a database lies, or would lie."""
    from dbtool.search.indexfile import sidecar_path

    return sidecar_path(path, configuration.cache_folder() / "search")


@contextmanager
def _opened(
    session: Session, db: str | None, request: Request, *, at: str | None, name: str | None
) -> Iterator[tuple[Searched, Failed]]:
    from dbtool.core.connection import classified
    from dbtool.search.access import open_database
    from dbtool.search.indatabase import open_in_database

    if at is not None:
        with _opened_snapshot(session, db, request, at, name) as opened_there:
            yield opened_there
        return
    path = require_path(choose(session, db))
    place, began_s = index_place(path), time.monotonic()
    fresh = not place.exists()
    way = None if request.in_db else _access(session, path, request)  # it may ask
    with ExitStack() as opened:
        with session.work() as progress:
            found: Searched
            if way is None:
                found = opened.enter_context(open_in_database(path, mode=request.mode))
            else:
                found = opened.enter_context(
                    open_database(path, way, mode=request.mode, progress=progress)
                )
        if fresh and place.exists():
            size, took = format_size(place.stat().st_size), time.monotonic() - began_s
            rows = counted(found.refreshed_rows, "row")
            session.note(f"indexed {rows}: {brief(place)}, {size}, in {format_duration(took)}")
        elif found.refreshed_rows:
            session.detail(f"brought up to date: {found.refreshed_rows:,} rows changed")
        yield found, lambda: classified(path)


@contextmanager
def _opened_snapshot(
    session: Session, db: str | None, request: Request, at: str, name: str | None
) -> Iterator[tuple[Searched, Failed]]:
    import apsw

    from dbtool.cli.sources import reading
    from dbtool.search.access import Searched, corpus_of

    with reading(session, db, at, name) as source:

        @contextmanager
        def failed() -> Iterator[None]:
            try:
                yield
            except apsw.Error as error:
                raise source.failed(error) from error

        with failed(), session.work() as progress:
            corpus = corpus_of(source.connection, progress, request.mode)
        yield Searched(corpus), failed


def _access(session: Session, path: Path, request: Request) -> SearchAccess:
    from dbtool.search.access import SCANNED_BYTES, SearchAccess, size_of

    place = index_place(path)
    build = request.use_index
    if build and request.mode == "word" and not place.exists():
        size_bytes = size_of(path)
        if size_bytes > SCANNED_BYTES:
            build = request.yes or _wanted(session, path, place, size_bytes)
    return SearchAccess(place, build=build, refresh=request.refresh, use=request.use_index)


def _wanted(session: Session, path: Path, place: Path, size_bytes: int) -> bool:
    """Ask on a terminal whether to build the index of a large database; elsewhere do."""
    text = f"{path.name} has {format_size(size_bytes)} and no search index yet"
    if not session.terminal(0) or session.quiet:
        session.note(f"{text}; building {place}")
        return True
    session.note(text)
    sys.stderr.write(f"Build it in {place.name}, so that searches are instant? [Y/n] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("", "y", "yes")


def _options(
    request: Request, saved: SavedSearch | None, filters: tuple[Filter, ...], corpus: Corpus
) -> SearchOptions:
    from dbtool.search.model import SearchOptions

    try:
        timeout_s = None if request.timeout is None else parse_duration(request.timeout)
    except ValueError as error:
        raise UsageError("invalid-value", f"--timeout: {error}") from error
    return SearchOptions(
        mode=request.mode,
        limit=request.limit,
        offset=request.offset,
        places=_places(request, saved, corpus),
        filters=filters,
        facets=request.facets,
        whole_rows=request.whole,
        timeout_s=timeout_s,
    )


def _places(request: Request, saved: SavedSearch | None, corpus: Corpus) -> tuple[Place, ...]:
    from dbtool.search.scope import parse_place

    if saved is not None and not request.places:
        return saved.places
    names = [table.subject.name for table in corpus.tables]
    return tuple(parse_place(text, names) for text in request.places)


def _saved(session: Session, request: Request) -> SavedSearch | None:
    from dbtool.search.saved import find_saved, saved_searches

    if request.saved is None:
        if request.filters:
            raise UsageError(
                "usage", "--filter needs the --saved search that it belongs to", hint="--where SQL"
            )
        return None
    return find_saved(saved_searches(session.config.tables("search")), request.saved)


def _filters(request: Request, saved: SavedSearch | None) -> tuple[Filter, ...]:
    from dbtool.search.model import Filter
    from dbtool.search.saved import chosen_filters

    conditions = tuple(Filter(sql) for sql in request.where)
    if saved is None:
        return conditions
    given: list[tuple[str, Value]] = []
    bare: list[str] = []
    for text in request.filters:
        name, equals, value = text.partition("=")
        if equals:
            given.append((name, parse_value(value)))
        else:
            bare.append(name)
    return (*conditions, *chosen_filters(saved, given, bare=bare))


def _is_database(session: Session, word: str) -> bool:
    return Path(word).is_file() or word in session.config.databases
