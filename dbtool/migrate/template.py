"""Templates: a folder of migrations, and a part of a dbtool.toml with saved searches and the like.

    FOLDER/migrations/*.sql    the schema, as migrations; may be missing
    FOLDER/dbtool.toml         what is added to the dbtool.toml of a new project; may be missing

Those of dbtool lie in its own folder `templates`; a user's lie anywhere on disk, such as in a git
checkout. What a template may set is limited to what asks questions: it names no database, no
repository and no command.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from dbtool.core.atomicfile import failures_named
from dbtool.errors import NotFound, Refused, UsageError
from dbtool.migrate.discover import Folder, discover
from dbtool.migrate.files import read_text

__all__ = ["SECTIONS", "Template", "builtin_templates", "find_template", "placed"]

SECTIONS: Final = ("alerts", "retention", "search", "stats", "validate")
"""Sections of a dbtool.toml that a template may have."""
_OWN: Final = Path(__file__).with_name("templates")
_SETTINGS: Final = "dbtool.toml"
_MIGRATIONS: Final = "migrations"


@dataclass(frozen=True, slots=True)
class Template:
    """One template, read and found to be sound."""

    name: str
    path: Path
    migrations: Folder | None
    """None: it has none."""
    settings: str
    """Text for the end of a dbtool.toml; may be empty."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of its migrations."""
        if self.migrations is None:
            return ()
        paths = [(each.path, each.down_path) for each in self.migrations.migrations]
        return tuple(path for pair in paths for path in pair if path is not None)


def builtin_templates() -> tuple[str, ...]:
    """Return the names of the templates that dbtool brings."""
    return tuple(sorted(path.name for path in _OWN.iterdir() if path.is_dir()))


def find_template(word: str) -> Template:
    """Return a template by its name, or by its folder.

    Args:
        word: one of `builtin_templates`; anything else, or anything with a slash, is a folder.

    Raises:
        NotFound: `template-not-found`.
        UsageError: `template-invalid`; as `discover`.
    """
    folder = _OWN / word if word in builtin_templates() else Path(word).expanduser()
    if not folder.is_dir():
        close = get_close_matches(word, builtin_templates(), 1)
        hint = f"did you mean {close[0]}?" if close else "a folder with migrations/ and dbtool.toml"
        raise NotFound(
            "template-not-found",
            f"there is no template {word}",
            context=f"it is no folder, and dbtool brings {', '.join(builtin_templates())}",
            hint=hint,
        )
    inner = folder / _MIGRATIONS
    migrations = discover(inner) if inner.is_dir() else None
    settings = _settings(folder / _SETTINGS)
    if migrations is None and not (folder / _SETTINGS).is_file():
        raise UsageError(
            "template-invalid",
            f"{folder} is no template",
            context=f"it has neither {_MIGRATIONS}/ nor {_SETTINGS}",
        )
    return Template(folder.resolve().name, folder, migrations, settings)


def _settings(path: Path) -> str:
    import tomllib

    if not path.is_file():
        return ""
    text = read_text(path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("template-invalid", f"{path} is not valid TOML: {error}") from error
    foreign = [section for section in document if section not in SECTIONS]
    if foreign:
        raise UsageError(
            "template-invalid",
            f"{path} sets [{foreign[0]}], which is for the project to say",
            context=f"a template has {', '.join(SECTIONS)}",
        )
    return text


@contextmanager
def placed(template: Template, folder: Path) -> Iterator[tuple[Path, ...]]:
    """Copy the migrations of a template into a folder; where the block fails, none stays.

    Raises:
        Refused: `file-exists`, the folder has a file of that name, or migrations of its own.
        StorageFailed: the system refuses.
    """
    _require_vacant(folder)
    made: list[Path] = []
    fresh = not folder.exists()
    try:
        with failures_named("write", folder):
            folder.mkdir(parents=True, exist_ok=True)
            for source in template.files:
                target = folder / source.name
                made.append(target)
                with target.open("x", encoding="utf-8") as stream:
                    stream.write(read_text(source))
                    stream.flush()
                    os.fsync(stream.fileno())
        yield tuple(made)
    except BaseException:
        for path in made:
            with suppress(OSError):
                path.unlink()
        if fresh:
            with suppress(OSError):
                folder.rmdir()
        raise


def _require_vacant(folder: Path) -> None:
    if folder.is_dir() and (there := discover(folder, unique=False).migrations):
        raise Refused(
            "file-exists",
            f"{folder} has migrations already, such as {there[0].path.name}",
            hint="a template begins a new project: run it in another folder",
        )
