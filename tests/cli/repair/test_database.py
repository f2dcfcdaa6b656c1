"""The wiring of `dbtool repair`: options that make no sense, and databases that are gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize("rung", ["0", "6", "preserve", "up", "22", ""])
def test_a_rung_that_is_none_is_refused(run: Run, database: Path, rung: str) -> None:
    outcome = run("repair", "--rung", rung, "app.db")
    assert outcome.code == 2
    assert "transplant" in outcome.err


def test_places_that_do_not_exist_are_refused_before_any_work(run: Run, database: Path) -> None:
    assert run("repair", "--temp", "nowhere", "app.db").code == 2
    assert run("repair", "--to", "nowhere/x.db", "app.db").code == 10
    assert run("repair", "--to", "app.db", "app.db").code == 5


def test_where_the_database_is_gone_the_evidence_is_named(run: Run) -> None:
    Path("app.db.damaged-20261121T100000Z").mkdir()
    outcome = run("repair", "app.db")
    assert outcome.code == 10
    assert "app.db.damaged-20261121T100000Z" in outcome.err
