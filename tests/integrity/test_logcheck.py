"""Commits that a rotten frame of the WAL hides are found; what a crash leaves is no damage."""

from __future__ import annotations

import random
from pathlib import Path

import apsw
import pytest

from dbtool.integrity.findings import Code, Finding, Kind, Rung, Verdict
from dbtool.pages.walcheck import check_log
from tests.integrity.logged import COMMITS, Logged, make_logged


@pytest.fixture
def logged(tmp_path: Path) -> Logged:
    return make_logged(tmp_path)


def hidden(logged: Logged) -> list[Finding]:
    return [f for f in logged.verify().findings if f.code == Code.WAL_DAMAGED]


def test_any_bit_that_rots_in_a_log_is_found(logged: Logged) -> None:
    draw = random.Random(11)
    bits = [draw.randrange(len(logged.log) * 8) for _ in range(20)]
    for bit in [*bits, 3, 150, 32 * 8 + 5]:
        logged.flip(bit)
        before = logged.wal.read_bytes()
        (finding,) = hidden(logged)
        assert finding.verdict == Verdict.DATA_DAMAGE
        assert finding.kind == Kind.WAL
        assert finding.object == "app.db-wal"
        assert "commit" in finding.problem
        assert finding.pages
        assert logged.wal.read_bytes() == before  # the evidence is still there


def test_frame_pages_and_commits_are_named(logged: Logged) -> None:
    logged.flip((32 + 24 + 4120 * 2 + 700) * 8)
    (finding,) = hidden(logged)
    assert "frame 3 (page" in finding.problem
    assert "rotted at byte 8,996" in finding.problem
    assert f"does not see the {COMMITS} commits" in finding.problem
    assert finding.rung == Rung.DERIVED
    report = logged.verify()
    assert report.damaged
    assert report.verdict == Verdict.DATA_DAMAGE
    logged.flip((len(logged.log) - 3000) * 8)
    assert "does not see the 1 commit " in hidden(logged)[0].problem


def test_a_whole_log_and_one_cut_short_are_no_damage(logged: Logged) -> None:
    for log in (logged.log, logged.log[:-1], logged.log[: 32 + 4120 * 4 + 99]):
        logged.put(log)
        report = logged.verify()
        assert report.verdict == Verdict.HEALTHY
        assert not any("interrupted" in note for note in report.notes)


def test_a_last_transaction_that_is_not_whole_is_a_note(logged: Logged) -> None:
    frames = (len(logged.log) - 32) // 4120
    at = 32 + (frames - 2) * 4120
    logged.put(logged.log[:at] + bytes(4120) + logged.log[at + 4120 :])
    report = logged.verify()
    assert report.verdict == Verdict.HEALTHY
    assert any("interrupted" in note for note in report.notes)


def test_the_rest_of_an_older_log_is_no_damage(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "app.db"))
    connection.execute("PRAGMA journal_mode = wal").fetchall()
    connection.execute("CREATE TABLE t(x)")
    for _ in range(5):
        connection.execute("INSERT INTO t VALUES (randomblob(9000))")
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    connection.execute("INSERT INTO t VALUES (1)")
    logged = Logged(tmp_path / "app.db", b"", b"")
    report = logged.verify()
    assert report.findings == ()
    assert not any("WAL" in note or "-wal" in note for note in report.notes)
    connection.close()


def test_rot_is_found_while_an_application_has_the_log_open(logged: Logged) -> None:
    connection = apsw.Connection(str(logged.path))
    connection.execute("PRAGMA wal_autocheckpoint = 0").fetchall()
    connection.execute("SELECT sum(n) FROM t").fetchall()
    with logged.wal.open("r+b") as wal:
        wal.seek(32 + 24 + 4120 + 600)
        wal.write(b"rot")
    (finding,) = hidden(logged)
    assert "the next checkpoint keeps it" in finding.problem
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    report = logged.verify()
    assert not any(f.code == Code.WAL_DAMAGED for f in report.findings)
    assert any("in the database already" in note for note in report.notes)
    connection.close()


def test_a_rotten_header_of_a_log_that_was_checkpointed_hides_nothing(logged: Logged) -> None:
    connection = apsw.Connection(str(logged.path))
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    logged.main, logged.log = logged.path.read_bytes(), logged.wal.read_bytes()
    connection.close()
    logged.flip(17 * 8)
    report = logged.verify()
    assert report.verdict == Verdict.HEALTHY
    assert any("in the database already" in note for note in report.notes)


def test_rot_in_a_log_that_is_in_the_database_already_is_a_note(logged: Logged) -> None:
    connection = apsw.Connection(str(logged.path))
    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
    with logged.wal.open("r+b") as wal:
        wal.seek(32 + 24 + 4120 + 600)
        byte = wal.read(1)[0]
        wal.seek(32 + 24 + 4120 + 600)
        wal.write(bytes([byte ^ 1]))
    report = logged.verify()
    assert report.verdict == Verdict.HEALTHY
    assert any("in the database already" in note for note in report.notes)
    connection.close()


def test_writers_at_work_raise_no_alarm(logged: Logged) -> None:
    connection = apsw.Connection(str(logged.path))
    connection.execute("PRAGMA cache_size = 5").fetchall()
    connection.execute("BEGIN")
    for _ in range(5):
        connection.execute("INSERT INTO t(n, filler) VALUES (1, randomblob(90000))")
        connection.execute("UPDATE t SET n = n + 1")
        connection.cache_flush()
        assert hidden(logged) == []
    connection.execute("ROLLBACK")
    assert hidden(logged) == []
    connection.execute("INSERT INTO t(n) VALUES (9)")
    assert hidden(logged) == []
    log = logged.wal.read_bytes()
    found = check_log(lambda at, length: log[at : at + length], len(log))
    assert found is not None
    assert found.committed < (len(log) - 32) // 4120
    connection.close()
