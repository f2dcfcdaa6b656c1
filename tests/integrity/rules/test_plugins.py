"""Python rules of installed packages."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.integrity.rules.check import check_rules
from dbtool.integrity.rules.model import Offender, RuleResult, RuleSet
from tests.integrity.rules.conftest import fill

PLUGIN = '''
def odd(connection):
    """No odd values."""
    for key, value in connection.execute("SELECT id, v FROM t WHERE v % 2"):
        yield {"id": key}, f"{value} is odd"

odd.table = "t"

def failing(connection):
    yield {"id": 1}, "first"
    raise RuntimeError("no luck")

def writing(connection):
    connection.execute("DELETE FROM t")
    return []

def nonsense(connection):
    return 5

def endless(connection):
    connection.execute(
        "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT count(*) FROM n"
    )
    return []
'''
NAMES = ("odd", "failing", "writing", "nonsense", "endless")


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install a package that offers rules."""
    (tmp_path / "rules_of_a_shop.py").write_text(PLUGIN)
    info = tmp_path / "rules_of_a_shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rules-of-a-shop\nVersion: 1.0\n")
    entries = "".join(f"{name} = rules_of_a_shop:{name}\n" for name in (*NAMES, "missing"))
    (info / "entry_points.txt").write_text(f"[dbtool.rules]\n{entries}")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("rules_of_a_shop", None)


def run(db: apsw.Connection, name: str, limit: int = 10, **options: float) -> RuleResult:
    return check_rules(db, RuleSet(python_rules=(name,), **options), limit=limit).results[0]


def test_offenders_are_counted_and_the_first_are_kept(db: apsw.Connection) -> None:
    fill(db, *range(10))
    result = run(db, "odd", limit=1)
    assert (result.table, result.rule, result.kind, result.total) == ("t", "odd", "python", 5)
    assert result.offenders == (Offender((("id", 2),), note="1 is odd"),)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("failing", "RuntimeError: no luck"),
        ("writing", "ReadOnlyError"),
        ("nonsense", "TypeError"),
        ("missing", "AttributeError"),
    ],
)
def test_whatever_a_rule_raises_is_its_error(db: apsw.Connection, name: str, error: str) -> None:
    fill(db, 1)
    result = run(db, name)
    assert error in result.error
    assert not result.ok


def test_a_rule_that_takes_too_long_is_stopped(db: apsw.Connection) -> None:
    assert "InterruptError" in run(db, "endless", time_limit_s=0.02).error


def test_a_rule_that_nobody_offers_is_a_usage_error(db: apsw.Connection) -> None:
    with pytest.raises(UsageError) as caught:
        run(db, "od")
    assert caught.value.code == "rule-not-installed"
    assert "odd" in caught.value.hint
