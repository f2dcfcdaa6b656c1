"""The migrations of a folder, in order: dbtool's own files and those of other tools, unchanged.

Reads files and nothing else. What looks like a migration and is none is an error; what does not
look like one is named, so that no file is passed over in silence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from dbtool.errors import UsageError
from dbtool.migrate.files import NAME, Files, group_files, read_text
from dbtool.migrate.foreign import format_of, no_transaction, parse_foreign
from dbtool.migrate.model import Migration, MigrationFormat, Section
from dbtool.migrate.sections import Parsed, parse_file, parse_section

__all__ = ["Folder", "discover", "read_migration"]


@dataclass(frozen=True, slots=True)
class Folder:
    """What a folder holds."""

    path: Path
    migrations: tuple[Migration, ...]
    """By version, each once."""
    others: tuple[Path, ...] = ()
    """SQL and Python files that are no migrations by their names."""


def discover(folder: Path, *, unique: bool = True) -> Folder:
    """Return the migrations of a folder.

    Args:
        folder: where they are.
        unique: False: let several have the same version, for who judges them.

    Raises:
        NotFound: `migrations-not-found`.
        UsageError: `migration-invalid`, `migration-syntax`, `migration-duplicate`.
        StorageFailed: `migration-unreadable`.
    """
    groups, others = group_files(folder)
    found = [_read_pair(files) for files in groups]
    found.sort(key=lambda migration: (migration.order, migration.path.name))
    for one, other in pairwise(found):
        if unique and one.order == other.order:
            raise UsageError(
                "migration-duplicate",
                f"two migrations have the version {one.version}",
                context=f"{one.path.name} and {other.path.name}",
                hint="give the newer one a later version: rename its file",
            )
    return Folder(folder, tuple(found), others)


def read_migration(path: Path, text: str | None = None) -> Migration:
    """Return the migration in one file; `text` stands in for what the file holds.

    Raises:
        UsageError: as `discover`.
        StorageFailed: `migration-unreadable`.
    """
    match = NAME.fullmatch(path.name)
    if match is None:
        raise UsageError(
            "migration-invalid",
            f"{path.name} has no version in its name",
            hint="0001_add_orders.sql, or 20260101T120000_add_orders.sql",
        )
    content = read_text(path) if text is None else text
    kind, parsed = _parse(path, content, match[4].lower())
    if parsed.up is None:
        raise UsageError(
            "migration-invalid", f"{path.name} has no way up", hint="-- dbtool:up, then its SQL"
        )
    return Migration(
        version=match[1].upper(),
        name=match[2],
        path=path,
        format=kind,
        up=parsed.up,
        down=parsed.down,
        verify=parsed.verify,
        ignores=parsed.ignores,
        replaces=parsed.replaces,
        text=content,
    )


def _read_pair(files: Files) -> Migration:
    up, down = files.up, files.down
    if up is None:
        assert down is not None
        missing = re.sub(r"\.down\.", ".up.", down.name, flags=re.IGNORECASE)
        raise UsageError(
            "migration-invalid", f"{down.name} has no way up", hint=f"write {missing} beside it"
        )
    migration = read_migration(up)
    if down is None:
        return replace(migration, format="pair") if _is_half(up) else migration
    if migration.down is not None:
        raise UsageError(
            "migration-invalid",
            f"{up.name} has a way down, and so has {down.name}",
            hint="keep one of the two",
        )
    text = read_text(down)
    section = parse_section(down, text, transactional=not no_transaction(text))
    kind: MigrationFormat = "pair" if migration.format == "plain" else migration.format
    return replace(
        migration,
        format=kind,
        down=section if section.steps else None,
        down_path=down,
        text=f"{migration.text}\0{text}",
    )


def _is_half(path: Path) -> bool:
    return path.name.lower().endswith(".up.sql")


def _parse(path: Path, text: str, suffix: str) -> tuple[MigrationFormat, Parsed]:
    if suffix == "py":
        return "python", _python(path, text)
    foreign = format_of(text)
    if foreign is not None:
        return foreign, parse_foreign(path, text, foreign)
    parsed = parse_file(path, text)
    if parsed.marked:
        return "dbtool", parsed
    up = parsed.up
    if up is not None and no_transaction(text):
        up = replace(up, transactional=False)
    return "plain", replace(parsed, up=up)


def _python(path: Path, text: str) -> Parsed:
    """Find the functions of a Python file without running it."""
    import ast

    try:
        tree = ast.parse(text, path.name)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", 1) or 1
        raise UsageError(
            "migration-syntax", f"{path.name}, line {line}: {getattr(error, 'msg', error)}"
        ) from error
    lines = {node.name: node.lineno for node in tree.body if isinstance(node, ast.FunctionDef)}
    up = Section((), text=text, line=lines["up"]) if "up" in lines else None
    if up is None:
        raise UsageError(
            "migration-invalid", f"{path.name} has no function up(db)", hint="def up(db):"
        )
    down = Section((), text=text, line=lines["down"]) if "down" in lines else None
    return Parsed(up, down)
