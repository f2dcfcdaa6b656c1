"""Comparing staged rows with live ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rows.twins import twins


@pytest.mark.parametrize(
    ("kind", "was", "now"),
    [
        ("", "1", "1.0"),
        ("", "'1'", "1"),
        ("", "x'61'", "'a'"),
        ("", "NULL", "''"),
        ("TEXT COLLATE NOCASE", "'a'", "'A'"),
        ("TEXT COLLATE RTRIM", "'a'", "'a '"),
        ("TEXT", "'a' || char(0) || 'b'", "'a' || char(0) || 'c'"),
        ("NUMERIC", "9007199254740993", "9007199254740992.0"),
    ],
)
def test_values_differ_by_type_and_bytes(tmp_path: Path, kind: str, was: str, now: str) -> None:
    made = twins(tmp_path, f"CREATE TABLE t(id INTEGER PRIMARY KEY, a {kind}, b)")
    made.run(f"INSERT INTO t VALUES (1, {was}, 5)", both=True)
    made.run(f"UPDATE t SET a = {now}")
    plan = made.restore()
    assert (plan.rows_updated, plan.columns_updated) == (1, ("a",))
    assert made.restore().rows_written == 0


def test_what_a_changed_affinity_makes_of_a_value_is_no_difference(tmp_path: Path) -> None:
    made = twins(tmp_path, "SELECT 1")
    for path, kind in ((made.snapshot, "INTEGER"), (made.live, "TEXT")):
        made.__class__(path, path).run(
            f"CREATE TABLE t(id INTEGER PRIMARY KEY, a {kind}); INSERT INTO t VALUES (1, 5)"
        )
    assert made.restore().rows_written == 0
