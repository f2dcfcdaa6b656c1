"""The log that a traced application writes: what its statements cost, counted over short periods.

A file of lines, each one JSON object, each whole in itself: one statement (without its values) over
one period of one process. Lines are only ever appended; what belongs together is added up here.

    v       1, the version; lines of another are left out and counted
    from    start of the period, seconds since 1970: where the process's period before ended, so
    to      that hours without a statement are covered too; its end
    pid     process                       lib    "apsw" or "sqlite3"
    db      path of the database          sql    statement without its values
    n       calls                         s      seconds in all          max    of the longest call
    h       latency histogram: {bucket: calls} as `dbtool.trace.histogram` numbers them
    rows    rows returned                 scan   steps of full scans     sort   sorts
    auto    automatic indexes             vm     steps of the virtual machine
    busy    calls that ended "busy"       err    calls that ended in another error
    scans   calls whose plan scans a table whole
    ex, exs text of the slowest call with its values, and its seconds; only where the application
            asked for it

`rows`, `scan`, `sort`, `auto`, `vm` and `scans` are left out where the application's SQLite library
cannot tell them: unknown, not 0. A line with `lost` instead of `sql` counts calls of statements
that were too many to be told apart.

The log is a file of text: it is never a database, and reading it takes no lock.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from dbtool.core.atomicfile import failures_named
from dbtool.errors import NotFound
from dbtool.trace.histogram import BUCKETS, merged, quantile_s

__all__ = [
    "VERSION",
    "Entry",
    "StatementUse",
    "Workload",
    "added",
    "encode",
    "log_files",
    "read_log",
]

VERSION: Final = 1
_LONGEST_LINE: Final = 1 << 20
_LATEST_S: Final = 253_000_000_000
"""In the year 9987: calendars end in 9999."""
_MOST_ROTATED: Final = 1000
_COUNTERS: Final = {
    "rows": "rows",
    "full_scan_steps": "scan",
    "sorts": "sort",
    "automatic_indexes": "auto",
    "vm_steps": "vm",
    "full_scans": "scans",
}


@dataclass(frozen=True, slots=True)
class StatementUse:
    """What the calls of one statement cost. A counter of None: the library cannot tell."""

    sql: str
    """Without its values; "" for calls of statements that were too many to be told apart."""
    calls: int
    seconds: float
    """All calls together."""
    longest_s: float
    histogram: Mapping[int, int]
    """Calls by latency bucket, see `dbtool.trace.histogram`."""
    rows: int | None = None
    """Returned to the application."""
    full_scan_steps: int | None = None
    """Rows visited while a table was scanned whole."""
    full_scans: int | None = None
    """Calls that scanned a table whole."""
    sorts: int | None = None
    automatic_indexes: int | None = None
    """Rows put into indexes that were built for one call."""
    vm_steps: int | None = None
    busy_errors: int = 0
    errors: int = 0
    """Others than busy."""
    example: str | None = None
    """The slowest call with its values; None: the application did not opt in."""
    example_s: float = 0.0
    """How long that call took."""

    def quantile_s(self, share: float) -> float | None:
        """Return the seconds within which `share` (0 to 1) of the calls ended."""
        return quantile_s(self.histogram, share)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    use: StatementUse
    began_at: float
    """Seconds since 1970."""
    ended_at: float
    pid: int
    library: str
    database: str


@dataclass(frozen=True, slots=True)
class Workload:
    """A log, added up."""

    statements: tuple[StatementUse, ...]
    """The one that took the most time first."""
    began_at: float | None
    """Seconds since 1970; None: the log is empty."""
    ended_at: float | None
    covered_s: float
    """Time between the two in which at least one traced process ran."""
    databases: tuple[str, ...]
    """Paths, as the application named them."""
    libraries: tuple[str, ...]
    processes: int
    lost_calls: int
    """Calls of statements that were too many to be told apart."""
    unreadable_lines: int
    """Cut short, of another version, or no JSON."""
    files: tuple[Path, ...] = ()


def encode(entry: Entry) -> bytes:
    """Return the line of an entry, with its line feed."""
    use = entry.use
    line: dict[str, Any] = {
        "v": VERSION,
        "from": round(entry.began_at, 3),
        "to": round(entry.ended_at, 3),
        "pid": entry.pid,
        "lib": entry.library,
        "db": entry.database,
        **({"sql": use.sql} if use.sql else {"lost": True}),
        "n": use.calls,
        "s": round(use.seconds, 9),
        "max": round(use.longest_s, 9),
        "h": {str(bucket): calls for bucket, calls in sorted(use.histogram.items())},
    }
    for name, short in _COUNTERS.items():
        value = getattr(use, name)
        if value is not None:
            line[short] = value
    if use.busy_errors:
        line["busy"] = use.busy_errors
    if use.errors:
        line["err"] = use.errors
    if use.example is not None:
        line["ex"], line["exs"] = use.example, round(use.example_s, 9)
    # ASCII: half a surrogate in an application's SQL must not keep its line from being written.
    return json.dumps(line, separators=(",", ":")).encode("ascii") + b"\n"


def log_files(path: Path) -> list[Path]:
    """Return the parts of the log at `path` that exist, the oldest first."""
    parts = []
    for number in range(1, _MOST_ROTATED):
        part = path.with_name(f"{path.name}.{number}")
        if not part.is_file():
            break
        parts.append(part)
    return [*reversed(parts), *([path] if path.is_file() else [])]


def read_log(
    path: Path,
    *,
    database: str | None = None,
    since: float | None = None,
    until: float | None = None,
) -> Workload:
    """Add up the log at `path` and its rotated parts.

    Args:
        path: as the application was told.
        database: path; lines of other databases are left out. None: of all.
        since: seconds since 1970; periods that ended before are left out.
        until: seconds since 1970; periods that began at or after it are left out.

    Raises:
        NotFound: `trace-not-found`.
        StorageFailed: it cannot be read.
    """
    files = log_files(path)
    if not files:
        raise NotFound(
            "trace-not-found",
            f"there is no trace log {path}",
            context="an application writes it once it is traced",
            hint="dbtool help trace",
        )
    total = _Total()
    for part in files:
        with failures_named("read", part), part.open("rb") as stream:
            for entry in _entries(stream, total):
                if (
                    (database is None or entry.database == database)
                    and (since is None or entry.ended_at >= since)
                    and (until is None or entry.began_at < until)
                ):
                    total.add(entry)
    return total.workload(tuple(files))


def _entries(stream: Any, total: _Total) -> Iterator[Entry]:
    while line := stream.readline(_LONGEST_LINE):
        if not line.endswith(b"\n"):
            # Cut short by a kill or a full disk, or longer than any that is written.
            total.unreadable += 1
            while line and not line.endswith(b"\n"):
                line = stream.readline(_LONGEST_LINE)
            continue
        entry = _decode(line)
        if entry is None:
            total.unreadable += 1
        else:
            yield entry


def _decode(line: bytes) -> Entry | None:
    try:
        raw = json.loads(line)
        if raw["v"] != VERSION:
            return None
        use = StatementUse(
            sql="" if raw.get("lost") else str(raw["sql"]),
            calls=_count(raw["n"]),
            seconds=_duration(raw["s"]),
            longest_s=_duration(raw["max"]),
            histogram={_bucket(name): _count(calls) for name, calls in raw["h"].items()},
            busy_errors=_count(raw.get("busy", 0)),
            errors=_count(raw.get("err", 0)),
            example=None if raw.get("ex") is None else str(raw["ex"]),
            example_s=_duration(raw.get("exs", 0)),
            **{name: _count(raw[key]) for name, key in _COUNTERS.items() if key in raw},
        )
        began_at, ended_at = _moment(raw["from"]), _moment(raw["to"])
        return Entry(use, began_at, ended_at, int(raw["pid"]), str(raw["lib"]), str(raw["db"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return None


def _count(value: Any) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("a count is wanted")
    return value


def _duration(value: Any) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError("seconds are wanted")
    return number


def _moment(value: Any) -> float:
    number = float(value)
    if not 0 <= number < _LATEST_S:
        raise ValueError("a time is wanted")
    return number


def _bucket(name: str) -> int:
    number = int(name)
    if not 0 <= number < BUCKETS:
        raise ValueError("there is no such bucket")
    return number


@dataclass(slots=True)
class _Total:
    """Adds entries up."""

    uses: dict[str, StatementUse] = field(default_factory=dict)
    periods: list[tuple[float, float]] = field(default_factory=list)
    databases: set[str] = field(default_factory=set)
    libraries: set[str] = field(default_factory=set)
    pids: set[int] = field(default_factory=set)
    lost: int = 0
    unreadable: int = 0

    def add(self, entry: Entry) -> None:
        period = (entry.began_at, max(entry.began_at, entry.ended_at))
        if not self.periods or self.periods[-1] != period:  # a flush writes many lines of one
            self.periods.append(period)
        self.databases.add(entry.database)
        self.libraries.add(entry.library)
        self.pids.add(entry.pid)
        if not entry.use.sql:
            self.lost += entry.use.calls
            return
        known = self.uses.get(entry.use.sql)
        self.uses[entry.use.sql] = entry.use if known is None else added(known, entry.use)

    def workload(self, files: tuple[Path, ...]) -> Workload:
        return Workload(
            statements=tuple(sorted(self.uses.values(), key=lambda use: (-use.seconds, use.sql))),
            began_at=min((began for began, _ in self.periods), default=None),
            ended_at=max((ended for _, ended in self.periods), default=None),
            covered_s=_union_s(self.periods),
            databases=tuple(sorted(self.databases)),
            libraries=tuple(sorted(self.libraries)),
            processes=len(self.pids),
            lost_calls=self.lost,
            unreadable_lines=self.unreadable,
            files=files,
        )


def added(one: StatementUse, two: StatementUse) -> StatementUse:
    """Return the calls of both as one; a counter that one of them lacks is that of the other."""
    slower = two if two.example is not None and two.example_s >= one.example_s else one
    counters = {name: _sum(getattr(one, name), getattr(two, name)) for name in _COUNTERS}
    return StatementUse(
        sql=one.sql,
        calls=one.calls + two.calls,
        seconds=one.seconds + two.seconds,
        longest_s=max(one.longest_s, two.longest_s),
        histogram=merged(one.histogram, two.histogram),
        busy_errors=one.busy_errors + two.busy_errors,
        errors=one.errors + two.errors,
        example=slower.example,
        example_s=slower.example_s,
        **counters,
    )


def _sum(one: int | None, two: int | None) -> int | None:
    if one is None or two is None:
        return two if one is None else one
    return one + two


def _union_s(periods: Iterable[tuple[float, float]]) -> float:
    total, reached = 0.0, float("-inf")
    for began, ended in sorted(periods):
        total += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return total
