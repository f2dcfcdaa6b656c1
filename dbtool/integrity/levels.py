"""The levels of a check in their order: header, pages, structure or full, drill, and since.

Everything that concerns the live file is read in one read transaction. With a rollback journal that
keeps writers from committing, so there the full level works on a private copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from dbtool.backup.format import SEGMENT_PAGES
from dbtool.errors import Damaged, DbtoolError, Refused, StorageFailed
from dbtool.integrity.accounting import account
from dbtool.integrity.budget import BudgetEnded
from dbtool.integrity.drill import Drill, run_drill
from dbtool.integrity.findings import (
    DAMAGES,
    Code,
    DrillResult,
    Finding,
    Kind,
    Level,
    Onset,
    Rung,
)
from dbtool.integrity.full import (
    check_external_text,
    check_foreign_keys,
    check_json,
    has_foreign_keys,
)
from dbtool.integrity.header import check_header, file_notes
from dbtool.integrity.inspection import NOTHING, Inspection
from dbtool.integrity.logcheck import check_wal
from dbtool.integrity.objects import SchemaObject, read_objects
from dbtool.integrity.pagelevel import (
    SnapshotPages,
    compare_segment,
    found_by_owner,
    segments,
)
from dbtool.integrity.privatecopy import PrivateCopy
from dbtool.integrity.risk import with_rows_at_risk
from dbtool.integrity.since import find_onset
from dbtool.integrity.structure import check_table, is_sound, schema_finding

__all__ = ["run_levels"]

_PAGES_KEY = "pages"


def run_levels(check: Inspection) -> tuple[DrillResult | None, Onset | None]:
    """Run what the options ask for; what is found is in `check` afterwards."""
    full = check.options.full
    check.level(Level.HEADER, partial(_header, check))
    check.catalogue = read_objects(check.connection, check.pages)
    if check.tree is not None:
        check.level(Level.PAGES, partial(_pages, check))
    if full or check.options.drill:
        _take_private_copy(check)
    check.level(Level.FULL if full else Level.STRUCTURE, partial(_structure, check))
    drill = _drill(check) if check.options.drill else None
    _estimate(check)
    onset = _since(check) if check.options.since else None
    return drill, onset


# -- header and pages


def _header(check: Inspection) -> str:
    check.course.done.pop("header", None)  # the file may be another since
    held = check.snapshot.page_count if check.snapshot else 0
    check.part("header", "the header", lambda: check_header(check.opened, check.progress, held))
    check.notes += file_notes(check.opened)
    check.course.done.pop("wal", None)
    log = partial(check_wal, check.opened, check.progress, check.notes.append)
    check.part("wal", "the write-ahead log", log)
    return "header, file size, freelist, write-ahead log"


def _pages(check: Inspection) -> str:
    tree, repository = check.tree, check.repository
    assert tree is not None
    assert repository is not None
    if check.pages.page_size != tree.snapshot.page_size:
        if not check.pages.page_count:
            return f"{NOTHING}: an empty file"
        check.notes.append("the page size is not that of the snapshot: pages were not compared")
        return f"{NOTHING}: another page size"
    check.progress.start("hashing pages", tree.snapshot.size_bytes, "bytes")
    compared = 0
    for number in segments(tree):
        last = min((number + 1) * SEGMENT_PAGES, tree.snapshot.page_count)
        name = f"pages {number * SEGMENT_PAGES + 1:,} to {last:,}"
        if check.part(f"{_PAGES_KEY}:{number}", name, partial(_segment, check, number)):
            compared += last - number * SEGMENT_PAGES
    check.progress.finish()
    check.course.done[_PAGES_KEY] = _page_findings(check)
    return f"{compared:,} pages against snapshot {tree.snapshot.id[:8]}"


def _segment(check: Inspection, number: int) -> list[Finding]:
    assert check.tree is not None
    assert check.repository is not None
    try:
        compare_segment(
            check.opened, check.tree, number, check.repository, check.progress, check.course.pages
        )
    except Damaged as error:
        check.notes.append(f"the snapshot cannot be compared with: {error.message}")
    return []


def _page_findings(check: Inspection) -> list[Finding]:
    """Say what the pages that differ mean."""
    tree, compared = check.tree, check.course.pages
    assert tree is not None
    copy = SnapshotPages(tree)
    try:
        found = found_by_owner(
            check.pages,
            check.catalogue,
            compared.unreadable,
            code=Code.PAGE_UNREADABLE,
            problem="cannot be read from the medium",
            rung=None,
        )
        if compared.missing and check.connection is None:  # else it has become smaller
            last = check.pages.page_count
            numbers = range(last + 1, last + compared.missing + 1)
            found += _against_snapshot(
                check, copy, numbers, Code.FILE_TRUNCATED, "gone with the end of the file", None
            )
        if check.unchanged:
            problem = "rotted: no writer touched the file since the snapshot"
            found += _against_snapshot(
                check, copy, compared.differing, Code.PAGE_ROTTED, problem, Rung.TRANSPLANT
            )
        elif check.connection is None:
            problem = "changed or rotted since the snapshot"
            found += _against_snapshot(
                check, copy, compared.differing, Code.PAGE_DIFFERS, problem, Rung.SALVAGE
            )
        return found
    finally:
        copy.close()


def _against_snapshot(
    check: Inspection,
    copy: SnapshotPages,
    numbers: Sequence[int],
    code: Code,
    problem: str,
    rung: Rung | None,
) -> list[Finding]:
    """Return findings whose owners are looked up where nothing is damaged."""
    if len(check.catalogue.objects) <= 1:  # no schema can be read out of the file
        check.catalogue = read_objects(None, copy)
    return found_by_owner(copy, check.catalogue, numbers, code=code, problem=problem, rung=rung)


# -- structure and full


def _take_private_copy(check: Inspection) -> None:
    """Free the writers of a database in rollback mode, and make room for what has to write."""
    reader = check.opened.reader
    if reader is None or not reader.page_count:
        return
    needs_writing = check.options.full and any(
        item.external_text for item in check.catalogue.objects
    )
    if (reader.journal_mode == "wal" or check.options.private) and not needs_writing:
        return
    try:
        copy = PrivateCopy(reader, check.options.temp, check.progress)
    except StorageFailed as error:
        check.notes.append(f"checked in place, because {error.message}")
        return
    except BudgetEnded:
        return
    check.cleanup.callback(copy.close)
    check.connection, check.pages = copy.connection, copy.pages
    check.opened.close()
    check.notes.append("it was checked in a private copy, so that no writer had to wait")


def _structure(check: Inspection) -> str:
    connection, catalogue = check.connection, check.catalogue
    if connection is None:
        if check.pages.page_count:
            check.notes.append(f"SQLite cannot open it: {check.opened.problem}")
            return f"{NOTHING}: SQLite cannot open it"
        check.checked.add("sqlite_schema")
        return "an empty file"
    with check.budget.watching(connection, check.progress):
        schema = schema_finding(connection, catalogue)
        if schema is not None:
            check.course.done["schema"] = [schema]
            return f"{NOTHING}: the schema cannot be read"
        tables = list(catalogue.checkable())
        sound = _is_sound_at_once(check)
        check.progress.start("checking tables", len(tables), "tables")
        for table in tables:
            _table(check, table, sound=sound)
        check.progress.finish()
        if not sound:
            accounting = partial(account, connection, check.pages, catalogue, check.progress)
            check.part("accounting", "whether every page has one owner", accounting)
    kind = "integrity_check" if check.options.full else "quick_check"
    owners = ", owners of all pages" if sound or "accounting" in check.course.done else ""
    return f"{kind} of {len(check.checked):,} of {len(tables):,} tables{owners}"


def _is_sound_at_once(check: Inspection) -> bool:
    """Look at everything together, where nothing can end it half way."""
    assert check.connection is not None
    full = check.options.full
    if check.budget.limited or check.options.resume:
        return False
    check.progress.start("checking everything" if full else "checking structure", None, "")
    sound = is_sound(check.connection, full=full)
    check.progress.finish()
    return sound


def _table(check: Inspection, table: SchemaObject, *, sound: bool) -> None:
    """Check one table; where all were found sound, only what SQLite leaves out."""
    connection, full = check.connection, check.options.full
    assert connection is not None
    level = "full" if full else "structure"

    def work() -> list[Finding]:
        found = [] if sound else check_table(connection, table, check.catalogue, full=full)
        if full and not any(finding.verdict in DAMAGES for finding in found):
            found += _beyond(check, table)
        check.progress.advance(1)
        return found

    key = f"{level}:{table.name}"
    if check.part(key, f"table {table.name}", work) and not any(
        finding.code == Code.NOT_CHECKED for finding in check.course.done[key]
    ):
        check.checked.add(table.name)


def _beyond(check: Inspection, table: SchemaObject) -> list[Finding]:
    """Check what SQLite's own check leaves out."""
    connection = check.connection
    assert connection is not None
    found = check_json(connection, table)
    if has_foreign_keys(connection, table):
        found += check_foreign_keys(connection, table)
    if table.external_text:
        found += check_external_text(connection, table)
    return found


