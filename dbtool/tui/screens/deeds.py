"""What the keys of a database's screen do: each shows its command line, asks, and starts a job."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from dbtool.tui.actions import KEYS, Action, command_of, forbidden, line_of
from dbtool.tui.screens.dialog import Choose, Confirm, Details

if TYPE_CHECKING:
    from dbtool.tui.app import DashboardApp
    from dbtool.tui.model import DatabaseRef
    from dbtool.tui.views.view import View

__all__ = ["Deeds"]

_PROOFS: Final = (
    ("verify", "the database: header, page hashes, structure", ("verify",)),
    ("full", "everything SQLite can check, table by table (minutes)", ("verify", "--full")),
    (
        "drill",
        "restore the newest snapshot to a temporary file and check it",
        ("verify", "--drill"),
    ),
    ("snapshots", "the repository: every object's structure", ("verify", "--snapshots")),
    ("data", "the repository: read and prove every byte", ("verify", "--snapshots", "--read-data")),
)
_TIMERS: Final = (
    ("nightly", "install: every night at 02:30", ("schedule", "install")),
    ("6h", "install: every 6 hours", ("schedule", "install", "--at", "every 6h")),
    (
        "follow",
        "install: a service that follows, to any second",
        ("schedule", "install", "--follow"),
    ),
    ("remove", "remove what is installed", ("schedule", "remove", "--yes")),
)


class Deeds(Screen[None]):
    """The actions; the screen that inherits them has a database."""

    app: DashboardApp
    database: DatabaseRef

    if TYPE_CHECKING:

        @property
        def view(self) -> View:
            """The tab in front."""

        async def action_tab(self, name: str) -> None:
            """Bring a tab to the front."""

        def ask_soon(self, *feeds: str) -> None:
            """Ask some feeds without waiting for the answers."""

    def _allowed(self, *, writes: bool) -> bool:
        why = forbidden(self.app.options, writes=writes, replayed=self.app.source.replayed)
        if why:
            self.notify(why, severity="warning")
        return not why

    def propose(self, action: Action) -> None:
        """Show what an action does, ask, and start it as a job."""
        if not self._allowed(writes=action.writes):
            return
        words = command_of(action, self.database, self.app.options)

        def answered(go_on: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if go_on:
                self.app.jobs.start(action.title, words)
                self.notify(f"started: {action.title}")

        typed = self.database.name if action.typed else ""
        # `--yes` stands for the question that is asked here; who types the command is asked there.
        shown = tuple(word for word in words if word != "--yes")
        self.app.push_screen(Confirm(action.title, action.what, line_of(shown), typed), answered)

    def action_backup(self) -> None:
        """Take a snapshot."""
        what = "Takes one snapshot. The application goes on; only what changed is stored."
        self.propose(Action(f"Back up {self.database.name}", ("backup",), what))

    def action_verify(self) -> None:
        """Choose a proof."""
        if not self._allowed(writes=False):
            return
        choices = [(key, f"{key:<10} {text}") for key, text, _ in _PROOFS]
        words = {key: (text, words) for key, text, words in _PROOFS}

        def chosen(key: str | None) -> None:
            if key:
                text, command = words[key]
                title = f"Verify {self.database.name} ({key})"
                self.propose(Action(title, command, f"Proves {text}."))

        self.app.push_screen(
            Choose(f"What of {self.database.name} is to be proven?", choices), chosen
        )

    def action_restore(self) -> None:
        """Open the wizard."""
        from dbtool.tui.screens.wizard import RestoreWizard

        if self._allowed(writes=False):
            self.app.push_screen(RestoreWizard(self))  # type: ignore[arg-type]

    def action_checkpoint(self) -> None:
        """Copy the WAL back."""
        what = (
            "Copies the WAL back into the database as far as readers allow, for a bounded time.\n"
            "Nobody is blocked; a reader that keeps the WAL is named."
        )
        words = ("optimize", "--checkpoint")
        self.propose(Action(f"Checkpoint {self.database.name}", words, what, writes=True))

    async def action_optimize(self) -> None:
        """Measure; what is found is shown under Indexes and Storage."""
        if not self._allowed(writes=False):
            return
        await self.action_tab("indexes")
        self.notify("measuring on a copy; this may take a while")
        self.ask_soon("advice")

    def action_apply(self) -> None:
        """Apply the advice under the cursor."""
        if not self._allowed(writes=True):
            return
        chosen = getattr(self.view, "advised", None)
        if chosen is None:
            self.notify("no advice is under the cursor; o asks for some")
            return
        what = "Does what the advice says, behind a snapshot where there is a repository."
        trace = self.app.options.trace
        workload = ("--workload", trace) if trace else ()
        words = ("optimize", "--apply", "--yes", "--only", chosen, *workload)
        self.propose(Action(f"Apply {chosen}", words, what, writes=True))

    def action_undo(self) -> None:
        """Undo what was applied last."""
        what = "Undoes what was applied last, exactly."
        words = ("optimize", "--undo", "last", "--yes")
        self.propose(Action(f"Undo advice for {self.database.name}", words, what, writes=True))

    def action_prune(self) -> None:
        """Show what would go, then remove it."""
        if not self._allowed(writes=True):
            return
        self.run_worker(self._propose_prune(), group="asked", exit_on_error=False)

    async def _propose_prune(self) -> None:
        from dbtool.core.quantities import format_size
        from dbtool.tui.present.backups import prune_rows

        reading = await self.app.source.read("prune", self.database)
        if reading is None or reading.problem is not None:
            why = reading.problem.message if reading and reading.problem else "no answer"
            self.notify(f"prune: {why}", severity="error")
            return
        rows = [row for row in prune_rows(reading.data) if row.cells[2] != "keep"]
        gone = "\n".join(f"  {row.cells[0]}  {row.cells[1]}  {row.cells[3]}" for row in rows[:12])
        more = f"\n  and {len(rows) - 12} more" if len(rows) > 12 else ""  # noqa: PLR2004
        freed = format_size(int((reading.data or {}).get("freed", 0)))
        what = f"Removes {len(rows)} snapshots and frees {freed}.\n{gone}{more}"
        if not rows:
            what = "The policy removes no snapshot now; packs with waste may be merged."
        words = ("prune", "--yes")
        self.propose(
            Action(f"Prune {self.database.name}", words, what, writes=True, typed=bool(rows))
        )

    def action_timer(self) -> None:
        """Install or remove the timer."""
        if not self._allowed(writes=True):
            return
        choices = [(key, text) for key, text, _ in _TIMERS]
        words = {key: (text, words) for key, text, words in _TIMERS}

        def chosen(key: str | None) -> None:
            if key:
                text, command = words[key]
                title = f"Timer of {self.database.name}"
                self.propose(Action(title, command, text.capitalize() + ".", writes=True))

        self.app.push_screen(Choose("The timer of the nightly job", choices), chosen)

    def action_migrate(self) -> None:
        """Apply what is pending."""
        what = "Applies every pending migration, after a snapshot and with every guard."
        self.propose(
            Action(
                f"Migrate {self.database.name}", ("migrate", "up"), what, writes=True, typed=True
            )
        )

    def action_help(self) -> None:
        """Explain the keys."""
        fields = [(key.shown, key.help + (" Needs --write." if key.writes else "")) for key in KEYS]
        fields += [
            ("1-9 [ ]", "Tabs."),
            (", .", "Ten looks back or on in a recording."),
            ("enter", "Details of the row under the cursor."),
            ("esc", "Back: closes a dialog, a filter, this database where there are several."),
            ("ctrl+p", "Everything by name: tabs, actions, themes."),
            ("✓ ! ✗ ?", "Well, wants attention, is wrong, cannot be seen (with the reason)."),
        ]
        self.app.push_screen(Details("Keys", fields))
