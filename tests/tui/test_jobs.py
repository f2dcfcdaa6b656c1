"""Jobs: started, watched, cancelled, and going on without whoever started them."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from dbtool.tui import jobs as module
from dbtool.tui.jobs import Job, JobRunner


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline_s = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def finished(runner: JobRunner, job: Job) -> Job:
    def ended() -> bool:
        runner.look()
        return not job.state.running

    until(ended)
    return job


@pytest.fixture
def runner(tmp_path: Path) -> JobRunner:
    return JobRunner(tmp_path / "jobs", time.time)


def script(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(module, "command", lambda words: [sys.executable, "-c", program, *words])


def test_a_backup_is_a_job(runner: JobRunner, tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(x)")
    connection.close()
    job = finished(runner, runner.start("Back up", ["backup", str(path)]))
    assert job.state.fine
    assert job.state.result["schema"] == "dbtool.backup/1"
    assert Path(f"{path}.backups").is_dir()
    assert job.log.stat().st_mode & 0o077 == 0 or job.log.parent.stat().st_mode & 0o077 == 0


def test_an_error_of_the_command_is_the_jobs(runner: JobRunner, tmp_path: Path) -> None:
    job = finished(runner, runner.start("Back up", ["backup", str(tmp_path / "no.db")]))
    assert not job.state.fine
    assert job.state.problem is not None
    assert job.state.problem.code == "database-not-found"
    assert job.state.exit_code == 10


def test_progress_and_warnings_are_seen_while_it_runs(
    runner: JobRunner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go_on = tmp_path / "go-on"
    script(
        monkeypatch,
        "import json, pathlib, time\n"
        "say = lambda **r: print(json.dumps(r), flush=True)\n"
        "say(type='start')\n"
        "say(type='status', phase='reading', done=5, total=10, unit='pages')\n"
        "say(type='warning', message='slow disk')\n"
        "print('no json', flush=True)\n"
        f"while not pathlib.Path({str(go_on)!r}).exists(): time.sleep(0.02)\n"
        "say(type='summary', schema='x/1')",
    )
    job = runner.start("Work", [])

    def halfway() -> bool:
        runner.look()
        return bool(job.state.warnings)

    until(halfway)
    assert job.state.share == 0.5
    assert (job.state.phase, job.state.unit) == ("reading", "pages")
    assert runner.running == [job]
    go_on.touch()
    finished(runner, job)
    assert job.state.warnings == ("slow disk",)
    assert job.state.result["schema"] == "x/1"


def test_cancelling_asks_for_the_next_safe_point(
    runner: JobRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    script(
        monkeypatch,
        "import signal, sys, time\n"
        "signal.signal(signal.SIGINT, lambda *_: sys.exit(130))\n"
        'print(\'{"type": "status", "phase": "x", "done": 0}\', flush=True)\n'
        "time.sleep(60)",
    )
    job = runner.start("Work", [])

    def begun() -> bool:
        runner.look()
        return job.state.phase == "x"

    until(begun)
    job.cancel()
    assert finished(runner, job).state.cancelled


def test_a_job_goes_on_when_its_starter_is_gone(tmp_path: Path) -> None:
    marker = tmp_path / "done"
    code = (
        "import pathlib, time; time.sleep(1); print(1, flush=True); "
        f"pathlib.Path({str(marker)!r}).touch()"
    )
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from dbtool.tui import jobs\n"
        f"jobs.command = lambda words: [sys.executable, '-c', {code!r}]\n"
        f"jobs.JobRunner(Path({str(tmp_path / 'jobs')!r}), time.time).start('Work', [])\n"
    )
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    os.waitpid(pid, 0)
    until(marker.exists)


def test_a_job_that_is_killed_failed(runner: JobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, "import time; time.sleep(60)")
    job = runner.start("Work", [])
    assert job.pid is not None
    os.kill(job.pid, signal.SIGKILL)
    finished(runner, job)
    assert job.state.exit_code == 128 + signal.SIGKILL
    assert job.state.problem is not None


def test_a_job_that_cannot_start_says_so(tmp_path: Path) -> None:
    (tmp_path / "jobs").write_text("a file where the folder would be")
    job = JobRunner(tmp_path / "jobs", time.time).start("Work", [])
    assert job.state.problem is not None
    assert job.state.problem.code == "job-not-started"
    assert not job.state.running


def test_the_newest_job_comes_first(runner: JobRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, "pass")
    first, second = runner.start("one", []), runner.start("two", [])
    assert runner.jobs == [second, first]
    finished(runner, first)
    finished(runner, second)
    assert runner.running == []
    assert runner.look() == []


def test_old_logs_are_removed_and_new_ones_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_LOGS", 3)
    monkeypatch.setattr(module, "_MOST_LOG_BYTES", 1000)
    folder = tmp_path / "jobs"
    folder.mkdir()

    def log(name: str, *, bytes_: int, ago_s: float) -> Path:
        path = folder / name
        path.write_bytes(b"x" * bytes_)
        os.utime(path, (time.time() - ago_s,) * 2)
        return path

    written = [log(f"w{n}.ndjson", bytes_=600, ago_s=60) for n in range(3)]
    old = [log(f"o{n}.ndjson", bytes_=1, ago_s=90_000 + n) for n in range(3)]
    other = log("notes.txt", bytes_=5000, ago_s=900_000)
    script(monkeypatch, "pass")
    runner = JobRunner(folder, time.time)
    finished(runner, runner.start("a", []))
    assert all(path.exists() for path in [*written, other])
    assert not any(path.exists() for path in old)


def test_a_word_that_no_command_line_holds_is_told(runner: JobRunner) -> None:
    job = runner.start("a", ["nul \0 byte"])
    assert job.state.problem is not None
    assert job.state.problem.code == "job-not-started"
