"""What `dbtool optimize` does, beyond showing a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.cli.optimize.run import Request
from dbtool.cli.targets import Target
from dbtool.errors import UsageError
from tests.cli.conftest import Run, make_database


def test_a_request_without_a_database_is_a_usage_error() -> None:
    request = Request(Target(None, None, "r", True), (), (), None, None, None, None, True, True)
    with pytest.raises(UsageError):
        _ = request.path


def test_a_plan_for_another_database_is_refused(run: Run, database: Path) -> None:
    make_database(Path("other.db"))
    assert run("optimize", "--out", "plan.json", "app.db").code == 0
    outcome = run("optimize", "--plan", "plan.json", "--apply", "--yes", "other.db")
    assert outcome.code == 2
    assert "plan-of-another" in outcome.err
