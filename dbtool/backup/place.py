"""What lies where a repository is or is to be, and which secret was given for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shlex import quote

from dbtool.backup.format import CONFIG_KEY
from dbtool.crypto.secret import Secret
from dbtool.errors import NotFound, Refused, WrongKey
from dbtool.store.base import Store

__all__ = ["given_secret", "make_vacant", "read_config"]


def read_config(store: Store) -> bytes:
    """Return the config object, the one that makes a place a repository.

    Raises:
        NotFound: `repository-not-found`.
    """
    try:
        return store.get(CONFIG_KEY)
    except NotFound as error:
        raise NotFound(
            "repository-not-found",
            f"there is no repository in {store.location}",
            hint=f"dbtool init --repo {quote(store.location)}      makes one",
        ) from error


def make_vacant(store: Store) -> None:
    """See that a repository can be made here, and remove what an attempt to make one left behind.

    The caller holds the store's exclusive lock.

    Raises:
        Refused: `repository-exists`; `folder-not-empty`, snapshots lie here without their config.
    """
    with suppress(NotFound):
        store.size(CONFIG_KEY)
        raise Refused(
            "repository-exists",
            f"there is a repository in {store.location} already",
            hint="name another place, or use the one that is there",
        )
    for folder in ("snapshots/", "packs/"):
        if any(store.list(folder)):
            raise Refused(
                "folder-not-empty",
                f"{store.location} holds snapshots, but not the config object they are read with",
                context="the repository that was here has lost it, and its key slots may matter",
                hint="put back the config object from a copy, or name another place",
            )
    # Key slots alone are from an attempt that was cut off. The same password would open them first,
    # and find a config that is not the one they were made for.
    for key in [key for key, _size in store.list("keys/")]:
        store.delete(key)


def given_secret(
    store: Store, secret: Callable[[], Secret] | None, password: str | None, key_file: Path | None
) -> Secret:
    """Return the secret for an encrypted repository, in whichever way the caller gave it.

    Raises:
        WrongKey: `key-needed`.
    """
    if password is not None:
        return Secret("password", password.encode())
    if key_file is not None:
        return Secret.parse(key_file.read_text(encoding="utf-8"))
    if secret is None:
        raise WrongKey(
            "key-needed",
            f"the repository {store.location} is encrypted",
            context="no password and no key file was given",
            hint="--password-file FILE, --password-command COMMAND or DBTOOL_PASSWORD_FILE",
        )
    return secret()
