"""Timers of systemd: put in place, looked at, taken away.

User units for a user, system units for root. Files of other origin are never overwritten or
removed: ours carry a mark in their first line.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dbtool.core.atomicfile import failures_named, replace_file
from dbtool.errors import DbtoolError, Refused
from dbtool.schedule.commands import ask, tell
from dbtool.schedule.units import MARK, Plan, unit_files, unit_names

__all__ = ["Systemd", "TimerState"]

_RUNNING: Final = Path("/run/systemd/system")
"""There while systemd runs the system (sd_booted(3))."""
_SYSTEM_UNITS: Final = Path("/etc/systemd/system")
_PROPERTIES: Final = ("NextElapseUSecRealtime", "LastTriggerUSec", "ActiveState")


@dataclass(frozen=True, slots=True)
class TimerState:
    """An installed schedule."""

    kind: str
    """systemd or cron."""
    where: tuple[Path | str, ...]
    """Unit files, or the line of the crontab."""
    when: str
    """As the timer says it; "always" for a service that follows."""
    next_run: str | None
    """As systemd says it; None: unknown."""
    last_run: str | None
    last_result: str | None
    """Of the job: success, exit-code, timeout ...; of a service that follows: active, failed ...;
    None: it never ran, or is unknown."""


class Systemd:
    """The manager of one user, or the system's.

    Args:
        folder: where unit files go.
        system: root's units; False for the user's.
    """

    def __init__(self, folder: Path, *, system: bool) -> None:
        self._folder = folder
        self._words = ["systemctl"] if system else ["systemctl", "--user"]
        self._system = system

    @classmethod
    def of_system(cls) -> Systemd:
        """Return the system's manager."""
        return cls(_SYSTEM_UNITS, system=True)

    @classmethod
    def of_user(cls, config_folder: Path) -> Systemd:
        """Return the user's manager; `config_folder` is usually ~/.config."""
        return cls(config_folder / "systemd" / "user", system=False)

    @staticmethod
    def is_running() -> bool:
        """Say whether systemd runs this system."""
        return _RUNNING.is_dir()

    def install(self, plan: Plan) -> list[Path]:
        """Write the units, start timer or service; return the files. Again replaces them.

        Raises:
            Refused: `unit-not-ours`, a file of that name that dbtool did not make.
            DbtoolError: `schedule-failed`; what was there before is there again.
            StorageFailed: a file cannot be written.
        """
        files = {self._folder / name: text for name, text in unit_files(plan).items()}
        for path in files:
            _require_ours(path)
        before = {path: path.read_bytes() for path in files if path.exists()}
        with failures_named("create", self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        try:
            for path, text in files.items():
                replace_file(path, text.encode())
                path.chmod(0o644)
            tell([*self._words, "daemon-reload"])
            tell([*self._words, "enable", "--now", list(files)[-1].name])
        except BaseException:
            for path, content in before.items():
                replace_file(path, content)
            self._take_away([path for path in files if path not in before])
            raise
        return list(files)

    def remove(self, database: Path) -> list[Path]:
        """Stop what runs of a database and remove its units; return the files that were there."""
        removed: list[Path] = []
        for continuous in (False, True):
            files = self._files(database, continuous=continuous)
            for path in files:
                _require_ours(path)
            if files:
                enabled = unit_names(database, continuous=continuous)[-1]
                tell([*self._words, "disable", "--now", enabled])
                self._take_away(files)
            removed += files
        return removed

    def states(self, database: Path) -> list[TimerState]:
        """Return what is installed for a database: a timer, a service that follows, or both."""
        kinds = [kind for kind in (False, True) if self._files(database, continuous=kind)]
        return [self._state(database, continuous=kind) for kind in kinds]

    def _state(self, database: Path, *, continuous: bool) -> TimerState:
        names = unit_names(database, continuous=continuous)
        files = self._files(database, continuous=continuous)
        service = self._properties(names[0], ("Result", "ActiveState"))
        if continuous:
            state = service.get("ActiveState", "")
            return TimerState("systemd", tuple(files), "always", None, None, state or None)
        timer = self._properties(names[-1], _PROPERTIES)
        last_run = timer.get("LastTriggerUSec") or None
        return TimerState(
            kind="systemd",
            where=tuple(files),
            when=_calendar(files),
            next_run=timer.get("NextElapseUSecRealtime") or None,
            last_run=last_run,
            last_result=service.get("Result") if last_run else None,
        )

    def lingers(self, user: str) -> bool:
        """Say whether the user's timers run while nobody is logged in."""
        if self._system:
            return True
        code, out, _ = ask(["loginctl", "show-user", user, "--property=Linger"])
        return code == 0 and out.strip() == "Linger=yes"

    def _files(self, database: Path, *, continuous: bool) -> list[Path]:
        names = unit_names(database, continuous=continuous)
        return [self._folder / unit for unit in names if (self._folder / unit).exists()]

    def _properties(self, unit: str, names: Sequence[str]) -> dict[str, str]:
        asked = [f"--property={name}" for name in names]
        _, out, _ = ask([*self._words, "show", *asked, unit])
        pairs = (line.partition("=") for line in out.splitlines())
        return {name: value for name, _, value in pairs}

    def _take_away(self, files: Sequence[Path]) -> None:
        for path in files:
            with failures_named("remove", path):
                path.unlink(missing_ok=True)
        with suppress(DbtoolError):  # what was wrong was said before
            tell([*self._words, "daemon-reload"])


def _require_ours(path: Path) -> None:
    try:
        first = path.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except FileNotFoundError:
        return
    if first != MARK:
        raise Refused(
            "unit-not-ours",
            f"{path} was not made by dbtool",
            hint="remove or rename it first",
        )


def _calendar(files: Sequence[Path]) -> str:
    for path in files:
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("OnCalendar="):
                return line.partition("=")[2]
    return ""
