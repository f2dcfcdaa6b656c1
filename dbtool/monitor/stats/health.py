"""Is all well: integrity, foreign keys, backups and alerts as a list of checks, in limited time.

Made for health endpoints: the whole answer is plain values, every check says pass, warn, fail or
unknown with its evidence, and nothing here waits longer than it was told. `PRAGMA quick_check` and
`foreign_key_check` are what fits in that time; whether every page is what was backed up is for
`dbtool verify` to prove.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

import apsw

from dbtool.core.clock import Clock, SystemClock
from dbtool.core.connection import classify
from dbtool.core.progress import Progress, Silent
from dbtool.core.quantities import format_duration
from dbtool.core.stoppable import stoppable
from dbtool.errors import DbtoolError, NotFound, UsageError
from dbtool.monitor.stats.advice import Advice, advice
from dbtool.monitor.stats.model import (
    BackupStats,
    FileStats,
    IndexesStats,
    StatsReport,
    TablesStats,
    Unavailable,
)
from dbtool.monitor.stats.report import StatsOptions, StatsProviders, stats_report
from dbtool.pages.reader import PageReader

__all__ = ["HealthCheck", "HealthReport", "Status", "health_report"]

Status = Literal["pass", "warn", "fail", "unknown"]

_MOST_PROBLEMS: Final = 20
_SECTIONS: Final = ("storage", "tables", "indexes", "growth", "backups")
_COMMANDS: Final = {
    "integrity": "dbtool verify DB",
    "foreign_keys": 'dbtool query "PRAGMA foreign_key_check" DB',
    "backup": "dbtool backup DB",
}


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One question and its answer."""

    name: str
    """integrity, foreign_keys, backup, or the code of an alert."""
    status: Status
    text: str
    """The evidence, one sentence without a full stop."""
    command: str = ""
    """What to run next; empty where all is well, or nothing of dbtool helps."""


@dataclass(frozen=True, slots=True)
class HealthReport:
    """Whether all is well with a database."""

    file: FileStats
    taken: datetime
    checks: tuple[HealthCheck, ...]
    tables: int | None
    """None: the database could not be looked at, as for the others."""
    indexes: int | None
    views: int | None
    triggers: int | None
    rows: int | None
    """Of all tables that are not virtual."""
    backup_age_s: float | None
    """Since the database was last known to look like its newest snapshot; None: there is none."""
    lag_s: float | None
    """How far `follow` is behind; None: it does not run."""
    alerts: tuple[HealthCheck, ...] = ()
    """What `monitor` has to say; all of it is among the checks as well."""
    duration_s: float = 0.0
    problem: DbtoolError | None = field(default=None, compare=False)

    @property
    def status(self) -> Status:
        """The worst of all checks; what is unknown counts as a warning."""
        found = {check.status for check in self.checks}
        if "fail" in found:
            return "fail"
        return "warn" if found & {"warn", "unknown"} else "pass"

    @property
    def issues(self) -> tuple[HealthCheck, ...]:
        """Checks that did not pass, the worst first."""
        order = ("fail", "unknown", "warn")
        wrong = [check for check in self.checks if check.status != "pass"]
        return tuple(sorted(wrong, key=lambda check: order.index(check.status)))


def health_report(
    path: Path,
    *,
    deadline_s: float = 10.0,
    max_backup_age_s: float | None = None,
    providers: StatsProviders | None = None,
    alerts: Callable[[], Sequence[HealthCheck]] = tuple,
    progress: Progress | None = None,
    clock: Clock | None = None,
) -> HealthReport:
    """Ask everything that can be asked within `deadline_s`.

    Args:
        path: the database.
        deadline_s: seconds for all of it; what is not done then is unknown.
        max_backup_age_s: age from which the newest backup is too old; None: no limit.
        providers: as for `stats_report`.
        alerts: what `monitor` has to say.
        progress: asked again and again whether to stop.
        clock: gives the time of the report.

    Raises:
        NotFound: `database-not-found`.
        UsageError: the file is no database at all.
    """
    clock, progress = clock or SystemClock(), progress or Silent()
    began_s = clock.monotonic()
    options = StatsOptions(_SECTIONS, deadline_s, max_backup_age_s=max_backup_age_s)
    report = stats_report(
        path, options, providers=providers or StatsProviders(), progress=progress, clock=clock
    )
    checks: list[HealthCheck] = []
    if report.problem is None:
        ends_s = began_s + deadline_s

        def expired() -> bool:
            return clock.monotonic() > ends_s

        checks += _database_checks(path, deadline_s, progress, expired)
    else:
        checks.append(_failed("integrity", report.problem))
    checks += _backup_checks(report)
    checks += [_of_advice(one) for one in advice(report) if not _said(one, report)]
    known = {check.name for check in checks}
    firing = tuple(_tried(alerts))
    checks += [check for check in firing if check.name not in known]
    summed = _summed(report, checks, clock.monotonic() - began_s)
    return replace(summed, alerts=firing)


def _said(one: Advice, report: StatsReport) -> bool:
    """Say whether a check of its own tells the same."""
    problem = report.problem
    return one.code.startswith("backup-") or (problem is not None and one.code == problem.code)


