"""Pictures never replace what they should not."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.stats.files import require_no_database
from dbtool.errors import UsageError
from tests.cli.conftest import Run, run_child


def test_a_database_is_not_written_over(database: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        require_no_database(database)
    link = tmp_path / "link.html"
    link.symlink_to(database.resolve())
    with pytest.raises(UsageError):
        require_no_database(link)
    require_no_database(tmp_path / "new.html")


def test_an_older_picture_is_replaced(run: Run, database: Path) -> None:
    Path("map.svg").write_text("old", encoding="utf-8")
    assert run("stats", "--svg", "map.svg", "-q", "app.db").code == 0
    assert "old" not in Path("map.svg").read_text(encoding="utf-8")


def test_a_database_that_cannot_be_read_has_a_page_and_no_map(run: Run) -> None:
    import random

    Path("secret.db").write_bytes(random.Random(1).randbytes(8192))
    assert run("stats", "--html", "page.html", "secret.db").code == 3
    assert "is encrypted" in Path("page.html").read_text(encoding="utf-8")
    assert run("stats", "--svg", "map.svg", "secret.db").code == 12
    assert not Path("map.svg").exists()


def test_an_empty_database_has_a_page(run: Run) -> None:
    Path("empty.db").touch()
    assert run("stats", "--html", "page.html", "-q", "empty.db").code == 0
    assert run("stats", "--svg", "map.svg", "-q", "empty.db").code == 2


def test_a_pipe_is_written_to_and_stays_one(database: Path) -> None:
    outcome = run_child("stats", "--svg", "/dev/stdout", "-q", "app.db")
    assert outcome.code == 0
    assert outcome.out.startswith("<?xml")
    assert outcome.out.endswith("</svg>\n")


def test_a_link_to_a_picture_stays_a_link(run: Run, database: Path) -> None:
    Path("real.svg").write_text("old", encoding="utf-8")
    Path("link.svg").symlink_to("real.svg")
    assert run("stats", "--svg", "link.svg", "-q", "app.db").code == 0
    assert Path("link.svg").is_symlink()
    assert "old" not in Path("real.svg").read_text(encoding="utf-8")
