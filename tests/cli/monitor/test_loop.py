"""Looking again and again ends in order and shows a live line on a terminal."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from dbtool.cli.context import Session
from dbtool.cli.monitor.loop import run
from dbtool.monitor.sampler import Sampler, Sampling


@pytest.fixture(autouse=True)
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send this process a signal with the fourth look."""
    looks = []
    sample = Sampler.sample

    def counted(sampler: Sampler) -> Sampling:
        looks.append(sampler)
        if len(looks) == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return sample(sampler)

    monkeypatch.setattr(Sampler, "sample", counted)


def test_a_signal_ends_it_with_the_state_of_the_alerts(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("dbtool.toml").write_text('[alerts]\ndisk_free = "99.99%"\n')
    assert run(Session([]), "app.db", interval_s=0.1, serve=None) == 4
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("app.db: ✗ disk-free-low firing: ")
    assert len([line for line in lines if line.endswith("✗ disk-free-low")]) == 4


def test_quiet_shows_alerts_alone(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = Session([])
    session.given["quiet"] = True
    assert run(session, "app.db", interval_s=0.1, serve=None) == 0
    assert capsys.readouterr().out == ""


def test_on_a_terminal_one_line_is_written_over(
    database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "terminal", lambda *_: True)
    monkeypatch.setattr(Session, "width", lambda _: 30)
    assert run(Session([]), "app.db", interval_s=0.1, serve=None) == 0
    written = capsys.readouterr().out
    assert written.count("\r\x1b[K") == 4
    assert written.count("\n") == 1
    assert max(len(line) for line in written.replace("\x1b[K", "").split("\r")) <= 30


def test_a_signal_in_the_middle_of_a_long_look_ends_it_in_order(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session([])

    def interrupted(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        session.interrupts.check()

    monkeypatch.setattr("dbtool.cli.monitor.samplers._daily", interrupted)
    assert run(session, "app.db", interval_s=0.1, serve=None) == 0
    assert session.interrupts.received is None


def test_a_terminal_that_is_closed_ends_it(
    database: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Session, "terminal", lambda *_: True)
    monkeypatch.setattr(Session, "width", lambda _: 80)
    sample = Sampler.sample

    def hung_up(sampler: Sampler) -> Sampling:
        os.kill(os.getpid(), signal.SIGHUP)
        return sample(sampler)

    monkeypatch.setattr(Sampler, "sample", hung_up)
    assert run(Session([]), "app.db", interval_s=60, serve=None) == 0
    assert "\n" not in capsys.readouterr().out
