"""Moving rows into archives, killed before each of its commits: each row in exactly one place."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dbtool.core.progress import Silent
from dbtool.optimize.retention.returning import return_rows
from tests.optimize.retention.shelves import PLAN, make_live, make_rule, move, rows, together

TOP = Path(__file__).resolve().parents[2]

CHILD = """
import os, signal, sys
from pathlib import Path
import apsw
from dbtool.core.progress import Silent
from dbtool.optimize.retention import move as module
from dbtool.optimize.retention.returning import return_rows
from tests.optimize.retention.shelves import PLAN, make_rule, move
folder, what, last = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
module._FIRST_ROWS = module._MOST_ROWS = 30
commits = 0
def before_commit():
    global commits
    commits += 1
    if commits == last:
        os.kill(os.getpid(), signal.SIGKILL)
    return False
apsw.connection_hooks.append(lambda connection: connection.set_commit_hook(before_commit))
rule = make_rule(folder)
if what == "move":
    move(folder / "app.db", rule)
else:
    return_rows(folder / "app.db", rule, plan=PLAN, progress=Silent())
"""


def killed(folder: Path, what: str, commit: int) -> bool:
    """Run the child; say whether it was killed before that commit, or came to its end."""
    words = [sys.executable, "-c", CHILD, str(folder), what, str(commit)]
    done = subprocess.run(words, cwd=TOP, check=False, capture_output=True, timeout=60)
    assert done.returncode in (0, -signal.SIGKILL), done.stderr.decode()
    return done.returncode != 0


def in_archives(folder: Path) -> list[int]:
    found = []
    for path in sorted((folder / "archive").glob("*.db")):
        assert rows(path, "SELECT count(*) FROM _dbtool_batches WHERE state <> 'done'") == [(0,)]
        found += [n for (n,) in rows(path, "SELECT id FROM log")]
    return found


@pytest.mark.parametrize("what", ["move", "return"])
def test_after_a_kill_before_any_commit_each_row_is_in_exactly_one_place(
    tmp_path: Path, what: str
) -> None:
    commit = 0
    while True:
        commit += 1
        folder = tmp_path / str(commit)
        folder.mkdir()
        live = make_live(folder / "app.db")
        rule, before = make_rule(folder), rows(live)
        if what == "return":
            move(live, rule)
        was_killed = killed(folder, what, commit)
        # As a reader sees it, and as the next run leaves it: nothing twice, nothing lost.
        assert together(live, rule) == before, commit
        move(live, rule) if what == "move" else return_rows(
            live, rule, plan=PLAN, progress=Silent()
        )
        ids = [row[0] for row in rows(live)]
        assert sorted(ids + in_archives(folder)) == [row[0] for row in before], commit
        if what == "move":
            assert sum(n for (n,) in rows(live, "SELECT n FROM sums")) == 120 - len(ids), commit
        if not was_killed:
            break
    assert commit > 6
