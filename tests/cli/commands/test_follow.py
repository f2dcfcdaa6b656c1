"""`dbtool follow`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from tests.cli.conftest import Run, change_database, environment, run_child


@contextmanager
def _following(*words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "dbtool", "follow", "-o", "ndjson", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _next(process: subprocess.Popen[str], kind: str) -> dict[str, object]:
    assert process.stdout
    for line in process.stdout:
        record = json.loads(line)
        if record["type"] == kind:
            return record
    raise AssertionError(process.stderr.read() if process.stderr else "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_changes_become_snapshots_until_a_signal_ends_it_in_order(
    database: Path, number: int
) -> None:
    with _following("--interval", "50ms", "app.db") as process:
        first = _next(process, "snapshot")
        assert (first["how"], first["reason"]) == ("scan", "the first look")
        change_database(database)
        second = _next(process, "snapshot")
        assert second["how"] == "increment"
        assert second["pages_scanned"] < first["pages_scanned"]
        process.send_signal(number)
        summary = _next(process, "summary")
        assert (summary["schema"], summary["snapshots"]) == ("dbtool.follow/1", 2)
        assert process.wait(20) == 0
    repository = Repository.open("app.db.backups")
    assert [s.id for s in repository.snapshots()] == [first["snapshot"], second["snapshot"]]


def test_its_life_is_shown_beside_the_snapshots(run: Run, database: Path) -> None:
    with _following("--interval", "50ms", "app.db") as process:
        _next(process, "snapshot")
        outcome = run("snapshots", "app.db")
        assert f"is followed by process {process.pid} every 50 ms" in outcome.err
        process.kill()
        process.wait()
    outcome = run("snapshots", "app.db")
    assert outcome.code == 3
    assert f"is followed no more: process {process.pid} was last heard of" in outcome.err


def test_hang_up_reads_the_configuration_again(database: Path) -> None:
    config = Path("dbtool.toml")
    config.write_text('[databases.app]\npath = "app.db"\n[follow]\ninterval = "50ms"\n')
    with _following("app") as process:
        _next(process, "snapshot")
        config.write_text('[databases.app]\npath = "app.db"\n[follow]\ninterval = "2s"\n')
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        config.write_text("nonsense")
        process.send_signal(signal.SIGHUP)
        warning = _next(process, "warning")
        assert "the old configuration stays in force" in str(warning["message"])
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=20)
    assert "following every 2.0 s" in err


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("none.db",), 10, "database-not-found"),
        (("--interval", "soon", "app.db"), 2, "invalid-value"),
        (("--interval", "1ms", "app.db"), 2, "invalid-value"),
        (("--wal-limit", "much", "app.db"), 2, "invalid-value"),
    ],
)
def test_what_cannot_begin_ends_at_once(
    database: Path, words: tuple[str, ...], code: int, name: str
) -> None:
    outcome = run_child("follow", "--json", *words)
    assert (outcome.code, outcome.error["code"]) == (code, name)
    assert not Path("none.db.backups").exists()


def test_a_second_follower_of_the_same_database_is_refused_and_another_repository_is_not(
    database: Path,
) -> None:
    with _following("--interval", "50ms", "app.db") as process:
        _next(process, "snapshot")
        outcome = run_child("follow", "--json", "app.db")
        assert (outcome.code, outcome.error["code"]) == (11, "follow-running")
        assert f"process {process.pid}" in outcome.error["cause"]
        Repository.create("elsewhere")
        with _following("--interval", "50ms", "--repo", "elsewhere", "app.db") as other:
            _next(other, "snapshot")
        process.kill()
        process.wait()
    with _following("app.db") as process:  # a killed one is in nobody's way
        _next(process, "start")
