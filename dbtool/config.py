"""Configuration: dbtool.toml and the environment become one table of settings with their origins.

The only reader of either. Precedence: command line > `DBTOOL_*` > nearest `dbtool.toml` upward >
the user's `config.toml` > defaults. Unknown keys and unfit values are errors that name the file and
the line. Nothing is executed here; `dbtool.cli.trust` decides whether a command that a project file
names may run.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dbtool.errors import UsageError

__all__ = [
    "ENVIRONMENT",
    "FILE_NAME",
    "INACTIVE_SECTIONS",
    "SCHEMA",
    "Config",
    "DatabaseSettings",
    "Key",
    "Setting",
    "environment",
    "find_project_file",
    "load",
    "user_file",
]

FILE_NAME = "dbtool.toml"
FORMAT_VERSION = 1

_ON_LINUX: bool = sys.platform.startswith("linux")


class Key(NamedTuple):
    """One key that a configuration file may hold."""

    kind: str
    """text, integer, path, location, duration, size, share, list."""
    help: str
    default: Any = None
    least: int | None = None
    most: int | None = None


SCHEMA: dict[str, Key] = {
    "version": Key("integer", "format of the file", FORMAT_VERSION),
    "databases.*.path": Key("path", "the database file"),
    "databases.*.repository": Key("location", "where its snapshots lie"),
    "databases.*.max_backup_age": Key(
        "duration", "age from which `snapshots` warns of a stale backup"
    ),
    "databases.*.password_file": Key(
        "path", "file that holds the password or key of its repository alone"
    ),
    "databases.*.password_command": Key("text", "command that prints it"),
    "repository.compression": Key("integer", "zstd level of new repositories", 3, 1, 22),
    "repository.password_file": Key(
        "path", "file that holds the password or key of every repository"
    ),
    "repository.password_command": Key("text", "command that prints it"),
    "retention.last": Key("integer", "newest snapshots to keep", least=0),
    "retention.hourly": Key("integer", "hourly snapshots to keep", least=0),
    "retention.daily": Key("integer", "daily snapshots to keep", least=0),
    "retention.weekly": Key("integer", "weekly snapshots to keep", least=0),
    "retention.monthly": Key("integer", "monthly snapshots to keep", least=0),
    "hooks.on_success": Key("list", "commands to run after a good backup"),
    "hooks.on_failure": Key("list", "commands to run after a failed backup"),
    "hooks.ping_url": Key("text", "address to call after a good backup"),
    "alerts.wal_bytes": Key("size", "size of the WAL to warn from"),
    "alerts.disk_free": Key("share", "free space to warn below"),
}

INACTIVE_SECTIONS = ("retention", "hooks", "alerts")
"""Read and checked, so that one file serves later versions; no command acts on them yet."""

ENVIRONMENT: dict[str, str] = {
    "DBTOOL_DB": "database, where none is given",
    "DBTOOL_REPO": "repository, as --repo",
    "DBTOOL_CONFIG": "configuration file, as --config",
    "DBTOOL_COMPRESSION": "zstd level of new repositories",
    "DBTOOL_PASSWORD_FILE": "file that holds the password or key",
    "DBTOOL_PASSWORD_COMMAND": "command that prints the password or key",
    "DBTOOL_PASSWORD": "the password itself; other processes of the user can read it",
    "DBTOOL_COLOR": "auto, always or never, as --color",
    "DBTOOL_PROGRESS": "auto, none or plain, as --progress",
    "NO_COLOR": "no colour, where it is set and not empty",
    "FORCE_COLOR": "colour even into pipes, where it is set and not empty",
}

_FROM_ENVIRONMENT = {
    "repository.compression": "DBTOOL_COMPRESSION",
    "repository.password_file": "DBTOOL_PASSWORD_FILE",
    "repository.password_command": "DBTOOL_PASSWORD_COMMAND",
}


class Setting(NamedTuple):
    """One value and where it comes from."""

    key: str
    value: Any
    origin: str
    """`default`, the name of an environment variable, or `FILE:LINE`."""
    file: Path | None = None


class DatabaseSettings(NamedTuple):
    """One `[databases.NAME]`."""

    name: str
    path: Path
    repository: str | None
    max_backup_age_s: float | None


class Config:
    """Every setting that holds, and where it comes from."""

    def __init__(self, settings: Mapping[str, Setting], files: tuple[Path, ...]) -> None:
        self.settings = settings
        self.files = files
        """Files that were read, the one with the highest precedence last."""

    def get(self, key: str) -> Any:
        """Return the value of a key, or None."""
        setting = self.settings.get(key)
        return None if setting is None else setting.value

    @cached_property
    def databases(self) -> dict[str, DatabaseSettings]:
        """The configured databases by name."""
        names = [key.split(".")[1] for key in self.settings if key.startswith("databases.")]
        return {name: self._database(name) for name in dict.fromkeys(names)}

    def _database(self, name: str) -> DatabaseSettings:
        prefix = f"databases.{name}"
        path = self.get(f"{prefix}.path")
        if path is None:
            origin = next(s.origin for s in self.settings.values() if s.key.startswith(prefix))
            raise UsageError(
                "config-incomplete",
                f"{origin}: [{prefix}] has no path",
                hint=f'add a line such as path = "{name}.db" under [{prefix}]',
            )
        return DatabaseSettings(
            name, path, self.get(f"{prefix}.repository"), self.get(f"{prefix}.max_backup_age")
        )


def environment() -> Mapping[str, str]:
    """Return the process environment; nothing else in dbtool looks at it."""
    return os.environ  # noqa: TID251 - this is the one place


def user_file() -> Path:
    """Return the path of the user's own configuration file, which need not exist."""
    if _ON_LINUX:
        # What platformdirs answers there, without the 30 ms that importing it takes.
        base = Path(environment().get("XDG_CONFIG_HOME", ""))
        return (base if base.is_absolute() else Path.home() / ".config") / "dbtool" / "config.toml"
    from platformdirs import user_config_path

    return user_config_path("dbtool", appauthor=False) / "config.toml"


