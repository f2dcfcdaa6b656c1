"""`dbtool key`: who can open an encrypted repository."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dbtool.cli.command import CommandGroup, PlainCommand
from dbtool.cli.confirm import confirm_by_name
from dbtool.cli.context import Session, current
from dbtool.cli.files import write_new
from dbtool.cli.render import Column
from dbtool.cli.secrets import find_new_secret, find_secret
from dbtool.cli.targets import DatabaseArgument, Target, key_owner, repository_only
from dbtool.cli.views import local_time
from dbtool.errors import UsageError

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository
    from dbtool.crypto.keys import KeySlot, Secret

__all__ = ["app"]

app = typer.Typer(
    cls=CommandGroup,
    help="""Manage who can open an encrypted repository.

    A repository has key slots; each of them opens it alone. A slot holds a password, a random key
    file (nothing to derive, so the right one for cron), or a recovery key to print. Losing all of
    them means losing the data.
    """,
    add_completion=False,
    rich_markup_mode=None,
    epilog="""
dbtool key list app.db                                      # who can open it
dbtool key generate ~/.config/dbtool/app.key                # a key file for cron
dbtool key add --new-password-file ~/.config/dbtool/app.key app.db  # let it open the repository
dbtool key export app.db                                    # a recovery key for the safe
""",
)

NewFile = Annotated[
    Path | None,
    typer.Option(
        "--new-password-file", metavar="FILE", help="Read the new password or key from FILE."
    ),
]
NewCommand = Annotated[
    str | None,
    typer.Option(
        "--new-password-command", metavar="COMMAND", help="Read it from the output of COMMAND."
    ),
]
Label = Annotated[
    str, typer.Option("--label", metavar="TEXT", help="Remark that the list of keys shows.")
]


@app.command("list", cls=PlainCommand, epilog="dbtool key list app.db  # needs no password")
def list_keys(context: typer.Context, db: DatabaseArgument = None) -> None:
    """List the key slots; needs no password."""
    from dbtool.cli.keyslots import key_ring
    from dbtool.cli.stores import reach_store

    session = current(context)
    ring = key_ring(reach_store(session, repository_only(session, db).repository))
    slots = ring.slots()
    for damaged in ring.damaged():
        session.warn(f"key {damaged} is damaged; nothing opens with it")
    if not slots:
        session.note("the repository is not encrypted, so it has no keys")
    columns = [
        Column("id", lambda slot: slot.id, style="cyan"),
        Column("kind", lambda slot: slot.kind),
        Column("created", lambda slot: local_time(slot.created)),
        Column("label", lambda slot: slot.label, wraps=True),
    ]
    session.output.table("dbtool.keys/1", slots, [_data(slot) for slot in slots], columns)


@app.command(
    cls=PlainCommand,
    epilog="dbtool key add --label laptop app.db  # asks for the new password twice",
)
def add(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    new_password_file: NewFile = None,
    new_password_command: NewCommand = None,
    label: Label = "",
) -> None:
    """Let one more password or key file open the repository."""
    session = current(context)
    repository, _ = _unlock(session, repository_only(session, db))
    secret = find_new_secret(session, new_password_file, new_password_command)
    slot = repository.keys.add(repository.master, secret, label=label)
    session.output.report("dbtool.key/1", _data(slot), [("added", f"{slot.id} ({slot.kind})")])


@app.command(
    cls=PlainCommand, epilog="dbtool key remove 3f2a app.db  # the beginning of an id will do"
)
def remove(
    context: typer.Context,
    slot: Annotated[
        str, typer.Argument(metavar="KEY", help="The beginning of an id that `key list` shows.")
    ],
    db: DatabaseArgument = None,
    *,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Remove without asking.")] = False,
) -> None:
    """Let a password or key open the repository no longer; the last one stays.

    Whoever copied the repository before, and knows that password, can still open the copy.
    """
    session = current(context)
    target = repository_only(session, db)
    repository, _ = _unlock(session, target)
    for found in repository.keys.slots():
        if found.id.startswith(slot):
            session.note(
                f"key {found.id}, {found.kind} {found.label}".rstrip()
                + f", opens {target.repository}"
            )
    confirm_by_name(session, target.shown, f"remove key {slot}", yes=yes)
    repository.remove_key(slot)
    session.output.report("dbtool.key/1", {"removed": slot}, [("removed", slot)])


@app.command(
    cls=PlainCommand,
    epilog="dbtool key change app.db  # asks for the old one, then twice for the new one",
)
def change(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    new_password_file: NewFile = None,
    new_password_command: NewCommand = None,
    label: Label = "",
) -> None:
    """Put another password or key in the place of the one that is used now."""
    session = current(context)
    repository, old = _unlock(session, repository_only(session, db))
    _, slot = repository.keys.unlock(old)
    secret = find_new_secret(session, new_password_file, new_password_command)
    fresh = repository.keys.add(repository.master, secret, label=label or slot.label)
    repository.remove_key(slot.id)
    data = _data(fresh) | {"replaces": slot.id}
    session.output.report(
        "dbtool.key/1", data, [("changed", f"{slot.id} is now {fresh.id} ({fresh.kind})")]
    )


@app.command(
    cls=PlainCommand, epilog="dbtool key export app.db | lpr  # on paper, to be kept elsewhere"
)
def export(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="Write it to this new file.")
    ] = None,
    label: Label = "",
) -> None:
    """Make a recovery key to print: it opens the repository when every password is lost."""
    from dbtool.crypto.keys import generate_recovery_key

    session = current(context)
    repository, _ = _unlock(session, repository_only(session, db))
    text, secret = generate_recovery_key()
    if to is not None:
        write_new(to, f"{text}\n")
    slot = repository.keys.add(repository.master, secret, label=label)
    session.note("Keep it where nobody else reads it; --password-file takes it like a password.")
    shown = ("file", str(to)) if to is not None else ("recovery key", text)
    data = _data(slot) | ({"file": to} if to is not None else {"recovery_key": text})
    session.output.report(
        "dbtool.key/1", data, [("added", f"{slot.id} (recovery)"), shown], always=True
    )


@app.command(
    cls=PlainCommand,
    epilog="dbtool key generate app.key  # then: dbtool key add --new-password-file app.key",
)
def generate(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The new file; it is never overwritten.")
    ],
) -> None:
    """Write a random key file, readable by you alone; `key add` lets it open a repository."""
    from dbtool.crypto.keys import generate_key_file_text

    session = current(context)
    write_new(file, generate_key_file_text())
    lines = [("written", str(file)), ("next", f"dbtool key add --new-password-file {file} DB")]
    session.output.report("dbtool.key-file/1", {"file": file}, lines)


def _unlock(session: Session, target: Target) -> tuple[Repository, Secret]:
    """Open the repository and return the secret that did it."""
    from dbtool.backup.repository import Repository
    from dbtool.cli.stores import reach_store

    used: list[Secret] = []
    owner = key_owner(session, target)

    def ask() -> Secret:
        used.append(find_secret(session, f"password of {target.repository}", owner))
        return used[-1]

    repository = Repository.open(reach_store(session, target.repository), secret=ask)
    if not repository.info.encrypted:
        raise _not_encrypted(target.repository)
    return repository, used[-1]


def _not_encrypted(location: str) -> UsageError:
    return UsageError(
        "not-encrypted",
        f"{location} is not encrypted, it has no keys",
        context="whether a repository is encrypted is decided when it is created",
        hint=f"dbtool init --repo {location}-encrypted --encrypt DB",
    )


def _data(slot: KeySlot) -> dict[str, Any]:
    return {"id": slot.id, "kind": slot.kind, "label": slot.label, "created": slot.created}
