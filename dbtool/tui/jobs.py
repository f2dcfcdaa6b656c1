"""Work started from the dashboard: child processes that write NDJSON to a file of their own.

A job does not depend on who started it. It runs in a session of its own and writes to a file, not
to a pipe, so that leaving the dashboard neither ends nor blocks it. It is cancelled by SIGINT, at
which commands stop at their next safe point.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from dbtool.tui.children import command
from dbtool.tui.model import Problem

__all__ = ["Job", "JobRunner", "JobState"]

_FINE: Final = (0, 3)
_CANCELLED: Final = (130, 143)
_LONGEST_READ: Final = 2**20
_MOST_LOGS: Final = 100
_MOST_LOG_BYTES: Final = 64 * 2**20
_QUIET_S: Final = 3600.0
"""A job that runs writes once a second; a log that is older than this is no longer written."""


@dataclass(frozen=True, slots=True)
class JobState:
    """Where a job is."""

    phase: str = ""
    done: int = 0
    total: int | None = None
    unit: str = ""
    elapsed_s: float = 0.0
    warnings: tuple[str, ...] = ()
    result: Any = None
    """What its last record said; None: nothing yet."""
    problem: Problem | None = None
    exit_code: int | None = None
    """None: it runs."""

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.exit_code is None

    @property
    def fine(self) -> bool:
        """Whether it ended and did what it was asked for."""
        return self.exit_code in _FINE

    @property
    def cancelled(self) -> bool:
        """Whether it ended because somebody stopped it."""
        return self.exit_code in _CANCELLED

    @property
    def share(self) -> float | None:
        """Part of the phase that is done, 0 to 1; None: nobody knows."""
        return min(self.done / self.total, 1.0) if self.total else None


@dataclass
class Job:
    """One command that was started, and what it has said."""

    title: str
    words: tuple[str, ...]
    began_s: float
    log: Path
    """What it wrote, a JSON record a line."""
    state: JobState = field(default_factory=JobState)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _output: IO[bytes] | None = field(default=None, repr=False)
    _rest: bytes = field(default=b"", repr=False)

    @property
    def pid(self) -> int | None:
        """Process id; None: it could not be started."""
        return None if self.process is None else self.process.pid

    def look(self, now_s: float) -> bool:
        """Read what the job wrote since the last look.

        Returns:
            Whether anything changed.
        """
        if not self.state.running:
            return False
        before = self.state
        # Asked before reading: what an ended process wrote is complete when it is read then.
        ended = None if self.process is None else self.process.poll()
        for record in self._records():
            self.state = _after(self.state, record)
        if ended is not None:
            self._close()
            code = 128 - ended if ended < 0 else ended
            problem = self.state.problem
            if problem is None and code not in (*_FINE, 4, 13):
                problem = Problem("job-failed", f"ended with exit code {code}", exit_code=code)
            self.state = _with(self.state, exit_code=code, problem=problem)
        self.state = _with(self.state, elapsed_s=now_s - self.began_s)
        return self.state != before

    def cancel(self) -> None:
        """Ask it to stop at its next safe point; a second time, to stop at once."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)

    def _records(self) -> Iterator[dict[str, Any]]:
        if self._output is None:
            return
        while chunk := self._output.read(_LONGEST_READ):
            *lines, self._rest = (self._rest + chunk).split(b"\n")
            for line in lines:
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                if isinstance(record, dict):
                    yield record

    def _close(self) -> None:
        if self._output is not None:
            self._output.close()
            self._output = None


class JobRunner:
    """Starts jobs and keeps them, the newest first."""

    def __init__(self, folder: Path, now: Callable[[], float]) -> None:
        self._folder = folder
        self._now = now
        self.jobs: list[Job] = []

    @property
    def running(self) -> list[Job]:
        """Those that have not ended."""
        return [job for job in self.jobs if job.state.running]

    def start(self, title: str, words: Sequence[str]) -> Job:
        """Start a command; where that fails the job says so, nothing is raised."""
        now_s = self._now()
        log = self._folder / f"{int(now_s)}-{os.getpid()}-{len(self.jobs)}.ndjson"
        job = Job(title, tuple(words), now_s, log)
        self.jobs.insert(0, job)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with log.open("xb") as sink:
                job.process = subprocess.Popen(  # noqa: S603 - our own program, as words
                    command([*words, "-o", "ndjson"]),
                    stdin=subprocess.DEVNULL,
                    stdout=sink,
                    stderr=sink,
                    start_new_session=True,
                )
            job._output = log.open("rb")
        except (OSError, ValueError) as error:
            # ValueError: a word that was typed or pasted holds a NUL.
            problem = Problem("job-not-started", f"cannot start: {error}")
            job.state = JobState(problem=problem, exit_code=1)
        self._forget_old_logs()
        return job

    def _forget_old_logs(self) -> None:
        """Keep the newest logs, of all dashboards together; none that may still be written."""
        with suppress(OSError):
            logs = [(log.stat(), log) for log in self._folder.glob("*.ndjson")]
            logs.sort(key=lambda each: each[0].st_mtime, reverse=True)
            kept_bytes = 0
            for number, (status, log) in enumerate(logs):
                kept_bytes += status.st_size
                old = self._now() - status.st_mtime > _QUIET_S
                if old and (number >= _MOST_LOGS or kept_bytes > _MOST_LOG_BYTES):
                    log.unlink(missing_ok=True)

    def look(self) -> list[Job]:
        """Read what all running jobs wrote, and return those that changed."""
        now_s = self._now()
        return [job for job in self.jobs if job.look(now_s)]


def _after(state: JobState, record: dict[str, Any]) -> JobState:
    """Return the state that a record leads to."""
    kind = record.get("type")
    if kind == "status":
        return _with(
            state,
            phase=str(record.get("phase", "")),
            done=int(record.get("done") or 0),
            total=record.get("total"),
            unit=str(record.get("unit", "")),
        )
    if kind == "warning":
        return _with(state, warnings=(*state.warnings, str(record.get("message", ""))))
    if kind == "error" or "exit_code" in record:
        problem = Problem(
            str(record.get("code", "job-failed")),
            str(record.get("message", "")),
            str(record.get("cause") or ""),
            str(record.get("hint") or ""),
            int(record.get("exit_code") or 1),
        )
        return _with(state, problem=problem)
    if kind in ("summary", None):
        return _with(state, result=record)
    return state


def _with(state: JobState, **changes: Any) -> JobState:
    from dataclasses import replace

    return replace(state, **changes)
