"""A template brought to a new database: its migrations copied and applied, its settings told."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.views import brief, pasted
from dbtool.errors import Refused

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.migrate.template import Template

__all__ = ["apply_template", "find_for", "mention_settings"]

_FOLDER = "migrations"


def find_for(path: Path, word: str) -> Template:
    """Return the template for a new database, before anything is made.

    Raises:
        Refused: `database-exists`.
        DbtoolError: as `find_template`.
    """
    from dbtool.migrate.template import find_template

    template = find_template(word)
    if path.exists() and path.stat().st_size:
        raise Refused(
            "database-exists",
            f"{path} exists already, and a template begins a new database",
            hint="dbtool migrate new NAME --from-diff schema.sql DB      brings an existing one on",
        )
    return template


def apply_template(
    session: Session, template: Template, path: Path, folder: Path
) -> tuple[str, ...]:
    """Copy the migrations of a template and apply them to the database that was just made.

    Where that fails, neither the database nor the files stay.

    Returns:
        Versions and names, in order.
    """
    from dbtool.migrate.api import upgrade
    from dbtool.migrate.template import placed

    try:
        with session.work() as progress, placed(template, folder / _FOLDER) as files:
            if not files:
                return ()
            result = upgrade(path, folder / _FOLDER, create=False, progress=progress)
            return tuple(done.label for done in result.done)
    except BaseException:
        for suffix in ("", "-wal", "-shm", "-journal"):
            with suppress(OSError):
                path.with_name(path.name + suffix).unlink()
        raise


def mention_settings(session: Session, template: Template, file: Path) -> None:
    """Say how to add the settings of a template to a file that is there already."""
    source = template.path / "dbtool.toml"
    session.warn(
        f"the saved searches and statistics of {template.name} are not in it; to add them:",
        f"cat {pasted(source)} >> {pasted(brief(file))}",
    )
