"""The program's entry."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dbtool
from dbtool.__main__ import main


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_version_is_one_line(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([option]) == 0
    assert capsys.readouterr().out == f"dbtool {dbtool.__version__}\n"


def test_everything_else_goes_to_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    assert "Usage: dbtool" in capsys.readouterr().out


def test_the_exit_code_is_that_of_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dbtool", "no-such"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == ""
