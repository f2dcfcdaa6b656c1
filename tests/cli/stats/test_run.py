"""What a report is asked for, and what it never does."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from dbtool.cli.stats.run import require_sections
from dbtool.errors import UsageError
from tests.cli.conftest import Run


def test_sections_are_known_names() -> None:
    require_sections(("tables", "growth"))
    with pytest.raises(UsageError, match="no section tabels"):
        require_sections(("tabels",))


def test_a_damaged_repository_does_not_end_the_report(run: Run, database: Path) -> None:
    run("backup", "app.db")
    config = next(path for path in Path("app.db.backups").iterdir() if path.name == "config")
    config.chmod(0o600)
    config.write_bytes(b"nonsense")
    outcome = run("stats", "--json", "app.db")
    assert outcome.code == 0
    assert outcome.data["backups"]["available"] is False
    assert outcome.data["tables"]["available"] is True


def test_a_configured_limit_of_the_age_is_shown(run: Run, database: Path) -> None:
    Path("dbtool.toml").write_text(
        'version = 1\n[databases.app]\npath = "app.db"\nmax_backup_age = "1h"\n', encoding="utf-8"
    )
    run("backup", "app")
    assert "the limit is 1 h" in run("stats", "app").out


def test_the_limits_of_alerts_are_those_of_the_report(run: Run, database: Path) -> None:
    connection = apsw.Connection(str(database))
    connection.wal_autocheckpoint(0)
    connection.execute("UPDATE t SET v = zeroblob(900)")
    before = run("stats", "--section", "storage", "app.db").out
    limits = 'version = 1\n[alerts]\nwal_bytes = "10KiB"\n'
    Path("dbtool.toml").write_text(limits, encoding="utf-8")
    after = run("stats", "--section", "storage", "app.db").out
    Path("dbtool.toml").write_text(f'{limits}ignore = ["wal-large"]\n', encoding="utf-8")
    ignored = run("stats", "--section", "storage", "app.db").out
    connection.close()
    assert "the WAL has grown" not in before
    assert "the WAL has grown" in after
    assert "the WAL has grown" not in ignored
