"""The systemd units of one database: the nightly job with its timer, or the service that follows.

Text only; `dbtool.schedule.systemd` puts it in place. Words are quoted by the rules of
systemd.service(5): double quotes, C escapes, `%` and `$` doubled.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dbtool.errors import UsageError
from dbtool.schedule.timespec import TimeSpec

__all__ = ["MARK", "Plan", "slug", "unit_files", "unit_line", "unit_names"]

MARK: Final = "# made by `dbtool schedule install`; `dbtool schedule remove` takes it away"
_PLAIN = re.compile(r"[A-Za-z0-9_@:,./=+-]+")
_LONGEST_SLUG: Final = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be scheduled."""

    database: Path
    """Absolute."""
    name: str
    """As people call it."""
    when: TimeSpec
    command: tuple[str, ...]
    """The job, absolute, as words."""
    on_failure: tuple[str, ...]
    """What to run where the job itself was killed."""
    folder: Path
    """Where to run it: relative paths and the search for dbtool.toml begin there."""
    random_delay_s: int = 0
    """Up to how much later it may start, so that many machines do not start at once."""
    continuous: bool = False
    """True: a service that follows the database for ever, instead of a job and its timer."""
    user: str | None = None
    """For a system unit: who runs it; None: root, or whose timer it is."""

    def __post_init__(self) -> None:
        """Refuse what neither a unit file nor a crontab can hold.

        Raises:
            UsageError: `schedule-name-unsupported`.
        """
        for text in (str(self.folder), *self.command, *self.on_failure):
            if not text.isprintable():
                raise UsageError(
                    "schedule-name-unsupported",
                    f"{text!r} cannot stand in a unit file or a crontab",
                    context="it contains a line break or another control character",
                )


def slug(database: Path) -> str:
    """Return the part of unit names that tells this database from every other.

    Whatever it is called by: a configured name may come later, or go.
    """
    digest = hashlib.sha256(os.fsencode(database)).hexdigest()[:6]
    words = re.sub(r"[^A-Za-z0-9]+", "-", database.name).strip("-").lower()[:_LONGEST_SLUG]
    return f"{words or 'db'}-{digest}"


def unit_line(words: Sequence[str]) -> str:
    """Return a command line for `ExecStart=`."""
    return " ".join(_quoted(word) for word in words)


def unit_names(database: Path, *, continuous: bool) -> list[str]:
    """Return the names of the units of a plan; the last one is enabled."""
    unit = f"dbtool-{slug(database)}"
    if continuous:
        return [f"{unit}-follow.service"]
    return [f"{unit}.service", f"{unit}-failed.service", f"{unit}.timer"]


def unit_files(plan: Plan) -> dict[str, str]:
    """Return name and text of each unit: service, failure service and timer, or the one service."""
    names = unit_names(plan.database, continuous=plan.continuous)
    if plan.continuous:
        return {names[0]: _follow_service(plan)}
    _, failed, _ = names
    title = _one_line(plan.name)
    texts = (
        _service(plan, f"nightly job of {title}", plan.command, failed),
        _service(plan, f"failure of the nightly job of {title}", plan.on_failure, None),
        _timer(plan, f"timer of the nightly job of {title}"),
    )
    return dict(zip(names, texts, strict=True))


def _service(plan: Plan, title: str, command: Sequence[str], on_failure: str | None) -> str:
    lines = [
        MARK,
        "[Unit]",
        f"Description=dbtool: {title}",
        "Documentation=man:dbtool-run(1)",
        *([f"OnFailure={on_failure}"] if on_failure else []),
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={unit_line(command)}",
        f"WorkingDirectory={_specifiers(str(plan.folder))}",
        *([f"User={plan.user}"] if plan.user else []),
        "# Exit code 3: done, with warnings.",
        "SuccessExitStatus=3",
        "Nice=10",
        "IOSchedulingClass=best-effort",
        "IOSchedulingPriority=7",
        "UMask=0077",
        "",
    ]
    return "\n".join(lines)


def _follow_service(plan: Plan) -> str:
    lines = [
        MARK,
        "[Unit]",
        f"Description=dbtool: continuous backup of {_one_line(plan.name)}",
        "Documentation=man:dbtool-follow(1)",
        "",
        "[Service]",
        "Type=notify",
        f"ExecStart={unit_line(plan.command)}",
        "ExecReload=/bin/kill -HUP $MAINPID",
        f"WorkingDirectory={_specifiers(str(plan.folder))}",
        *([f"User={plan.user}"] if plan.user else []),
        "# It is ready when the first snapshot is there, however large the database is.",
        "TimeoutStartSec=infinity",
        "Restart=on-failure",
        "RestartSec=5",
        "# Exit code 3: it was stopped, and there had been warnings.",
        "SuccessExitStatus=3",
        "UMask=0077",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    return "\n".join(lines)


def _timer(plan: Plan, title: str) -> str:
    lines = [
        MARK,
        "[Unit]",
        f"Description=dbtool: {title}",
        "Documentation=man:dbtool-schedule(1)",
        "",
        "[Timer]",
        f"OnCalendar={plan.when.calendar}",
        "# A run that was missed while the machine was off is made up for.",
        "Persistent=true",
        *([f"RandomizedDelaySec={plan.random_delay_s}"] if plan.random_delay_s else []),
        "",
        "[Install]",
        "WantedBy=timers.target",
        "",
    ]
    return "\n".join(lines)


def _quoted(word: str) -> str:
    if _PLAIN.fullmatch(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_specifiers(escaped).replace("$", "$$")}"'


def _specifiers(text: str) -> str:
    return text.replace("%", "%%")


def _one_line(text: str) -> str:
    return _specifiers("".join(c if c.isprintable() else "?" for c in text))
