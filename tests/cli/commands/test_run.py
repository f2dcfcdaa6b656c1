"""`dbtool run`."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from dbtool.backup.repository import Repository
from dbtool.config import state_folder
from dbtool.schedule.lock import job_lock
from tests.cli.conftest import Run, run_child


class _Switch(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: list[tuple[str, str]] = []
        self.on_ping: Callable[[], None] = lambda: None


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, _Switch)
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.told.append((self.path, body))
        self.server.on_ping()
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def switch() -> Iterator[_Switch]:
    server = _Switch()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _configure(hooks: str) -> None:
    Path("dbtool.toml").write_text(f'[databases.app]\npath = "app.db"\n[hooks]\n{hooks}\n')


def _hook(name: str) -> str:
    script = Path(f"{name}.sh").absolute()
    script.write_text(f'#!/bin/sh\n(echo "$DBTOOL_EVENT $DBTOOL_EXIT_CODE"; cat) > {name}.told\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return json.dumps([str(script)])


def test_a_good_night_is_summed_up_in_a_line(run: Run, database: Path) -> None:
    outcome = run("run", "app.db")
    assert outcome.code == 0, outcome.err
    labels = [line.split()[0] for line in outcome.out.splitlines()]
    assert labels == ["backup", "verify", "snapshots", "summary"]
    assert "app.db ok: backup: snapshot " in outcome.out
    assert len(Repository.open("app.db.backups").snapshots()) == 1


def test_quiet_is_silent_on_success_and_not_on_failure(run: Run, database: Path) -> None:
    run("run", "app.db")
    outcome = run("run", "-q", "app.db")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    next(Path("app.db.backups/packs").rglob("*/*")).unlink()
    outcome = run("run", "-q", "app.db")
    assert outcome.code == 13
    assert "✗" in outcome.out
    assert "app.db FAILED: " in outcome.out


def test_json_tells_of_every_step(run: Run, database: Path) -> None:
    data = run("run", "--json", "app.db").data
    assert [(step["step"], step["verdict"]) for step in data["steps"]] == [
        ("backup", "ok"),
        ("verify", "ok"),
        ("snapshots", "ok"),
    ]
    assert data["exit_code"] == 0


def test_a_failed_step_gives_its_reason_and_its_exit_code(run: Run, database: Path) -> None:
    run("backup", "app.db")
    database.write_bytes(database.read_bytes()[:5000])
    outcome = run("run", "app.db")
    assert outcome.code == 13
    assert "is cut short" in outcome.out
    assert "try: dbtool" in outcome.out


def test_two_at_once_are_one_and_an_error_or_nothing(run: Run, database: Path) -> None:
    with job_lock(state_folder() / "locks", str(database.resolve())):
        outcome = run("run", "--json", "app.db")
        assert (outcome.code, outcome.error["code"]) == (11, "job-running")
        outcome = run("run", "--skip-if-running", "app.db")
        assert outcome.code == 0
        assert "skipped" in outcome.err
    assert not Path("app.db.backups").exists()


def test_the_switch_hears_of_start_and_success(run: Run, database: Path, switch: _Switch) -> None:
    _configure(f'ping_url = "http://127.0.0.1:{switch.server_address[1]}/x"')
    assert run("config", "trust").code == 0
    assert run("run", "app").code == 0
    assert [path for path, _ in switch.told] == ["/x/start", "/x"]
    assert switch.told[1][1].startswith("app ok: backup: ")


def test_hooks_hear_how_it_ended(run: Run, database: Path, switch: _Switch) -> None:
    _configure(
        f"on_success = {_hook('good')}\non_failure = {_hook('bad')}\n"
        f'ping_url = "http://127.0.0.1:{switch.server_address[1]}/x"'
    )
    assert run("config", "trust").code == 0
    assert run("run", "app").code == 0
    assert Path("good.told").read_text().splitlines()[0] == "success 0"
    assert not Path("bad.told").exists()
    database.write_bytes(b"")
    database.write_bytes(b"no database at all, certainly " * 100)
    outcome = run("run", "app")
    assert outcome.code == 2
    told = Path("bad.told").read_text().splitlines()
    assert told[0] == "failure 2"
    assert told[1].startswith("app FAILED: ")
    assert switch.told[-1][0] == "/x/fail"


def test_hooks_of_a_file_that_is_not_trusted_are_left_out_and_said(
    run: Run, database: Path
) -> None:
    _configure(f"on_success = {_hook('good')}")
    outcome = run("run", "app")
    assert outcome.code == 3
    assert "hooks.on_success was left out" in outcome.err
    assert not Path("good.told").exists()


def test_the_failure_of_a_killed_job_is_told_by_the_timer(run: Run, database: Path) -> None:
    _configure(f"on_failure = {_hook('bad')}")
    assert run("config", "trust").code == 0
    assert run("run", "--report-failure", "app").code == 0
    assert "its nightly job was killed" in Path("bad.told").read_text()
    assert not Path("app.db.backups").exists()


def test_what_a_job_told_itself_is_not_told_again(run: Run, database: Path) -> None:
    _configure(f"on_failure = {_hook('bad')}\n[run]\nverify = ['nonsense']")
    assert run("config", "trust").code == 0
    assert run("run", "app").code == 2
    told = Path("bad.told")
    assert "FAILED" in told.read_text()
    assert "run.verify names 'nonsense'" in told.read_text()
    told.unlink()
    assert run("run", "--report-failure", "app").code == 0
    assert not told.exists()
    assert run("run", "--report-failure", "app").code == 0, "another job, which was killed"
    assert "its nightly job was killed" in told.read_text()


def test_a_job_that_is_stopped_tells_of_it(run: Run, switch: _Switch, database: Path) -> None:
    _configure(f'ping_url = "http://127.0.0.1:{switch.server_port}/id"')
    assert run("config", "trust").code == 0
    words = [sys.executable, "-m", "dbtool", "run", "-q", "app"]
    children: list[int] = []
    ready = threading.Event()

    def stop() -> None:
        if len(switch.told) == 1:
            ready.wait(30)
            os.kill(children[0], signal.SIGTERM)

    switch.on_ping = stop
    with subprocess.Popen(words) as child:
        children.append(child.pid)
        ready.set()
        assert child.wait(60) == 143
    (began, _), (ended, body) = switch.told
    assert (began, ended) == ("/id/start", "/id/fail")
    assert body == "app FAILED: stopped by SIGTERM"


def test_a_missing_database_is_a_failure_that_is_told(database: Path) -> None:
    outcome = run_child("run", "--json", "none.db")
    assert outcome.code == 10
    assert outcome.data["steps"][0]["code"] == "database-not-found"
    assert not Path("none.db.backups").exists()
