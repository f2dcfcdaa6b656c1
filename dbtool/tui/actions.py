"""What can be done from the dashboard: keys, the commands behind them, and what they need.

The only place where it is decided what is forbidden without `--write`. An action that changes the
database, removes something or changes the schedule is; taking a backup, proving it and restoring
into a new file are not, as nothing is lost by them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from dbtool.tui.model import DatabaseRef, Options

__all__ = ["KEYS", "Action", "Key", "command_of", "forbidden", "line_of"]


class Action(NamedTuple):
    """A command that changes or proves something."""

    title: str
    """Of its job; `Back up app.db` with the name of the database put in."""
    words: tuple[str, ...]
    """The command line without options of the dashboard and without the database."""
    what: str
    """What it does, for who confirms it."""
    writes: bool = False
    """True: it needs `--write`."""
    typed: bool = False
    """True: the name of the database has to be typed."""


class Key(NamedTuple):
    """A key of a database's screen."""

    key: str
    shown: str
    label: str
    action: str
    help: str
    writes: bool = False
    tabs: tuple[str, ...] = ()
    """Tabs on which it works; empty: all."""


KEYS: Final = (
    Key("b", "b", "Backup", "backup", "Take a snapshot now."),
    Key("v", "v", "Verify", "verify", "Prove the database, or that its newest snapshot restores."),
    Key("r", "r", "Restore…", "restore", "Bring a snapshot, a table or rows back."),
    Key("c", "c", "Checkpoint", "checkpoint", "Copy the WAL back into the database.", writes=True),
    Key(
        "o", "o", "Optimize", "optimize", "Measure what would make the database faster or smaller."
    ),
    Key(
        "a",
        "a",
        "Apply",
        "apply",
        "Apply the advice under the cursor.",
        writes=True,
        tabs=("indexes", "storage"),
    ),
    Key(
        "u",
        "u",
        "Undo",
        "undo",
        "Undo what was applied last.",
        writes=True,
        tabs=("indexes", "storage"),
    ),
    Key(
        "p",
        "p",
        "Prune…",
        "prune",
        "Show what the policy would remove, then remove it.",
        writes=True,
    ),
    Key(
        "t", "t", "Timer…", "timer", "Install or remove the timer of the nightly job.", writes=True
    ),
    Key(
        "m",
        "m",
        "Migrate",
        "migrate",
        "Apply the pending migrations.",
        writes=True,
        tabs=("migrations",),
    ),
    Key("slash", "/", "Filter", "filter", "Show only rows that hold a text; on Search: search."),
    Key("s", "s", "Sort", "sort", "Sort by the next column, ascending, then descending."),
    Key("y", "y", "Copy", "copy", "Copy what is shown to the clipboard (OSC 52)."),
    Key("space", "space", "Pause", "pause", "Stop and continue refreshing."),
    Key("plus", "+", "", "faster", "Refresh more often."),
    Key("minus", "+-", "Rate", "slower", "Refresh less often."),
    Key("f5", "f5", "Ask again", "again", "Ask anew what this tab shows."),
    Key("x", "x", "Cancel", "cancel", "Stop the job that was started last at its next safe point."),
    Key("question_mark", "?", "Help", "help", "Explain the keys and what is shown."),
    Key("q", "q", "Quit", "quit", "Leave; jobs that run go on."),
)


def forbidden(options: Options, *, writes: bool, replayed: bool = False) -> str:
    """Return why an action may not be done; empty: it may."""
    if replayed:
        return "this is a recording; nothing can be started from it"
    if writes and not options.write:
        return "read-only; start with dbtool dashboard --write to allow it"
    return ""


def command_of(action: Action, database: DatabaseRef, options: Options) -> tuple[str, ...]:
    """Return the whole command line of an action, without the program's name."""
    return (*action.words, *options.words, database.word)


def line_of(words: tuple[str, ...]) -> str:
    """Return a command line as one would type it."""
    import shlex

    return shlex.join(("dbtool", *words))
