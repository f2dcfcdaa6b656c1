"""One database: title, tabs, the tab in front, the running job, the keys.

It asks the source, keeps the `State`, and tells only the tab in front to draw. What keys do beyond
moving around is in `dbtool.tui.screens.deeds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import ContentSwitcher, DataTable, Input

from dbtool.core.quantities import format_duration, format_size
from dbtool.tui.actions import KEYS, forbidden
from dbtool.tui.feeds import FEEDS, pause_s
from dbtool.tui.line import SYMBOLS, Status
from dbtool.tui.present.times import clock
from dbtool.tui.screens.dialog import Details
from dbtool.tui.screens.jobline import JobLine
from dbtool.tui.state import Event, State
from dbtool.tui.views import VIEWS
from dbtool.tui.views.search import SearchView
from dbtool.tui.widgets.bars import KeyBar, ProgressLine, TabBar, TitleBar

if TYPE_CHECKING:
    from dbtool.tui.app import DashboardApp
    from dbtool.tui.model import DatabaseRef, Reading
    from dbtool.tui.views.view import View

__all__ = ["DatabaseScreen"]

_RATES_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)


class DatabaseScreen(JobLine):
    """A database's screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key.key, key.action, key.label, show=False) for key in KEYS),
        *(Binding(str(n), f"tab('{name}')", show=False) for n, name in enumerate(VIEWS, 1)),
        Binding("escape", "back", "Back", show=False),
        Binding("comma", "step(-10)", show=False),
        Binding("full_stop", "step(10)", show=False),
        Binding("left_square_bracket", "next_tab(-1)", show=False),
        Binding("right_square_bracket", "next_tab(1)", show=False),
    ]
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - declared without ClassVar by Textual
        (0, "-narrow"),
        (80, "-normal"),
        (110, "-wide"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - likewise
        (0, "-low"),
        (24, "-tall"),
        (34, "-higher"),
    ]
    app: DashboardApp

    def __init__(self, database: DatabaseRef) -> None:
        super().__init__()
        self.database = database
        self.state = State(database)
        self.tab_name = next(iter(VIEWS))
        self.refresh_s = 0.0
        self._asking: set[tuple[str, tuple[str, ...]]] = set()
        self._looking = False
        self._undrawable: set[str] = set()

    def compose(self) -> ComposeResult:
        """Lay out."""
        yield TitleBar(id="title")
        yield TabBar(id="tabs")
        with ContentSwitcher(initial=self.tab_name, id="views"):
            # The others are made when they are gone to: most of a first paint would be theirs.
            yield VIEWS[self.tab_name](id=self.tab_name)
        yield Input(id="filter", placeholder="show only rows that hold ...")
        yield ProgressLine(id="job")
        yield KeyBar(id="keys")

    # -- asking -----------------------------------------------------------------------------------

    def on_mount(self) -> None:
        """Begin to ask."""
        self.refresh_s = self.app.options.refresh_s
        self.query_one("#filter", Input).display = False
        for feed in FEEDS:
            if FEEDS[feed].every_s is not None and not self.app.source.replayed:
                self.run_worker(self._keep_asking(feed), group="feeds", exit_on_error=False)
        self._timer = self.set_interval(self.refresh_s, self._tick)
        self.watch_jobs()
        self.run_worker(self._recall(), group="past", exit_on_error=False)
        self.call_after_refresh(self._tick)
        self._enter(self.tab_name)

    async def _recall(self) -> None:
        self.state.recall(await self.app.source.past(self.database))
        self.draw()

    async def _keep_asking(self, feed: str) -> None:
        while True:
            if not self.app.paused:
                await self.ask(feed)
            reading = self.state.readings.get(feed)
            took_s = reading.took_s if reading else 0.0
            await asyncio.sleep(pause_s(FEEDS[feed], took_s) or 0.0)

    async def ask(self, feed: str, extra: tuple[str, ...] = ()) -> Reading | None:
        """Ask one feed now, unless it is being asked already."""
        if (feed, extra) in self._asking:
            return None
        self._asking.add((feed, extra))
        try:
            reading = await self.app.source.read(feed, self.database, extra)
        finally:
            self._asking.discard((feed, extra))
        if reading is not None:
            self.state.take(reading)
            self.draw(changed=feed)
        return reading

    def ask_soon(self, *feeds: str) -> None:
        """Ask some feeds without waiting for the answers."""
        for feed in feeds:
            self.run_worker(self.ask(feed), group="asked", exit_on_error=False)

    def _tick(self) -> None:
        if not self.app.paused and not self._looking and self.is_current:
            self.app.source.advance()
            self.run_worker(self._take_look(), group="look", exit_on_error=False)

    async def _take_look(self) -> None:
        self._looking = True
        try:
            live = await self.app.source.look(self.database)
            if self.app.source.replayed:
                await self._take_recorded()
        finally:
            self._looking = False
        if live is not None and live is not self.state.live:
            self.state.see(live)
        self.draw()

    async def _take_recorded(self) -> None:
        """Take the answers of the moment that is shown; a step back forgets what came later."""
        live = self.state.live
        if live is not None and live.at_s > self.app.source.now():
            self.state = State(self.database)
            self.state.recall(await self.app.source.past(self.database))
        for feed in FEEDS:
            reading = await self.app.source.read(feed, self.database)
            if reading is not None and reading is not self.state.readings.get(feed):
                self.state.take(reading)

    # -- drawing ----------------------------------------------------------------------------------

    @property
    def view(self) -> View:
        """The tab in front."""
        return self.query_one(f"#{self.tab_name}", VIEWS[self.tab_name])

    def draw(self, changed: str = "") -> None:
        """Draw what may have changed; a feed that the tab in front does not show draws the bars."""
        if not self.is_mounted or not self.is_current:
            return
        now_s = self.app.source.now()
        if not changed or changed in self.view.FEEDS or changed in self.view.ALSO:
            self._show(self.view.TITLE, lambda: self.view.show(self.state, now_s))
        self._show("the title", lambda: self._draw_bars(now_s))

    def _show(self, part: str, drawing: Callable[[], None]) -> None:
        """Draw a part; what cannot be drawn is told once, and everything else goes on."""
        try:
            drawing()
        except Exception as error:  # noqa: BLE001 - a recording may hold anything
            if part not in self._undrawable:
                self._undrawable.add(part)
                text = f"{part} cannot be shown: {type(error).__name__}: {error}"
                now_s = self.app.source.now()
                self.state.tell(Event(now_s, Status.CRIT, "error", text, "dbtool --version"))
                self.notify(text, severity="error")
        else:
            self._undrawable.discard(part)

    def _draw_bars(self, now_s: float) -> None:
        live = self.state.live
        size = format_size(live.size_bytes) if live and live.size_bytes is not None else "?"
        mode = f" [{live.journal_mode.upper()}]" if live and live.journal_mode else ""
        may = "" if self.app.options.write else "   READ-ONLY"
        left = f" dbtool  {self.database.name}{mode} {size}{may}"
        pace = "paused" if self.app.paused else format_duration(self.refresh_s)
        if self.app.source.replayed:
            pace = f"replay {pace}"
        self.query_one("#title", TitleBar).show(left, f"{pace}   {clock(now_s)}   ? help ")
        self._draw_tabs()
        keys = [
            (key.shown, key.label, key.action, not self._why_not(key.writes, key.action))
            for key in KEYS
            if key.label and (not key.tabs or self.tab_name in key.tabs)
        ]
        self.query_one("#keys", KeyBar).show(keys)

    def _draw_tabs(self) -> None:
        from dbtool.tui.present.alerts import counts

        warnings, critical = counts(self.state, self.app.source.now())
        status = Status.CRIT if critical else Status.WARN if warnings else Status.OK
        right = f"{SYMBOLS[status]} {warnings} WARN  {critical} CRIT"
        tabs = [(name, view.TITLE) for name, view in VIEWS.items()]
        self.query_one("#tabs", TabBar).show(tabs, self.tab_name, right, status)

    def _why_not(self, writes: bool, action: str) -> str:  # noqa: FBT001 - what it is about
        deeds = {"backup", "verify", "restore"}
        if not writes and action not in deeds:
            return ""
        return forbidden(self.app.options, writes=writes, replayed=self.app.source.replayed)

    def on_resize(self) -> None:
        """Draw anew at another size."""
        self.call_after_refresh(self.draw)

    def on_screen_resume(self) -> None:
        """Draw what came while another screen was in front."""
        self.call_after_refresh(self.draw)

    # -- moving around ----------------------------------------------------------------------------

    async def action_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        if name != self.tab_name:
            self.close_filter()
            switcher = self.query_one("#views", ContentSwitcher)
            if name not in {child.id for child in switcher.children}:
                view = VIEWS[name](id=name)
                view.display = False
                await switcher.mount(view)
            self.tab_name = name
            switcher.current = name
        self._enter(name)

    async def action_next_tab(self, step: int) -> None:
        """Bring the tab beside to the front."""
        names = list(VIEWS)
        await self.action_tab(names[(names.index(self.tab_name) + step) % len(names)])

    def _enter(self, name: str) -> None:
        missing = [feed for feed in VIEWS[name].FEEDS if feed not in self.state.readings]
        self.ask_soon(*missing)
        listing = self.view.listing
        (listing or self.view).focus()
        self.draw()

    async def action_back(self) -> None:
        """Close what is open: a field, the filter, then this screen where there is a fleet."""
        if self.view.takes_query and isinstance(self.focused, Input):
            (self.view.listing or self.view).focus()
        elif self.query_one("#filter", Input).display or self._filtered():
            self.close_filter()
        elif self.app.fleet:
            self.app.pop_screen()
        else:
            await self.action_tab(next(iter(VIEWS)))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Show the details of a row."""
        event.stop()
        row = self.view.listing.selected if self.view.listing else None
        if row is None:
            return
        details = Details(*self.view.details(row))
        self.app.push_screen(details)
        if (asked := self.view.asks(row)) is not None:
            self.run_worker(
                self._complete(details, *asked),
                group="details",
                exclusive=True,
                exit_on_error=False,
            )

    async def _complete(self, details: Details, feed: str, extra: tuple[str, ...]) -> None:
        """Ask for what belongs into details that are shown already."""
        details.put([(feed, "asking ...")])
        reading = await self.app.source.read(feed, self.database, extra)
        details.put(self.view.answer(reading))

    # -- filter, sort, copy, pace -----------------------------------------------------------------

    def _filtered(self) -> bool:
        return bool(self.view.listing and self.view.listing.wanted)

    def action_filter(self) -> None:
        """Open the line in which a filter is typed."""
        if self.view.takes_query:
            self.view.focus_query()
            return
        field = self.query_one("#filter", Input)
        field.display = True
        self.set_focus(field)

    def close_filter(self) -> None:
        """Show all rows again."""
        field = self.query_one("#filter", Input)
        field.display = False
        field.value = ""
        if self.view.listing is not None:
            self.view.listing.filter_by("")
            self.view.listing.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        if event.input.id == "filter" and self.view.listing is not None:
            self.view.listing.filter_by(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Keep the filter and go back to the rows."""
        if event.input.id == "filter":
            event.input.display = False
            (self.view.listing or self.view).focus()
        elif event.input.id == "search-query" and event.value.strip():
            self._search(event.value)

    def _search(self, query: str) -> None:
        """Search; a search that still runs is given up, so that no answer is of another query."""
        self.state.forget("search")
        if isinstance(self.view, SearchView):
            self.view.searched = query
        self.run_worker(self._find(query), group="search", exclusive=True, exit_on_error=False)
        self.draw()
        if self.view.listing is not None:
            self.view.listing.focus()

    async def _find(self, query: str) -> None:
        if await self.ask("search", ("--", query)) is None:
            self.notify("the recording does not hold that search")
            if isinstance(self.view, SearchView):
                self.view.searched = ""
            self.draw()

    def action_sort(self) -> None:
        """Sort by the next column."""
        listing = self.view.listing
        self.notify(f"sorted: {listing.sort_next()}" if listing else "nothing to sort here")

    def action_copy(self) -> None:
        """Copy what is shown."""
        self.app.copy_to_clipboard(self.view.as_text())
        self.notify("copied what this tab shows")

    def action_step(self, looks: int) -> None:
        """Move a recording on or back."""
        if not self.app.source.replayed:
            self.notify("only a recording can be moved; --record makes one")
            return
        self.app.source.advance(looks)
        self.app.paused = True
        self.run_worker(self._take_look(), group="look", exit_on_error=False)

    def action_pause(self) -> None:
        """Stop or continue."""
        self.app.paused = not self.app.paused
        self.draw()

    def action_faster(self) -> None:
        """Refresh more often."""
        self._set_rate(-1)

    def action_slower(self) -> None:
        """Refresh less often."""
        self._set_rate(1)

    def _set_rate(self, step: int) -> None:
        rates = sorted({*_RATES_S, self.refresh_s})
        place = min(max(rates.index(self.refresh_s) + step, 0), len(rates) - 1)
        self.refresh_s = rates[place]
        self._timer.stop()
        self._timer = self.set_interval(self.refresh_s, self._tick)
        self.draw()

    def action_again(self) -> None:
        """Ask anew what this tab shows."""
        self.ask_soon(*self.view.FEEDS)
        self._tick()

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit(return_code=0)
