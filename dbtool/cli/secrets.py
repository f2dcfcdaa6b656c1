"""Where passwords and keys come from: files, commands, the environment, a prompt; never arguments.

Order: `--password-file` or `--password-command`, `DBTOOL_PASSWORD_FILE`, `DBTOOL_PASSWORD_COMMAND`,
`DBTOOL_PASSWORD`, the configuration (what it says of the database before what it says of every
repository), the terminal. The repository that `copy` writes to has options and variables of its
own. Values are never logged and never part of a message.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbtool.cli.visible import visible
from dbtool.config import environment
from dbtool.errors import StorageFailed, UsageError, WrongKey

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.crypto.keys import Secret

__all__ = [
    "Options",
    "find_new_secret",
    "find_secret",
    "key_configured",
    "read_secret_file",
    "run_password_command",
    "secret_for_creation",
]

_COMMAND_LIMIT_S = 60.0
_LARGEST_FILE_BYTES = 64 * 1024
_SUFFIXES = ("PASSWORD_FILE", "PASSWORD_COMMAND", "PASSWORD")


class Options(NamedTuple):
    """The options and variables that tell one secret."""

    prefix: str = ""
    """"to-": the secret of the repository that is copied to."""
    file: Path | None = None
    command: str | None = None

    @property
    def variables(self) -> list[str]:
        """Return the names of the variables: a file, a command, the password itself."""
        return [f"DBTOOL_{self.prefix.upper().replace('-', '_')}{name}" for name in _SUFFIXES]

    @property
    def hint(self) -> str:
        """Return how to give it."""
        return f"--{self.prefix}password-file FILE\n{self.variables[0]}=FILE"


def find_secret(
    session: Session, what: str, owner: str | None = None, options: Options | None = None
) -> Secret:
    """Return the secret that opens a repository.

    Args:
        session: of this run.
        what: how a prompt names it, such as `password of backups/`.
        owner: section of the configuration, below `databases`, that it is opened for.
        options: those that tell it; None: the global ones.

    Raises:
        WrongKey: `password-missing`, none is configured and there is no terminal to ask on.
        UsageError: `password-empty`, `password-command-failed`, `password-twice`,
            `password-file-not-found`.
        Refused: `config-untrusted`.
    """
    options = options or _global(session)
    found = _configured(session, owner, options)
    if found is not None:
        return found
    if not session.terminal(0):
        raise WrongKey(
            "password-missing",
            "the repository is encrypted, and no password was given",
            context="there is no terminal to ask on",
            hint=f"{options.hint}\npassword_file in dbtool.toml, under [repository]",
        )
    return _parse(_prompt(f"{what}: "))


def key_configured(
    session: Session, owner: str | None = None, options: Options | None = None
) -> bool:
    """Return whether anything but a prompt would give a secret, without looking at the secret.

    A repository that then says that it is not encrypted is not to be believed.
    """
    variables, options = environment(), options or _global(session)
    return (
        options.file is not None
        or options.command is not None
        or any(variables.get(name) for name in options.variables)
        or any(session.config.get(key) is not None for key in _keys(owner))
    )


def find_new_secret(session: Session, file: Path | None, command: str | None = None) -> Secret:
    """Return the secret of a new key slot: from a file or command, else asked for twice.

    Raises:
        UsageError: `password-mismatch`, the two entries differ.
        WrongKey: `password-missing`, nothing given and no terminal.
    """
    if file is not None:
        return read_secret_file(session, file)
    if command is not None:
        return run_password_command(command)
    if not session.terminal(0):
        raise _missing("no new password was given", "--new-password-file FILE")
    return _ask_twice()


def secret_for_creation(session: Session, database: str | None = None) -> Secret:
    """Return the secret of a new repository: as given or configured, else asked for twice."""
    found = _configured(session, database, _global(session))
    if found is not None:
        return found
    if not session.terminal(0):
        raise _missing("no password was given for the new repository", "--password-file FILE")
    return _ask_twice()


def read_secret_file(session: Session, path: Path) -> Secret:
    """Read a password file or key file, warning when other users can read it."""
    try:
        with path.expanduser().open("rb") as stream:
            status = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            content = stream.read(_LARGEST_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise UsageError(
            "password-file-not-found",
            f"there is no password file {path}",
            hint=f"dbtool key generate {path} makes a key file",
        ) from error
    except OSError as error:
        raise StorageFailed(
            "password-file-unreadable", f"cannot read {path}: {error.strerror}"
        ) from error
    if len(content) > _LARGEST_FILE_BYTES:
        raise UsageError("password-too-long", f"{path} is too large for a password or key file")
    if status & 0o044:
        session.warn(f"{path} can be read by other users; chmod 600 {path}")
    return _parse_bytes(content, str(path))


def run_password_command(command: str) -> Secret:
    """Run a command without a shell and take its standard output as the secret."""
    import shlex
    import subprocess

    try:
        words = shlex.split(command)
        # The user's own command, split as a shell would, run without one.
        done = subprocess.run(words, stdout=subprocess.PIPE, timeout=_COMMAND_LIMIT_S, check=True)  # noqa: S603
    except subprocess.CalledProcessError as error:
        problem = f"it ended with exit code {error.returncode}"
        raise UsageError(
            "password-command-failed", "the password command failed", context=problem
        ) from None
    except subprocess.TimeoutExpired:
        problem = f"it did not end within {_COMMAND_LIMIT_S:.0f} seconds"
        raise UsageError(
            "password-command-failed", "the password command failed", context=problem
        ) from None
    except (OSError, ValueError, IndexError) as error:
        raise UsageError(
            "password-command-failed",
            "the password command failed",
            context=f"it cannot be started: {error}",
        ) from None
    return _parse_bytes(done.stdout, "the output of the password command")


def _global(session: Session) -> Options:
    file = session.given.get("password_file")
    return Options(
        file=None if file is None else Path(file), command=session.given.get("password_command")
    )


def _configured(session: Session, owner: str | None, options: Options) -> Secret | None:
    if options.file is not None and options.command is not None:
        raise UsageError(
            "password-twice",
            f"--{options.prefix}password-file and --{options.prefix}password-command "
            "exclude each other",
        )
    if options.file is not None:
        return read_secret_file(session, options.file)
    if options.command is not None:
        return run_password_command(options.command)
    return _from_environment(session, options) or _from_config(session, owner)


def _from_environment(session: Session, options: Options) -> Secret | None:
    variables = environment()
    file, command, password = options.variables
    if variables.get(file):
        return read_secret_file(session, Path(variables[file]))
    if variables.get(command):
        return run_password_command(variables[command])
    if password in variables:
        return _parse(variables[password])
    return None


def _from_config(session: Session, owner: str | None) -> Secret | None:
    found = (session.config.settings.get(key) for key in _keys(owner))
    setting = next((setting for setting in found if setting is not None), None)
    if setting is None:
        return None
    if setting.key.endswith("password_file"):
        return read_secret_file(session, setting.value)
    from dbtool.cli.trust import require_trust

    require_trust(session.config, setting)
    return run_password_command(setting.value)


def _keys(owner: str | None) -> list[str]:
    """Return the keys of the configuration that may name a secret, what counts most first."""
    sections = [f"databases.{owner}"] if owner else []
    return [
        f"{section}.{name}"
        for section in (*sections, "repository")
        for name in ("password_file", "password_command")
    ]


def _missing(what: str, option: str) -> WrongKey:
    return WrongKey(
        "password-missing",
        what,
        context="there is no terminal to ask on",
        hint=f"{option}\ndbtool key generate FILE makes a key file for it",
    )


def _ask_twice() -> Secret:
    first = _prompt("new password: ")
    if _prompt("once more: ") != first:
        raise UsageError("password-mismatch", "the two passwords differ; nothing was changed")
    return _parse(first)


def _prompt(text: str) -> str:
    import getpass

    try:
        return getpass.getpass(visible(text))
    except EOFError:
        raise WrongKey("password-missing", "no password was given") from None


def _parse_bytes(content: bytes, source: str) -> Secret:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError("password-not-text", f"{source} is not UTF-8 text") from None
    if not text.strip("\n\r"):
        raise UsageError(
            "password-empty",
            f"{source} is empty",
            hint="write the password into it, or make a key file instead",
        )
    return _parse(text)


def _parse(text: str) -> Secret:
    from dbtool.crypto.keys import Secret

    return Secret.parse(text)
