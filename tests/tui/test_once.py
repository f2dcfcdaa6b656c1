"""The dashboard as data."""

from __future__ import annotations

import json

from dbtool.tui.line import Status
from dbtool.tui.once import document, gather
from tests.tui.seeded import DATABASE, NOW_S, OTHER, Scripted, failing, options


def test_everything_that_is_known_is_in_it() -> None:
    source = Scripted()
    data, status = document(gather(source, options(DATABASE, OTHER)), NOW_S)
    first, second = data["databases"]
    assert (first["name"], second["name"]) == ("app.db", "logs.db")
    assert first["feeds"]["snapshots"]["data"]
    assert {line["what"] for line in first["health"]} >= {"file", "backup", "wal", "disk"}
    assert first["live"]["wal_bytes"] == 48 * 2**20
    assert status is Status.WARN  # a reader keeps the WAL
    assert json.dumps(data)


def test_a_database_without_a_backup_is_critical() -> None:
    source = Scripted({"snapshots": failing("snapshots", "repository-not-found")})
    data, status = document(gather(source, options()), NOW_S)
    assert status is Status.CRIT
    assert data["databases"][0]["status"] == "crit"
    assert data["databases"][0]["feeds"]["snapshots"]["problem"]["code"] == "repository-not-found"