def _summed(report: StatsReport, checks: list[HealthCheck], took_s: float) -> HealthReport:
    tables, indexes = report.sections.get("tables"), report.sections.get("indexes")
    backups = report.sections.get("backups")
    age_s = lag_s = rows = None
    if isinstance(backups, BackupStats):
        age_s = max(0.0, (report.taken - backups.seen).total_seconds())
        lag_s = age_s if backups.followed else None
    own = None
    if isinstance(tables, TablesStats):
        own = [t for t in tables.tables if t.kind not in ("system", "shadow")]
        rows = sum(table.rows or 0 for table in own)
    return HealthReport(
        file=report.file,
        taken=report.taken,
        checks=tuple(checks),
        tables=None if own is None else len(own),
        indexes=len(indexes.indexes) if isinstance(indexes, IndexesStats) else None,
        views=tables.views if isinstance(tables, TablesStats) else None,
        triggers=tables.triggers if isinstance(tables, TablesStats) else None,
        rows=rows,
        backup_age_s=age_s,
        lag_s=lag_s,
        duration_s=took_s,
        problem=report.problem,
    )


# -- the database


def _database_checks(
    path: Path, deadline_s: float, progress: Progress, expired: Callable[[], bool]
) -> list[HealthCheck]:
    try:
        with PageReader.open(path, busy_timeout_s=min(5.0, deadline_s)) as reader:
            if reader.connection is None:
                return [HealthCheck("integrity", "pass", "the database is empty")]
            with stoppable(reader.connection, progress, expired):
                return [
                    _asked(path, "integrity", lambda: _integrity(reader.connection), deadline_s),
                    _asked(
                        path, "foreign_keys", lambda: _foreign_keys(reader.connection), deadline_s
                    ),
                ]
    except (NotFound, UsageError):
        raise
    except DbtoolError as error:
        return [_failed("integrity", error)]


def _asked(path: Path, name: str, ask: Callable[[], HealthCheck], deadline_s: float) -> HealthCheck:
    try:
        return ask()
    except apsw.InterruptError:
        text = f"not finished within {format_duration(deadline_s)}"
        return HealthCheck(name, "unknown", text, _COMMANDS[name])
    except apsw.SQLError as error:  # a foreign key that refers to nothing, a module that is missing
        return HealthCheck(
            name, "unknown", f"SQLite cannot check it here: {error}", _COMMANDS[name]
        )
    except apsw.Error as error:
        return _failed(name, classify(path.resolve(), error))


def _integrity(connection: apsw.Connection | None) -> HealthCheck:
    assert connection is not None
    messages: list[str] = []
    try:
        for (message,) in connection.execute(f"PRAGMA main.quick_check({_MOST_PROBLEMS})"):
            messages.append(str(message))
    except apsw.CorruptError as error:
        messages.append(str(error))
    if messages == ["ok"]:
        return HealthCheck("integrity", "pass", "quick_check finds the structure sound")
    first = " ".join(messages[0].split()) if messages else "no answer"
    more = f" and {len(messages) - 1} more" if len(messages) > 1 else ""
    return HealthCheck("integrity", "fail", f"{first}{more}", _COMMANDS["integrity"])


def _foreign_keys(connection: apsw.Connection | None) -> HealthCheck:
    assert connection is not None
    count, tables = 0, dict[str, int]()
    for table, *_ in connection.execute("PRAGMA main.foreign_key_check"):
        count += 1
        tables[str(table)] = tables.get(str(table), 0) + 1
    if not count:
        return HealthCheck("foreign_keys", "pass", "every reference has its row")
    where = ", ".join(f"{table} ({number:,})" for table, number in list(tables.items())[:3])
    rows = "row refers" if count == 1 else "rows refer"
    text = f"{count:,} {rows} to nothing: {where}"
    return HealthCheck("foreign_keys", "fail", text, _COMMANDS["foreign_keys"])


def _failed(name: str, error: DbtoolError) -> HealthCheck:
    text = f"{error.message} ({error.context})" if error.context else error.message
    return HealthCheck(name, "fail", text, error.hint.split("\n")[0])


# -- backups and alerts


def _backup_checks(report: StatsReport) -> Iterator[HealthCheck]:
    backups = report.sections.get("backups")
    stale = [one for one in advice(report) if one.code.startswith("backup-")]
    if stale:
        # Without a limit in the configuration nobody said that there has to be one.
        status: Status = "fail" if stale[0].code == "backup-stale" else "warn"
        yield HealthCheck("backup", status, stale[0].text, stale[0].command)
    elif isinstance(backups, BackupStats):
        age_s = (report.taken - backups.seen).total_seconds()
        limit = backups.max_age_s
        allowed = f"; {format_duration(limit)} is the limit" if limit else ", without a limit"
        yield HealthCheck("backup", "pass", f"{format_duration(max(0.0, age_s))} old{allowed}")
    elif isinstance(backups, Unavailable):
        yield HealthCheck("backup", "unknown", backups.reason, backups.how.split("\n")[0])


def _of_advice(one: Advice) -> HealthCheck:
    return HealthCheck(one.code, "fail" if one.urgent else "warn", one.text, one.command)


def _tried(alerts: Callable[[], Sequence[HealthCheck]]) -> Sequence[HealthCheck]:
    try:
        return alerts()
    except DbtoolError as error:
        return (HealthCheck("alerts", "unknown", error.message, error.hint.split("\n")[0]),)
