"""`dbtool verify`: is my data safe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.repositoryview import verify_repository
from dbtool.cli.targets import DatabaseArgument, NameOption
from dbtool.cli.verify.database import Request, verify_one
from dbtool.cli.verify.rules import verify_rules
from dbtool.errors import UsageError

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool verify app.db                               # header, every page, structure: seconds per GB
dbtool verify --full --drill app.db                # everything, and the newest backup restored
dbtool verify --full --budget 10m --resume app.db  # ten minutes every night, on from the last
dbtool verify --since app.db                       # and when the damage began
dbtool verify --junit report.xml app.db            # for CI; --sarif FILE as well
dbtool verify --snapshots --read-data app.db       # the repository: every stored page, proven
dbtool verify --snapshots --read-data=10% app.db   # a tenth of it, another tenth every time
dbtool verify --rules app.db                       # the rows, by the rules of dbtool.toml
"""


class VerifyCommand(PlainCommand):
    """`--read-data` may stand alone."""

    optional_values: ClassVar[dict[str, str]] = {"--read-data": "100%"}


@app.command(cls=VerifyCommand, epilog=_EXAMPLES)
def verify(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    full: Annotated[
        bool,
        typer.Option("--full", help="Compare indexes with tables, check foreign keys, JSON, FTS."),
    ] = False,
    drill: Annotated[
        bool,
        typer.Option("--drill", help="Restore the newest snapshot to a temporary file, check it."),
    ] = False,
    since: Annotated[
        bool, typer.Option("--since", help="Find the first snapshot that has the damage.")
    ] = False,
    budget: Annotated[
        str | None,
        typer.Option("--budget", metavar="TIME", help="Stop after so long, such as 10m."),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on where the budget ended the last time.")
    ] = False,
    temp: Annotated[
        Path | None,
        typer.Option("--temp", metavar="FOLDER", help="Where temporary copies lie. [TMPDIR]"),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option("--junit", metavar="FILE", help="Write a JUnit report too.")
    ] = None,
    sarif: Annotated[
        Path | None, typer.Option("--sarif", metavar="FILE", help="Write a SARIF 2.1.0 log too.")
    ] = None,
    name: NameOption = None,
    snapshots: Annotated[
        bool, typer.Option("--snapshots", help="Check the repository and its snapshots instead.")
    ] = False,
    read_data: Annotated[
        str | None,
        typer.Option(
            "--read-data",
            metavar="[=SHARE]",
            help="With --snapshots: read and prove the stored pages, all or a share such as 10%.",
        ),
    ] = None,
    rules: Annotated[
        bool, typer.Option("--rules", help="Check the rows by the rules of dbtool.toml.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", help="With --rules: most rows to show of each rule.", min=0)
    ] = 10,
) -> int:
    """Say whether the data is safe: the database, and the backup that would bring it back.

    By default the header, the checksums of the WAL, the hash of every page against the newest
    snapshot, and the structure. A page that differs though no writer touched the file has rotted:
    that is proof, and finds what no check by SQLite can. So is a frame of the WAL that fails its
    checksum with commits behind it, which SQLite leaves out without a word. With --full also the
    content of indexes, foreign keys, full-text indexes, JSON and constraints. Writers go on
    meanwhile, and nothing is changed.

    Each object gets a verdict: healthy, derived damage (an index or another thing that can be made
    again), data damage, rules broken, or unproven where it could not be checked; with the damaged
    pages, the rows at risk, and the step of `dbtool repair` that heals it.

    With --rules the rows of the database are checked by the sections [validate.TABLE] of
    dbtool.toml; the first rows that break a rule are shown with their keys, and all are counted.

    Exit code 13: damage. 4: the file is sound and breaks rules of its schema or of --rules, or
    the newest backup is older than max_backup_age. 3: not everything was checked.
    """
    session = current(context)
    request = Request(full, drill, since, budget, resume, temp, junit, sarif, name)
    if rules:
        if snapshots or read_data is not None or any(request):
            raise UsageError("usage", "--rules stands alone", hint="run it once for each")
        return verify_rules(session, db, limit)
    if snapshots:
        if any(request):
            raise UsageError(
                "usage",
                "--snapshots is about the repository and takes --read-data alone",
                hint="leave --snapshots out to verify the database",
            )
        return verify_repository(session, db, read_data)
    if read_data is not None:
        raise UsageError(
            "usage",
            "--read-data is for --snapshots",
            hint="dbtool verify --snapshots --read-data" + (f" {db}" if db else ""),
        )
    return verify_one(session, db, request)
