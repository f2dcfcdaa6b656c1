"""A check whose budget ended goes on where it was."""

from __future__ import annotations

from array import array
from datetime import UTC, datetime
from pathlib import Path

from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import (
    Code,
    Finding,
    Kind,
    Level,
    Rung,
    Verdict,
    VerifyOptions,
    VerifyReport,
)
from dbtool.integrity.pagelevel import PageComparison
from dbtool.integrity.resume import Course
from tests.integrity.damaged import Damaged, zero


class Clock:
    """Goes on by some time at each look."""

    def __init__(self, step_s: float) -> None:
        self.at_s, self.step_s = 0.0, step_s

    def monotonic(self) -> float:
        self.at_s += self.step_s
        return self.at_s

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC)


def verify(damaged: Damaged, cache: Path, *, budget_s: float | None, resume: bool) -> VerifyReport:
    return verify_database(
        damaged.path,
        VerifyOptions(budget_s=budget_s, resume=resume),
        repository=damaged.repository,
        cache=cache,
        clock=Clock(1.0),
    )


def test_it_comes_to_an_end_with_every_finding(damaged: Damaged, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    damaged.damage(zero(damaged.page("a")), zero(damaged.page("w")))
    whole = verify(damaged, tmp_path / "other", budget_s=None, resume=False)
    reports = [verify(damaged, cache, budget_s=40.0, resume=False)]
    while not reports[-1].complete:
        reports.append(verify(damaged, cache, budget_s=40.0, resume=True))
        assert len(reports) < 40
    assert len(reports) > 1
    left = [len(report.unchecked) for report in reports]
    assert left == sorted(left, reverse=True)
    assert {(f.code, f.object) for f in reports[-1].findings} == {
        (f.code, f.object) for f in whole.findings
    }
    assert list((cache / "verify").iterdir()) == []


def test_nothing_to_resume_is_told(damaged: Damaged, tmp_path: Path) -> None:
    report = verify(damaged, tmp_path / "cache", budget_s=None, resume=True)
    assert report.complete
    assert any("nothing to resume" in note for note in report.notes)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    finding = Finding(
        Level.FULL,
        Code.TREE_DAMAGED,
        Verdict.DATA_DAMAGE,
        Kind.TABLE,
        "t\x1b",
        "x",
        pages=((3, 4),),
        rung=Rung.SALVAGE,
        answers=("one", "two"),
    )
    course = Course(
        datetime(2026, 1, 2, tzinfo=UTC),
        {"full:t": [finding], "full:u": []},
        PageComparison(array("I", [4, 5, 9]), 2, [7]),
    )
    path = tmp_path / "new" / "course.json"
    course.save(path)
    assert Course.load(path) == course
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_is_damaged_or_missing_counts_as_nothing(tmp_path: Path) -> None:
    path = tmp_path / "course.json"
    assert Course.load(path) is None
    for text in ("", "[]", "{", '{"format": 99}', '{"format": 1, "began": 5}'):
        path.write_text(text)
        assert Course.load(path) is None


def test_each_database_snapshot_and_depth_has_its_own(tmp_path: Path) -> None:
    names = {
        Course.path_in(tmp_path, Path(database), snapshot, full=full)
        for database in ("/a.db", "/b.db")
        for snapshot in ("", "s1")
        for full in (True, False)
    }
    assert len(names) == 8
