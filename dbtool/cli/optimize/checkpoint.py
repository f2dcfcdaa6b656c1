"""`dbtool optimize --checkpoint`: the WAL copied back, and who keeps the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbtool.cli.targets import require_path
from dbtool.core.quantities import format_size

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.targets import Target
    from dbtool.core.holders import Holder

__all__ = ["checkpoint"]


def checkpoint(session: Session, target: Target) -> None:
    """Checkpoint a database, and name the readers that keep frames."""
    from dbtool.optimize.emptying import empty_wal

    path = require_path(target)
    with session.work():
        done = empty_wal(path)
    keeping = [] if done.whole else _keeping(target)
    lines = [("database", target.shown)]
    if done.journal_mode != "wal":
        lines.append(("journal", f"mode {done.journal_mode}: there is no WAL"))
    else:
        lines.append(("copied", f"{done.copied:,} of {done.frames:,} frames"))
        before, after = format_size(done.before_bytes), format_size(done.after_bytes)
        lines.append(("wal", f"{before} -> {after}"))
    data = {
        "database": path.resolve(),
        "journal_mode": done.journal_mode,
        "frames": done.frames,
        "copied": done.copied,
        "wal_before": done.before_bytes,
        "wal_after": done.after_bytes,
        "kept_by": [{"pid": h.pid, "command": h.command} for h in keeping],
    }
    session.output.report("dbtool.checkpoint/1", data, lines)
    if not done.whole:
        named = ", ".join(map(str, keeping)) or "a process that cannot be named"
        session.warn(
            f"{done.frames - done.copied:,} frames are kept by {named}, which still reads them"
        )


def _keeping(target: Target) -> list[Holder]:
    """Return the processes whose read transactions keep frames; none where nobody can be named."""
    from dbtool.core.clock import SystemClock
    from dbtool.errors import DbtoolError
    from dbtool.monitor.observer import Observer

    try:
        with Observer(require_path(target), clock=SystemClock()) as observer:
            return [reader.holder for reader in observer.look().pinning]
    except DbtoolError:
        return []
