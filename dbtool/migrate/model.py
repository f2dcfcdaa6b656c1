"""What a migration is: its version, its statements with their places, what it may and must not do.

Frozen data, read from files by `dbtool.migrate.discover` and from the history table. A migration of
another tool's format looks the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from dbtool.migrate.directives import directives
from dbtool.migrate.tokens import code_of
from dbtool.migrate.versions import order_of

__all__ = ["Ignore", "Migration", "MigrationFormat", "Rebuild", "Section", "Statement", "Step"]

MigrationFormat = Literal["dbtool", "dbmate", "goose", "pair", "plain", "python"]
"""pair: `.up.sql` and `.down.sql`, as golang-migrate and sqlx have them; plain: no markers."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of SQL."""

    text: str
    """As it stands in the file from its first word on, with its semicolon if it has one."""
    line: int
    """Line of the file in which its first word stands, from 1."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """A table to be made anew with its rows, triggers, indexes and AUTOINCREMENT mark kept."""

    table: str
    create: Statement
    """The new CREATE TABLE, which names the same table."""
    maps: tuple[tuple[str, str], ...] = ()
    """(new column, expression over the old row); other columns are taken by name."""
    line: int = 1
    """Line of the directive."""


Step = Statement | Rebuild


@dataclass(frozen=True, slots=True)
class Section:
    """What is done in one direction."""

    steps: tuple[Step, ...] = ()
    transactional: bool = True
    """False: every statement stands alone, because one of them cannot run in a transaction."""
    text: str = ""
    """The SQL with its directives, as it stands in the file."""
    line: int = 1
    """Line of the file in which `text` begins."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """A rule that need not hold for a migration."""

    rule: str
    reason: str
    """Never empty."""
    line: int


@dataclass(frozen=True)
class Migration:
    """One migration."""

    version: str
    """As its file's name has it, such as `0001` or `20260101T120000`."""
    name: str
    path: Path
    """The file of the way up; of a stored one, the name it had."""
    format: MigrationFormat
    up: Section
    down: Section | None = None
    """None: it cannot be undone."""
    verify: tuple[Statement, ...] = ()
    """Queries that must return no rows after it."""
    ignores: tuple[Ignore, ...] = ()
    replaces: tuple[str, ...] = ()
    """Versions that it was squashed from."""
    text: str = field(default="", repr=False)
    """Everything that was read; of a pair both files."""
    down_path: Path | None = None
    """File of the way down where it is another one."""

    @property
    def order(self) -> int:
        """What versions are ordered and compared by: `0001` and `1` are the same version."""
        return order_of(self.version)

    @property
    def label(self) -> str:
        """Version and name, as messages show it."""
        return f"{self.version}_{self.name}" if self.name else self.version

    @property
    def is_python(self) -> bool:
        """True: its ways are functions of a Python file, and its sections have no steps."""
        return self.format == "python"

    @cached_property
    def sha256(self) -> str:
        """Hash of its text."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogateescape")).hexdigest()

    @cached_property
    def code_sha256(self) -> str:
        """Hash of its text without comments and white space: changes when its meaning may have.

        Directives count although they stand in comments; a Python file counts as it is.
        """
        if self.is_python:
            return self.sha256
        sections = [self.up.text, self.down.text if self.down else ""]
        verify = [statement.text for statement in self.verify]
        parts = [code_of(text) for text in (*sections, *verify)]
        parts += [str(self.up.transactional), str(self.down.transactional if self.down else "")]
        parts += [f"{each.name} {each.argument}" for text in sections for each in directives(text)]
        return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
