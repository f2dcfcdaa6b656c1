"""Which files of a folder are migrations, by their names, and what they hold as text."""

from __future__ import annotations

import re
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from dbtool.errors import NotFound, StorageFailed, UsageError

__all__ = ["NAME", "Files", "group_files", "read_text"]

NAME: Final = re.compile(
    r"(\d+(?:T\d+)?)[_-]?(.*?)(?:\.(up|down)(?=\.sql$))?\.(sql|py)", re.IGNORECASE
)
"""version, name, way of a pair, kind."""

_COMPILED: Final = re.compile(r"\d+_.*(?<!_test)\.go", re.IGNORECASE)
"""Migrations of goose that are Go."""
_LARGEST_BYTES: Final = 64 << 20
_NOT_MIGRATIONS: Final = frozenset({"schema.sql", "__init__.py", "conftest.py"})


class Files(NamedTuple):
    """The files of one migration."""

    up: Path | None
    down: Path | None = None
    """Only of a pair."""


def group_files(folder: Path) -> tuple[tuple[Files, ...], tuple[Path, ...]]:
    """Return the files of each migration, and those that are none by their names.

    Raises:
        NotFound: `migrations-not-found`.
        StorageFailed: `migration-unreadable`.
        UsageError: `migration-invalid`, one of them is Go.
    """
    pairs: dict[str, dict[str, Path]] = {}
    others: list[Path] = []
    for path in _files(folder):
        match = NAME.fullmatch(path.name)
        if match is None:
            others.append(path)
            continue
        stem = path.name if not match[3] else path.name[: match.start(3)]
        pairs.setdefault(stem, {})[(match[3] or "up").lower()] = path
    groups = [Files(each.get("up"), each.get("down")) for each in pairs.values()]
    return tuple(_joined(groups)), tuple(others)


def _joined(groups: list[Files]) -> Iterator[Files]:
    """Join halves of one version whose names differ, as golang-migrate does by version alone."""
    downs = {_version(each.down): each.down for each in groups if not each.up and each.down}
    ups = Counter(_version(each.up) for each in groups if each.up)
    taken: set[Path] = set()
    for each in groups:
        down = downs.get(_version(each.up)) if each.up and not each.down else None
        if each.up and down and ups[_version(each.up)] == 1:
            taken.add(down)
            yield Files(each.up, down)
        elif each.up:
            yield each
    yield from (each for each in groups if not each.up and each.down not in taken)


def _version(path: Path | None) -> str:
    match = NAME.fullmatch(path.name) if path else None
    return match[1].upper().lstrip("0") if match else ""


def read_text(path: Path) -> str:
    """Return what a file holds, line ends as line feeds.

    Raises:
        StorageFailed: `migration-unreadable`.
        UsageError: `migration-invalid`, it is no text.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UsageError("migration-invalid", f"{path.name} is no regular file")
        if status.st_size > _LARGEST_BYTES:
            raise UsageError("migration-invalid", f"{path.name} is too large for a migration")
        raw = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UsageError(
            "migration-invalid", f"{path.name}, line {line}: this is not UTF-8 text"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UsageError("migration-invalid", f"{path.name}, line {line}: a NUL character")
    return text.replace("\r\n", "\n")


def _files(folder: Path) -> list[Path]:
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            "migrations-not-found",
            f"there is no folder {folder} with migrations",
            context=error.strerror or str(error),
            hint="dbtool migrate new NAME      makes it, with the first migration\n"
            "-m FOLDER                    names another one",
        ) from error
    except OSError as error:
        raise _unreadable(folder, error) from error
    for path in entries:
        # The history keeps the names as text.
        if path.suffix.lower() in (".sql", ".py") and not path.name.isprintable():
            _require_text(path)
        if _COMPILED.fullmatch(path.name):
            raise UsageError(
                "migration-invalid",
                f"{path.name} is a migration in Go, which dbtool cannot run",
                context="what comes after it may need what it does",
                hint=f"write it as SQL or Python: {path.stem}.sql",
            )
    return [
        path
        for path in entries
        if path.suffix.lower() in (".sql", ".py")
        and not path.name.startswith(".")
        and path.name not in _NOT_MIGRATIONS
        and not path.is_dir()
    ]


def _require_text(path: Path) -> None:
    try:
        path.name.encode()
    except UnicodeEncodeError:
        raise UsageError(
            "migration-invalid",
            f"the name of {path} is not UTF-8 text",
            hint="rename it",
        ) from None


def _unreadable(path: Path, error: OSError) -> StorageFailed:
    return StorageFailed(
        "migration-unreadable",
        f"cannot read {path}",
        context=error.strerror or str(error),
        hint=f"ls -ld {path}",
    )
