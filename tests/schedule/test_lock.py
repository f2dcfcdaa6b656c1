"""One job at a time, and a killed one does not count."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dbtool.errors import Locked
from dbtool.schedule.lock import follow_lock, job_lock

HOLD = """
import sys, time
from pathlib import Path
from dbtool.schedule.lock import job_lock
with job_lock(Path(sys.argv[1]), "/srv/app.db"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_job_is_refused_and_names_the_first(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Locked) as caught, job_lock(tmp_path, "/srv/app.db"):
            pass
        assert caught.value.code == "job-running"
        assert f"process {process.pid}" in caught.value.context
        with job_lock(tmp_path, "/srv/other.db"):
            pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        with job_lock(tmp_path, "/srv/app.db"):
            pass
    finally:
        process.kill()
        process.communicate()


def test_the_folder_is_made_for_the_user_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state" / "locks"
    with job_lock(folder, "/srv/app.db"):
        (lock,) = folder.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
        assert lock.stat().st_mode & 0o777 == 0o600


def test_one_follows_into_each_repository(tmp_path: Path) -> None:
    with follow_lock(tmp_path, "/srv/app.db", "one"), job_lock(tmp_path, "/srv/app.db"):
        with pytest.raises(Locked) as caught, follow_lock(tmp_path, "/srv/app.db", "one"):
            pass
        assert caught.value.code == "follow-running"
        with follow_lock(tmp_path, "/srv/app.db", "two"):
            pass
    with follow_lock(tmp_path, "/srv/app.db", "one"):
        pass
