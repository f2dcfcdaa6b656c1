"""Completion in zsh, in a real one on a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import SOURCE

pytestmark = pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")


def screen_after(typed: str, until: str) -> str:
    """Type into a zsh with our completion and return what it shows until `until` is there."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        ["zsh", "-f", "-i"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
        env={**os.environ, "PS1": "% "},
    )
    os.close(slave)
    find = f"fpath=({SOURCE}/completions $fpath); autoload -Uz compinit; compinit -u -D"
    setup = f"{find}; LISTMAX=1000; echo rea''dy\n"
    os.write(master, setup.encode())
    try:
        read_until(master, "ready\r\n")
        os.write(master, typed.encode())
        return read_until(master, until)
    finally:
        process.kill()
        process.wait()
        os.close(master)


def read_until(master: int, text: str) -> str:
    seen, deadline_s = "", time.monotonic() + 15
    while text not in seen and time.monotonic() < deadline_s:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536).decode("utf-8", "replace")
    return seen


def test_the_script_parses() -> None:
    subprocess.run(["zsh", "-n", str(Path(SOURCE) / "completions/_dbtool")], check=True)


def test_verbs_are_listed_with_their_summaries() -> None:
    assert "take one snapshot into the repository" in screen_after(
        "dbtool \t\t", "take one snapshot into the repository"
    )


def test_verbs_of_verbs_are_completed() -> None:
    assert "key export" in screen_after("dbtool key ex\t", "key export")


def test_options_are_completed() -> None:
    assert "--force-scan" in screen_after("dbtool backup --forc\t", "--force-scan")


def test_snapshots_are_completed(shop: str) -> None:
    assert shop in screen_after(f"dbtool restore {shop[:4]}\t", shop)


def test_databases_are_completed(shop: str) -> None:
    assert "latest shop" in screen_after("dbtool restore latest sh\t", "latest shop")
