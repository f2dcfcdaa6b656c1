"""The jobs on a database's screen: the line of the one that runs, how each ended, cancelling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dbtool.tui.line import Status
from dbtool.tui.present.jobs import outcome, progress_of
from dbtool.tui.screens.deeds import Deeds
from dbtool.tui.state import Event
from dbtool.tui.widgets.bars import ProgressLine

if TYPE_CHECKING:
    from dbtool.tui.jobs import Job
    from dbtool.tui.state import State

__all__ = ["JobLine"]

_EVERY_S: Final = 0.5


class JobLine(Deeds):
    """Watches jobs; the screen that inherits it has a state and draws."""

    state: State

    if TYPE_CHECKING:

        def draw(self, changed: str = "") -> None:
            """Draw what may have changed."""

    def watch_jobs(self) -> None:
        """Begin to look at jobs."""
        self.query_one("#job", ProgressLine).display = False
        self.set_interval(_EVERY_S, self._look_at_jobs)

    def _look_at_jobs(self) -> None:
        if not self.app.jobs.jobs:
            return
        for job in self.app.jobs.look():
            if not job.state.running:
                self._ended(job)
        self._draw_job()

    def _draw_job(self) -> None:
        line = self.query_one("#job", ProgressLine)
        running = self.app.jobs.running
        line.display = bool(running)
        if running:
            job = running[0]
            more = f"  (+{len(running) - 1} more)" if len(running) > 1 else ""
            line.show(f"Job: {job.title}", job.state.share, f"{progress_of(job)}{more}   x cancels")

    def _ended(self, job: Job) -> None:
        status, text, hint = outcome(job)
        now_s = self.app.source.now()
        self.state.tell(Event(now_s, status, "job", text, hint))
        severity = {Status.OK: "information", Status.WARN: "warning"}.get(status, "error")
        self.notify(text, severity=severity, timeout=8)  # type: ignore[arg-type]
        self.ask_soon("snapshots", *self.view.FEEDS)
        self.draw()

    def action_cancel(self) -> None:
        """Stop the newest job."""
        running = self.app.jobs.running
        if running:
            running[0].cancel()
            self.notify(f"asked {running[0].title} to stop at its next safe point")
        else:
            self.notify("no job is running")
