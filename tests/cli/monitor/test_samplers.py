"""Which databases are watched, and by which limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.monitor.samplers import ignored, limits_of, watched
from dbtool.errors import UsageError
from dbtool.monitor.alerts import AlertLimits


def test_every_limit_may_be_configured() -> None:
    Path("dbtool.toml").write_text(
        """
[databases.app]
path = "app.db"
max_backup_age = "1h"
[alerts]
wal_bytes = "1MiB"
wal_share = "5%"
wal_for = "1m"
pinned_for = "2m"
writer_for = "3s"
disk_free = "20GiB"
disk_full_within = "7d"
growth_factor = 4
verify_age = "1d"
reclaimable = "50%"
"""
    )
    Path("app.db").touch()
    session = Session([])
    (target,) = watched(session, None)
    assert limits_of(session, target) == AlertLimits(
        wal_bytes=1 << 20,
        wal_share=0.05,
        wal_for_s=60.0,
        pinned_for_s=120.0,
        writer_for_s=3.0,
        disk_free=20 << 30,
        full_within_s=7 * 86400.0,
        growth_factor=4,
        backup_age_s=3600.0,
        verify_age_s=86400.0,
        reclaimable=0.5,
    )


def test_without_a_word_the_limits_are_the_usual_ones() -> None:
    Path("app.db").touch()
    session = Session([])
    (target,) = watched(session, "app.db")
    assert limits_of(session, target) == AlertLimits()
    assert ignored(session) == frozenset()


def test_an_alert_that_does_not_exist_cannot_be_ignored() -> None:
    Path("dbtool.toml").write_text('[alerts]\nignore = ["wal-larg"]\n')
    with pytest.raises(UsageError) as raised:
        ignored(Session([]))
    assert raised.value.hint == "did you mean wal-large?"


def test_a_named_database_is_watched_alone() -> None:
    Path("dbtool.toml").write_text(
        '[databases.one]\npath = "1.db"\n[databases.two]\npath = "2.db"\n'
    )
    Path("1.db").touch()
    assert [target.name for target in watched(Session([]), "one")] == ["one"]
    assert [target.name for target in watched(Session([]), None)] == ["one", "two"]
