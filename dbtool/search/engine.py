"""One search over a connection that holds the database and, for words, its index.

Every table gives its own best rows. Their scores cannot be compared between tables, so the lists
are merged by reciprocal rank: the first of each, then the second of each, and so on, tables with
fewer matches first. Ranking by bm25 reads every match, so where more rows match than anybody would
read, the newest come first instead, which the answer says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import apsw

from dbtool.core.names import identifier
from dbtool.core.progress import Progress
from dbtool.core.sqlerror import nearest
from dbtool.core.stoppable import stoppable
from dbtool.errors import DbtoolError, UsageError
from dbtool.search.excerpts import Finder, Term, excerpts_of, plain_finder, word_finder
from dbtool.search.kinds import ColumnKind, Condition, kind_of
from dbtool.search.matching import HAS, Compiler, Match, check_names, every, has, names_column
from dbtool.search.model import (
    Facet,
    Hit,
    SearchOptions,
    SearchResult,
    Skipped,
    TableMatches,
    Value,
)
from dbtool.search.query import Compare, Node, Range, Word, parse_query, words
from dbtool.search.regex import Pattern, compile_pattern
from dbtool.search.rows import ask, fetch
from dbtool.search.scope import chosen_tables, filters_named, require_text, usable_filters
from dbtool.search.sidecar import IndexedTable
from dbtool.search.statements import Statement, matching_rows, of_row
from dbtool.search.text import LARGEST_TEXT, tokens

__all__ = ["Corpus", "run_search"]

RANKED_MOST: Final = 20_000
"""Matches in one table up to which bm25 is asked for."""
_MATCHES: Final = "dbtool_matches"
_FACET_GROUPS: Final = 10_000
_TOGETHER: Final = 200
"""Rows that are fetched by one statement."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """What is searched."""

    connection: apsw.Connection
    """In one read transaction; hardened."""
    tables: tuple[IndexedTable, ...]
    skipped: tuple[Skipped, ...]
    schema: str | None
    """Under which name the index is attached; None: there is none, so words cannot be searched."""
    trigrams: bool = False
    exact: bool = True
    """False: the index is older than the database."""


@dataclass(frozen=True, slots=True, eq=False)
class _Found:
    """The matches of one table."""

    statement: Statement
    count: int
    ranked: bool
    best: list[tuple[Value, ...]]
    """Identities of the first rows."""


def run_search(
    corpus: Corpus, text: str, options: SearchOptions, progress: Progress
) -> SearchResult:
    """Search.

    Args:
        corpus: what is searched.
        text: the query.
        options: see there.
        progress: may stop the search at any time.

    Raises:
        UsageError: `query-invalid`, `regex-invalid`, `place-unknown`, `where-invalid`,
            `facet-unknown`.
        DbtoolError: `search-timeout`.
    """
    began_s = time.monotonic()
    deadline_s = None if options.timeout_s is None else began_s + options.timeout_s
    try:
        with stoppable(
            corpus.connection,
            progress,
            lambda: deadline_s is not None and time.monotonic() > deadline_s,
        ):
            return _Search(corpus, text, options).run(began_s)
    except apsw.InterruptError as error:
        raise DbtoolError(
            "search-timeout",
            f"the search was stopped after {options.timeout_s:g} s",
            hint="give it longer with --timeout, or ask for less",
        ) from error


class _Search:
    def __init__(self, corpus: Corpus, text: str, options: SearchOptions) -> None:
        self.corpus = corpus
        self.connection = corpus.connection
        self.text = text
        self.options = options
        self.now = options.now or datetime.now(UTC)
        self.notes: list[str] = []
        self.kinds: dict[tuple[str, str], ColumnKind] = {}
        self.pattern: Pattern | None = None
        self.node: Node | None = None
        self.columns: dict[int, tuple[str, ...]] = {}
        """Of tables in which only some columns are searched."""

    def run(self, began_s: float) -> SearchResult:
        require_text(self.text, self.options)
        tables = self._tables()
        if self.options.mode == "regex":
            self.pattern = compile_pattern(self.text)
        elif self.text.strip() or not (self.options.filters or self.options.places):
            self.node = parse_query(self.text)
            subjects = [table.subject for table in self.corpus.tables]
            check_names(self.text, self.node, subjects, self.options.mode)
        with self._functions(), filters_named(self.options.filters):
            found = [each for table in tables if (each := self._in_table(table)) is not None]
            hits = tuple(self._hits(found))
            facets = tuple(self._facet(name, found) for name in self.options.facets)
        if self.pattern is not None and self.pattern.given_up:
            self.notes.append(
                f"{self.pattern.given_up:,} values took the regular expression too many steps, and"
                " count as not matching"
            )
        return SearchResult(
            hits=hits,
            total=sum(each.count for each in found),
            tables=tuple(self._counts(found)),
            facets=facets,
            skipped=self._skipped(tables),
            notes=tuple(self.notes),
            elapsed_s=time.monotonic() - began_s,
        )

    # -- what is searched

    def _tables(self) -> list[IndexedTable]:
        tables, self.columns = chosen_tables(self.corpus.tables, self.options.places)
        for given in self.options.filters:
            tables, left_out = usable_filters(self.connection, tables, given)
            if left_out:
                names = ", ".join(table.subject.name for table in left_out)
                self.notes.append(f"without the columns of {given.name}, so left out: {names}")
        for name in self.options.facets:
            if name != "table" and not any(names_column(t.subject, name) for t in tables):
                close = nearest(name, sorted({c for t in tables for c in t.subject.columns}))
                raise UsageError(
                    "facet-unknown",
                    f"no table that is searched has a column {name} to count by",
                    hint=f"did you mean {close}?" if close else "",
                )
        return tables

    def _skipped(self, tables: Sequence[IndexedTable]) -> tuple[Skipped, ...]:
        reason = f"blobs, and text of more than {LARGEST_TEXT:,} characters"
        values = [
            Skipped(table.subject.name, table.skipped_columns, table.skipped, reason)
            for table in tables
            if table.skipped
        ]
        return (*values, *self.corpus.skipped)

    @contextmanager
    def _functions(self) -> Iterator[None]:
        """Give SQLite the functions that compare in Python, for the time of the search."""
        register = self.connection.create_scalar_function
        with ExitStack() as stack:
            register(HAS, has, 2)
            stack.callback(register, HAS, None, 2)
            if self.pattern is not None:
                register(_MATCHES, _on_text(self.pattern.matches), 1)
                stack.callback(register, _MATCHES, None, 1)
            yield

    # -- one table

    def _in_table(self, table: IndexedTable) -> _Found | None:
        match = self._match(table)
        if match is None:
            return None
        schema = self.corpus.schema
        statement = matching_rows(table, match, self.options.filters, schema)
        count = self._count(statement)
        if not count:
            return None
        ranked = statement.has_words and count <= RANKED_MOST
        wanted = self.options.offset + self.options.limit
        best: list[tuple[Value, ...]] = []
        if wanted:
            order = "f.rank" if ranked else statement.newest_first
            best = fetch(
                self.connection,
                f"{statement.tail} ORDER BY {order} LIMIT {wanted}",
                statement.identity,
                statement.values,
            )
        return _Found(statement, count, ranked, best)

    def _match(self, table: IndexedTable) -> Match | None:
        columns = self.columns.get(table.number, table.subject.columns)
        if self.pattern is not None:
            tests = " OR ".join(f"{_MATCHES}(t.{identifier(column)})" for column in columns)
            return Match(None, (Condition(tests),))
        if self.node is None:
            return Match(None, ())
        compiler = Compiler(
            self.text,
            self.options.mode,
            table,
            lambda column: self._kind(table, column),
            self.now,
            schema=self.corpus.schema,
            columns=columns,
            trigrams=self.corpus.trigrams,
        )
        return compiler.compile_top(self.node)

    def _kind(self, table: IndexedTable, column: str) -> ColumnKind:
        place = table.subject.name, column
        if place not in self.kinds:
            self.kinds[place] = kind_of(self.connection, table.subject, column)
        return self.kinds[place]

    def _count(self, statement: Statement) -> int:
        tail = statement.tail
        if statement.words_only and self.corpus.exact:
            name = statement.table.words
            tail = f"FROM {self.corpus.schema}.{name} f WHERE f.{name} MATCH ?"
        return int(ask(self.connection, f"SELECT count(*) {tail}", statement.values)[0][0])

    # -- the answer

    def _hits(self, found: Sequence[_Found]) -> Iterator[Hit]:
        wanted = self.options.offset + self.options.limit
        order = sorted(found, key=lambda each: (each.count, each.statement.table.subject.name))
        merged: list[tuple[_Found, int]] = []
        for rank in range(wanted):
            merged += [(each, rank) for each in order if rank < len(each.best)]
            if len(merged) >= wanted:
                break
        page = merged[self.options.offset : wanted]
        finders: dict[int, Finder] = {}
        rows: dict[int, dict[tuple[Value, ...], tuple[Value, ...]]] = {}
        for each in dict.fromkeys(each for each, _ in page):
            table = each.statement.table
            finders[table.number] = self._finder(table)
            wanted_rows = [found.best[rank] for found, rank in page if found is each]
            rows[table.number] = self._rows(table, wanted_rows)
        for each, rank in page:
            table, identity = each.statement.table, each.best[rank]
            row = rows[table.number].get(identity)
            if row is not None:
                yield self._hit(table, identity, row, rank + 1, finders[table.number])
            else:  # its key is text that is none, so that it cannot be asked for
                key = tuple(zip(table.subject.key, identity, strict=False))
                yield Hit(table.subject.name, key, rank + 1, ())

    def _rows(
        self, table: IndexedTable, identities: list[tuple[Value, ...]]
    ) -> dict[tuple[Value, ...], tuple[Value, ...]]:
        """Return keys and searched values of some rows, by what names them."""
        subject = table.subject
        named = {column.lower() for column in subject.columns}
        keys = [
            f"t.{subject.rowid if key == 'rowid' and key not in named else identifier(key)}"
            for key in subject.key
        ]
        shown = [
            f"CASE WHEN typeof({c}) = 'blob' THEN x'' WHEN typeof({c}) = 'text' AND"
            f" length({c}) > {LARGEST_TEXT} THEN substr({c}, 1, {LARGEST_TEXT}) ELSE {c} END"
            for c in (f"t.{identifier(column)}" for column in subject.columns)
        ]
        if subject.rowid is not None and len(identities) <= _TOGETHER:
            rowid = f"t.{subject.rowid}"
            marks = ", ".join("?" * len(identities))
            tail = f"FROM {subject.source} t WHERE {rowid} IN ({marks})"
            ids = [identity[0] for identity in identities]
            found = fetch(self.connection, tail, [rowid, *keys, *shown], ids)
            return {row[:1]: row[1:] for row in found}
        return {
            identity: row
            for identity in identities
            for row in fetch(self.connection, of_row(table), [*keys, *shown], identity)
        }

    def _hit(
        self,
        table: IndexedTable,
        identity: tuple[Value, ...],
        row: tuple[Value, ...],
        rank: int,
        find: Finder,
    ) -> Hit:
        subject = table.subject
        key = tuple(zip(subject.key, row, strict=False))
        values = list(zip(subject.columns, row[len(key) :], strict=True))
        searched = self.columns.get(table.number)
        if searched:
            values = [(column, value) for column, value in values if column in searched]
        asked = self._asked(table)
        values.sort(key=lambda pair: pair[0] not in asked)  # a stable sort
        whole = self._whole(table, identity) if self.options.whole_rows else ()
        return Hit(subject.name, key, rank, excerpts_of(values, find), whole)

    def _asked(self, table: IndexedTable) -> set[str | None]:
        """Return the columns that the query compares; they are what should be seen."""
        if self.node is None:
            return set()
        return {
            names_column(table.subject, part.column)
            for part in every(self.node)
            if isinstance(part, (Compare, Range))
        }

    def _whole(
        self, table: IndexedTable, identity: tuple[Value, ...]
    ) -> tuple[tuple[str, Value], ...]:
        names = table.subject.shown
        columns = [f"t.{identifier(name)}" for name in names]
        try:
            rows = fetch(self.connection, of_row(table), columns, identity)
        except apsw.SQLError:  # a generated column that needs a function of its application
            names = table.subject.columns
            columns = [f"t.{identifier(name)}" for name in names]
            rows = fetch(self.connection, of_row(table), columns, identity)
        return tuple(zip(names, rows[0], strict=True)) if rows else ()

    def _finder(self, table: IndexedTable) -> Finder:
        if self.pattern is not None:
            return self.pattern.find
        asked = words(self.node) if self.node is not None else []
        if self.options.mode == "substring":
            return plain_finder([word.text for word in asked])
        return word_finder([term for word in asked if (term := _term(table, word)) is not None])

    def _counts(self, found: Sequence[_Found]) -> Iterator[TableMatches]:
        for each in sorted(
            found, key=lambda each: (-each.count, each.statement.table.subject.name)
        ):
            yield TableMatches(each.statement.table.subject.name, each.count, each.ranked)

    def _facet(self, name: str, found: Sequence[_Found]) -> Facet:
        total = sum(each.count for each in found)
        counts: dict[Value, int] = {}
        for each in found:
            subject = each.statement.table.subject
            column = names_column(subject, name)
            if column is None and name == "table":
                counts[subject.name] = each.count
            elif column is not None:
                value = f"t.{identifier(column)}"
                shown = f"iif(typeof({value}) = 'blob', 'a blob', {value})"
                tail = f"{each.statement.tail} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_FACET_GROUPS}"
                for found_value, count in fetch(
                    self.connection, tail, [shown, "count(*)"], each.statement.values
                ):
                    counts[found_value] = counts.get(found_value, 0) + int(count or 0)
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
        values = tuple(ordered[: self.options.facet_limit])
        return Facet(name, values, total - sum(count for _, count in values))


def _term(table: IndexedTable, word: Word) -> Term | None:
    columns = None
    if word.column:
        column = names_column(table.subject, word.column)
        if column is None:
            return None
        columns = frozenset({column})
    return Term(tuple(token.word for token in tokens(word.text, query=True)), word.prefix, columns)


def _on_text(matches: Callable[[str], bool]) -> Callable[..., bool]:
    def judge(value: Value) -> bool:
        return value is not None and not isinstance(value, bytes) and matches(str(value))

    return judge