# -- drill, risk, since


def _drill(check: Inspection) -> DrillResult | None:
    repository, snapshot = check.repository, check.snapshot
    if repository is None or snapshot is None:
        check.notes.append("there is no snapshot to restore: no drill")
        return None
    results: list[DrillResult] = []

    def work() -> list[Finding]:
        result, found = run_drill(
            Drill(
                repository,
                snapshot,
                live=check.connection,
                full=check.options.full,
                identical=_is_identical(check),
                temp=check.options.temp,
                budget=check.budget,
                progress=check.progress,
            )
        )
        results.append(result)
        return found

    def restore() -> str:
        check.course.done.pop("drill", None)  # a drill that is resumed shows nothing
        check.part("drill", "the restore of the newest snapshot", work)
        return f"snapshot {snapshot.id[:8]} restored"

    check.level(Level.DRILL, restore)
    result = results[0] if results else None
    if result is not None:
        _mark(check, result)
    return result


def _is_identical(check: Inspection) -> bool:
    """Say whether the pages level proved every page to be that of the snapshot."""
    found = check.course.pages
    done = any(level.level == Level.PAGES and level.complete for level in check.levels)
    differs = bool(found.differing or found.missing or found.unreadable)
    assert check.snapshot is not None
    return done and not differs and check.pages.page_count == check.snapshot.page_count


