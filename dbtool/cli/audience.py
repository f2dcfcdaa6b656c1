"""Who is told how a job ended: hooks and the ping address, as far as the configuration may."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from dbtool.cli.trust import require_trust
from dbtool.config import environment
from dbtool.errors import Refused

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.schedule.job import JobReport
    from dbtool.schedule.ping import Event

__all__ = ["Audience"]


class Audience:
    """Hooks and the ping address, as far as the configuration names them and may."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def hear(self, event: Event, summary: str, *, exit_code: int = 0, database: str = "") -> None:
        """Tell of an event; who does not take it is a warning."""
        url = self._setting("hooks.ping_url")
        if url:
            from dbtool.schedule.ping import ping

            problem = ping(url, event, summary, wait=time.sleep)
            if problem:
                self._session.warn(problem)
        if event == "start":
            return
        commands = self._setting(f"hooks.on_{event}")
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

    def hear_end(self, report: JobReport, database: str) -> None:
        """Tell how a job ended."""
        event: Event = "success" if report.succeeded else "failure"
        self.hear(event, report.summary, exit_code=report.exit_code, database=database)

    def _setting(self, key: str) -> Any:
        setting = self._session.config.settings.get(key)
        if setting is None or not setting.value:
            return None
        try:
            require_trust(self._session.config, setting)
        except Refused as error:
            # The backup must not wait for that; but nobody was told, so it is said each time.
            self._session.warn(f"{key} was left out: {error.message}")
            return None
        return setting.value
