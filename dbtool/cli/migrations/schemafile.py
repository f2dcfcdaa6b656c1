"""The schema.sql that commands read: where it is, and what it says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.views import brief
from dbtool.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.migrate.replica import Replica

__all__ = ["find_schema_file", "load_schema", "read_schema_file"]

_NAME = "schema.sql"


def find_schema_file(session: Session, given: Path | None, folder: Path | None) -> Path:
    """Return the schema file: the option, or schema.sql here, by migrations, or by dbtool.toml.

    Raises:
        NotFound: `schema-file-not-found`.
    """
    if given is not None:
        return given.expanduser()
    folders = [folder] if folder is not None else []
    folders += [Path(), Path("migrations")]
    for file in reversed(session.config.files):
        folders += [file.parent, file.parent / "migrations"]
    found = next((each / _NAME for each in folders if (each / _NAME).is_file()), None)
    if found is None:
        raise NotFound(
            "schema-file-not-found",
            f"there is no {_NAME}, here or beside the migrations",
            hint="dbtool migrate dump --to schema.sql DB      writes it\n"
            "--schema FILE                               names another one",
        )
    return found


def read_schema_file(path: Path) -> str:
    """Return the text of a schema file.

    Raises:
        NotFound: `schema-file-not-found`.
        UsageError: `migration-invalid`, it is no text.
        StorageFailed: `migration-unreadable`.
    """
    from dbtool.migrate.files import read_text

    if not path.exists():
        raise NotFound("schema-file-not-found", f"there is no schema file {path}")
    return read_text(path)


def load_schema(path: Path) -> Replica:
    """Return the schema that a file creates.

    Raises:
        UsageError: `schema-not-loaded`.
        DbtoolError: as `read_schema_file`.
    """
    from dbtool.migrate.replica import load_schema_file

    text = read_schema_file(path)
    try:
        return load_schema_file(text)
    except UsageError as error:
        message = error.message.removeprefix("the schema cannot be loaded: ")
        raise UsageError(error.code, f"{brief(path)}: {message}", context=error.context) from error
