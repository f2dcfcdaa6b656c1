"""What the shell asks when a user presses Tab: names of databases, ids of snapshots and keys.

`dbtool __complete KIND WORD...` prints candidates, one a line, with a tab and a description;
WORD... is the command line so far. It imports no command, asks for no password, says nothing on
standard error, and always ends with 0: an encrypted repository gives ids only when the
configuration or the command line names a key file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.context import Session
from dbtool.cli.visible import visible

if TYPE_CHECKING:
    from dbtool.cli.targets import Target
    from dbtool.crypto.keys import Secret

__all__ = ["KINDS", "complete"]

KINDS = ("databases", "snapshots", "spans", "keys", "topics")

_MOST = 100
_WITH_VALUE = {
    "--repo": "repo",
    "--config": "config",
    "--password-file": "password_file",
}


def complete(words: list[str]) -> int:
    """Print candidates for a kind; never fails."""
    kind, *line = words or [""]
    try:
        for value, description in _candidates(kind, line):
            shown = [visible(value), visible(description)] if description else [visible(value)]
            sys.stdout.write("\t".join(shown) + "\n")
        sys.stdout.flush()
    except Exception:  # noqa: BLE001, S110 - a completion that cannot be made is an empty one
        pass
    return 0


def _candidates(kind: str, line: list[str]) -> Iterator[tuple[str, str]]:
    if kind == "databases":
        session, _ = _session(line)
        for settings in session.config.databases.values():
            yield settings.name, str(settings.path)
    elif kind == "topics":
        from dbtool.cli.catalog import COMMANDS
        from dbtool.cli.topics import TOPICS

        yield from ((verb, entry.summary) for verb, entry in COMMANDS.items())
        yield from ((name, topic.summary) for name, topic in TOPICS.items())
    elif kind == "snapshots":
        yield "latest", "the newest one"
        yield from _snapshots(line)
    elif kind == "spans":
        yield from _spans(line)
    elif kind == "keys":
        yield from _keys(line)


def _session(line: list[str]) -> tuple[Session, list[str]]:
    """Return a session with the options of a command line, and its other words."""
    session, rest = Session([]), []
    waiting: str | None = None
    for word in line:
        option, equals, value = word.partition("=")
        if waiting:
            session.given[waiting] = word if waiting == "repo" else Path(word).expanduser()
            waiting = None
        elif option in _WITH_VALUE and equals:
            name = _WITH_VALUE[option]
            session.given[name] = value if name == "repo" else Path(value).expanduser()
        elif word in _WITH_VALUE:
            waiting = _WITH_VALUE[word]
        elif not word.startswith("-"):
            rest.append(word)
    return session, rest


def _target(line: list[str]) -> tuple[Session, Target]:
    from dbtool.cli.targets import choose, repository_only

    session, rest = _session(line)
    for word in reversed(rest):
        if Path(word).is_file() or word in session.config.databases:
            return session, choose(session, word)
    return session, repository_only(session, None)


def _snapshots(line: list[str]) -> Iterator[tuple[str, str]]:
    from dbtool.backup.repository import Repository
    from dbtool.cli.secrets import key_configured
    from dbtool.cli.targets import key_owner
    from dbtool.cli.views import local_time, short
    from dbtool.store.urls import is_remote

    session, target = _target(line)
    if is_remote(target.repository):
        return  # a Tab does not wait for a network
    owner = key_owner(session, target)
    repository = Repository.open(
        target.repository,
        secret=lambda: _key_file(session, owner),
        expect_encrypted=key_configured(session, owner),
    )
    for snapshot in reversed(
        repository.snapshots(target.source, on_damaged=lambda _error: None)[-_MOST:]
    ):
        yield short(snapshot.id), " ".join([local_time(snapshot.time), *snapshot.tags])


def _spans(line: list[str]) -> Iterator[tuple[str, str]]:
    """Yield each snapshot, and from each to the next one and to the newest."""
    yield "latest", "the newest one, compared with now"
    newest_first = list(_snapshots(line))
    yield from newest_first
    for (newer, text), (older, _) in pairwise(newest_first):
        yield f"{older}..{newer}", f"to {text}"
    for older, text in newest_first[2:]:
        yield f"{older}..latest", f"from {text}"


def _keys(line: list[str]) -> Iterator[tuple[str, str]]:
    from dbtool.cli.keyslots import key_ring
    from dbtool.store.urls import is_remote, open_store

    _, target = _target(line)
    if is_remote(target.repository):
        return
    for slot in key_ring(open_store(target.repository)).slots():
        yield slot.id, f"{slot.kind} {slot.label}".strip()


def _key_file(session: Session, database: str | None) -> Secret:
    """Return the key file that is configured; anything slower or secret-er is not for a Tab."""
    from dbtool.config import environment
    from dbtool.crypto.keys import Secret

    named = (
        session.given.get("password_file")
        or environment().get("DBTOOL_PASSWORD_FILE")
        or session.config.get(f"databases.{database}.password_file")
        or session.config.get("repository.password_file")
    )
    secret = Secret.parse(Path(named).expanduser().read_text(encoding="utf-8"))
    if secret.kind == "password":
        raise PermissionError
    return secret
