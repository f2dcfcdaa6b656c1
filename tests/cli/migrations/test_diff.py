"""`dbtool migrate diff` as its users run it."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from tests.cli.conftest import Run


@pytest.fixture
def dumped(run: Run, database: Path) -> Path:
    run("migrate", "dump", "--to", "schema.sql", "app.db")
    return Path("schema.sql")


def test_nothing_differs_after_a_dump(run: Run, dumped: Path) -> None:
    done = run("migrate", "diff", "--check", "app.db")
    assert (done.code, "they are the same" in done.err) == (0, True)
    assert run("migrate", "diff", "-q", "--check", "app.db").out == ""


def test_drift_is_shown_and_checked(run: Run, dumped: Path) -> None:
    apsw.Connection("app.db").execute("ALTER TABLE t ADD COLUMN n INT; CREATE INDEX i ON t(n)")
    done = run("migrate", "diff", "app.db")
    assert done.code == 0
    assert "+ column t.n  INT" in done.out
    assert "+ index i on t" in done.out
    assert run("migrate", "diff", "--check", "app.db").code == 4
    assert run("migrate", "diff", "--check", "-q", "app.db").code == 4
    data = run("migrate", "diff", "--json", "app.db").data
    assert [(c["what"], c["kind"], c["name"]) for c in data["changes"]] == [
        ("changed", "table", "t"),
        ("added", "column", "n"),
        ("added", "index", "i"),
    ]
    assert run("migrate", "diff", "-o", "csv", "app.db").out.startswith("what,kind,name")


def test_the_history_of_migrations_is_no_drift(run: Run, dumped: Path) -> None:
    Path("migrations").mkdir()
    Path("migrations/1_a.sql").write_text("SELECT 1", encoding="utf-8")
    run("migrate", "up", "app.db")
    assert run("migrate", "diff", "--check", "app.db").code == 0


def test_a_file_is_named_or_found_with_the_migrations(run: Run, dumped: Path) -> None:
    Path("migrations").mkdir()
    dumped.rename("migrations/schema.sql")
    assert run("migrate", "diff", "--check", "app.db").code == 0
    Path("other.sql").write_text("CREATE TABLE x(a);", encoding="utf-8")
    assert run("migrate", "diff", "--check", "--schema", "other.sql", "app.db").code == 4


@pytest.mark.parametrize(
    ("text", "code", "name"),
    [
        (None, 10, "schema-file-not-found"),
        ("CREATE TABLE t(", 2, "schema-not-loaded"),
        ("CREATE TABLE t(a DEFAULT 'x", 2, "schema-not-loaded"),
    ],
)
def test_a_file_that_is_none(
    run: Run, dumped: Path, text: str | None, code: int, name: str
) -> None:
    dumped.unlink()
    if text is not None:
        dumped.write_text(text, encoding="utf-8")
    failed = run("migrate", "diff", "app.db")
    assert (failed.code, name in failed.err) == (code, True)
