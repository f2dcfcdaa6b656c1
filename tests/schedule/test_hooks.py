"""Hooks hear the outcome, and none of them can hang or break the job."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dbtool.schedule.hooks import run_hooks

VARIABLES = {"PATH": os.environ["PATH"], "DBTOOL_EVENT": "failure", "DBTOOL_EXIT_CODE": "13"}


def _python(code: str) -> str:
    return f"{sys.executable} -c '{code}'"


def test_a_hook_gets_the_outcome_in_variables_and_on_standard_input(tmp_path: Path) -> None:
    told = tmp_path / "told"
    code = (
        "import os, sys, pathlib; pathlib.Path(sys.argv[1]).write_text("
        'os.environ["DBTOOL_EVENT"] + os.environ["DBTOOL_EXIT_CODE"] + sys.stdin.read())'
    )
    problems = run_hooks(
        [f"{_python(code)} '{told}'"], variables=VARIABLES, summary="app.db FAILED"
    )
    assert problems == []
    assert told.read_text() == "failure13app.db FAILED\n"


def test_no_shell_reads_a_hook(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    run_hooks([f"true ; touch {marker}"], variables=VARIABLES, summary="")
    assert not marker.exists()


def test_a_hook_that_fails_is_named_with_what_it_said() -> None:
    code = 'import sys; print("no such channel"); sys.exit(7)'
    (problem,) = run_hooks([_python(code)], variables=VARIABLES, summary="")
    assert problem.endswith("ended with exit code 7: no such channel")


def test_a_hook_that_does_not_exist_or_makes_no_sense_is_named_and_the_next_runs() -> None:
    problems = run_hooks(
        ["/no/such/program", "unclosed 'quote", "", "true"], variables=VARIABLES, summary=""
    )
    assert len(problems) == 3
    assert all("cannot be started" in problem for problem in problems)


def test_a_hook_that_hangs_is_killed_with_its_children() -> None:
    (problem,) = run_hooks(
        ["sh -c 'sleep 600 & sleep 600'"], variables=VARIABLES, summary="", limit_s=0.3
    )
    assert "did not end within 0.3 s and was killed" in problem
