"""Programs named systemctl, loginctl and crontab that only remember what they were told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_SYSTEMCTL = """#!/bin/sh
echo "$@" >> "{log}"
case "$*" in *enable*--now*) test ! -e "{folder}/refuse" || {{ echo "no bus" >&2; exit 1; }};; esac
case "$*" in
  *show*timer*) echo "NextElapseUSecRealtime=Sun 2026-11-22 02:30:00 UTC"
                echo "LastTriggerUSec=Sat 2026-11-21 02:30:00 UTC";;
  *show*service*) echo "Result=success";;
esac
"""
_LOGINCTL = """#!/bin/sh
echo Linger=$(cat "{folder}/linger" 2>/dev/null || echo yes)
"""
_CRONTAB = """#!/bin/sh
test ! -e "{folder}/refuse" || {{ echo "not allowed to use this program" >&2; exit 1; }}
if [ "$1" = -l ]; then
  test -e "{folder}/table" || {{ echo "no crontab for tester" >&2; exit 1; }}
  cat "{folder}/table"
else cat > "{folder}/table"; fi
"""


class StandIns:
    """What they were told, and how they answer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.table = folder / "table"
        for name, text in (
            ("systemctl", _SYSTEMCTL),
            ("loginctl", _LOGINCTL),
            ("crontab", _CRONTAB),
        ):
            path = folder / name
            path.write_text(text.format(log=self.log, folder=folder))
            path.chmod(0o755)

    @property
    def told(self) -> list[str]:
        """The command lines of systemctl."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def refuse(self) -> None:
        """Let installing fail from now on."""
        (self.folder / "refuse").touch()

    def no_linger(self) -> None:
        """Let user timers end with the session."""
        (self.folder / "linger").write_text("no")


def put_in_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> StandIns:
    """Make the stand-ins the first that are found."""
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return StandIns(folder)
