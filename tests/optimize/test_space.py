"""Space that can be had."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dbtool.core.progress import Silent
from dbtool.optimize.copy import ScratchCopy
from dbtool.optimize.space import SpaceLimits, advise_space

LOW = SpaceLimits(0.25, 1 << 16)


def make(path: Path, rows: int, gone: str, extra: str = "") -> Path:
    path.unlink(missing_ok=True)
    connection = apsw.Connection(str(path))
    connection.execute(f"{extra}; CREATE TABLE t(id INTEGER PRIMARY KEY, v)").fetchall()
    with connection:
        connection.executemany("INSERT INTO t(v) VALUES (?)", ((f"{n:0400}",) for n in range(rows)))
    connection.execute(f"DELETE FROM t WHERE {gone}")
    connection.close()
    return path


def test_a_file_of_half_empty_pages_is_vacuumed_on_the_copy(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", 2000, "id % 3 > 0")
    with ScratchCopy(path, tmp_path, Silent()) as copy:
        advice, estimate = advise_space(copy, LOW, Silent())
    assert advice is not None
    assert advice.sql == ("VACUUM",)
    assert advice.after_bytes < 0.5 * estimate.size_bytes
    assert advice.disk_bytes > estimate.size_bytes
    assert advice.evidence["rows_may_be_renumbered_in"] == []


def test_free_pages_of_a_file_made_for_it_are_given_back(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", 2000, "id > 400", "PRAGMA auto_vacuum = 2")
    with ScratchCopy(path, tmp_path, Silent()) as copy:
        advice, _ = advise_space(copy, LOW, Silent())
    assert advice is not None
    assert advice.how == "incremental"
    assert advice.after_bytes < advice.before_bytes / 2


def test_a_loose_index_is_rebuilt_alone(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", 10, "0")
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE u(a); CREATE INDEX loose ON u(a)")
    with connection:
        connection.executemany(
            "INSERT INTO u VALUES (?)", ((f"{(n * 7919) % 20011:0200}",) for n in range(3000))
        )
    connection.execute("UPDATE u SET a = NULL WHERE rowid % 5 > 0; VACUUM; REINDEX")
    connection.execute(
        "UPDATE u SET a = printf('%0200d', rowid) WHERE rowid % 2; UPDATE u SET a = 1"
    )
    connection.close()
    with ScratchCopy(path, tmp_path, Silent()) as copy:
        advice, _ = advise_space(copy, SpaceLimits(0.05, 4096), Silent())
    assert advice is not None
    assert advice.after_bytes < advice.before_bytes


def test_a_compact_or_a_small_file_is_left_alone(tmp_path: Path) -> None:
    for rows, gone in ((2000, "0"), (20, "id > 3")):
        path = make(tmp_path / "a.db", rows, gone)
        with ScratchCopy(path, tmp_path, Silent()) as copy:
            assert advise_space(copy, LOW, Silent())[0] is None


def test_tables_whose_rows_may_be_renumbered_are_named(tmp_path: Path) -> None:
    path = make(tmp_path / "a.db", 2000, "id % 3 > 0", "CREATE TABLE loose(a)")
    with ScratchCopy(path, tmp_path, Silent()) as copy:
        advice, _ = advise_space(copy, LOW, Silent())
    assert advice is not None
    assert advice.evidence["rows_may_be_renumbered_in"] == ["loose"]


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.integers(400, 1500), modulus=st.integers(2, 9), kept=st.integers(1, 8))
def test_the_estimate_is_within_eight_percent_of_what_vacuum_makes(
    tmp_path: Path, rows: int, modulus: int, kept: int
) -> None:
    path = make(tmp_path / "p.db", rows, f"id % {modulus} >= {min(kept, modulus)}")
    with ScratchCopy(path, tmp_path, Silent()) as copy:
        advice, estimate = advise_space(copy, SpaceLimits(0.0, 0), Silent())
    if advice is not None and advice.how == "vacuum":
        off = abs(estimate.packed_bytes - advice.after_bytes)
        assert off <= max(0.08 * advice.after_bytes, 3 * 4096)


@pytest.mark.parametrize("share", [0.99])
def test_the_share_that_is_asked_for_counts(tmp_path: Path, share: float) -> None:
    path = make(tmp_path / "a.db", 2000, "id % 3 > 0")
    with ScratchCopy(path, tmp_path, Silent()) as copy:
        assert advise_space(copy, SpaceLimits(share, 0), Silent())[0] is None
