"""Configuration: dbtool.toml and the environment become one table of settings with their origins.

The only reader of either. Precedence: command line > `DBTOOL_*` > nearest `dbtool.toml` upward >
the user's `config.toml` > defaults. Unknown keys and unfit values are errors that name the file and
the line; which keys there are is in `dbtool.config_keys`. Nothing is executed here;
`dbtool.cli.trust` decides whether a command that a project file names may run.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from dbtool.config_keys import FORMAT_VERSION, SCHEMA, Key, pattern_of
from dbtool.core.tomllines import dotted, line_of
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.integrity.rules.model import RuleSet

__all__ = [
    "FILE_NAME",
    "Config",
    "CopySettings",
    "DatabaseSettings",
    "Setting",
    "cache_folder",
    "config_folder",
    "environment",
    "find_project_file",
    "load",
    "state_folder",
    "user_file",
]

FILE_NAME = "dbtool.toml"

_ON_LINUX: bool = sys.platform.startswith("linux")


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
    path: tuple[str, ...] = ()
    """The key in parts, as a name may hold a dot; empty: it does not come from a file."""


class CopySettings(NamedTuple):
    """One `[databases.NAME.copies.COPY]`: another repository that gets the same snapshots."""

    name: str
    repository: str
    max_backup_age_s: float | None


class DatabaseSettings(NamedTuple):
    """One `[databases.NAME]`."""

    name: str
    path: Path
    repository: str | None
    max_backup_age_s: float | None
    copies: tuple[CopySettings, ...] = ()


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

    def tables(self, *section: str) -> dict[str, dict[str, Any]]:
        """Return what was named below a section: `[section.NAME]` as {NAME: {key: value}}.

        Keys of tables within NAME are joined by dots.
        """
        depth = len(section)
        found: dict[str, dict[str, Any]] = {}
        for setting in self.settings.values():
            if setting.path[:depth] == section and len(setting.path) > depth + 1:
                key = ".".join(setting.path[depth + 1 :])
                found.setdefault(setting.path[depth], {})[key] = setting.value
        return found

    @cached_property
    def databases(self) -> dict[str, DatabaseSettings]:
        """The configured databases by name."""
        paths = [setting.path for setting in self.settings.values()]
        names = [path[1] for path in paths if path[:1] == ("databases",)]
        return {name: self._database(name) for name in dict.fromkeys(names)}

    @cached_property
    def rules(self) -> RuleSet:
        """The rules of `[validate]`, judged and with their JSON Schemas read.

        Raises:
            UsageError: `config-value`.
        """
        from dbtool.integrity.rules.declared import rule_set

        return rule_set([s for s in self.settings.values() if s.path[:1] == ("validate",)])

    def _database(self, name: str) -> DatabaseSettings:
        prefix = dotted(("databases", name))
        path = self.get(f"{prefix}.path")
        if path is None:
            raise self._incomplete(prefix, "path", f"{name}.db")
        age_s = self.get(f"{prefix}.max_backup_age")
        return DatabaseSettings(
            name, path, self.get(f"{prefix}.repository"), age_s, tuple(self._copies(name, age_s))
        )

    def _copies(self, database: str, age_s: float | None) -> Iterator[CopySettings]:
        paths = [setting.path for setting in self.settings.values()]
        names = [path[3] for path in paths if path[:3] == ("databases", database, "copies")]
        for name in dict.fromkeys(names):
            prefix = dotted(("databases", database, "copies", name))
            repository = self.get(f"{prefix}.repository")
            if repository is None:
                raise self._incomplete(prefix, "repository", f"/mnt/{name}")
            own_age_s = self.get(f"{prefix}.max_backup_age")
            yield CopySettings(name, repository, age_s if own_age_s is None else own_age_s)

    def _incomplete(self, prefix: str, key: str, example: str) -> UsageError:
        origin = next(s.origin for s in self.settings.values() if s.key.startswith(prefix))
        return UsageError(
            "config-incomplete",
            f"{origin}: [{prefix}] has no {key}",
            hint=f'add a line such as {key} = "{example}" under [{prefix}]',
        )


def environment() -> Mapping[str, str]:
    """Return the process environment; nothing else in dbtool looks at it."""
    return os.environ  # noqa: TID251 - this is the one place


def config_folder() -> Path:
    """Return the folder in which programs of the user's keep their configuration."""
    if _ON_LINUX:
        # What platformdirs answers there, without the 30 ms that importing it takes.
        base = Path(environment().get("XDG_CONFIG_HOME", ""))
        return base if base.is_absolute() else Path.home() / ".config"
    from platformdirs import user_config_path

    return user_config_path("dbtool", appauthor=False).parent


