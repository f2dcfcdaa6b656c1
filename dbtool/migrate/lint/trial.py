"""One migration walked on a replica, statement by statement: what each asks for, what it changes.

Invariant: the replica ends where the migration ends, or at the statement that failed. Statements
that cannot do anything in memory (VACUUM, settings of the file, transactions) are only looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import apsw

from dbtool.core.names import folded
from dbtool.errors import DbtoolError
from dbtool.migrate.canonical import meaningful
from dbtool.migrate.lint.look import Look
from dbtool.migrate.model import Migration, Rebuild, Section, Statement
from dbtool.migrate.rebuild import rebuild_table
from dbtool.migrate.replica import Asked, Replica
from dbtool.migrate.tokens import Token

__all__ = ["Moment", "Trial", "walk"]

_DATA: Final = ("INSERT", "REPLACE", "UPDATE", "DELETE", "SELECT")
_TWO_WORDS: Final = ("CREATE", "DROP", "ALTER")
_NOT_RUN: Final = frozenset({"VACUUM", "ATTACH", "DETACH"})
_IN_TRANSACTIONS: Final = frozenset({"BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"})
_QUOTED_NAME: Final = "should this be a string literal in single-quotes"
_KEEPS_GOING: Final = (apsw.ConstraintError, apsw.MismatchError)
"""What speaks of rows; the rows of a replica are not those of the database."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One statement, or one rebuild, and what it did."""

    line: int
    text: str
    words: tuple[Token, ...]
    verb: str
    """Its first word; with CREATE, DROP and ALTER what of, such as `DROP TABLE`."""
    asked: tuple[Asked, ...]
    before: Look
    after: Look
    transactional: bool
    rebuild: Rebuild | None = None
    unfit: tuple[tuple[str, str, str], ...] = ()
    """(kind, name, why) of what does not fit the new table of a rebuild."""
    error: str = ""
    """What SQLite says where it refuses it."""
    ours: bool = False
    """Whether the error is our own and not SQLite's."""
    quoted_name: str = ""
    """What SQLite says of text in double quotes that is no name."""

    def touched(self, action: int) -> set[str]:
        """Return the folded tables that the statement itself, no trigger, does something to."""
        return {
            folded(first)
            for each, first, _, via in self.asked
            if each == action and first and via is None
        }

    def columns(self, action: int, table: str) -> set[str]:
        """Return the folded columns of a table that the statement reads or updates."""
        return {
            folded(second)
            for each, first, second, _ in self.asked
            if each == action and second and first and folded(first) == folded(table)
        }

    def has_word(self, word: str) -> bool:
        """Say whether a keyword stands outside of all brackets."""
        depth = 0
        for token in self.words:
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0 and token.kind == "word" and token.text.upper() == word:
                return True
        return False


@dataclass(slots=True)
class Trial:
    """A whole migration."""

    migration: Migration
    before: Look
    after: Look
    moments: list[Moment] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """Whether a statement failed, so that what comes after is not known."""
        return any(moment.error for moment in self.moments)


def walk(migration: Migration, section: Section, replica: Replica, look: Look) -> Trial:
    """Walk one direction of a migration.

    Args:
        migration: which one.
        section: its way up or down.
        replica: holds the schema before; the one after, afterwards.
        look: at that schema.
    """
    trial = Trial(migration, look, look)
    for setting in ("foreign_keys", "legacy_alter_table", "writable_schema"):
        replica.execute(f"PRAGMA {setting} = OFF")
    for step in section.steps:
        moment = _Step(replica, trial.after, transactional=section.transactional).take(step)
        trial.moments.append(moment)
        trial.after = moment.after
        if moment.error:
            break
    return trial


