"""Which configuration files may name commands to run.

A `dbtool.toml` arrives with other people's work; a command in it (`password_command`, hooks) runs
only after the user has said `dbtool config trust`. Trust holds for one path with one content: the
digest of the file is kept in the user's state folder, and any change to the file ends it. The
user's own configuration needs no trust.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.config import state_folder, user_file
from dbtool.errors import Refused

if TYPE_CHECKING:
    from dbtool.config import Config, Setting

__all__ = ["commands_in", "is_trusted", "require_trust", "revoke", "trust"]

_COMMAND_KEYS = (
    "password_command",
    "on_success",
    "on_failure",
    "on_firing",
    "on_resolved",
    "ping_url",
)
"""Last parts of the keys of commands, and of an address that would be told of the database."""


def commands_in(config: Config, path: Path) -> list[Setting]:
    """Return the settings of a file that name commands."""
    return [
        setting
        for setting in config.settings.values()
        if setting.file == path and setting.key.rpartition(".")[2] in _COMMAND_KEYS
    ]


def is_trusted(path: Path) -> bool:
    """Return whether the file, with the content it has now, may name commands."""
    return path == user_file() or _known().get(str(path.resolve())) == _digest(path)


def require_trust(config: Config, setting: Setting) -> None:
    """Refuse a setting whose file is not trusted.

    Raises:
        Refused: `config-untrusted`.
    """
    if setting.file is None or is_trusted(setting.file):
        return
    raise Refused(
        "config-untrusted",
        f"{setting.origin} asks to run a command or call an address, and that file is not trusted",
        context=f"{setting.key} = {setting.value}",
        hint="look at it, then: dbtool config trust",
    )


def trust(path: Path) -> None:
    """Trust a file with the content it has now."""
    _save(_known() | {str(path.resolve()): _digest(path)})


def revoke(path: Path) -> bool:
    """End the trust in a file; return whether there was any."""
    known = _known()
    if known.pop(str(path.resolve()), None) is None:
        return False
    _save(known)
    return True


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _record() -> Path:
    return state_folder() / "trusted.json"


def _known() -> dict[str, Any]:
    try:
        found = json.loads(_record().read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _save(known: dict[str, Any]) -> None:
    path = _record()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(f".{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
    fresh.replace(path)