def user_file() -> Path:
    """Return the path of the user's own configuration file, which need not exist."""
    return config_folder() / "dbtool" / "config.toml"


def state_folder() -> Path:
    """Return the folder in which dbtool remembers things for the user; it need not exist."""
    from platformdirs import user_state_path

    return user_state_path("dbtool", appauthor=False)


def cache_folder() -> Path:
    """Return the folder for what can be made again; it need not exist."""
    if _ON_LINUX:  # as in `config_folder`
        base = Path(environment().get("XDG_CACHE_HOME", ""))
        return (base if base.is_absolute() else Path.home() / ".cache") / "dbtool"
    from platformdirs import user_cache_path

    return user_cache_path("dbtool", appauthor=False)


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
            yield Setting(key, _convert(tuple(key.split(".")), raw, variable, Path.cwd()), variable)


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
    for parts, raw in _flatten(document, ()):
        origin = f"{path}:{line_of(text, parts)}"
        value = _convert(parts, raw, origin, path.parent.absolute())
        yield Setting(dotted(parts), value, origin, path, parts)


def _flatten(
    table: Mapping[str, Any], prefix: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in table.items():
        path = (*prefix, key)
        nested = isinstance(value, dict) and pattern_of(path) not in SCHEMA
        # An empty table asks for nothing; among databases it is one without a path.
        if nested and (value or not prefix or path[0] == "validate"):
            yield from _flatten(value, path)
        else:
            yield path, value


def _convert(path: tuple[str, ...], raw: Any, origin: str, folder: Path) -> Any:
    entry = SCHEMA.get(pattern_of(path))
    if entry is None:
        raise _unknown(path, origin)
    try:
        return _parse(entry, raw, folder)
    except (ValueError, UsageError) as error:
        message = f"{origin}: {dotted(path)} = {raw!r} is not right: {error}"
        raise UsageError("config-value", message, context=entry.help) from error


def _unknown(path: tuple[str, ...], origin: str) -> UsageError:
    from difflib import get_close_matches

    pattern = pattern_of(path)
    close = get_close_matches(pattern, SCHEMA, 1, 0.7)
    same_name = [known for known in SCHEMA if known.rpartition(".")[2] == path[-1]]
    names = [_filled(match, path) for match in close or same_name]
    return UsageError(
        "config-unknown-key",
        f"{origin}: unknown key {dotted(path)}",
        hint=f"did you mean {names[0]}?" if names else "dbtool help configuration lists the keys",
    )


def _filled(pattern: str, path: tuple[str, ...]) -> str:
    """Return a key of `SCHEMA` with the names of a path in the places of its stars."""
    parts = pattern.split(".")
    for index, part in enumerate(parts):
        if part == "*":
            parts[index] = path[index] if index < len(path) - 1 else "NAME"
    return dotted(tuple(parts))


def _parse(entry: Key, raw: Any, folder: Path) -> Any:
    if entry.kind == "rule":
        return _without_dates(raw)
    if entry.kind == "integer":
        return _integer(entry, raw)
    if entry.kind == "list":
        if isinstance(raw, list) and all(isinstance(item, str) for item in raw):
            return tuple(raw)
        raise ValueError("a list of strings is wanted")
    if entry.kind == "flag":
        if isinstance(raw, bool):
            return raw
        raise ValueError("true or false is wanted")
    if entry.kind == "size" and isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if not isinstance(raw, str):
        raise ValueError("a string is wanted")  # noqa: TRY004 - the file is wrong, not the program
    return _parse_text(entry.kind, raw, folder)


def _without_dates(raw: Any) -> Any:
    """Return a value of a rule with TOML's dates as the text that a database would hold."""
    if isinstance(raw, dict):
        return {key: _without_dates(value) for key, value in raw.items()}
    if isinstance(raw, list):
        return [_without_dates(value) for value in raw]
    return raw.isoformat() if hasattr(raw, "isoformat") else raw


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
