"""`dbtool migrate`: schema changes that cannot lose rows. Its verbs are in `cli.migrations`.

A verb is imported when it is run, or when the help lists them: `migrate up` at every start of an
application must not pay for the others.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any, Final, NamedTuple

import typer
from typer._click.core import Command

from dbtool.cli.command import CommandGroup, PlainCommand, application

__all__ = ["app"]


class Verb(NamedTuple):
    """Where a verb is."""

    module: str
    """Below `dbtool.cli.migrations`; it holds a function of the verb's name."""
    examples: str = "EXAMPLES"


VERBS: Final = {
    "new": Verb("new"),
    "status": Verb("status"),
    "plan": Verb("plan"),
    "rehearse": Verb("rehearse"),
    "up": Verb("up"),
    "down": Verb("down", "DOWN_EXAMPLES"),
    "redo": Verb("down", "REDO_EXAMPLES"),
    "verify": Verb("verify"),
    "lint": Verb("lint"),
    "dump": Verb("dump"),
    "diff": Verb("diff"),
    "baseline": Verb("adopt", "BASELINE_EXAMPLES"),
    "adopt": Verb("adopt", "ADOPT_EXAMPLES"),
    "squash": Verb("mend", "SQUASH_EXAMPLES"),
    "repair": Verb("mend", "REPAIR_EXAMPLES"),
}


class LazyVerbs(MutableMapping[str, Command]):
    """Name to command; importing happens on access."""

    def __init__(self) -> None:
        self._loaded: dict[str, Command] = {}

    def __getitem__(self, name: str) -> Command:
        """Import a verb."""
        if name not in self._loaded:
            self._loaded[name] = _load(name, VERBS[name])
        return self._loaded[name]

    def __setitem__(self, name: str, command: Command) -> None:
        """Put a ready command in the place of a name."""
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Forget a loaded command."""
        del self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names without importing anything."""
        return iter(VERBS)

    def __len__(self) -> int:
        """Return how many verbs there are."""
        return len(VERBS)


class MigrateGroup(CommandGroup):
    """The group, with its verbs in the order of the table."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings | {"commands": LazyVerbs()})

    def list_commands(self, _ctx: Any) -> list[str]:
        """Return the names of the verbs."""
        return list(VERBS)


def _load(name: str, verb: Verb) -> Command:
    module = import_module(f"dbtool.cli.migrations.{verb.module}")
    alone = application()
    examples = getattr(module, verb.examples)
    alone.command(name, cls=PlainCommand, epilog=examples)(getattr(module, name))
    command = typer.main.get_command(alone)
    command.name = name
    return command


app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.callback(
    cls=MigrateGroup,
    epilog="""
dbtool migrate new add_orders      # writes the file of a new migration
dbtool migrate status app.db       # what is applied, what is pending
dbtool migrate rehearse app.db     # try it on a copy, with times and row counts
dbtool migrate up app.db           # apply what is pending
dbtool migrate down app.db         # undo the newest
""",
)
def migrate() -> None:
    """Change the schema of a database, by migrations that cannot lose rows.

    Migrations are files of SQL in a folder, `migrations` unless another is named. Each is applied
    once, in one transaction, behind a snapshot; its text is kept in the database, so that it can be
    undone after its file is gone. Files of dbmate, goose, sqlx and golang-migrate are read as they
    are.
    """
