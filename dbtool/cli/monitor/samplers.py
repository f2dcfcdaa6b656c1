"""What `monitor` needs of a run: which databases, their histories, limits and slower facts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.cli.histories import history_of
from dbtool.cli.targets import Target, choose, default_repository, require_path
from dbtool.config import environment
from dbtool.core.connection import require_database
from dbtool.core.progress import Silent
from dbtool.core.sqlerror import nearest
from dbtool.errors import Damaged, DbtoolError, NotFound, UsageError, WrongKey

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.cli.signals import Interrupts
    from dbtool.core.clock import Clock
    from dbtool.monitor.alerts import AlertLimits
    from dbtool.monitor.daily import Daily
    from dbtool.monitor.history import Recorder
    from dbtool.monitor.sampler import BackupFacts, Sampler, Sources

__all__ = ["ignored", "limits_of", "samplers", "watched"]

_LIMITS = {
    "wal_bytes": "wal_bytes",
    "wal_share": "wal_share",
    "wal_for": "wal_for_s",
    "pinned_for": "pinned_for_s",
    "writer_for": "writer_for_s",
    "disk_free": "disk_free",
    "disk_full_within": "full_within_s",
    "growth_factor": "growth_factor",
    "verify_age": "verify_age_s",
    "reclaimable": "reclaimable",
}
"""Key of [alerts] -> field of `AlertLimits`."""
_DAILY_LIMIT_S = 120.0
_SHARES = ("wal_share", "reclaimable")


def watched(session: Session, db: str | None) -> list[Target]:
    """Return the databases to watch: the one that is named, else all that are configured.

    Raises:
        DbtoolError: none is named or configured, or it is no database. Of a configured one that is
            gone, damaged or encrypted the alert is to tell.
    """
    configured = session.config.databases
    if db is None and not environment().get("DBTOOL_DB") and len(configured) > 1:
        return [
            Target(
                settings.path,
                settings.name,
                settings.repository or default_repository(settings.path),
                explicit_repository=settings.repository is not None,
                max_backup_age_s=settings.max_backup_age_s,
            )
            for settings in configured.values()
        ]
    target = choose(session, db)
    try:
        require_database(require_path(target))
    except (NotFound, Damaged, WrongKey):
        if target.name is None:
            raise
    return [target]


def limits_of(session: Session, target: Target) -> AlertLimits:
    """Return from where on something is worth an alarm.

    Raises:
        UsageError: `config-value`.
    """
    from dbtool.monitor.alerts import AlertLimits

    found: dict[str, Any] = {}
    for key, name in _LIMITS.items():
        value = session.config.get(f"alerts.{key}")
        if value is None:
            continue
        if key in _SHARES and not 0 < value < 1:
            origin = session.config.settings[f"alerts.{key}"].origin
            message = f'{origin}: alerts.{key} is a share such as "25%"'
            raise UsageError("config-value", message)
        found[name] = value
    return AlertLimits(backup_age_s=target.max_backup_age_s, **found)


def ignored(session: Session) -> frozenset[str]:
    """Return the codes of alerts that are not wanted.

    Raises:
        UsageError: `config-value`, there is no such alert.
    """
    from dbtool.monitor.alerts import ALERTS

    codes = session.config.get("alerts.ignore") or ()
    for code in codes:
        if code not in ALERTS:
            close = nearest(code, list(ALERTS))
            origin = session.config.settings["alerts.ignore"].origin
            hint = f"did you mean {close}?" if close else f"one of {', '.join(ALERTS)}"
            message = f"{origin}: there is no alert {code!r}"
            raise UsageError("config-value", message, hint=hint)
    return frozenset(codes)


class _Stoppable(Silent):
    """Lets a signal end the pass over all pages."""

    def __init__(self, interrupts: Interrupts) -> None:
        super().__init__()
        self._interrupts = interrupts

    def advance(self, amount: int) -> None:
        """Stop where a signal came."""
        self._interrupts.check()


@contextmanager
def samplers(session: Session, targets: list[Target], clock: Clock) -> Iterator[dict[str, Sampler]]:
    """Give a sampler for each database by its name; end their helpers afterwards."""
    from dbtool.monitor.sampler import Sampler

    found: dict[str, Sampler] = {}
    unwanted = ignored(session)
    with ExitStack() as stack:
        for target in targets:
            path = require_path(target)
            sampler = Sampler(
                path,
                recorder=_recorder(session, path),
                tells=bool(session.config.get("alerts.on_firing")),
                limits=limits_of(session, target),
                sources=_sources(session, target),
                ignored=unwanted,
                clock=clock,
            )
            name = target.shown if target.shown not in found else str(path)
            found[name] = stack.enter_context(sampler)
        yield found


def _recorder(session: Session, path: Path) -> Recorder | Path | None:
    """Return who stores the samples; the path of the history where another process does."""
    from dbtool.monitor.history import Recorder

    aside: list[Path] = []
    place = history_of(session, path)
    try:
        recorder = Recorder.open(place, aside=aside)
    except DbtoolError as error:
        session.warn(f"samples are not stored: {error.message}")
        return None
    for kept in aside:
        session.warn(f"the samples of {path} were damaged; they are kept as {kept}")
    if recorder is None:
        session.detail(f"another process stores the samples of {path}; this one only looks")
        return place
    return recorder


def _sources(session: Session, target: Target) -> Sources:
    from dbtool.monitor.sampler import Sources

    return Sources(
        daily=lambda _look: _daily(session, target), backups=lambda: _backups(session, target)
    )


def _daily(session: Session, target: Target) -> Daily:
    """Take the pass over all pages."""
    from dbtool.cli.providers import providers_of
    from dbtool.monitor.dailylook import SECTIONS, daily_of
    from dbtool.monitor.stats.report import StatsOptions, stats_report

    report = stats_report(
        require_path(target),
        StatsOptions(sections=SECTIONS, deadline_s=_DAILY_LIMIT_S),
        providers=providers_of(session, target, None),
        progress=_Stoppable(session.interrupts),
    )
    return daily_of(report)


def _backups(session: Session, target: Target) -> BackupFacts:
    """Return what the repository says, without ever asking for a password."""
    from dbtool.cli.providers import providers_of
    from dbtool.monitor.sampler import BackupFacts
    from dbtool.monitor.stats.model import BackupStats
    from dbtool.monitor.stats.report import StatsOptions, stats_report

    report = stats_report(
        require_path(target),
        StatsOptions(sections=("backups",), max_backup_age_s=target.max_backup_age_s),
        providers=providers_of(session, target, None),
    )
    found = report.sections.get("backups")
    if isinstance(found, BackupStats):
        return BackupFacts(found.seen, found.oldest, found.verified)
    reason = getattr(found, "reason", "")
    how = getattr(found, "how", "")
    # No repository, or none of its snapshots is of this database: that is known.
    return BackupFacts(None, None, None, "" if how.startswith("dbtool backup") else reason)
