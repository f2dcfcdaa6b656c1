"""All configured databases, one a row: how each is, the one that is worst in front of the eye."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import DataTable

from dbtool.core.quantities import format_duration, format_size
from dbtool.tui.feeds import FEEDS, pause_s
from dbtool.tui.line import Column, Line, Row, Status, worst
from dbtool.tui.present.health import health_lines
from dbtool.tui.present.jobs import outcome
from dbtool.tui.present.times import clock
from dbtool.tui.state import State
from dbtool.tui.widgets.bars import KeyBar, TitleBar
from dbtool.tui.widgets.listing import Listing
from dbtool.tui.widgets.panel import Panel

if TYPE_CHECKING:
    from dbtool.tui.app import DashboardApp

__all__ = ["FleetScreen", "fleet_row"]

COLUMNS: Final = (
    Column("database"),
    Column("size", right=True),
    Column("wal", right=True),
    Column("backup"),
    Column("attention"),
    Column("path"),
)
_FEED: Final = "snapshots"
_JOBS_EVERY_S: Final = 0.5


class FleetScreen(Screen[None]):
    """Several databases."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort"),
        Binding("y", "copy", "Copy"),
        Binding("space", "pause", "Pause"),
        Binding("q,escape", "quit", "Quit"),
    ]
    app: DashboardApp

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[str, State] = {}

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield TitleBar(id="title")
        with Panel(id="fleet"):
            yield Listing(id="fleet-list")
        yield KeyBar(id="keys")

    def on_mount(self) -> None:
        """Begin to ask."""
        self.states = {d.path: State(d) for d in self.app.options.databases}
        for state in self.states.values() if not self.app.source.replayed else ():
            self.run_worker(self._keep_asking(state), group="feeds", exit_on_error=False)
        self.set_interval(self.app.options.refresh_s, self._tick)
        self.set_interval(_JOBS_EVERY_S, self._look_at_jobs)
        self.call_after_refresh(self._tick)
        self.query_one("#fleet-list", Listing).focus()

    async def _keep_asking(self, state: State) -> None:
        while True:
            took_s = 0.0
            if not self.app.paused:
                reading = await self.app.source.read(_FEED, state.database)
                if reading is not None:
                    state.take(reading)
                    took_s = reading.took_s * len(self.states)
            self.draw()
            await asyncio.sleep(pause_s(FEEDS[_FEED], took_s) or 0.0)

    def _tick(self) -> None:
        if not self.app.paused and self.is_current:
            self.app.source.advance()
            for state in self.states.values():
                self.run_worker(self._look(state), group="look", exit_on_error=False)

    def _look_at_jobs(self) -> None:
        """Tell of jobs that end after the database they were started from was left."""
        if not self.is_current:
            return
        for job in self.app.jobs.look():
            if not job.state.running:
                status, text, _ = outcome(job)
                self.notify(text, severity="information" if status is Status.OK else "warning")

    async def _look(self, state: State) -> None:
        """Look at one database; one that hangs keeps no other waiting."""
        live = await self.app.source.look(state.database)
        if live is not None and live is not state.live:
            state.see(live)
        if self.app.source.replayed:
            reading = await self.app.source.read(_FEED, state.database)
            if reading is not None and reading is not state.readings.get(_FEED):
                state.take(reading)
        self.draw()

    def draw(self) -> None:
        """Draw what is known."""
        if not self.is_mounted or not self.is_current:
            return
        now_s = self.app.source.now()
        rows = [fleet_row(state, now_s) for state in self.states.values()]
        self.query_one("#fleet-list", Listing).show(COLUMNS, rows)
        bad = sum(row.status in (Status.WARN, Status.CRIT) for row in rows)
        told = f"{bad} of {len(rows)} want attention" if bad else "all well"
        self.query_one("#fleet", Panel).entitle("Databases", told)
        pace = "paused" if self.app.paused else format_duration(self.app.options.refresh_s)
        may = "" if self.app.options.write else "   READ-ONLY"
        right = f"{pace}   {clock(now_s)} "
        self.query_one("#title", TitleBar).show(f" dbtool  {len(rows)} databases{may}", right)
        keys = (
            ("enter", "Open", "open", True),
            ("s", "Sort", "sort", True),
            ("y", "Copy", "copy", True),
            ("space", "Pause", "pause", True),
            ("q", "Quit", "quit", True),
        )
        self.query_one("#keys", KeyBar).show(keys)

    def on_screen_resume(self) -> None:
        """Draw what came meanwhile."""
        self.call_after_refresh(self.draw)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open a database."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Open the database under the cursor."""
        row = self.query_one("#fleet-list", Listing).selected
        if row is not None:
            self.app.open_database(self.states[row.key].database)

    def action_sort(self) -> None:
        """Sort by the next column."""
        self.notify(f"sorted: {self.query_one('#fleet-list', Listing).sort_next()}")

    def action_copy(self) -> None:
        """Copy the rows."""
        self.app.copy_to_clipboard(self.query_one("#fleet-list", Listing).as_text())
        self.notify("copied")

    def action_pause(self) -> None:
        """Stop or continue."""
        self.app.paused = not self.app.paused
        self.draw()

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit(return_code=0)


def fleet_row(state: State, now_s: float) -> Row:
    """Return the row of a database; its status is the worst of its health."""
    lines = health_lines(state, now_s)
    status = worst([line.status for line in lines if line.status is not Status.UNKNOWN])
    live = state.live
    wanting = [line for line in lines if line.status in (Status.WARN, Status.CRIT)]
    backup = next((line for line in lines if line.label == "backup"), Line("backup", ""))
    size = None if live is None else live.size_bytes
    wal = None if live is None else live.wal_bytes
    told = "; ".join(f"{line.label}: {line.text}" for line in wanting)
    cells = (
        state.database.name,
        "" if size is None else format_size(size),
        "" if wal is None else format_size(wal),
        backup.text,
        told,
        state.database.path,
    )
    order = (cells[0], size, wal, backup.text, told, cells[5])
    data = {line.label: line.text for line in lines}
    return Row(state.database.path, cells, order, status, data)
