"""Every key that a configuration file may hold, and every variable of the environment, as data.

`dbtool.config` reads them; help, manual pages and validation name them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["ENVIRONMENT", "FORMAT_VERSION", "SCHEMA", "Key", "pattern_of"]

FORMAT_VERSION = 1


class Key(NamedTuple):
    """One key that a configuration file may hold."""

    kind: str
    """text, integer, flag, path, location, duration, size, share, list, or rule (judged later)."""
    help: str
    default: Any = None
    least: int | None = None
    most: int | None = None


RETENTION_TABLES = ("retention", "databases.*.retention")
"""A key of a database wins over the same key of all."""
RETENTION: dict[str, Key] = {
    "last": Key("integer", "newest snapshots to keep", least=0),
    **{
        period: Key("integer", f"{period} snapshots to keep", least=0)
        for period in ("hourly", "daily", "weekly", "monthly", "yearly")
    },
    "within": Key("duration", "age up to which all snapshots are kept"),
    "tags": Key("list", "tags of snapshots that are kept for ever"),
    "safety": Key("duration", "age up to which safety snapshots are kept"),
}

ARCHIVING: dict[str, Key] = {
    "older_than": Key("duration", "age from which rows of the table are moved by `optimize`"),
    "column": Key("text", "column that holds the time of a row"),
    "archive_to": Key("path", "file for old rows, with a strftime pattern in braces"),
    "rollup": Key("text", "SQL that sums up rows of the table `expired` before they go"),
    "discard": Key("flag", "true: delete old rows and keep none"),
    "secure_delete": Key("flag", "true: overwrite what was deleted with zeros"),
    "compress": Key("list", "columns that are compressed in the archive"),
}
"""Of `[retention.TABLE]`. A table that is named like a key of [retention] is written main.TABLE."""

SCHEMA: dict[str, Key] = {
    "version": Key("integer", "format of the file", FORMAT_VERSION),
    "databases.*.path": Key("path", "the database file"),
    "databases.*.repository": Key("location", "where its snapshots lie"),
    "databases.*.max_backup_age": Key(
        "duration", "age from which `snapshots` and `verify` warn of a stale backup"
    ),
    "databases.*.migrations": Key("path", "folder of its migrations"),
    "databases.*.password_file": Key(
        "path", "file that holds the password or key of its repository alone"
    ),
    "databases.*.password_command": Key("text", "command that prints it"),
    "databases.*.copies.*.repository": Key("location", "where copies of its snapshots lie"),
    "databases.*.copies.*.max_backup_age": Key("duration", "age of its newest copy to warn from"),
    "databases.*.copies.*.password_file": Key("path", "file that holds the password or key"),
    "databases.*.copies.*.password_command": Key("text", "command that prints it"),
    "repository.compression": Key("integer", "zstd level of new repositories", 3, 1, 22),
    "repository.password_file": Key(
        "path", "file that holds the password or key of every repository"
    ),
    "repository.password_command": Key("text", "command that prints it"),
    "repository.append_only": Key("flag", "true: add to repositories, never remove or overwrite"),
    "repository.limit_upload": Key("size", "bytes a second that may be written to a repository"),
    **{f"{table}.{name}": key for table in RETENTION_TABLES for name, key in RETENTION.items()},
    **{f"{t}.*.{name}": key for t in RETENTION_TABLES for name, key in ARCHIVING.items()},
    "follow.interval": Key("duration", "from one look of `follow` to the next"),
    "follow.keep_all": Key("duration", "age up to which all snapshots of `follow` are kept"),
    "follow.wal_limit": Key("size", "size of the WAL from which `follow` checkpoints it"),
    "run.verify": Key("list", "proofs of `run`: database, full, drill, snapshots, data, rules"),
    "run.budget": Key("duration", "time that `run` may take for the database; it resumes"),
    "hooks.on_success": Key("list", "commands to run when `run` succeeded"),
    "hooks.on_failure": Key("list", "commands to run when `run` failed"),
    "hooks.ping_url": Key("text", "address that `run` tells of its start, success and failure"),
    "search.*.description": Key("text", "what a saved search finds, for people"),
    "search.*.table": Key("text", "the table that a saved search looks through"),
    "search.*.columns": Key("list", "the columns of it that hold the text"),
    "search.*.filters.*": Key("text", "SQL condition over a row; each ? takes the given value"),
    "stats.*.description": Key("text", "what a saved statistic tells, for people"),
    "stats.*.sql": Key("text", "one SQL query that reads"),
    "monitor.interval": Key("duration", "from one look of `monitor` to the next"),
    "monitor.history_beside": Key("flag", "true: samples lie beside the database"),
    "alerts.wal_bytes": Key("size", "size of the WAL to warn from"),
    "alerts.wal_share": Key("share", "the same as a share of the database; the greater counts"),
    "alerts.wal_for": Key("duration", "how long the WAL has to be larger"),
    "alerts.pinned_for": Key("duration", "how long one reader may keep the WAL up"),
    "alerts.writer_for": Key("duration", "how long one transaction may keep writers out"),
    "alerts.disk_free": Key("share", "free space to warn below"),
    "alerts.disk_full_within": Key("duration", "warn where the disk is full so soon"),
    "alerts.growth_factor": Key("integer", "daily growth to warn from, in medians", least=2),
    "alerts.verify_age": Key("duration", "age of the last proof of stored data to warn from"),
    "alerts.reclaimable": Key("share", "unused part of the file to warn from"),
    "alerts.ignore": Key("list", "codes of alerts that are not wanted"),
    "alerts.on_firing": Key("list", "commands to run when alerts begin to fire"),
    "alerts.on_resolved": Key("list", "commands to run when none fires any more"),
    "alerts.ping_url": Key("text", "address that `monitor` tells that all is well, or not"),
    "validate.python_rules": Key("list", "rules of installed packages to run, by name"),
    "validate.time_limit": Key("duration", "longest time for one rule"),
    "validate.*.not_null": Key("rule", "columns without NULL"),
    "validate.*.unique": Key("rule", "columns, or lists of columns, without duplicates"),
    "validate.*.check": Key("rule", "SQL expressions over the row that must not be false"),
    "validate.*.columns.*.type": Key("rule", "integer, real, number, text or blob, or some"),
    "validate.*.columns.*.not_null": Key("rule", "true: no NULL"),
    "validate.*.columns.*.unique": Key("rule", "true: no duplicates"),
    "validate.*.columns.*.min": Key("rule", "least number, date or text"),
    "validate.*.columns.*.max": Key("rule", "greatest number, date or text"),
    "validate.*.columns.*.values": Key("rule", "the values that are allowed"),
    "validate.*.columns.*.pattern": Key("rule", "regular expression that the whole text matches"),
    "validate.*.columns.*.json_schema": Key("rule", "JSON Schema, or the path of one"),
    "validate.*.columns.*.references": Key("rule", '"table.column" that holds every value'),
}

ENVIRONMENT: dict[str, str] = {
    "DBTOOL_DB": "database, where none is given",
    "DBTOOL_REPO": "repository, as --repo",
    "DBTOOL_CONFIG": "configuration file, as --config",
    "DBTOOL_COMPRESSION": "zstd level of new repositories",
    "DBTOOL_PASSWORD_FILE": "file that holds the password or key",
    "DBTOOL_PASSWORD_COMMAND": "command that prints the password or key",
    "DBTOOL_PASSWORD": "the password itself; other processes of the user can read it",
    "DBTOOL_TO_PASSWORD_FILE": "the same for the repository that `copy` writes to",
    "DBTOOL_TO_PASSWORD_COMMAND": "likewise",
    "DBTOOL_TO_PASSWORD": "likewise",
    "DBTOOL_FROM_PASSWORD_FILE": "the same for the repository of `repair --from`",
    "DBTOOL_FROM_PASSWORD_COMMAND": "likewise",
    "DBTOOL_FROM_PASSWORD": "likewise",
    "DBTOOL_COLOR": "auto, always or never, as --color",
    "DBTOOL_PROGRESS": "auto, none or plain, as --progress",
    "NO_COLOR": "no colour, where it is set and not empty",
    "FORCE_COLOR": "colour even into pipes, where it is set and not empty",
}


def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for key in SCHEMA:
        node = tree
        for part in key.split("."):
            node = node.setdefault(part, {})
    return tree


_TREE = _tree()


def pattern_of(path: tuple[str, ...]) -> str:
    """Return the key of `SCHEMA` that a path is, its names replaced by stars.

    A word of the schema wins over a name of the user's. The last part of a path that is no key
    stays as it stands, so that a mistyped one can be compared with those that there are.
    """
    node, parts = _TREE, []
    for index, part in enumerate(path):
        last = index == len(path) - 1
        name = "*" if part not in node and "*" in node and not (last and node["*"]) else part
        parts.append(name)
        node = node.get(name, {})
    return ".".join(parts)
