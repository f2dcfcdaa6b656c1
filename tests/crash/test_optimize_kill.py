"""A plan applied and undone, killed before each of its commits: whole, and on again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.optimize.advisor import AdviceOptions, make_plan
from dbtool.optimize.apply import ApplyOptions, apply_plan, undo_plan
from dbtool.optimize.planfile import load_plan, save_plan
from dbtool.optimize.workload import from_sql

TOP = Path(__file__).resolve().parents[2]

CHILD = """
import os, signal, sys
from pathlib import Path
import apsw
from dbtool.core.clock import SystemClock
from dbtool.core.progress import Silent
from dbtool.optimize.apply import ApplyOptions, apply_plan, undo_plan
from dbtool.optimize.planfile import load_plan
file, what, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
commits = 0
def before_commit():
    global commits
    commits += 1
    if commits == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return False
apsw.connection_hooks.append(lambda connection: connection.set_commit_hook(before_commit))
if what == "apply":
    apply_plan(load_plan(file), ApplyOptions(), plan_file=file, progress=Silent(),
               clock=SystemClock())
else:
    undo_plan(load_plan(file), file, progress=Silent())
"""


def schema(path: Path) -> list:
    connection = apsw.Connection(str(path))
    try:
        assert connection.execute("PRAGMA integrity_check").get == "ok"
        return connection.execute("SELECT type, name, sql FROM sqlite_schema ORDER BY 2").fetchall()
    finally:
        connection.close()


@pytest.mark.parametrize("what", ["apply", "undo"])
def test_a_run_that_was_killed_goes_on_and_everything_is_undone(tmp_path: Path, what: str) -> None:
    path, file, first = tmp_path / "app.db", tmp_path / "plan.json", tmp_path / "first.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE t(a, b, c); CREATE INDEX i ON t(b); CREATE INDEX j ON t(b, c)")
    rows = ((n % 500, n, f"text {n}") for n in range(5000))
    with connection:
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.close()
    workload = from_sql("SELECT * FROM t WHERE a = 5; SELECT b FROM t WHERE c = 'text 7'")
    options = AdviceOptions(settings=False)
    plan = make_plan(path, workload, options, progress=Silent(), clock=SystemClock())
    assert {action.kind for action in plan.actions} == {"index", "drop"}
    before = schema(path)
    shutil.copy(path, first)
    for commit in range(1, len(plan.actions) + 1):
        shutil.copy(first, path)
        save_plan(replace(plan, applied=()), file)
        if what == "undo":
            carry_out(file)
        words = [sys.executable, "-c", CHILD, str(file), what, str(commit)]
        done = subprocess.run(words, cwd=TOP, check=False, capture_output=True, timeout=60)
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        if what == "apply":
            assert schema(path) != carry_out(file) != before
        undo_plan(load_plan(file), file, progress=Silent())
        assert schema(path) == before


def carry_out(file: Path) -> list:
    plan = load_plan(file)
    apply_plan(plan, ApplyOptions(), plan_file=file, progress=Silent(), clock=SystemClock())
    return schema(Path(plan.database))
