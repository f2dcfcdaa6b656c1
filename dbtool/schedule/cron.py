"""The user's crontab: one line for each database, told from other lines by the comment above it.

Other lines are given back byte for byte. cron makes no run up that was missed, and mails what a job
prints; so a job under it is quiet unless something is wrong.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Final

from dbtool.errors import DbtoolError
from dbtool.schedule.commands import ask, tell
from dbtool.schedule.systemd import TimerState
from dbtool.schedule.units import Plan, slug

__all__ = ["cron_lines", "install", "remove", "state"]

_MARK: Final = "# dbtool schedule: "
_NONE_YET: Final = ("no crontab for", "no such file")
"""How cron (Vixie, cronie) and BusyBox say that a user has no crontab."""


def cron_lines(plan: Plan) -> str:
    """Return the comment and the line of a plan, ending with a newline."""
    command = f"cd {shlex.quote(str(plan.folder))} && {shlex.join(plan.command)}"
    # To cron an unescaped percent sign ends the command (crontab(5)).
    escaped = command.replace("%", "\\%")
    return f"{_MARK}{slug(plan.database)}\n{plan.when.cron} {escaped}\n"


def install(plan: Plan) -> None:
    """Add the line, or replace the one that is there."""
    kept, _ = _split(plan.database)
    tell(["crontab", "-"], stdin=kept + cron_lines(plan))


def remove(database: Path) -> bool:
    """Remove the line; return whether there was one."""
    kept, line = _split(database)
    if line is None:
        return False
    tell(["crontab", "-"], stdin=kept)
    return True


def state(database: Path) -> TimerState | None:
    """Return what is installed for a database; None where nothing is."""
    _, line = _split(database)
    if line is None:
        return None
    when = " ".join(line.split()[:5])
    return TimerState("cron", (line,), when, next_run=None, last_run=None, last_result=None)


def _split(database: Path) -> tuple[str, str | None]:
    """Return the crontab without the line of a database, and that line."""
    mark = f"{_MARK}{slug(database)}"
    kept: list[str] = []
    found: str | None = None
    lines = iter(_present().splitlines(keepends=True))
    for line in lines:
        if line.strip() == mark:
            found = next(lines, "").rstrip("\n")
        else:
            kept.append(line if line.endswith("\n") else f"{line}\n")
    return "".join(kept), found


def _present() -> str:
    code, out, err = ask(["crontab", "-l"])
    if code == 0:
        return out
    if not any(words in err.lower() for words in _NONE_YET):
        # Taking any failure for an empty crontab would overwrite what could not be read.
        raise DbtoolError("schedule-failed", "crontab -l failed", context=err.strip())
    return ""
