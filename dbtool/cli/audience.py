"""Who is told how a job ended: hooks and the ping address, as far as the configuration may."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dbtool.cli.trust import require_trust
from dbtool.config import environment, state_folder
from dbtool.errors import DbtoolError, Refused
from dbtool.schedule.lock import note_told, take_told

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.schedule.job import JobReport
    from dbtool.schedule.ping import Event

__all__ = ["OF_ALERTS", "OF_JOBS", "Audience"]


OF_JOBS = {
    "ping": "hooks.ping_url",
    "success": "hooks.on_success",
    "failure": "hooks.on_failure",
}
OF_ALERTS = {
    "ping": "alerts.ping_url",
    "success": "alerts.on_resolved",
    "failure": "alerts.on_firing",
}


class Audience:
    """Hooks and the ping address, as far as the configuration names them and may.

    Args:
        session: of this run.
        keys: of the configuration, `OF_JOBS` or `OF_ALERTS`.
    """

    def __init__(self, session: Session, keys: Mapping[str, str] = OF_JOBS) -> None:
        self._session = session
        self._keys = keys

    def hear(self, event: Event, summary: str, *, exit_code: int = 0, database: str = "") -> None:
        """Tell of an event; who does not take it is a warning."""
        self.ping(event, summary)
        if event != "start":
            self.tell(event, summary, exit_code, database)

    def tell(self, event: Event, summary: str, exit_code: int, database: str) -> None:
        """Run the hooks of an event alone."""
        commands = self._setting(self._keys[event])
        if commands:
            from dbtool.schedule.hooks import run_hooks

            variables = {
                **environment(),
                "DBTOOL_EVENT": event,
                "DBTOOL_DATABASE": database,
                "DBTOOL_EXIT_CODE": str(exit_code),
                "DBTOOL_SUMMARY": summary,
            }
            for problem in run_hooks(commands, variables=variables, summary=summary):
                self._session.warn(problem)

    def ping(self, event: Event, summary: str) -> None:
        """Tell the ping address alone."""
        url = self._setting(self._keys["ping"])
        if url:
            from dbtool.schedule.ping import ping

            problem = ping(url, event, summary, wait=time.sleep)
            if problem:
                self._session.warn(problem)

    def hear_end(self, report: JobReport, database: str) -> None:
        """Tell how a job ended."""
        event: Event = "success" if report.succeeded else "failure"
        self.hear(event, report.summary, exit_code=report.exit_code, database=database)
        if event == "failure":
            note_told(state_folder() / "locks", database)

    def hear_death(self, shown: str, error: BaseException, database: str) -> None:
        """Tell that a job did not come to its end: a signal, a setting that means nothing."""
        number = self._session.interrupts.received
        if isinstance(error, DbtoolError):
            why, code = error.message, error.exit_code
        elif number is not None:
            why, code = f"stopped by {signal.Signals(number).name}", 128 + number
        else:
            why, code = f"stopped by {type(error).__name__}", 1
        self.hear("failure", f"{shown} FAILED: {why}", exit_code=code, database=database)
        note_told(state_folder() / "locks", database)

    @staticmethod
    def heard_of_failure(database: str) -> bool:
        """Say, once, whether the last job told of its failure itself."""
        return take_told(state_folder() / "locks", database)

    def _setting(self, key: str) -> Any:
        setting = self._session.config.settings.get(key)
        if setting is None or not setting.value:
            return None
        try:
            require_trust(self._session.config, setting)
        except Refused as error:
            # The backup must not wait for that; but nobody was told, so it is said each time.
            self._session.warn(f"{key} was left out: {error.message}; dbtool config trust")
            return None
        return setting.value
