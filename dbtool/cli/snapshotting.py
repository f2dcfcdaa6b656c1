"""The snapshot that a command takes before it changes a database."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.targets import Target, open_repository, require_path
from dbtool.cli.views import pasted

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.core.progress import Progress

__all__ = ["snapshot_before"]


def snapshot_before(
    session: Session, target: Target, progress: Progress, tag: str, note: str
) -> Callable[[], str | None]:
    """Return the function that takes the snapshot before the first change.

    It takes none, and says so, where the database has no repository.

    Args:
        session: of this run.
        target: the database.
        progress: told of the backup.
        tag: of the snapshot, such as `migrate`.
        note: of the snapshot, such as `before migrations`.
    """

    def take() -> str | None:
        if not target.explicit_repository and not Path(target.repository).exists():
            session.note(
                "no snapshot was taken before: the database has no repository yet",
                f"    dbtool backup {pasted(target.path or '')}      makes one, beside it",
            )
            return None
        from dbtool.backup.model import BackupOptions

        repository = open_repository(session, target)
        options = BackupOptions(tags=(tag,), note=note)
        snapshot = repository.backup(require_path(target), options, progress=progress).snapshot
        return snapshot.id if snapshot else None

    return take
