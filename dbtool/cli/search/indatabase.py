"""`dbtool search --index VERB --in-db`: the index within the database itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dbtool.cli.confirm import confirm
from dbtool.cli.render import Column
from dbtool.cli.views import brief

if TYPE_CHECKING:
    from pathlib import Path

    from dbtool.cli.context import Session

__all__ = ["manage"]

_SCHEMA = "dbtool.search-inside/1"


def manage(session: Session, verb: str, path: Path, *, yes: bool) -> None:
    """Do what was asked for."""
    from dbtool.core.connection import require_database

    require_database(path)
    if verb == "status":
        _status(session, path)
    elif verb == "build":
        _build(session, path, yes=yes)
    else:
        _drop(session, path, yes=yes)


def _status(session: Session, path: Path) -> None:
    from dbtool.search.indatabase import inside_tables

    tables = inside_tables(path)
    data = [
        {
            "table": each.table,
            "index": each.index,
            "rows": each.rows,
            "missing": each.missing,
            "leftovers": each.leftovers,
            "triggers": each.triggers,
            "sound": each.sound,
        }
        for each in tables
    ]
    columns = [
        Column("table", lambda each: each.table),
        Column("rows", lambda each: f"{each.rows:,}", right=True),
        Column("missing", lambda each: f"{each.missing:,}", right=True),
        Column("leftovers", lambda each: f"{each.leftovers:,}", right=True),
        Column("triggers", lambda each: "all" if each.triggers else "missing"),
        Column("index", lambda each: "sound" if each.sound else "damaged"),
    ]
    if not tables:
        session.note(f"{path.name} has no index in it")
    if tables or session.format != "table":
        session.output.table(_SCHEMA, tables, data, columns)
    for each in tables:
        if not each.holds:
            session.warn(
                f"the index of {each.table} does not hold every row: "
                f"dbtool search --index build --in-db {brief(path)} makes it anew"
            )


def _build(session: Session, path: Path, *, yes: bool) -> None:
    from dbtool.search.indatabase import build_inside

    session.note(
        f"Every write to {path.name} will then write the index too, and every program that writes",
        "to it needs SQLite 3.43 or later with FTS5; others would fail to write. So would an",
        "ALTER TABLE ... DROP COLUMN until the index is dropped.",
    )
    confirm(session, f"write indexes and triggers into {path.name}", yes=yes)
    with session.work() as progress:
        progress.start("indexing", None, "tables")
        tables, others = build_inside(path, progress=progress)
        progress.finish()
    lines = [("indexed", ", ".join(tables) or "no table")]
    if others:
        lines.append(
            (
                "left out",
                f"{', '.join(others)} (virtual, or no INTEGER PRIMARY KEY: VACUUM renumbers rows)",
            )
        )
    session.output.report(_SCHEMA, {"tables": tables, "left_out": others}, lines)


def _drop(session: Session, path: Path, *, yes: bool) -> None:
    from dbtool.search.indatabase import drop_inside

    confirm(session, f"remove the indexes and triggers of dbtool from {path.name}", yes=yes)
    removed = drop_inside(path)
    session.output.report(
        _SCHEMA, {"removed": removed}, [("removed", ", ".join(removed) or "there was none")]
    )
