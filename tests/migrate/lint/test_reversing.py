"""Rules about the way back and about versions."""

from __future__ import annotations

import pytest

from dbtool.migrate.lint.reversing import duplicates
from dbtool.migrate.lint.run import lint
from tests.migrate.lint.judged import judge, migration

UP = "-- dbtool:up\nALTER TABLE pets ADD COLUMN n INT;\nCREATE INDEX i ON pets(n);\n"


@pytest.mark.parametrize(
    ("down", "says"),
    [
        ("", "no way down"),
        ("-- dbtool:down\nDROP INDEX i;", "column"),
        ("-- dbtool:down\nALTER TABLE pets DROP COLUMN n;", "fails"),
        ("-- dbtool:down\nDROP INDEX i;\nALTER TABLE pets DROP COLUMN m;", "fails"),
    ],
)
def test_a_way_down_that_does_not_lead_back(down: str, says: str) -> None:
    (finding,) = [f for f in judge(UP + down) if f.rule == "irreversible-down"]
    if says == "column":
        assert "table pets is not as before" in finding.message
    else:
        assert says in finding.message


@pytest.mark.parametrize(
    "text",
    [
        f"{UP}-- dbtool:down\nDROP INDEX i;\nALTER TABLE pets DROP COLUMN n;",
        "-- dbtool:up\nUPDATE pets SET owner = 1 WHERE id = 1;\n-- dbtool:down\nSELECT 1;",
    ],
)
def test_a_way_down_that_does(text: str) -> None:
    assert "irreversible-down" not in {finding.rule for finding in judge(text)}


def test_a_failing_way_down_is_named_with_its_line() -> None:
    (finding,) = [f for f in judge(f"{UP}-- dbtool:down\n\nDROP TABLE x;") if "down" in f.rule]
    assert finding.line == 6


def test_two_migrations_with_one_version() -> None:
    one, other, third = (
        migration("SELECT 1", "0001_a.sql"),
        migration("SELECT 1", "1_b.sql"),
        migration("SELECT 1", "0002_c.sql"),
    )
    assert duplicates([one, other, third]) == {1: one}
    found = [f for f in lint([one, other, third]) if f.rule == "duplicate-version"]
    assert [f.path.name for f in found] == ["1_b.sql"]
    assert "0001_a.sql" in found[0].message
    assert not [f for f in lint([one, third]) if f.rule == "duplicate-version"]
