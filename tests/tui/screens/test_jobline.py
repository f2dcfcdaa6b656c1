"""Jobs on the screen: shown, told of, cancelled."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from textual.pilot import Pilot

from dbtool.tui import jobs
from dbtool.tui.app import DashboardApp
from tests.tui.piloted import play, screen_text, until
from tests.tui.seeded import options


def test_a_job_is_shown_while_it_runs_and_told_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = tmp_path / "go-on"
    status = json.dumps(
        {"type": "status", "phase": "reading", "done": 2**20, "total": 2**21, "unit": "bytes"}
    )
    program = (
        "import pathlib, time\n"
        f"print({status!r}, flush=True)\n"
        f"while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.02)\n"
    )
    monkeypatch.setattr(jobs, "command", lambda _: [sys.executable, "-c", program])

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        app.jobs.start("Back up app.db", [])
        await until(pilot, lambda: "50%" in screen_text(app))
        assert "Job: Back up app.db" in screen_text(app)
        assert "1.0 MiB/2.0 MiB" in screen_text(app)
        assert "x cancels" in screen_text(app)
        go_on.touch()
        await until(pilot, lambda: any(e.kind == "job" for e in app.screen.state.events))
        await until(pilot, lambda: not app.screen.query_one("#job").display)

    play(tmp_path, story)


def test_a_job_is_cancelled_by_its_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
        'print(\'{"type": "status", "phase": "reading", "done": 1}\', flush=True)\n'
        "time.sleep(60)\n"
    )
    monkeypatch.setattr(jobs, "command", lambda _: [sys.executable, "-c", program])

    async def story(app: DashboardApp, pilot: Pilot) -> None:
        await pilot.press("x")
        app.jobs.start("Back up app.db", [])
        await until(pilot, lambda: "reading" in screen_text(app))
        await pilot.press("x")
        await until(pilot, lambda: not app.jobs.running)
        assert app.jobs.jobs[0].state.cancelled

    play(tmp_path, story, settings=options())
