"""`dbtool monitor`: one look, a live line, Prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import current
from dbtool.cli.targets import DatabaseArgument
from dbtool.core.quantities import parse_duration
from dbtool.errors import UsageError

__all__ = ["app"]

app = application()

_SHORTEST_INTERVAL_S = 0.1
_EXAMPLES = """
dbtool monitor app.db                          # one look: sizes, commits, who writes, alerts
dbtool monitor --watch app.db                  # a line every 10 s, and every alert as it comes
dbtool monitor --watch --interval 1s app.db    # every second
dbtool monitor -q                              # for cron: all configured databases, silent if well
dbtool monitor --serve 127.0.0.1:9187          # for Prometheus: /metrics and /healthz
dbtool monitor --textfile /var/lib/node_exporter/dbtool.prom app.db  # for node_exporter
dbtool monitor --print-rules                   # alert rules for Prometheus
"""


@app.command(cls=PlainCommand, epilog=_EXAMPLES)
def monitor(
    context: typer.Context,
    db: DatabaseArgument = None,
    *,
    once: Annotated[
        bool, typer.Option("--once", help="Look once; what it does where nothing else is asked.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Look again and again.")] = False,
    serve: Annotated[
        str | None,
        typer.Option("--serve", metavar="ADDRESS", help="Serve Prometheus on HOST:PORT or PORT."),
    ] = None,
    textfile: Annotated[
        Path | None,
        typer.Option("--textfile", metavar="FILE", help="Look once, write FILE for node_exporter."),
    ] = None,
    interval: Annotated[
        str | None,
        typer.Option("--interval", metavar="TIME", help="From one look to the next. [10s]"),
    ] = None,
    print_rules: Annotated[
        bool, typer.Option("--print-rules", help="Print alert rules for Prometheus.")
    ] = False,
    print_dashboard: Annotated[
        bool, typer.Option("--print-dashboard", help="Print a dashboard for Grafana.")
    ] = False,
) -> int:
    """Look at a database from outside while others use it; sound an alarm in time.

    Without DB all configured databases are watched. A look takes a fraction of a millisecond and
    disturbs nobody: it reads the index of the WAL and the list of locks, in a process of its own.
    So it counts the commits of all processes, and names who writes and who keeps the WAL from
    being checkpointed (on Linux; elsewhere that is n/a). New WAL frames are counted every minute,
    the list of snapshots is read every ten, all pages are looked at once a day.

    Samples are kept for `stats` and the dashboard: one a minute for 7 days, one an hour for 90, one
    a day for ever.

    Alerts have limits in [alerts] and fire after their time, each with its evidence and the command
    to run next. on_firing and on_resolved there are commands that are run then; ping_url is called
    after each look of --once, and every five minutes else: as it is while all is well, with /fail
    while an alert fires.

    Exit code 4: an alert fires.
    """
    session = current(context)
    modes = {
        "--once": once,
        "--watch": watch,
        "--serve": serve is not None,
        "--textfile": textfile is not None,
        "--print-rules": print_rules,
        "--print-dashboard": print_dashboard,
    }
    chosen = [name for name, given in modes.items() if given]
    if len(chosen) > 1:
        raise UsageError("usage", f"{' and '.join(chosen)} do not go together")
    if print_rules or print_dashboard:
        return _print("alert-rules.yml" if print_rules else "grafana-dashboard.json")
    from dbtool.cli.monitor import loop as monitorloop
    from dbtool.cli.monitor import once as monitoronce

    interval_s = _interval(interval)
    if interval_s is not None and not (watch or serve):
        raise UsageError("usage", "--interval goes with --watch or --serve")
    if watch or serve is not None:
        return monitorloop.run(session, db, interval_s=interval_s, serve=serve)
    return monitoronce.run(session, db, textfile)


def _print(name: str) -> int:
    from importlib.resources import files

    typer.echo((files("dbtool.monitor") / "assets" / name).read_text(encoding="utf-8"), nl=False)
    return 0


def _interval(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise UsageError("invalid-value", f"--interval: {error}", hint="--interval 10s") from error
    if found < _SHORTEST_INTERVAL_S:
        raise UsageError("invalid-value", f"--interval is at least {_SHORTEST_INTERVAL_S:g}s")
    return found
