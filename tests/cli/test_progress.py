"""Progress on terminals, in logs and for programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dbtool.cli import progress
from dbtool.cli.signals import Interrupted, Interrupts


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    now = [100.0]
    monkeypatch.setattr("dbtool.cli.progress.time.monotonic", lambda: now[0])
    return iter([now]).__next__()


def test_short_work_draws_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress.Bar(Interrupts(), print, color=False, width=80)
    bar.start("reading", 100, "bytes")
    clock[0] += 0.2
    bar.advance(100)
    bar.finish()
    assert capsys.readouterr().err == ""


def test_longer_work_draws_a_bar_and_wipes_it(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    bar = progress.Bar(Interrupts(), print, color=False, width=100)
    bar.start("reading pages", 1 << 20, "bytes")
    clock[0] += 1
    bar.advance(1 << 19)
    drawn = capsys.readouterr().err
    assert "reading pages" in drawn
    assert " 50%" in drawn
    assert "512 KiB of 1.0 MiB, 512 KiB/s" in drawn
    bar.finish()
    assert capsys.readouterr().err == "\r\x1b[K"


def test_the_bar_never_wraps(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    bar = progress.Bar(Interrupts(), print, color=False, width=30)
    bar.start("reading pages", 1000, "pages")
    clock[0] += 1
    bar.advance(10)
    assert len(capsys.readouterr().err.removeprefix("\r\x1b[K")) < 30


def test_a_bar_without_a_total_shows_the_amount(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    bar = progress.Bar(Interrupts(), print, color=True, width=80)
    bar.start("looking", None, "objects")
    clock[0] += 1
    bar.advance(10)
    drawn = capsys.readouterr().err
    assert "10 objects, 10 objects/s" in drawn
    assert "%" not in drawn


def test_lines_come_now_and_then(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    lines = progress.Lines(Interrupts(), print)
    lines.start("reading", 1000, "pages")
    for _ in range(40):
        clock[0] += 0.1
        lines.advance(10)
    shown = capsys.readouterr().err.splitlines()
    assert shown[0] == "dbtool: reading"
    assert 2 <= len(shown) <= 4


def test_status_records_come_at_most_once_a_second(clock: list[float]) -> None:
    records: list[tuple[str, dict[str, object]]] = []
    shown = progress.Records(
        Interrupts(), print, lambda kind, fields: records.append((kind, fields))
    )
    shown.start("reading", 1000, "pages")
    for _ in range(35):
        clock[0] += 0.1
        shown.advance(10)
    assert 3 <= len(records) <= 4
    assert {kind for kind, _ in records} == {"status"}
    assert set(records[0][1]) == {"phase", "done", "total", "unit", "elapsed"}


@pytest.mark.parametrize("step", ["start", "advance", "finish"])
def test_every_step_is_a_safe_point(step: str) -> None:
    interrupts = Interrupts()
    shown = progress.Quiet(interrupts, print)
    shown.start("reading", 10, "pages")
    interrupts.received = 15
    arguments = {"start": ("more", None, "pages"), "advance": (1,), "finish": ()}[step]
    with pytest.raises(Interrupted):
        getattr(shown, step)(*arguments)


def test_warnings_are_passed_on() -> None:
    heard: list[str] = []
    progress.Quiet(Interrupts(), heard.append).warn("look out")
    assert heard == ["look out"]


def test_the_share_never_passes_one() -> None:
    shown = progress.Quiet(Interrupts(), print)
    shown.start("reading", 10, "pages")
    shown.advance(20)
    assert shown.share == 1
