"""Rows of one table restored: the plan, the question, the work, and what is told of it."""

from __future__ import annotations

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from dbtool.cli.confirm import confirm_by_name
from dbtool.cli.views import brief, counted, local_time, short
from dbtool.core.quantities import format_duration
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.model import Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session
    from dbtool.rows.match import RowMode, TableRestore
    from dbtool.rows.restore import TablePlan
    from dbtool.rows.takeback import TableResult, Takeback

__all__ = ["asked_for", "restore_into", "restore_table"]

Lines = list[tuple[str, str]]


def asked_for(
    table: str, *, where: str | None, columns: str | None, mode: str | None, triggers: bool
) -> TableRestore:
    """Return the options of the command line as the library takes them."""
    from dbtool.rows.match import TableRestore

    names = tuple(name.strip() for name in (columns or "").split(","))
    if columns is not None and not all(names):
        raise UsageError("invalid-value", f"--columns {columns!r} has an empty name in it")
    # A column that comes back says nothing of rows that are new or gone.
    default = "update" if columns else "replace"
    return TableRestore(
        table=table,
        where=where,
        columns=names if columns else (),
        mode=cast("RowMode", mode or default),
        triggers=triggers,
    )


def restore_table(
    session: Session,
    takeback: Takeback,
    *,
    dry_run: bool,
    yes: bool,
    first: Lines | None = None,
) -> None:
    """Take rows back into the live database; shows the plan and asks first, unless `yes`.

    Args:
        session: of this run.
        takeback: what comes back.
        dry_run: only show the plan.
        yes: confirmed on the command line.
        first: lines for people before the plan.
    """
    from dbtool.rows.takeback import opened

    with ExitStack() as open_now:
        with session.work() as progress:
            work = open_now.enter_context(opened(takeback, progress))
        if dry_run or not yes:
            with session.work() as progress:
                plan = work.plan(progress)
            lines = [*(first or []), *_plan_lines(takeback, plan)]
            if dry_run:
                data = _plan_data(takeback, plan)
                session.output.report("dbtool.restore-table-plan/1", data, lines, always=True)
                return
            if plan.rows_written or plan.action != "change":
                _confirm(session, takeback, plan, lines)
        session.output.record(
            "start",
            {"snapshot": takeback.snapshot.id, "target": takeback.target, "mode": "table"},
        )
        with session.work() as progress:
            result = work.run(progress)
    session.output.report("dbtool.restore-table/1", _data(takeback, result), _lines(result))


def restore_into(
    session: Session,
    repository: Repository,
    snapshot: Snapshot,
    file: Path,
    asked: TableRestore,
    *,
    dry_run: bool,
) -> None:
    """Write a table into a file of its own."""
    from dbtool.rows.into import plan_into, write_into

    with session.work() as progress, closing(repository.connect(snapshot)) as source:
        do = plan_into if dry_run else write_into
        done = do(source, file, asked.table, where=asked.where, progress=progress)
    place = "a new file" if done.new_file else "a database that is there"
    lines = [
        ("to write" if dry_run else "written", f"{brief(file)}, {place}"),
        ("snapshot", _named(snapshot)),
        ("table", f"{done.table}, {counted(done.rows, 'row')}"),
    ]
    data = {
        "snapshot": snapshot.id,
        "table": done.table,
        "file": done.file,
        "new_file": done.new_file,
        "rows": done.rows,
        "dry_run": dry_run,
    }
    session.output.report("dbtool.restore-into/1", data, lines, always=dry_run)


def _confirm(session: Session, takeback: Takeback, plan: TablePlan, lines: Lines) -> None:
    for label, text in lines:
        session.note(f"{label:<9}  {text}")
    name = takeback.target.name
    confirm_by_name(session, name, f"change {plan.table} in {brief(takeback.target)}", yes=False)


def _named(snapshot: Snapshot) -> str:
    return f"{short(snapshot.id)} of {local_time(snapshot.time)}"


def _plan_lines(takeback: Takeback, plan: TablePlan) -> Lines:
    from dbtool.core.holders import holders

    lines = [
        ("snapshot", _named(takeback.snapshot)),
        ("table", f"{plan.table} in {brief(takeback.target)}"),
        ("rows", _rows(plan, "to insert", "to update", "to delete")),
        *_columns(plan),
    ]
    if plan.triggers and plan.rows_written:
        lines.append(("triggers", f"{', '.join(plan.triggers)} may fire"))
    if takeback.safety_snapshot:
        kept = "a snapshot of what is there now is taken first"
    else:
        kept = "nothing of what is there now"
    lines.append(("keeps", kept))
    lines += [("open by", str(holder)) for holder in holders(takeback.target)]
    return lines


def _rows(plan: TablePlan, inserted: str, updated: str, deleted: str) -> str:
    if plan.action == "create":
        return f"{plan.rows_inserted:,}, in a table that the database does not have: made anew"
    if plan.action == "drop":
        return f"{plan.rows_deleted:,} {deleted}, with the table, which was not there before"
    parts = [
        f"{number:,} {what}"
        for number, what in (
            (plan.rows_inserted, inserted),
            (plan.rows_updated, updated),
            (plan.rows_deleted, deleted),
        )
        if number
    ]
    stay = f"; {plan.rows_unchanged:,} stay as they are" if plan.rows_unchanged else ""
    return f"{', '.join(parts) or 'none to change'}{stay}"


def _columns(plan: TablePlan) -> Lines:
    lines = []
    if plan.columns_updated:
        lines.append(("columns", ", ".join(plan.columns_updated)))
    if plan.action == "change":
        lines.append(("found by", ", ".join(plan.key)))
    if plan.only_in_snapshot:
        names = ", ".join(plan.only_in_snapshot)
        lines.append(("left out", f"{names}: the table does not have it any more"))
    if plan.only_in_live:
        names = ", ".join(plan.only_in_live)
        lines.append(("as it is", f"{names}: not in the snapshot; inserted rows get the default"))
    return lines


def _lines(result: TableResult) -> Lines:
    plan = result.plan
    lines = [
        ("restored", f"{plan.table} in {brief(result.target)}"),
        ("snapshot", _named(result.snapshot)),
        ("rows", _rows(plan, "inserted", "updated", "deleted")),
        *_columns(plan),
        ("time", format_duration(result.duration_s)),
    ]
    if result.safety_snapshot is not None:
        before = f"kept as snapshot {short(result.safety_snapshot.id)}; --undo puts it back"
        lines.append(("before", before))
    return lines


def _plan_data(takeback: Takeback, plan: TablePlan) -> dict[str, Any]:
    return {
        "snapshot": takeback.snapshot.id,
        "target": takeback.target,
        "table": plan.table,
        "where": takeback.asked.where,
        "mode": plan.mode,
        "action": plan.action,
        "rows_inserted": plan.rows_inserted,
        "rows_updated": plan.rows_updated,
        "rows_deleted": plan.rows_deleted,
        "rows_unchanged": plan.rows_unchanged,
        "columns_updated": plan.columns_updated,
        "key": plan.key,
        "only_in_snapshot": plan.only_in_snapshot,
        "only_in_live": plan.only_in_live,
        "triggers": plan.triggers,
    }


def _data(takeback: Takeback, result: TableResult) -> dict[str, Any]:
    safety = result.safety_snapshot
    return {
        **_plan_data(takeback, result.plan),
        "duration": result.duration_s,
        "safety_snapshot": safety.id if safety else None,
    }
