"""How samples look: to people as a report or a line, to programs as one document each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dbtool.cli.views import brief, counted, local_time, pasted
from dbtool.core.quantities import format_age, format_duration, format_size

if TYPE_CHECKING:
    from dbtool.core.holders import Holder
    from dbtool.monitor.alertbook import Alert
    from dbtool.monitor.observer import Look
    from dbtool.monitor.sampler import Sampling

__all__ = ["SCHEMA", "alert_line", "live_line", "report_lines", "sampling_data", "state_of"]

SCHEMA = "dbtool.monitor/1"
_MARKS = {"ok": "✓", "pending": "…", "firing": "✗", "unknown": "?"}
_FRAME_EXTRA = 24
_SLOW_DIGITS = 10


def report_lines(name: str, path: Path, sampling: Sampling) -> list[tuple[str, str]]:
    """Return a sample as labels and texts."""
    lines = [("database", f"{name}  {brief(path)}" if name != brief(path) else name)]
    look = sampling.look
    if look is None:
        lines.append(("", sampling.problem.message if sampling.problem else "not looked at"))
    else:
        lines += _figures(look, sampling)
        lines += [(_field(key), f"n/a: {why}") for key, why in _unknown(look).items()]
    return [*lines, *_alert_lines(name, path, sampling)]


def _figures(look: Look, sampling: Sampling) -> Iterator[tuple[str, str]]:
    free = look.free_pages or 0
    empty = f", {format_size(free * (look.page_size or 0))} of it free pages" if free else ""
    yield "size", f"{format_size(look.database_bytes)}{empty}"
    if look.journal_mode == "wal":
        yield "WAL", _wal(look)
    else:
        yield "journal", f"{look.journal_mode or 'no database yet'}"
    yield "commits", _commits(look, sampling)
    if look.users is not None:
        yield "processes", _people(look.users) or "none"
    if look.writers is not None:
        yield "writes", _writers(look)
    if look.readers is not None and look.wal_frames is not None:
        yield "reads", _readers(look)
    yield "disk", f"{format_size(look.disk_free_bytes)} free of {format_size(look.disk_bytes)}"


def _wal(look: Look) -> str:
    size = format_size(look.wal_bytes or 0)
    if look.wal_frames is None or look.checkpointed_frames is None:
        return size
    waiting = max(0, look.wal_frames - look.checkpointed_frames)
    state = f"{waiting:,} not checkpointed" if waiting else "all checkpointed"
    return f"{size}: {counted(look.wal_frames, 'frame')}, {state}"


def _commits(look: Look, sampling: Sampling) -> str:
    if sampling.commits_per_s is None:
        return "counted from now on"
    least = "at least " if look.commits_at_least else ""
    return f"{least}{look.commits:,} since the look before ({_rate(sampling.commits_per_s)})"


def _rate(per_s: float) -> str:
    return f"{per_s:,.1f}/s" if per_s < _SLOW_DIGITS else f"{per_s:,.0f}/s"


def _people(holders: tuple[Holder, ...]) -> str:
    return ", ".join(str(holder) for holder in holders)


def _writers(look: Look) -> str:
    if not look.writers:
        return "nobody just now"
    held_s = (look.at - look.writer_since).total_seconds() if look.writer_since else 0.0
    seen = f", for {format_duration(held_s)} at least" if held_s >= 1 else ""
    return f"{_people(look.writers)}{seen}"


def _readers(look: Look) -> str:
    if not look.readers:
        return "nobody just now"
    texts = []
    for reader in look.readers:
        held_s = (look.at - reader.since).total_seconds()
        place = f"up to frame {reader.frame:,}" if reader.frame else "the database alone"
        seen = f", for {format_duration(held_s)} at least" if held_s >= 1 else ""
        texts.append(f"{reader.holder} {place}{seen}")
    return "; ".join(texts)


def _unknown(look: Look) -> dict[str, str]:
    shown = ("wal_frames", "users", "writers", "readers")
    usual = {} if look.journal_mode == "wal" else {"wal_frames"}
    return {key: look.unknown[key] for key in shown if key in look.unknown and key not in usual}


def _field(name: str) -> str:
    return {"wal_frames": "frames", "users": "processes", "writers": "writes"}.get(name, "reads")


def _alert_lines(name: str, path: Path, sampling: Sampling) -> Iterator[tuple[str, str]]:
    shown = [alert for alert in sampling.alerts if alert.state in ("firing", "pending")]
    unknown = [alert for alert in sampling.alerts if alert.state == "unknown"]
    label = "alerts"
    for alert in shown:
        yield label, alert_line(alert, sampling.at)
        command = _command(alert, name, path)
        if command:
            yield "", f"    {command}"
        label = ""
    if not shown:
        yield label, f"{_MARKS['ok']} none"
        label = ""
    reasons: dict[str, list[str]] = {}
    for alert in unknown:
        reasons.setdefault(alert.evidence, []).append(alert.code)
    for reason, codes in reasons.items():
        yield label, f"{_MARKS['unknown']} {', '.join(codes)}: n/a, {reason}"


def alert_line(alert: Alert, now: datetime) -> str:
    """Return an alert in one line."""
    since = f", since {format_age(alert.since, now)}" if alert.since and not alert.changed else ""
    if since.endswith("just now"):
        since = ""
    state = "resolved" if alert.changed and alert.state != "firing" else alert.state
    mark = _MARKS["ok"] if state == "resolved" else _MARKS[alert.state]
    return f"{mark} {alert.code} {state}{since.removesuffix(' ago')}: {alert.evidence}"


def _command(alert: Alert, name: str, path: Path) -> str:
    """Return the next command with the database in the place of `DB`."""
    dbtool = alert.command.startswith("dbtool ")
    return alert.command.replace("DB", pasted(name if dbtool and "/" not in name else brief(path)))


def live_line(name: str, sampling: Sampling) -> str:
    """Return a sample in one line."""
    clock = local_time(sampling.at).split()[1]
    look = sampling.look
    if look is None:
        why = sampling.problem.message if sampling.problem else "not looked at"
        return f"{clock}  {name}  {why}  {state_of(sampling)}"
    parts = [clock, name, format_size(look.database_bytes)]
    if look.journal_mode == "wal":
        parts.append(f"WAL {format_size(look.wal_bytes or 0)}")
    if sampling.commits_per_s is not None:
        parts.append(f"{_rate(sampling.commits_per_s)} commits")
    if look.users is not None:
        parts.append(f"{len(look.users)} open")
    if look.readers is not None and look.wal_frames is not None:
        parts.append(f"{len(look.readers)} reading")
    if look.writers:
        parts.append(f"{_people(look.writers)} writes")
    return "  ".join([*parts, state_of(sampling)])


def state_of(sampling: Sampling) -> str:
    """Return how things stand in a word or two."""
    if not sampling.firing:
        return f"{_MARKS['ok']} ok"
    return f"{_MARKS['firing']} {', '.join(alert.code for alert in sampling.firing)}"


def sampling_data(name: str, path: Path, sampling: Sampling) -> dict[str, Any]:
    """Return a sample as JSON output holds it."""
    look = sampling.look
    return {
        "name": name,
        "database": path.resolve(),
        "time": sampling.at,
        "ok": look is not None and not sampling.firing,
        "problem": sampling.problem.message if sampling.problem else None,
        **({} if look is None else _look_data(look, sampling)),
        "alerts": [_alert_data(alert, name, path) for alert in sampling.alerts],
    }


def _look_data(look: Look, sampling: Sampling) -> dict[str, Any]:
    people = {"users": look.users, "writers": look.writers, "checkpointers": look.checkpointers}
    readers = None
    if look.readers is not None:
        readers = [
            {**_person(reader.holder), "frame": reader.frame, "since": reader.since}
            for reader in look.readers
        ]
    activity = look.activity
    return {
        "size": look.database_bytes,
        "page_size": look.page_size,
        "free_pages": look.free_pages,
        "journal_mode": look.journal_mode,
        "wal_size": look.wal_bytes,
        "wal_frames": look.wal_frames,
        "wal_checkpointed": look.checkpointed_frames,
        "disk_free": look.disk_free_bytes,
        "disk_size": look.disk_bytes,
        "commits": None if sampling.commits_per_s is None else look.commits,
        "commits_at_least": look.commits_at_least,
        "commits_per_second": sampling.commits_per_s,
        "frames": None if activity is None else activity.frames,
        "frames_complete": None if activity is None else activity.complete,
        **{
            key: None if found is None else [_person(one) for one in found]
            for key, found in people.items()
        },
        "writer_since": look.writer_since,
        "readers": readers,
        "look_duration": look.took_s,
        "unknown": look.unknown,
    }


def _person(holder: Holder) -> dict[str, Any]:
    return {"pid": holder.pid, "command": holder.command}


def _alert_data(alert: Alert, name: str, path: Path) -> dict[str, Any]:
    return {
        "code": alert.code,
        "state": alert.state,
        "severity": alert.severity,
        "since": alert.since,
        "evidence": alert.evidence,
        "command": _command(alert, name, path),
        "value": alert.value,
        "limit": alert.limit,
    }
