"""`dbtool repair`: heal a damaged database, the plan first."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.repair.database import Request, repair_one
from dbtool.cli.repair.repository import RepositoryRequest, repair_repository
from dbtool.cli.secrets import Options
from dbtool.cli.targets import DatabaseArgument, NameOption
from dbtool.errors import UsageError

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool repair app.db                         # the plan: what is damaged, what would heal it
dbtool repair --apply app.db                 # heal it, after asking
dbtool repair --apply --to healed.db app.db  # write the healed database there, leave app.db alone
dbtool repair --apply --rung salvage app.db  # this rung of the ladder alone
dbtool repair --apply --yes --json app.db    # for programs
dbtool repair --repository --apply app.db    # its backups: lost pages from the database as it is
dbtool repair --repository --from /mnt/usb/app app.db  # and from copies; the plan
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def repair(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Repair it; without this there is only the plan.")
    ] = False,
    rung: Annotated[
        str | None,
        typer.Option(
            "--rung",
            metavar="NAME",
            help="Try this rung alone: rebuild (1), transplant (2), roll-forward (3), salvage (4) "
            "or restore (5).",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option("--to", metavar="FILE", help="Write the healed database to this new file."),
    ] = None,
    freelist: Annotated[
        bool, typer.Option("--freelist", help="Salvage deleted rows from free pages too.")
    ] = False,
    name: NameOption = None,
    no_repo: Annotated[
        bool,
        typer.Option(
            "--no-repo", help="Leave the repository alone, also where it cannot be opened."
        ),
    ] = False,
    temp: Annotated[
        Path | None,
        typer.Option("--temp", metavar="FOLDER", help="Where the check keeps copies. [TMPDIR]"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("-n", "--dry-run", help="Show the plan alone, also with --apply.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Repair without asking.")] = False,
    repository: Annotated[
        bool, typer.Option("--repository", help="Repair the repository instead of the database.")
    ] = False,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="REPOSITORY",
            help="With --repository: look into this one too, which dbtool copy has made.",
        ),
    ] = None,
    from_password_file: Annotated[
        Path | None,
        typer.Option(
            "--from-password-file", metavar="FILE", help="Read its password or key from FILE."
        ),
    ] = None,
    from_password_command: Annotated[
        str | None,
        typer.Option(
            "--from-password-command",
            metavar="COMMAND",
            help="Read it from the output of COMMAND.",
        ),
    ] = None,
) -> int:
    """Heal a damaged database, by the first rung of a ladder that holds.

    Without --apply it checks the database in full and shows the plan; nothing is changed. With it,
    the damaged files are first kept byte for byte in a folder DB.damaged-TIME beside the database.
    Then the rungs are tried on copies: pages that are proven to have rotted come back from the
    newest snapshot, which loses nothing (transplant); indexes, full-text indexes and the freelist
    are made anew, and a flipped bit of the WAL is put right by its checksum (rebuild); what follow
    kept up to the last write (roll-forward); every row that can still be read (salvage); the newest
    clean snapshot (restore). The first copy that is proven sound takes the place of the database,
    and a table says what became of the rows of each table.

    No process may have the database open meanwhile. An encrypted file, and one that is no
    database, is told apart and left alone.

    With --repository, every stored page is read and proven. Lost pages are looked for by their
    hash: elsewhere in the repository, in the database, in a repository --from that has copies. They
    are stored again, so that old snapshots become whole. A snapshot that cannot be read at all is
    moved to the folder quarantine/; one that lacks pages stays. None that can be read is changed.

    Exit code 0: healthy, or healed without loss. 3: healed, and rows are lost or unproven. 13:
    damage found and only planned, or no rung held and nothing was changed.
    """
    if repository:
        if rung or to or freelist or name or no_repo or temp:
            raise UsageError("usage", "--repository takes --from, --apply and --yes alone")
        keys = Options("from-", from_password_file, from_password_command)
        wanted = RepositoryRequest(apply and not dry_run, source, keys, yes)
        return repair_repository(current(context), db, wanted)
    if source or from_password_file or from_password_command:
        raise UsageError("usage", "--from is for --repository")
    request = Request(apply and not dry_run, rung, to, freelist, name, no_repo, temp, yes)
    return repair_one(current(context), db, request)
