"""What becomes of the tables that were there before a migration: kept, made anew, or lost.

A table is known by its rows, not by its name: it keeps its identity through renames, and a new
table that its rows were copied into is its successor.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import apsw

from dbtool.core.names import folded
from dbtool.migrate.lint.trial import Moment, Trial
from dbtool.migrate.tokens import tokens, unquoted

__all__ = ["Fate", "fates_of"]


@dataclass(slots=True)
class Fate:
    """The fate of one table."""

    name: str
    """Folded, as before the migration."""
    now: str | None
    """Folded name under which the table itself still exists; None: it was dropped or made anew."""
    dropped: Moment | None = None
    successor: str | None = None
    """Folded name of the new table that has its rows."""
    copied: Moment | None = None
    """What copied them."""
    read: set[str] = field(default_factory=set)
    """Columns that were read for it."""
    renamed: Moment | None = None
    """The last time that it got another name."""

    @property
    def lost(self) -> bool:
        """Whether its rows are nowhere."""
        return self.now is None and self.successor is None

    @property
    def remade(self) -> bool:
        """Whether another table took its place, with its rows."""
        return self.successor is not None


class _Tracker:
    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.fates = {name: Fate(name, name) for name in trial.before.tables}
        self.names: dict[str, Fate | None] = dict(self.fates)
        self.filled: dict[str, list[tuple[Fate, Moment, set[str]]]] = {}
        """Per name of a new table, whose rows went into it."""
        for moment in trial.moments:
            self._follow(moment)
        self._find_successors()

    def _follow(self, moment: Moment) -> None:
        if moment.rebuild is not None:
            self._rebuilt(moment)
            return
        self._copies(moment)
        if moment.before is moment.after:
            return
        gone = [name for name in moment.before.tables if name not in moment.after.tables]
        come = [name for name in moment.after.tables if name not in moment.before.tables]
        if moment.verb == "ALTER TABLE" and len(gone) == len(come) == 1:
            self._renamed(moment, gone[0], come[0])
            return
        for name in gone:
            fate = self.names.pop(name, None)
            self.filled.pop(name, None)
            if fate is not None:
                fate.now, fate.dropped = None, moment
        for name in come:
            self.names[name] = None

    def _renamed(self, moment: Moment, old: str, new: str) -> None:
        fate = self.names.pop(old, None)
        self.names[new] = fate
        if old in self.filled:
            self.filled[new] = self.filled.pop(old)
        if fate is not None:
            fate.now, fate.renamed = new, moment

    def _copies(self, moment: Moment) -> None:
        targets = moment.touched(apsw.SQLITE_INSERT)
        if moment.verb == "CREATE TABLE":
            targets = moment.touched(apsw.SQLITE_CREATE_TABLE)
            targets |= moment.touched(apsw.SQLITE_CREATE_TEMP_TABLE)
        elif moment.verb not in ("INSERT", "REPLACE"):
            return
        for source in moment.touched(apsw.SQLITE_READ):
            rows = self._rows_of(source, moment)
            for target in targets - {source}:
                if self.names.get(target) is None:
                    self.filled.setdefault(target, []).extend(rows)

    def _rows_of(self, source: str, moment: Moment) -> list[tuple[Fate, Moment, set[str]]]:
        """Return whose rows are read from a table: its own, or those that went into it before."""
        fate = self.names.get(source)
        if fate is not None:
            return [(fate, moment, moment.columns(apsw.SQLITE_READ, source))]
        return [(owner, moment, columns) for owner, _, columns in self.filled.get(source, [])]

    def _rebuilt(self, moment: Moment) -> None:
        assert moment.rebuild is not None
        name = folded(moment.rebuild.table)
        fate = self.names.get(name)
        if fate is None:
            return
        used = set(moment.after.columns(name))
        for _, expression in moment.rebuild.maps:
            used |= {
                folded(unquoted(token.text))
                for token in tokens(expression)
                if token.kind in ("word", "name")
            }
        fate.now, fate.successor, fate.copied = None, name, moment
        fate.read |= used
        self.names[name] = None

    def _find_successors(self) -> None:
        for target, sources in self.filled.items():
            # A temporary table is gone when the connection is.
            lasting = target in self.trial.after.tables
            for fate, moment, columns in sources if lasting else ():
                if fate.now is None and fate.successor in (None, target):
                    fate.successor, fate.copied = target, moment
                    fate.read |= columns


def fates_of(trial: Trial) -> list[Fate]:
    """Return the fate of every table that was there before."""
    return list(_Tracker(trial).fates.values())
