"""Samples as people see them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from dbtool.cli.monitor.view import alert_line, live_line, report_lines, sampling_data
from dbtool.core.holders import Holder
from dbtool.errors import NotFound
from dbtool.monitor.alertbook import AlertBook
from dbtool.monitor.alerts import AlertLimits, judge, unreadable
from dbtool.monitor.observer import Look
from dbtool.monitor.sampler import Sampling
from tests.monitor.lookstands import CALM, KNOWN, NOW, look, reading

PATH = Path("app.db")


def sampling(seen: Look | None = CALM, per_s: float | None = 12.34) -> Sampling:
    judged = unreadable("it is gone") if seen is None else judge(seen, KNOWN, AlertLimits())
    alerts = AlertBook().update(judged, elapsed_s=0, now=NOW)
    problem = None if seen else NotFound("database-not-found", "it is gone")
    return Sampling(NOW, seen, problem, alerts, KNOWN, per_s)


def test_a_calm_database_is_a_few_lines() -> None:
    assert report_lines("app", PATH, sampling()) == [
        ("database", "app  app.db"),
        ("size", "100 MiB, 40.0 KiB of it free pages"),
        ("WAL", "1.0 MiB: 250 frames, 50 not checkpointed"),
        ("commits", "3 since the look before (12/s)"),
        ("processes", "7 (app)"),
        ("writes", "nobody just now"),
        ("reads", "nobody just now"),
        ("disk", "9.8 GiB free of 19.5 GiB"),
        ("alerts", "✓ none"),
        ("", "? backup-stale: n/a, no max_backup_age is configured for it"),
    ]


def test_who_reads_and_writes_is_named_with_the_time() -> None:
    seen = look(
        readers=(reading(8, 100, 6), reading(9, 0, 0)),
        writers=(Holder(7, "app"),),
        writer_since=NOW - timedelta(seconds=2),
        commits_at_least=True,
    )
    lines = dict(report_lines("app.db", PATH, sampling(seen)))
    assert lines["database"] == "app.db"
    assert lines["writes"] == "7 (app), for 2.0 s at least"
    assert lines["reads"] == (
        "8 (report) up to frame 100, for 6 min at least; 9 (report) the database alone"
    )
    assert lines["commits"].startswith("at least 3 ")


def test_what_is_not_known_says_why() -> None:
    why = dict.fromkeys(("users", "writers", "readers"), "no list of locks here")
    seen = look(users=None, writers=None, readers=None, unknown=why)
    lines = report_lines("app", PATH, sampling(seen))
    assert ("writes", "n/a: no list of locks here") in lines
    assert ("reads", "n/a: no list of locks here") in lines


def test_a_database_that_is_gone_says_so() -> None:
    lines = report_lines("app", PATH, sampling(None))
    assert ("", "it is gone") in lines
    assert ("alerts", "✗ database-unreadable firing: it is gone") in lines
    assert ("", "    dbtool verify app") in lines
    assert live_line("app", sampling(None)).endswith("it is gone  ✗ database-unreadable")


def test_a_line_holds_what_matters() -> None:
    line = live_line("app", sampling(look(writers=(Holder(7, "app"),), writer_since=NOW)))
    assert line.split("  ")[1:] == [
        "app",
        "100 MiB",
        "WAL 1.0 MiB",
        "12/s commits",
        "1 open",
        "0 reading",
        "7 (app) writes",
        "✓ ok",
    ]


def test_an_alert_says_when_it_began_and_when_it_is_over() -> None:
    book = AlertBook()
    (gone, *_) = book.update(unreadable("it is gone"), elapsed_s=0, now=NOW)
    assert alert_line(gone, NOW) == "✗ database-unreadable firing: it is gone"
    later = NOW + timedelta(minutes=5)
    (gone, *_) = book.update(unreadable("it is gone"), elapsed_s=300, now=later)
    assert alert_line(gone, later) == "✗ database-unreadable firing, since 5 min: it is gone"
    (back, *_) = book.update(judge(CALM, KNOWN, AlertLimits()), elapsed_s=60, now=later)
    assert alert_line(back, later) == "✓ database-unreadable resolved: it can be looked at"


def test_programs_get_plain_values() -> None:
    data = sampling_data("app", PATH, sampling(look(readers=(reading(8, 100, 6),))))
    assert data["readers"] == [
        {"pid": 8, "command": "report", "frame": 100, "since": NOW - timedelta(minutes=6)}
    ]
    assert data["ok"] is True
    gone = sampling_data("app", PATH, sampling(None))
    assert (gone["ok"], gone["problem"], "size" in gone) == (False, "it is gone", False)
    assert gone["alerts"][0]["command"] == "dbtool verify app"