class _Step:
    def __init__(self, replica: Replica, before: Look, *, transactional: bool) -> None:
        self.replica = replica
        self.before = before
        self.transactional = transactional

    def take(self, step: Statement | Rebuild) -> Moment:
        """Run one step as far as a replica can, and tell."""
        if isinstance(step, Rebuild):
            return self._rebuild(step)
        words = tuple(meaningful(step.text))
        verb = _verb(words)
        quoted = self._quoted_name(step.text)
        error, asked = "", tuple(self.replica.asked)
        if self._runs(verb, asked):
            error = self._execute(step.text, verb)
            asked = tuple(self.replica.asked)
        return Moment(
            step.line, step.text, words, verb, asked, self.before, self._look(asked),
            self.transactional, error=error, quoted_name=quoted,
        )  # fmt: skip

    def _rebuild(self, step: Rebuild) -> Moment:
        create = step.create
        error = ""
        unfit: list[tuple[str, str, str]] = []
        quoted = self._quoted_name(create.text) if step.table not in self.before.tables else ""
        if self.before.table(step.table) is None:
            error, ours = f"there is no table {step.table} to rebuild", True
        else:
            error, ours = self._try_copy(step)
            self.replica.execute("SAVEPOINT rebuilding")
            try:
                unfit = self.replica.rebuild(step.table, create.text)
            except apsw.Error as failure:
                error, ours = str(failure), False
                self.replica.execute("ROLLBACK TO rebuilding")
            self.replica.execute("RELEASE rebuilding")
        if unfit:
            error = ""
        return Moment(
            step.line, create.text, tuple(meaningful(create.text)), "REBUILD", (), self.before,
            Look(self.replica), self.transactional, step, tuple(unfit), error, ours, quoted,
        )  # fmt: skip

    def _try_copy(self, step: Rebuild) -> tuple[str, bool]:
        """Rebuild as a database would, and undo it.

        Returns:
            What is wrong, such as with a map, and whether we say so and not SQLite.
        """
        ((legacy,),) = self.replica.rows("PRAGMA legacy_alter_table")
        self.replica.execute("SAVEPOINT trying")
        try:
            rebuild_table(self.replica.connection, step, lambda sql, *_: self.replica.execute(sql))
        except _KEEPS_GOING:
            return "", False
        except apsw.Error as error:
            return str(error), False
        except DbtoolError as error:
            return error.message.removeprefix(f"line {step.line}: "), True
        finally:
            self.replica.execute("ROLLBACK TO trying")
            self.replica.execute("RELEASE trying")
            self.replica.execute(f"PRAGMA legacy_alter_table = {legacy}")
        return "", False

    def _runs(self, verb: str, asked: tuple[Asked, ...]) -> bool:
        if verb in _NOT_RUN or verb == "":
            return False
        if not self.transactional:
            return True
        # SQLite ignores the setting within a transaction, and a replica is in none.
        keys = any(action == apsw.SQLITE_PRAGMA and _is_keys(name) for action, name, *_ in asked)
        return verb not in _IN_TRANSACTIONS and not keys

    def _execute(self, sql: str, verb: str) -> str:
        try:
            self.replica.execute(sql)
        except _KEEPS_GOING:
            return ""
        except apsw.Error as error:
            # A replica has no file, so settings of one mean nothing to it.
            setting = verb == "PRAGMA" and isinstance(error, apsw.AuthError)
            return "" if setting else str(error)
        return ""

    def _quoted_name(self, sql: str) -> str:
        """Return what SQLite says of "text" that is no name; fills in what it asks for."""
        self.replica.allow_double_quoted_strings(allowed=False)
        try:
            self.replica.explain(sql)
        except (apsw.Error, UnicodeError) as error:
            return str(error) if _QUOTED_NAME in str(error) else ""
        finally:
            self.replica.allow_double_quoted_strings(allowed=True)
        return ""

    def _look(self, asked: tuple[Asked, ...]) -> Look:
        """Look anew where the schema table was written."""
        writes = (apsw.SQLITE_INSERT, apsw.SQLITE_UPDATE, apsw.SQLITE_DELETE)
        for action, first, _, _ in asked:
            if action in writes and first in ("sqlite_master", "sqlite_schema"):
                return Look(self.replica)
            if action in (apsw.SQLITE_TRANSACTION, apsw.SQLITE_SAVEPOINT):
                return Look(self.replica)
        return self.before


def _is_keys(pragma: str | None) -> bool:
    return (pragma or "").lower() == "foreign_keys"


def _verb(words: tuple[Token, ...]) -> str:
    listed = [token.text.upper() if token.kind == "word" else token.text for token in words]
    if not listed:
        return ""
    if listed[0] == "WITH":
        return next(_at_top(words, _DATA), "SELECT")
    if listed[0] not in _TWO_WORDS:
        return listed[0]
    skipped = ("TEMP", "TEMPORARY", "UNIQUE", "VIRTUAL")
    return f"{listed[0]} {next((word for word in listed[1:] if word not in skipped), '')}"


def _at_top(words: tuple[Token, ...], wanted: tuple[str, ...]) -> Iterator[str]:
    depth = 0
    for token in words:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.kind == "word" and token.text.upper() in wanted:
            yield token.text.upper()
