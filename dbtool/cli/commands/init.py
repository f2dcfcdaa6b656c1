"""`dbtool init`: a new database, or an existing one adopted; its repository; a dbtool.toml."""

from __future__ import annotations

import re
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session, current
from dbtool.cli.files import require_folder, require_usable
from dbtool.cli.migrations.templating import apply_template, find_for, mention_settings
from dbtool.cli.views import brief, counted
from dbtool.config import FILE_NAME, environment
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.repository import RepositoryInfo
    from dbtool.migrate.template import Template

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool init app.db                                  # a new database, named in a dbtool.toml
dbtool init --repo /backups/app --encrypt app.db    # and an encrypted repository
dbtool init --repo app.db.backups existing.db       # adopts a database without changing it
dbtool init --repo s3://bucket/app app.db           # a repository in the cloud: see the README
dbtool init --repo /mnt/usb/app --encrypt           # a repository alone, for dbtool copy
dbtool init --template file-vault vault.db          # with the schema of a file store
dbtool init --template ~/templates/shop shop.db     # with that of a folder of yours
"""


class _Outcome(NamedTuple):
    """What was done."""

    path: Path | None
    """None: only a repository was made."""
    created: bool
    repository: RepositoryInfo | None
    written: Path | None
    template: str | None = None
    migrations: tuple[str, ...] = ()
    """Versions and names that were applied."""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def init(
    context: typer.Context,
    db: Annotated[
        str | None, typer.Argument(metavar="DB", help="Path of the database.", show_default=False)
    ] = None,
    *,
    encrypt: Annotated[
        bool, typer.Option("--encrypt", help="Encrypt the repository that is created.")
    ] = False,
    page_size: Annotated[
        Literal["512", "1024", "2048", "4096", "8192", "16384", "32768", "65536"],
        typer.Option(
            "--page-size", metavar="BYTES", help="Page size of a new database, 512 to 65536. [4096]"
        ),
    ] = "4096",
    encoding: Annotated[
        Literal["UTF-8", "UTF-16le", "UTF-16be"],
        typer.Option("--encoding", help="How a new database stores text. [UTF-8]"),
    ] = "UTF-8",
    auto_vacuum: Annotated[
        Literal["none", "full", "incremental"],
        typer.Option("--auto-vacuum", help="Whether a new database gives space back. [none]"),
    ] = "none",
    template: Annotated[
        str | None,
        typer.Option(
            "--template",
            metavar="NAME",
            help="Begin with the migrations of a template: file-vault, blank, or a folder.",
        ),
    ] = None,
) -> None:
    """Create a database with sound settings, or adopt an existing one without changing it.

    A new database gets a write-ahead log. With --repo its repository is created too. A dbtool.toml
    that names both is written to the current folder, or beside a database that lies elsewhere; one
    that is there is left alone. With --repo and without DB, only the repository is created: one for
    `dbtool copy`, say.

    With --template a new database gets a schema: the migrations of the template are copied into the
    folder migrations and applied, and its saved searches and statistics are added to the
    dbtool.toml. A template is a folder with migrations/ and a dbtool.toml: write your own.
    """
    session = current(context)
    word = db or environment().get("DBTOOL_DB")
    given = session.given.get("repo") or environment().get("DBTOOL_REPO")
    if not word and not given:
        raise UsageError(
            "database-missing", "which database? none was named", hint="dbtool init app.db"
        )
    if not word:
        _require_database_for(template)
        made = _repository(session, str(given), encrypt=encrypt)
        outcome = _Outcome(None, created=False, repository=made, written=None)
        session.output.report("dbtool.init/1", _data(outcome), _lines(outcome))
        return
    path = Path(word).expanduser()
    require_usable(path)
    if encrypt and not given:
        given = f"{path}.backups"
    chosen = find_for(path, template) if template else None
    created = _database(session, path, (int(page_size), encoding, auto_vacuum))
    applied = apply_template(session, chosen, path, _project_folder(path)) if chosen else ()
    repository = _repository(session, str(given), encrypt=encrypt) if given else None
    location = str(given) if given else None
    written = _configuration(session, path, location, encrypted=encrypt, template=chosen)
    outcome = _Outcome(path, created, repository, written, chosen.name if chosen else None, applied)
    session.output.report("dbtool.init/1", _data(outcome), _lines(outcome))


def _require_database_for(template: str | None) -> None:
    if template is not None:
        raise UsageError(
            "database-missing",
            "a template is for a database, and none was named",
            hint=f"dbtool init --template {quote(template)} app.db",
        )


def _database(session: Session, path: Path, settings: tuple[int, str, str]) -> bool:
    """Create the database, or see that the existing one is one; return whether it is new."""
    from dbtool.core.connection import require_database
    from dbtool.core.create import init_database

    if path.exists():
        require_database(path)
        session.detail(f"{path} is a database; it stays as it is")
        return False
    require_folder(path)
    page_size, encoding, auto_vacuum = settings
    init_database(path, page_size=page_size, encoding=encoding, auto_vacuum=auto_vacuum)
    return True


def _repository(session: Session, location: str, *, encrypt: bool) -> RepositoryInfo:
    from dbtool.backup.repository import Repository
    from dbtool.cli.secrets import key_configured, secret_for_creation
    from dbtool.cli.stores import reach_store

    if not encrypt and key_configured(session):
        session.warn(
            f"a key is configured, but {location} is created without encryption (no --encrypt); "
            "it is refused wherever a key is configured for it"
        )
    secret = secret_for_creation(session) if encrypt else None
    compression = session.config.get("repository.compression")
    store = reach_store(session, location, create=True)
    repository = Repository.create(store, secret=secret, compression=compression)
    if encrypt:
        session.note(
            "The repository is encrypted: losing every password and key of it means losing the",
            "data. Nobody can open it without one. Print a recovery key, and keep it elsewhere:",
            f"    dbtool key export --repo {quote(location)}",
        )
    return repository.info


def _project_folder(path: Path) -> Path:
    """Return where the dbtool.toml and the migrations of a database lie."""
    here, absolute = Path.cwd(), path.resolve()
    return here if absolute.is_relative_to(here) else absolute.parent


def _configuration(
    session: Session,
    path: Path,
    repository: str | None,
    *,
    encrypted: bool,
    template: Template | None,
) -> Path | None:
    """Write a dbtool.toml; return its path, or None where one is there already.

    The file that the key was read from is named in it, so that the next command finds the key.
    """
    import tomli_w

    absolute, folder = path.resolve(), _project_folder(path)
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-") or "main"
    entry = {"path": _relative(absolute, folder)}
    if repository is not None:
        entry["repository"] = (
            repository if "://" in repository else _relative(Path(repository).resolve(), folder)
        )
    key_file = session.given.get("password_file")
    if encrypted and key_file:
        entry["password_file"] = str(Path(key_file).expanduser().resolve())
    document: dict[str, Any] = {"version": 1, "databases": {name: entry}}
    text = tomli_w.dumps(document)
    file = folder / FILE_NAME
    more = f"\n{template.settings}" if template is not None and template.settings else ""
    try:
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text + more)
    except FileExistsError:
        _mention_existing(session, file, absolute, text.partition("\n")[2].strip())
        if more and template is not None:
            mention_settings(session, template, file)
        return None
    return file


def _mention_existing(session: Session, file: Path, database: Path, lines: str) -> None:
    configured = session.config.databases.values()
    if any(settings.path.resolve() == database for settings in configured):
        session.note(f"{brief(file)} names this database already")
        return
    session.warn(
        f"{brief(file)} is there already and stays as it is; to name this database, add:",
        *lines.splitlines(),
    )


def _relative(path: Path, folder: Path) -> str:
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)


def _lines(outcome: _Outcome) -> list[tuple[str, str]]:
    what = "created" if outcome.created else "adopted, unchanged"
    lines = [("database", f"{outcome.path} {what}")] if outcome.path else []
    if outcome.template is not None:
        count = counted(len(outcome.migrations), "migration")
        lines.append(("template", f"{outcome.template}, {count} applied"))
    if outcome.repository is not None:
        kind = "encrypted" if outcome.repository.encrypted else "not encrypted"
        lines.append(("repository", f"{brief(outcome.repository.location)} created, {kind}"))
    if outcome.written is not None:
        lines.append(("configuration", f"{brief(outcome.written)} written"))
    if outcome.path is not None:
        if outcome.template is not None and not outcome.migrations:
            lines.append(("next", "dbtool migrate new first"))
        lines.append(("next", f"dbtool backup {outcome.path}"))
    return lines


def _data(outcome: _Outcome) -> dict[str, Any]:
    repository = outcome.repository
    return {
        "database": outcome.path.resolve() if outcome.path else None,
        "created": outcome.created,
        "repository": repository.location if repository else None,
        "encrypted": repository.encrypted if repository else None,
        "configuration": outcome.written,
        "template": outcome.template,
        "migrations": outcome.migrations,
    }
