"""How two states of a database differ: pages, schema, rows.

The work goes from what is cheap to what is not: page maps say which pages differ, interior pages
say which tables own them and which rows they can hold, and SQLite compares those rows. A table
without a changed page is not read.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

import apsw

from dbtool.backup.model import Snapshot
from dbtool.core.names import folded
from dbtool.core.progress import Progress, Silent
from dbtool.core.schema import read_schema
from dbtool.core.schemadiff import SchemaChange, What, schema_changes
from dbtool.errors import Damaged, DbtoolError, NotFound, Refused
from dbtool.pages.reader import PageReader
from dbtool.pages.records import Value
from dbtool.rows.attach import attach_both
from dbtool.rows.compare import OneSided, Pair, TableComparison
from dbtool.rows.footprint import Footprints, measure
from dbtool.rows.model import DiffOptions, PageCounts, RowChange, TableChange
from dbtool.rows.pages import LiveState, SnapshotState, changed_pages, count_pages
from dbtool.rows.sets import Bits
from dbtool.rows.subjects import Subject, subjects

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["Diff", "open_diff"]

_STEPS: Final = 100_000
"""Instructions of SQLite between two looks at whether to stop."""


def open_diff(
    repository: Repository,
    a: Snapshot,
    b: Snapshot | Path,
    options: DiffOptions = DiffOptions(),  # noqa: B008  frozen
    *,
    progress: Progress | None = None,
) -> Diff:
    """Return the comparison of a snapshot with another one, or with a database as it is now.

    Until it is closed, nothing is removed from the repository, and a live database is kept in one
    read transaction, as a backup keeps it.

    Args:
        repository: where the snapshots are.
        a: the older side.
        b: another snapshot, or the path of the database.
        options: see `DiffOptions`.
        progress: told of pages read; may raise to stop.

    Raises:
        NotFound: `table-not-found`; and as `PageReader.open`.
        Damaged: a map or page that is needed cannot be proven; `database-damaged`.
        Refused: `encoding-differs`.
    """
    progress = progress or Silent()
    with ExitStack() as closing:
        closing.enter_context(repository.store.lock(exclusive=False))
        old = SnapshotState(repository.open_snapshot(a))
        closing.callback(old.close)
        new: SnapshotState | LiveState
        if isinstance(b, Snapshot):
            new = SnapshotState(repository.open_snapshot(b))
        else:
            reader = PageReader.open(b, busy_timeout_s=options.busy_timeout_s, progress=progress)
            new = LiveState(reader, str(b))
        closing.callback(new.close)
        changed = changed_pages(old, new, repository.hash_pages, progress)
        if old.page_size == new.page_size:
            if isinstance(new, SnapshotState):
                new.share(old, changed)
            else:
                old.share(new, changed)
        connection = attach_both(old, new, closing)
        connection.set_progress_handler(_stopper(progress), _STEPS)
        diff = Diff(old, new, connection, count_pages(old, new, changed), options)
        with diff.named_errors():
            diff.prepare(changed, progress)
        diff.closing = closing.pop_all()
    return diff


def _stopper(progress: Progress) -> Callable[[], bool]:
    """Return what SQLite asks whether to go on; `advance` raises where not."""

    def stop() -> bool:
        progress.advance(0)
        return False

    return stop


class Diff:
    """A comparison under way; a context manager, made by `open_diff`.

    Attributes:
        a: the older side.
        b: the other.
        pages: how the pages differ.
        schema: how the schema differs; nothing where it is the same.
        closing: what is freed at the end.
    """

    def __init__(
        self,
        a: SnapshotState,
        b: SnapshotState | LiveState,
        connection: apsw.Connection,
        pages: PageCounts,
        options: DiffOptions,
    ) -> None:
        """Use `open_diff` instead."""
        self.a, self.b = a, b
        self.pages = pages
        self.options = options
        self.connection = connection
        self.schemas = (read_schema(connection, "a"), read_schema(connection, "b"))
        self.schema: tuple[SchemaChange, ...] = schema_changes(*self.schemas)
        self.subjects: list[Subject] = []
        self.unowned_pages: int | None = None
        """Changed pages that belong to no table; None: not known, as the page sizes differ."""
        self.closing = ExitStack()

    def prepare(self, changed: Bits, progress: Progress) -> None:
        """Find the tables that may differ; called once by `open_diff`."""
        footprints: Footprints | None = None
        if self.a.page_size == self.b.page_size or not self.a.page_count or not self.b.page_count:
            footprints = measure((self.a, self.b), self.schemas, changed, progress.advance)
            self.unowned_pages = footprints.unowned
        self.subjects = self._chosen(subjects(*self.schemas, footprints))
        if self.options.tables:
            names = {folded(name) for name in self.options.tables}
            self.schema = tuple(change for change in self.schema if folded(change.table) in names)

    def tables(self) -> Iterator[TableChange]:
        """Yield what differs in each table, counting its rows unless that was not asked for."""
        for subject in self.subjects:
            with self.named_errors():
                change = self._table(subject)
            if change is not None:
                yield change

    def rows(self, *, on_refused: Callable[[Refused], None] | None = None) -> Iterator[RowChange]:
        """Yield every row that differs, table by table: removed and changed ones, then added.

        Args:
            on_refused: told of each table whose rows cannot be compared, which is then left out;
                None: such a table raises.
        """
        for subject in self.subjects:
            if not subject.differs or subject.opaque:
                continue
            try:
                with self.named_errors():
                    comparison = self.comparison(subject)
                    for pair in comparison.pairs():
                        yield _row_change(subject, comparison, pair)
            except Refused as error:
                if on_refused is None:
                    raise
                on_refused(error)

    def columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the columns that the values of a `RowChange` are of."""
        for subject in self.subjects:
            if folded(subject.name) == folded(table):
                return tuple(name for _, name in self._joined(subject).columns)
        return ()

    def key_columns(self, table: str) -> tuple[str, ...]:
        """Return the names of the columns that the key of a `RowChange` is of."""
        for subject in self.subjects:
            if folded(subject.name) == folded(table):
                return self._joined(subject).key_columns
        return ()

    def script(self) -> Iterator[str]:
        """Yield the statements, comments among them, that turn a into b."""
        from dbtool.rows.script import statements  # only --sql needs it

        with self.named_errors():
            yield from statements(self)

    def comparison(self, subject: Subject) -> TableComparison | OneSided:
        """Return what compares the rows of a table, and have its pages fetched together.

        Raises:
            Refused: `rows-not-comparable`.
        """
        # Equal pages are taken from a, or from a file, which needs no announcement.
        beside = subject.beside if isinstance(self.b, SnapshotState) else array("I")
        self.a.announce(subject.touched[0] + beside)
        self.b.announce(subject.touched[1])
        return self._joined(subject)

    def close(self) -> None:
        """End the comparison; again is allowed."""
        self.closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def named_errors(self) -> Iterator[None]:
        """Turn what SQLite says into an error that names the two sides."""
        try:
            yield
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise Damaged(
                "database-damaged",
                f"{self.a.label} or {self.b.label} holds a damaged database",
                context=str(error),
                hint="dbtool verify --snapshots --read-data      is the repository sound?",
            ) from error
        except apsw.Error as error:
            raise DbtoolError(
                "sqlite-failed",
                f"SQLite failed to compare {self.a.label} with {self.b.label}",
                context=str(error),
            ) from error

    def _joined(self, subject: Subject) -> TableComparison | OneSided:
        if subject.a is None or subject.b is None:
            return OneSided(self.connection, subject.table, "b" if subject.a is None else "a")
        return TableComparison(self.connection, subject.a, subject.b, subject.ranges)

    def _table(self, subject: Subject) -> TableChange | None:
        kind = "virtual table" if subject.table.kind == "virtual" else "table"
        plain = TableChange(subject.name, kind, subject.pages, subject.index_pages)
        if not self.options.rows:
            return plain if subject.pages or subject.differs else None
        if not subject.differs:
            return replace(plain, added=0, removed=0, changed=0, moved=0)
        if subject.opaque:
            note = "what its module keeps changed; its rows were not compared"
            return replace(plain, note=note) if subject.pages else None
        try:
            comparison = self.comparison(subject)
        except Refused as error:
            return replace(plain, note=f"{error.message}: {error.context}")
        counts = comparison.count()
        if not any(counts) and not subject.pages:
            return None
        columns = tuple(name for _, name in comparison.columns) if subject.redefined else ()
        return replace(plain, **counts._asdict(), columns=columns, note=_note(subject, columns))

    def _chosen(self, found: Iterable[Subject]) -> list[Subject]:
        if not self.options.tables:
            return list(found)
        known = {
            folded(table.name): table.name
            for schema in self.schemas
            for table in schema.tables.values()
        }
        for name in self.options.tables:
            if folded(name) not in known:
                raise _no_table(name, known, f"{self.a.label} and {self.b.label}")
        wanted = {folded(name) for name in self.options.tables}
        return [subject for subject in found if folded(subject.name) in wanted]


def _no_table(name: str, known: dict[str, str], where: str) -> NotFound:
    close = get_close_matches(folded(name), known, 1, 0.5)
    hint = f"did you mean {known[close[0]]}?" if close else ""
    return NotFound("table-not-found", f"there is no table {name} in {where}", hint=hint)


def _note(subject: Subject, columns: tuple[str, ...]) -> str:
    if not subject.redefined or subject.a is None or subject.b is None:
        return ""
    if set(map(folded, subject.a.stored)) == set(map(folded, subject.b.stored)):
        return ""
    return f"compared by the columns of both sides: {', '.join(columns) or 'none'}"


def _row_change(subject: Subject, comparison: TableComparison | OneSided, pair: Pair) -> RowChange:
    what: What = "added" if pair.old is None else "removed" if pair.new is None else "changed"
    rowid = pair.old_rowid if pair.new is None else pair.new_rowid
    key: tuple[Value, ...] = (rowid,)
    if comparison.key:
        values = pair.old if pair.new is None else pair.new
        assert values is not None
        at = {folded(name): index for index, (_, name) in enumerate(comparison.columns)}
        key = tuple(values[at[folded(part.column)]] for part in comparison.key)
    return RowChange(subject.name, what, key, pair.old, pair.new)
