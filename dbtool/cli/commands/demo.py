"""`dbtool demo`: the whole story on a fresh database, checked step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current

__all__ = ["app"]

app = application()


@app.command(cls=PlainCommand, epilog="dbtool demo --keep /tmp/story  # and look at what it leaves")
def demo(
    context: typer.Context,
    *,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="FILE", help="Work in this new folder and leave it there."),
    ] = None,
) -> int:
    """Run the whole story in a temporary folder, checking every step.

    A database is created, migrated, filled, backed up, changed, backed up again, searched, damaged,
    healed and restored; every command is printed before it runs, and what it says is checked. The
    exit code is 1 where a step does not hold.
    """
    from dbtool.cli.demo.story import tell

    return tell(current(context), keep)
