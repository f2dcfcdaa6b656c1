"""The latest samples as Prometheus reads them.

Names follow its conventions: base units, `_total` for counters, `_seconds` and `_bytes` at the end.
Labels are bounded: `database` is a name of the configuration or a file name, `alert` one of a fixed
list, `table` one of the 50 largest. Process ids are in no label, they would make series without
end. What is not known is left out, never 0. A scrape reads what the last look saw and looks at
nothing itself.

Source: https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dbtool.core.atomicfile import SYSTEM_FILES, TempFile, failures_named, temporary_name
from dbtool.monitor.alerts import ALERTS
from dbtool.monitor.metrics import reading_s, writing_s
from dbtool.monitor.sampler import Sampling

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

__all__ = ["MOST_TABLES", "SERIES", "exposition", "registry_of", "write_textfile"]

MOST_TABLES: Final = 50

SERIES: Final[dict[str, tuple[str, str]]] = {
    "dbtool_up": ("gauge", "1: the last look at the database succeeded."),
    "dbtool_last_look_timestamp_seconds": ("gauge", "When the last look was taken."),
    "dbtool_look_duration_seconds": ("gauge", "How long it took."),
    "dbtool_database_size_bytes": ("gauge", "Size of the database file."),
    "dbtool_database_free_bytes": ("gauge", "Whole free pages in it."),
    "dbtool_database_reclaimable_bytes": ("gauge", "What VACUUM would give back, estimated daily."),
    "dbtool_wal_size_bytes": ("gauge", "Size of the WAL file."),
    "dbtool_wal_frames": ("gauge", "Committed frames in the WAL."),
    "dbtool_wal_checkpointed_frames": ("gauge", "How many of them are in the database."),
    "dbtool_commits": ("counter", "Transactions that any process committed, seen from outside."),
    "dbtool_wal_frames_written": ("counter", "Pages that were written into the WAL."),
    "dbtool_wal_resets": ("counter", "How often the WAL began anew."),
    "dbtool_disk_free_bytes": ("gauge", "Free space of the file system of the database."),
    "dbtool_disk_size_bytes": ("gauge", "Size of that file system."),
    "dbtool_processes": ("gauge", "Processes that use the database."),
    "dbtool_readers": ("gauge", "Processes with a transaction that reads."),
    "dbtool_oldest_reader_seconds": ("gauge", "How long the oldest of them has been seen."),
    "dbtool_writer_seconds": ("gauge", "How long one transaction has been seen to write."),
    "dbtool_backup_timestamp_seconds": (
        "gauge",
        "When the database was last known to look like its newest snapshot.",
    ),
    "dbtool_verify_timestamp_seconds": ("gauge", "When stored data was last proven."),
    "dbtool_growth_bytes_per_day": ("gauge", "Median of its daily growth over 60 days."),
    "dbtool_disk_full_days": ("gauge", "Days until the disk is full at that pace."),
    "dbtool_table_size_bytes": ("gauge", "Size of a table with its indexes, daily."),
    "dbtool_table_rows": ("gauge", "Rows of a table, daily."),
    "dbtool_alert_firing": ("gauge", "1: the alert fires; left out where it is not known."),
}
"""Name (of a counter without its `_total`) -> kind and help."""

Samplings = Callable[[], Mapping[str, Sampling]]
"""Gives the latest sample of each database by its name."""


def registry_of(samplings: Samplings, version: str) -> CollectorRegistry:
    """Return a registry of prometheus_client that gives the latest samples.

    Args:
        samplings: asked at each scrape.
        version: of dbtool, for `dbtool_build_info`.
    """
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Latest(samplings, version))
    return registry


def exposition(samplings: Mapping[str, Sampling], version: str) -> bytes:
    """Return samples in the text format of Prometheus."""
    from prometheus_client import generate_latest

    return generate_latest(registry_of(lambda: samplings, version))


def write_textfile(path: Path, samplings: Mapping[str, Sampling], version: str) -> None:
    """Write samples for the textfile collector of node_exporter, readable for all, atomically.

    Raises:
        StorageFailed: it cannot be written.
    """
    data = exposition(samplings, version)
    with failures_named("write", path):
        temporary = TempFile(path.with_name(f".{path.name}.{temporary_name()}"))
        temporary.write(data)
        temporary.path.chmod(0o644)  # node_exporter runs as a user of its own
        temporary.publish_over(path)
        SYSTEM_FILES.fsync_folder(path.absolute().parent)


class _Latest:
    """A collector of prometheus_client."""

    def __init__(self, samplings: Samplings, version: str) -> None:
        self._samplings = samplings
        self._version = version

    def collect(self) -> Iterator[Any]:
        """Yield one family for each series."""
        from prometheus_client.core import (
            CounterMetricFamily,
            GaugeMetricFamily,
            InfoMetricFamily,
        )

        yield InfoMetricFamily("dbtool_build", "This dbtool.", value={"version": self._version})
        samplings = self._samplings()
        for name, (kind, text) in SERIES.items():
            labels = ["database", *_MORE_LABELS.get(name, [])]
            make: Any = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            family = make(name, text, labels=labels)
            for database, sampling in samplings.items():
                for more, value in _values(name, sampling):
                    family.add_metric([_label(database), *map(_label, more)], value)
            yield family


_MORE_LABELS: Final = {
    "dbtool_table_size_bytes": ["table"],
    "dbtool_table_rows": ["table"],
    "dbtool_alert_firing": ["alert"],
}


def _values(name: str, sampling: Sampling) -> Iterator[tuple[tuple[str, ...], float]]:
    if name == "dbtool_alert_firing":
        for alert in sampling.alerts:
            if alert.state != "unknown" and alert.code in ALERTS:
                yield (alert.code,), float(alert.state == "firing")
    elif name.startswith("dbtool_table_"):
        tables = {} if sampling.daily is None else sampling.daily.tables
        largest = sorted(tables.items(), key=lambda item: (-item[1].size_bytes, item[0]))
        for table, facts in largest[:MOST_TABLES]:
            value = facts.rows if name == "dbtool_table_rows" else facts.size_bytes
            if value is not None:
                yield (table,), float(value)
    else:
        single = _SINGLE[name](sampling)
        if single is not None:
            yield (), float(single)


def _look(name: str) -> Callable[[Sampling], float | None]:
    return lambda sampling: None if sampling.look is None else getattr(sampling.look, name)


def _fact(name: str) -> Callable[[Sampling], float | None]:
    def value(sampling: Sampling) -> float | None:
        found: Any = None if sampling.daily is None else getattr(sampling.daily, name)
        return found.timestamp() if isinstance(found, datetime) else found

    return value


def _count(name: str) -> Callable[[Sampling], float | None]:
    def value(sampling: Sampling) -> float | None:
        found = None if sampling.look is None else getattr(sampling.look, name)
        return None if found is None else len(found)

    return value


def _free(sampling: Sampling) -> float | None:
    look = sampling.look
    if look is None or look.free_pages is None or look.page_size is None:
        return None
    return look.free_pages * look.page_size


_SINGLE: Final[dict[str, Callable[[Sampling], float | None]]] = {
    "dbtool_up": lambda sampling: sampling.look is not None,
    "dbtool_last_look_timestamp_seconds": lambda sampling: sampling.at.timestamp(),
    "dbtool_look_duration_seconds": _look("took_s"),
    "dbtool_database_size_bytes": _look("database_bytes"),
    "dbtool_database_free_bytes": _free,
    "dbtool_database_reclaimable_bytes": _fact("reclaimable_bytes"),
    "dbtool_wal_size_bytes": lambda one: None if one.look is None else one.look.wal_bytes or 0,
    "dbtool_wal_frames": _look("wal_frames"),
    "dbtool_wal_checkpointed_frames": _look("checkpointed_frames"),
    "dbtool_commits": lambda sampling: sampling.totals.get("commits"),
    "dbtool_wal_frames_written": lambda sampling: sampling.totals.get("frames"),
    "dbtool_wal_resets": lambda sampling: sampling.totals.get("resets"),
    "dbtool_disk_free_bytes": _look("disk_free_bytes"),
    "dbtool_disk_size_bytes": _look("disk_bytes"),
    "dbtool_processes": _count("users"),
    "dbtool_readers": _count("readers"),
    "dbtool_oldest_reader_seconds": lambda one: None if one.look is None else reading_s(one.look),
    "dbtool_writer_seconds": lambda one: None if one.look is None else writing_s(one.look),
    "dbtool_backup_timestamp_seconds": _fact("backup_at"),
    "dbtool_verify_timestamp_seconds": _fact("verified_at"),
    "dbtool_growth_bytes_per_day": _fact("growth_per_day_bytes"),
    "dbtool_disk_full_days": _fact("days_until_full"),
}


def _label(text: str) -> str:
    """Return text as the exposition holds it: UTF-8, which a name of a table need not be."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
