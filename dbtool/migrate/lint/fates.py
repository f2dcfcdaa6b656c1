"""What becomes of the tables that were there before a migration: kept, made anew, or lost.

A table is known by its rows, not by its name: it keeps its identity through renames, and its rows
are followed into the tables that they are copied to. Where it is not known what a column holds, the
column counts as lost: better one finding too many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import apsw

from dbtool.core.names import folded
from dbtool.migrate.canonical import split_list
from dbtool.migrate.lint.trial import Moment, Trial
from dbtool.migrate.tokens import Token, tokens, unquoted

__all__ = ["Fate", "Fates", "Holding"]


@dataclass(slots=True, eq=False)
class Fate:
    """The fate of one table."""

    name: str
    """Folded, as before the migration."""
    now: str | None
    """Folded name under which the table itself still exists; None: it was dropped or made anew."""
    dropped: Moment | None = None
    successor: str | None = None
    """Folded name of a new table that has its rows."""
    copied: Moment | None = None
    """What copied them."""
    read: set[str] = field(default_factory=set)
    """Its columns whose values are in new tables."""
    renamed: Moment | None = None
    """The last time that it got another name."""

    @property
    def lost(self) -> bool:
        """Whether its rows are nowhere."""
        return self.now is None and self.successor is None

    @property
    def remade(self) -> bool:
        """Whether a new table has its rows, and the old one is gone."""
        return self.now is None and self.successor is not None


@dataclass(frozen=True, slots=True)
class Holding:
    """Rows of an old table that a new one holds."""

    fate: Fate
    copied: Moment
    columns: frozenset[str]
    """Columns of the old table."""
    into: frozenset[str]
    """Columns of the new one that were filled."""


class Fates:
    """The fates of all tables of one migration.

    Attributes:
        all: one for each table that was there before.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.all = [Fate(name, name) for name in trial.before.tables]
        self._names: dict[str, Fate | None] = {fate.name: fate for fate in self.all}
        """What each name means; None: a table of this migration."""
        self._held: dict[str, list[Holding]] = {}
        """What new tables hold."""
        self._before: dict[int, tuple[dict[str, Fate | None], dict[str, list[Holding]]]] = {}
        for moment in trial.moments:
            self._before[id(moment)] = dict(self._names), {k: [*v] for k, v in self._held.items()}
            self._follow(moment)
        self._find_successors()

    def old(self, moment: Moment, name: str) -> Fate | None:
        """Return the old table that a name means when a statement begins; None: no old one."""
        return self._before[id(moment)][0].get(folded(name))

    def held(self, moment: Moment, name: str) -> list[Holding]:
        """Return what a new table then holds of old ones that are gone in the end."""
        held = self._before[id(moment)][1].get(folded(name), [])
        return [holding for holding in held if holding.fate.now is None]

    def added(self, moment: Moment, fate: Fate) -> set[str]:
        """Return the columns that the migration has added to an old table before a statement."""
        found: set[str] = set()
        for each in self.trial.moments[: self.trial.moments.index(moment)]:
            for name, owner in self._before[id(each)][0].items():
                before, after = set(each.before.columns(name)), set(each.after.columns(name))
                if owner is fate and len(after) > len(before):
                    found |= after - before
        return found

    # -- the walk

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
        if moment.verb == "ALTER TABLE":
            self._altered(moment)
        for name in gone:
            fate = self._names.pop(name, None)
            for holding in self._held.pop(name, []):
                if holding.fate.now is None:
                    holding.fate.dropped = moment
            if fate is not None:
                fate.now, fate.dropped = None, moment
        for name in come:
            self._names[name] = None

    def _renamed(self, moment: Moment, old: str, new: str) -> None:
        fate = self._names.pop(old, None)
        self._names[new] = fate
        if old in self._held:
            self._held[new] = self._held.pop(old)
        if fate is not None:
            fate.now, fate.renamed = new, moment

    def _altered(self, moment: Moment) -> None:
        """Forget what a new table held in columns that it does not have any more."""
        for name, held in self._held.items():
            if name in moment.before.tables and name in moment.after.tables:
                gone = set(moment.before.columns(name)) - set(moment.after.columns(name))
                self._held[name] = [_without(holding, gone) for holding in held]

    def _copies(self, moment: Moment) -> None:
        if moment.verb == "CREATE TABLE":
            targets = moment.touched(apsw.SQLITE_CREATE_TABLE)
            targets |= moment.touched(apsw.SQLITE_CREATE_TEMP_TABLE)
        elif moment.verb in ("INSERT", "REPLACE"):
            targets = moment.touched(apsw.SQLITE_INSERT)
        else:
            return
        into = frozenset(_target_columns(moment.words))
        for source in moment.touched(apsw.SQLITE_READ):
            read = moment.columns(apsw.SQLITE_READ, source)
            rows = self._rows_of(source, moment, read)
            for target in targets - {source}:
                if self._names.get(target) is None:
                    held = self._held.setdefault(target, [])
                    held.extend(Holding(fate, moment, columns, into) for fate, columns in rows)

    def _rows_of(
        self, source: str, moment: Moment, read: set[str]
    ) -> list[tuple[Fate, frozenset[str]]]:
        """Return whose rows, and which columns of them, are read from a table."""
        fate = self._names.get(source)
        if fate is not None:
            return [(fate, frozenset(read))]
        table = moment.before.table(source)
        whole = table is not None and set(moment.before.columns(source)) <= read
        return [
            (holding.fate, holding.columns if whole else holding.columns & read)
            for holding in self._held.get(source, [])
        ]

    def _rebuilt(self, moment: Moment) -> None:
        assert moment.rebuild is not None
        name = folded(moment.rebuild.table)
        fate = self._names.get(name)
        old = set(moment.before.columns(name))
        mapped = {folded(column) for column, _ in moment.rebuild.maps}
        # A column that is mapped to gets what the map says, not what it had.
        used = old & (set(moment.after.columns(name)) - mapped)
        for _, expression in moment.rebuild.maps:
            used |= old & _names_in(tokens(expression))
        into = frozenset(moment.after.columns(name))
        rows = self._rows_of(name, moment, used)
        self._held[name] = [Holding(each, moment, columns, into) for each, columns in rows]
        if fate is not None:
            fate.now = None
        self._names[name] = None

    def _find_successors(self) -> None:
        for target, held in self._held.items():
            # A temporary table is gone when the connection is.
            for holding in held if target in self.trial.after.tables else ():
                fate = holding.fate
                if fate.successor is None or target == fate.name:
                    fate.successor, fate.copied = target, holding.copied
                fate.read |= holding.columns


def _without(holding: Holding, gone: set[str]) -> Holding:
    if not gone & (holding.into or gone):
        return holding
    left = holding.columns - gone
    known = gone <= holding.columns
    return Holding(holding.fate, holding.copied, left if known else frozenset(), holding.into)


def _target_columns(words: tuple[Token, ...]) -> set[str]:
    """Return the columns that an INSERT names; empty: it names none, so all of them."""
    start = next((i for i, token in enumerate(words) if token.text == "("), None)
    if start is None or words[0].text.upper() == "CREATE":
        return set()
    if any(token.text.upper() in ("SELECT", "VALUES", "WITH") for token in words[:start]):
        return set()
    end = next((i for i, token in enumerate(words[start:], start) if token.text == ")"), start)
    return {folded(unquoted(part[0].text)) for part in split_list(words[start + 1 : end])}


def _names_in(listed: Iterable[Token]) -> set[str]:
    return {folded(unquoted(token.text)) for token in listed if token.kind in ("word", "name")}
