"""`dbtool optimize`: advice that was measured on a copy, applied safely, undone exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.optimize.checkpoint import checkpoint
from dbtool.cli.optimize.run import Request, apply, explain, quick, show, undo
from dbtool.cli.policies import parsed
from dbtool.cli.targets import DatabaseArgument, choose
from dbtool.core.quantities import parse_duration
from dbtool.errors import UsageError

__all__ = ["app"]

app = application()

_EXAMPLES = """
dbtool optimize app.db                                # space, statistics, settings, retention
dbtool optimize --workload queries.sql app.db         # and indexes for these statements; plan only
dbtool optimize --workload queries.sql --out plan.json app.db   # keep the plan
dbtool optimize --plan plan.json --apply app.db       # carry out exactly that, a snapshot first
dbtool optimize --plan plan.json --apply --only index-3fa2c1 --max-lock 2s --yes app.db   # a part
dbtool optimize --undo last app.db                    # as it was before
dbtool optimize --explain "SELECT * FROM orders WHERE customer_id = 7" app.db   # one statement
dbtool optimize --checkpoint app.db                   # the WAL is large; who keeps it
dbtool optimize --quick --budget 10s -q app.db        # for cron: nothing that anyone waits for
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def optimize(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    workload: Annotated[
        list[str] | None,
        typer.Option(
            "--workload",
            metavar="FILE",
            help="Statements of the application: SQL, or a trace log; - is stdin. Repeatable.",
        ),
    ] = None,
    explain_sql: Annotated[
        str | None,
        typer.Option("--explain", metavar="SQL", help="Explain one statement; what would help it."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="NAME=VALUE", help="With --explain: value of :NAME or 1 of ?."
        ),
    ] = None,
    do_apply: Annotated[bool, typer.Option("--apply", help="Carry the plan out.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="With --apply: only this action. Repeatable."),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option("--plan", metavar="FILE", help="Take the plan from FILE, measure nothing."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Write the plan to FILE.")
    ] = None,
    undo_word: Annotated[
        str | None,
        typer.Option("--undo", metavar="PLAN", help="Undo a plan: its file, its name, or last."),
    ] = None,
    max_lock: Annotated[
        str | None,
        typer.Option(
            "--max-lock", metavar="TIME", help="Leave out what keeps writers waiting longer."
        ),
    ] = None,
    do_quick: Annotated[
        bool, typer.Option("--quick", help="Small upkeep within a budget, safe in cron.")
    ] = False,
    budget: Annotated[
        str, typer.Option("--budget", metavar="TIME", help="With --quick: longest time. [5s]")
    ] = "5s",
    do_checkpoint: Annotated[
        bool, typer.Option("--checkpoint", help="Copy the WAL back as far as readers allow.")
    ] = False,
    temp: Annotated[
        Path | None,
        typer.Option("--temp", metavar="FOLDER", help="Where the copy lies. [TMPDIR]"),
    ] = None,
    no_snapshot: Annotated[
        bool, typer.Option("--no-snapshot", help="Take no snapshot before applying.")
    ] = False,
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Apply without asking.")] = False,
) -> int | None:
    """Find what would make a database faster or smaller; prove it on a copy; apply and undo it.

    Nothing is changed without --apply. Each action of the plan shows what was measured before and
    after, in steps of SQLite's virtual machine, what it costs writers, how long it locks, and what
    undoes it. A plan that was made for another schema is refused. Where the database has a
    repository, a snapshot is taken first.

    A workload file holds statements that end in semicolons; comments `-- runs: 500` and
    `-- params: [42]` before one say how often it runs and with which values. Without a workload
    there is advice about space, statistics, settings, foreign keys, redundant indexes, and the
    sections [retention.TABLE] of dbtool.toml.
    """
    session = current(context)
    target = choose(session, db)
    request = Request(
        target,
        tuple(workload or ()),
        tuple(only or ()),
        plan,
        out,
        parsed("--max-lock", max_lock, parse_duration),
        temp,
        snapshot=not no_snapshot,
        yes=yes,
    )
    _one_of(
        {
            "--apply": do_apply,
            "--explain": explain_sql is not None,
            "--undo": undo_word is not None,
            "--quick": do_quick,
            "--checkpoint": do_checkpoint,
        }
    )
    if only and not do_apply:
        raise UsageError("usage", "--only is for --apply", hint="dbtool optimize --apply --only ID")
    if explain_sql is not None:
        explain(session, request, explain_sql, param or ())
    elif undo_word is not None:
        undo(session, request, undo_word)
    elif do_quick:
        quick(session, request, parsed("--budget", budget, parse_duration) or 0.0)
    elif do_checkpoint:
        checkpoint(session, target)
    elif do_apply:
        return apply(session, request)
    else:
        show(session, request)
    return None


def _one_of(modes: dict[str, bool]) -> None:
    asked = [name for name, on in modes.items() if on]
    if len(asked) > 1:
        raise UsageError("usage", f"{asked[0]} and {asked[1]} exclude each other")
