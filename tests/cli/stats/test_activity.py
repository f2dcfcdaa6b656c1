"""Growth, writes and backups for people."""

from __future__ import annotations

from pathlib import Path

import apsw

from tests.cli.conftest import Run, run_on_terminal


def test_writes_are_shown_by_table(run: Run, database: Path) -> None:
    writer = apsw.Connection(str(database))
    writer.wal_autocheckpoint(0)
    writer.execute("UPDATE t SET v = zeroblob(900) WHERE id < 20")
    out = run("stats", "--section", "writes", "app.db").out
    writer.close()
    assert "Writes  1 transaction in the WAL" in out
    assert "100%" in out


def test_backups_are_shown_with_their_age_and_ratio(run: Run, database: Path) -> None:
    run("backup", "app.db")
    out = run("stats", "--section", "backups", "app.db").out
    assert "just now" in out
    assert "not encrypted" in out
    assert "verified    never" in out


def test_an_answer_without_rows_says_so(run: Run, database: Path) -> None:
    Path("dbtool.toml").write_text(
        'version = 1\n[stats.none]\nsql = "SELECT 1 WHERE 0"\n', encoding="utf-8"
    )
    assert "no rows" in run("stats", "--saved", "none", "app.db").out


def test_columns_of_bytes_are_shown_as_sizes(run: Run, database: Path) -> None:
    columns = "2048 AS bytes, 3145728 AS used_bytes, 7 AS kilobytes, NULL AS free_bytes"
    settings = f'version = 1\n[stats.s]\nsql = "SELECT {columns}"\n'
    Path("dbtool.toml").write_text(settings, encoding="utf-8")
    out = run("stats", "--saved", "s", "app.db").out
    assert out.splitlines()[-1].split() == ["2.0", "KiB", "3.0", "MiB", "7", "NULL"]
    assert run("stats", "--saved", "s", "--json", "app.db").data["saved"][0]["rows"][0][0] == 2048


def test_a_statistic_too_wide_for_the_terminal_is_written_line_by_line(database: Path) -> None:
    columns = ", ".join(f"1 AS a_rather_long_name_{n}" for n in range(6))
    settings = f'version = 1\n[stats.s]\nsql = "SELECT {columns}"\n'
    Path("dbtool.toml").write_text(settings, encoding="utf-8")
    words = ("stats", "--color", "never", "--saved", "s", "app.db")
    lines = run_on_terminal(*words, columns=80).out.splitlines()
    assert "  a_rather_long_name_5  1" in lines
    assert max(map(len, lines)) <= 80
    assert len(run_on_terminal(*words, columns=200).out.splitlines()) < len(lines)
