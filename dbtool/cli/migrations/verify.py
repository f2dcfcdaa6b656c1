"""`dbtool migrate verify`: does what migrations promised still hold."""

from __future__ import annotations

from typing import Any

import typer

from dbtool.cli.context import current
from dbtool.cli.migrations.status import troubles
from dbtool.cli.migrations.wiring import FolderOption, prepare
from dbtool.cli.targets import DatabaseArgument
from dbtool.cli.views import counted

__all__ = ["EXAMPLES", "verify"]

EXAMPLES = """
dbtool migrate verify app.db       # queries, checksums, order and schema, all at once
dbtool migrate verify -q app.db    # exit code 4 where anything does not hold
"""

_NO = 4


def verify(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    migrations: FolderOption = None,
) -> int | None:
    """Run the verify queries of all applied migrations again, and compare files and history.

    Exit code 4: a query returns rows, a file was edited or is gone, the order is wrong, or the
    schema is not what the newest migration left. What is merely pending is told, and no failure.
    """
    from dbtool.migrate.opening import open_to_look
    from dbtool.migrate.reverify import reverify
    from dbtool.migrate.standing import standing

    session = current(context)
    work = prepare(session, db, migrations)
    with session.work() as progress, open_to_look(work.path) as connection:
        state = standing(connection, work.migrations)
        found = reverify(connection, state, progress=progress)
    wrong = [text for text in troubles(state) if not text.endswith("pending")]
    data: dict[str, Any] = {
        "database": work.target.shown,
        "applied": len(state.applied),
        "pending": len(state.pending),
        "queries": [
            {
                "migration": each.label,
                "queries": each.queries,
                "holds": not each.problem,
                "problem": each.problem or None,
                "detail": each.detail or None,
            }
            for each in found
        ],
        "history": wrong,
    }
    asked = sum(each.queries for each in found)
    lines = [("history", text) for text in wrong]
    lines = lines or [("history", f"{counted(len(state.applied), 'migration')} as applied")]
    broken = [each for each in found if each.problem]
    for each in broken:
        lines.append(("query", each.problem))
        lines += [("", text) for text in each.detail.split("\n")]
    if not broken:
        lines.append(("queries", _hold(asked)))
    if state.pending:
        lines.append(("pending", counted(len(state.pending), "migration")))
    failed = bool(wrong or broken)
    session.output.report("dbtool.migrate-verify/1", data, lines, always=failed)
    return _NO if failed else None


def _hold(queries: int) -> str:
    if not queries:
        return "there are none"
    return "the only one holds" if queries == 1 else f"all {queries:,} hold"
