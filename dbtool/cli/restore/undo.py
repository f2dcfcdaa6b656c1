"""`restore --undo`: what the last restore replaced comes back, and can be undone in its turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbtool.cli.views import local_time, short

if TYPE_CHECKING:
    from dbtool.backup.model import Replaced, RestoreMode, Snapshot
    from dbtool.backup.repository import Repository
    from dbtool.cli.context import Session
    from dbtool.cli.targets import Target

__all__ = ["undo_restore"]


def undo_restore(
    session: Session,
    repository: Repository,
    target: Target,
    *,
    dry_run: bool,
    yes: bool,
) -> None:
    """Undo the last restore of a database: the rows that it replaced, or the whole of it.

    Raises:
        NotFound: `nothing-to-undo`.
    """
    from dbtool.backup.safety import last_replaced

    assert target.path is not None
    safety, replaced = last_replaced(
        repository,
        str(target.source),  # a restore keeps what it replaces under the path, whatever its name
        on_damaged=lambda error: session.warn(error.message),
    )
    what = _what(safety, replaced)
    if replaced is not None and replaced.table is not None:
        from dbtool.cli.restore.table import restore_table
        from dbtool.rows.takeback import undo_of

        takeback = undo_of(repository, safety, replaced, target.path)
        restore_table(session, takeback, dry_run=dry_run, yes=yes, first=[("undoes", what)])
        return
    from dbtool.backup.model import RestoreOptions
    from dbtool.cli.restore.whole import restore_whole

    session.note(f"undoes     {what}")
    options = RestoreOptions(mode=_mode(target))
    restore_whole(session, repository, safety, target.path, options, dry_run=dry_run, yes=yes)


def _what(safety: Snapshot, replaced: Replaced | None) -> str:
    rows = f" of rows of {replaced.table}" if replaced and replaced.table else ""
    source = f" from {short(replaced.source)}" if replaced else ""
    return f"the restore{rows}{source} at {local_time(safety.time)}"


def _mode(target: Target) -> RestoreMode:
    from dbtool.core.holders import holders

    assert target.path is not None
    if not target.path.exists():
        return "new"
    return "live" if holders(target.path) else "delta"