def find_project_file(folder: Path) -> Path | None:
    """Return the nearest `dbtool.toml` in `folder` or above it."""
    for candidate in (folder, *folder.parents):
        path = candidate / FILE_NAME
        if path.is_file():
            return path
    return None


def load(explicit: Path | None = None, *, folder: Path | None = None) -> Config:
    """Read the configuration that holds in a folder.

    Args:
        explicit: file given with `--config`; it takes the place of the project file.
        folder: where the search for `dbtool.toml` begins; None: the current folder.

    Raises:
        UsageError: `config-not-found`, `config-syntax`, `config-unknown-key`, `config-value`,
            `config-version`.
    """
    variables = environment()
    named = explicit or (
        Path(variables["DBTOOL_CONFIG"]) if variables.get("DBTOOL_CONFIG") else None
    )
    if named is not None and not named.is_file():
        raise UsageError("config-not-found", f"there is no configuration file {named}")
    project = named or find_project_file(folder or Path.cwd())
    files = tuple(path for path in (user_file(), project) if path is not None and path.is_file())
    settings = {
        key: Setting(key, entry.default, "default")
        for key, entry in SCHEMA.items()
        if entry.default is not None
    }
    for path in files:
        settings |= {setting.key: setting for setting in _read_file(path)}
    settings |= {setting.key: setting for setting in _read_environment(variables)}
    return Config(settings, files)


def _read_environment(variables: Mapping[str, str]) -> Iterator[Setting]:
    for key, variable in _FROM_ENVIRONMENT.items():
        text = variables.get(variable, "")
        if text:
            raw: Any = int(text) if SCHEMA[key].kind == "integer" and text.isdigit() else text
            yield Setting(key, _convert(key, raw, variable, Path.cwd()), variable)


