"""dbtool: hot, page-exact, incremental, encrypted snapshots of SQLite databases.

The public API, imported on first use so that `import dbtool` costs nothing:

    import dbtool

    repository = dbtool.Repository.open("backups/", password="...")
    with dbtool.open("app.db") as database:
        result = repository.backup(database)
    for snapshot in repository.snapshots():
        print(snapshot.id, snapshot.time)
    repository.restore("latest", Path("copy.db"))
    dbtool.migrate.upgrade("app.db", "migrations/")
    with repository.diff("latest", Path("app.db")) as diff:
        for row in diff.rows():
            print(row.table, row.key, row.old, row.new)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dbtool.api import Repository
    from dbtool.backup.model import (
        BackupOptions,
        BackupResult,
        Finding,
        RepositoryReport,
        RestoreOptions,
        RestorePlan,
        RestoreResult,
        Snapshot,
        SnapshotId,
    )
    from dbtool.backup.repository import RepositoryInfo
    from dbtool.core.create import init_database
    from dbtool.core.database import Database, open
    from dbtool.core.progress import Progress, Silent
    from dbtool.core.schemadiff import SchemaChange
    from dbtool.crypto.keys import Secret
    from dbtool.errors import (
        CheckFailed,
        Damaged,
        DbtoolError,
        Locked,
        NotFound,
        Refused,
        StorageFailed,
        Unreachable,
        UsageError,
        WrongKey,
    )
    from dbtool.integrity.check import verify_database
    from dbtool.integrity.findings import VerifyOptions, VerifyReport
    from dbtool.monitor.stats.health import HealthReport, health_report
    from dbtool.monitor.stats.model import StatsReport
    from dbtool.monitor.stats.report import StatsOptions, StatsProviders, stats_report
    from dbtool.rows.diff import Diff
    from dbtool.rows.history import HistoryEntry
    from dbtool.rows.match import TableRestore
    from dbtool.rows.model import DiffOptions, RowChange, TableChange
    from dbtool.search.access import SearchAccess, search_database
    from dbtool.search.model import SearchOptions, SearchResult

__version__ = "0.1.0"

__all__ = [
    "BackupOptions",
    "BackupResult",
    "CheckFailed",
    "Damaged",
    "Database",
    "DbtoolError",
    "Diff",
    "DiffOptions",
    "Finding",
    "HealthReport",
    "HistoryEntry",
    "Locked",
    "NotFound",
    "Progress",
    "Refused",
    "Repository",
    "RepositoryInfo",
    "RepositoryReport",
    "RestoreOptions",
    "RestorePlan",
    "RestoreResult",
    "RowChange",
    "SchemaChange",
    "SearchAccess",
    "SearchOptions",
    "SearchResult",
    "Secret",
    "Silent",
    "Snapshot",
    "SnapshotId",
    "StatsOptions",
    "StatsProviders",
    "StatsReport",
    "StorageFailed",
    "TableChange",
    "TableRestore",
    "Unreachable",
    "UsageError",
    "VerifyOptions",
    "VerifyReport",
    "WrongKey",
    "__version__",
    "health_report",
    "init_database",
    "open",
    "search_database",
    "stats_report",
    "verify_database",
]

_MODULES: dict[str, tuple[str, ...]] = {
    "dbtool.api": ("Repository",),
    "dbtool.backup.model": (
        "BackupOptions",
        "BackupResult",
        "Finding",
        "RepositoryReport",
        "RestoreOptions",
        "RestorePlan",
        "RestoreResult",
        "Snapshot",
        "SnapshotId",
    ),
    "dbtool.backup.repository": ("RepositoryInfo",),
    "dbtool.core.create": ("init_database",),
    "dbtool.core.database": ("Database", "open"),
    "dbtool.core.progress": ("Progress", "Silent"),
    "dbtool.crypto.keys": ("Secret",),
    "dbtool.errors": (
        "CheckFailed",
        "Damaged",
        "DbtoolError",
        "Locked",
        "NotFound",
        "Refused",
        "StorageFailed",
        "Unreachable",
        "UsageError",
        "WrongKey",
    ),
    "dbtool.integrity.check": ("verify_database",),
    "dbtool.integrity.findings": ("VerifyOptions", "VerifyReport"),
    "dbtool.monitor.stats.health": ("HealthReport", "health_report"),
    "dbtool.monitor.stats.model": ("StatsReport",),
    "dbtool.monitor.stats.report": ("StatsOptions", "StatsProviders", "stats_report"),
    "dbtool.rows.diff": ("Diff",),
    "dbtool.rows.history": ("HistoryEntry",),
    "dbtool.rows.match": ("TableRestore",),
    "dbtool.rows.model": ("DiffOptions", "RowChange", "TableChange"),
    "dbtool.core.schemadiff": ("SchemaChange",),
    "dbtool.search.access": ("SearchAccess", "search_database"),
    "dbtool.search.model": ("SearchOptions", "SearchResult"),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import the module that holds a public name, and keep the name."""
    if name == "migrate":
        return import_module("dbtool.migrate")
    module = _HOME.get(name)
    if module is None:
        raise AttributeError(f"module 'dbtool' has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