def _mark(check: Inspection, result: DrillResult) -> None:
    """Remember in the repository what the drill proved."""
    assert check.repository is not None
    catalog = check.repository.catalog
    try:
        if result.sound:
            catalog.mark_verified([result.snapshot.id], check.repository.clock.now())
        else:
            catalog.forget_verified([result.snapshot.id])
    except (StorageFailed, Refused):
        check.notes.append("the repository cannot be written: the snapshot was not marked")


def _estimate(check: Inspection) -> None:
    for key, found in check.course.done.items():
        check.course.done[key] = with_rows_at_risk(
            found, pages=check.pages, tree=check.tree, connection=check.connection
        )


def _since(check: Inspection) -> Onset | None:
    tables = dict.fromkeys(
        finding.table or finding.object
        for finding in check.findings()
        if finding.verdict in DAMAGES and finding.kind not in _NO_TABLE and finding.object
    )
    if not tables or check.repository is None or check.snapshot is None:
        return None
    snapshots = check.repository.snapshots(check.snapshot.database, on_damaged=lambda _error: None)
    try:
        check.budget.check()
        return find_onset(
            check.repository,
            snapshots,
            list(tables),
            full=check.options.full,
            budget=check.budget,
            progress=check.progress,
        )
    except BudgetEnded:
        check.unchecked.append("when the damage began")
    except DbtoolError as error:
        check.notes.append(f"when the damage began could not be found: {error.message}")
    return None


_NO_TABLE = frozenset({Kind.HEADER, Kind.FREELIST, Kind.BACKUP, Kind.FILE, Kind.WAL})