def _read_file(path: Path) -> Iterator[Setting]:
    import tomllib

    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError("config-syntax", f"{path} is not valid TOML: {error}") from error
    version = document.get("version", FORMAT_VERSION)
    if version != FORMAT_VERSION:
        raise UsageError(
            "config-version",
            f"{path} has version {version!r}; this dbtool reads version {FORMAT_VERSION}",
            hint="update dbtool, or set version = 1",
        )
    for key, raw in _flatten(document, ""):
        origin = f"{path}:{_line_of(text, key)}"
        yield Setting(key, _convert(key, raw, origin, path.parent.absolute()), origin, path)


def _flatten(table: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and (value or not prefix):
            yield from _flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _line_of(text: str, key: str) -> int:
    """Return the number of the line that sets `key`, or at least of its section."""
    *section, name = key.split(".")
    current: list[str] = []
    nearest = 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
        if header:
            current = [part.strip(" \"'") for part in header[1].split(".")]
            nearest = number if current == section[: len(current)] else nearest
        elif current == section and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line):
            return number
    return nearest


def _pattern(key: str) -> str:
    parts = key.split(".")
    if parts[0] == "databases" and len(parts) > 1:
        parts[1] = "*"
    return ".".join(parts)


def _convert(key: str, raw: Any, origin: str, folder: Path) -> Any:
    entry = SCHEMA.get(_pattern(key))
    if entry is None:
        raise _unknown(key, origin)
    try:
        return _parse(entry, raw, folder)
    except (ValueError, UsageError) as error:
        raise UsageError(
            "config-value", f"{origin}: {key} = {raw!r} is not right: {error}", context=entry.help
        ) from error


def _unknown(key: str, origin: str) -> UsageError:
    from difflib import get_close_matches

    pattern = _pattern(key)
    close = get_close_matches(pattern, SCHEMA, 1, 0.7)
    name = key.rpartition(".")[2]
    same_name = [known for known in SCHEMA if known.rpartition(".")[2] == name]
    names = [
        match.replace("*", key.split(".")[1] if "." in key else "NAME")
        for match in close or same_name
    ]
    return UsageError(
        "config-unknown-key",
        f"{origin}: unknown key {key}",
        hint=f"did you mean {names[0]}?" if names else "dbtool help configuration lists the keys",
    )


def _parse(entry: Key, raw: Any, folder: Path) -> Any:
    if entry.kind == "integer":
        return _integer(entry, raw)
    if entry.kind == "list":
        if isinstance(raw, list) and all(isinstance(item, str) for item in raw):
            return tuple(raw)
        raise ValueError("a list of strings is wanted")
    if entry.kind == "size" and isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if not isinstance(raw, str):
        raise ValueError("a string is wanted")  # noqa: TRY004 - the file is wrong, not the program
    return _parse_text(entry.kind, raw, folder)


def _integer(entry: Key, raw: Any) -> int:
    if not isinstance(raw, int) or isinstance(raw, bool):
        raise ValueError("a whole number is wanted")  # noqa: TRY004 - as above
    if entry.least is not None and raw < entry.least:
        raise ValueError(f"at least {entry.least} is wanted")
    if entry.most is not None and raw > entry.most:
        raise ValueError(f"at most {entry.most} is wanted")
    return raw


def _parse_text(kind: str, raw: str, folder: Path) -> Any:
    if kind == "text":
        return raw
    if kind == "location" and re.match(r"[a-z][a-z0-9+.-]*://", raw):
        return raw
    if kind in ("path", "location"):
        if not raw:
            raise ValueError("a path is wanted")
        path = folder / Path(raw).expanduser()
        return path if kind == "path" else str(path)
    from dbtool.core.quantities import parse_duration, parse_size

    if kind == "duration":
        return parse_duration(raw)
    if kind == "share" and raw.endswith("%"):
        return float(raw[:-1]) / 100
    return parse_size(raw)
