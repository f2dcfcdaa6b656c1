"""The restore wizard: what, from when, to where, the difference, the typed name, progress, proof.

Nothing is restored by the wizard itself. It puts a command line together, shows the plan that the
same command gives with `--dry-run`, and starts it as a job; then it offers to verify.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, RadioButton, RadioSet, Static

from dbtool.core.printable import visible
from dbtool.core.quantities import format_size
from dbtool.tui.actions import forbidden, line_of
from dbtool.tui.children import ask
from dbtool.tui.screens.dialog import Confirm

if TYPE_CHECKING:
    from dbtool.tui.app import DashboardApp
    from dbtool.tui.model import Reading
    from dbtool.tui.screens.database import DatabaseScreen

__all__ = ["Restore", "RestoreWizard", "plan_text", "words_of"]

_PLAN_DEADLINE_S: Final = 120.0
_TARGETS: Final = (
    ("new", "into a new file; nothing is overwritten"),
    ("live", "into the live database, while applications have it open"),
    ("over", "over the file, only the pages that differ; nobody may have it open"),
    ("table", "one table, or some of its rows, into the live database"),
)


@dataclass(frozen=True, slots=True)
class Restore:
    """What is to be restored, as it was filled in."""

    snapshot: str = "latest"
    """An id or its beginning, latest, or @TIME."""
    target: str = "new"
    """new, live, over or table."""
    file: str = ""
    """The new file, for new."""
    table: str = ""
    where: str = ""
    """Condition that chooses rows; empty: all of the table."""

    @property
    def overwrites(self) -> bool:
        """Whether it changes the database."""
        return self.target != "new"

    def lacks(self) -> str:
        """Return what is missing; empty: nothing."""
        if not self.snapshot.strip():
            return "which snapshot? an id, latest, or @TIME"
        if self.snapshot.strip().startswith("-"):
            return "that is no snapshot but an option; an id, latest, or @TIME"
        if self.target == "new" and not self.file.strip():
            return "into which file?"
        if self.target == "new" and os.path.lexists(self.file):
            return f"{self.file} exists; name a file that does not"
        if self.target == "table" and not self.table.strip():
            return "which table?"
        return ""


def words_of(restore: Restore, options: tuple[str, ...], database: str) -> tuple[str, ...]:
    """Return the command line of a restore, without the program's name."""
    words = ["restore", restore.snapshot.strip()]
    if restore.target == "new":
        words += ["--to", restore.file]
    elif restore.target == "table":
        words += ["--table", restore.table]
        words += ["--where", restore.where] if restore.where.strip() else []
    else:
        words += [f"--{restore.target}"]
    return (*words, *options, database)


def plan_text(plan: dict[str, Any]) -> str:
    """Return what a plan says, for people."""
    lines = [f"snapshot  {str(plan.get('snapshot'))[:8]}", f"target    {plan.get('target')}"]
    if "rows_updated" in plan:
        lines.append(
            f"rows      {plan['rows_updated']:,} to update, {plan['rows_inserted']:,} to insert, "
            f"{plan['rows_deleted']:,} to delete; {plan['rows_unchanged']:,} stay as they are"
        )
    elif plan.get("pages_differing") is not None:
        lines.append(f"writes    {plan['pages_differing']:,} of {plan['pages']:,} pages")
    elif plan.get("pages") is not None:
        lines.append(f"writes    {plan['pages']:,} pages")
    if plan.get("target_exists"):
        lines.append(f"there     {format_size(plan.get('target_size') or 0)} now")
    for holder in plan.get("open_by") or ():
        shown = holder if isinstance(holder, str) else f"{holder['command']} ({holder['pid']})"
        lines.append(f"open by   {shown}")
    if plan.get("mode") != "new":
        lines.append("keeps     a snapshot of what is there now is taken first")
    return "\n".join(lines)


class _Choice(RadioButton):
    """A radio button that is told from the others without colour."""

    @property
    def BUTTON_INNER(self) -> str:  # type: ignore[override]  # noqa: N802 - Textual's name for it
        """The mark between the brackets."""
        return "●" if self.value else " "


class RestoreWizard(ModalScreen[None]):
    """Asks for what, from when and to where."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel"),
        Binding("ctrl+enter,f2", "plan", "Plan"),
    ]
    app: DashboardApp

    def __init__(self, screen: DatabaseScreen) -> None:
        super().__init__()
        self._owner = screen
        self._database = screen.database
        listing = screen.view.listing if screen.tab_name == "backups" else None
        chosen = listing.selected if listing else None
        name = Path(self._database.path)
        file = name.with_name(f"{name.stem}.restored{name.suffix}")
        self.restore = Restore(chosen.key[:8] if chosen else "latest", file=str(file))

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="dialog"):
            yield Static(Content(visible(f"Restore {self._database.name}")), classes="title")
            yield Static("Snapshot: an id, latest, or a time such as @yesterday or @09:30")
            yield Input(self.restore.snapshot, id="snapshot")
            with RadioSet(id="target"):
                for key, text in _TARGETS:
                    why = self._forbidden(key)
                    label = f"{text}  ({why})" if why else text
                    yield _Choice(label, value=key == "new", id=f"to-{key}", disabled=bool(why))
            yield Input(self.restore.file, id="file", placeholder="new file")
            yield Input("", id="table", placeholder="table")
            yield Input("", id="where", placeholder="rows, as SQL: status = 'void' (all if empty)")
            yield Static("", id="line", classes="command")
            yield Static(
                Content.styled("enter shows the plan first; esc cancels", "$text-muted"), id="said"
            )

    def _forbidden(self, target: str) -> str:
        return forbidden(self.app.options, writes=target != "new")

    def on_mount(self) -> None:
        """Show the fields of the first choice."""
        self._show()
        self.query_one("#snapshot", Input).focus()

    def on_radio_set_changed(self, event: RadioSet.Changed) -> None:
        """Show the fields that the choice needs."""
        key = (event.pressed.id or "to-new").removeprefix("to-")
        self.restore = replace(self.restore, target=key)
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep what is typed."""
        if event.input.id in ("snapshot", "file", "table", "where"):
            self.restore = replace(self.restore, **{event.input.id: event.value})
            self._show()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a field."""
        event.stop()
        self.action_plan()

    def _show(self) -> None:
        target = self.restore.target
        self.query_one("#file").display = target == "new"
        self.query_one("#table").display = target == "table"
        self.query_one("#where").display = target == "table"
        words = words_of(self.restore, self.app.options.words, self._database.word)
        self.query_one("#line", Static).update(Content(f"$ {visible(line_of(words))}"))

    def action_plan(self) -> None:
        """Ask for the plan, if everything is filled in."""
        missing = self.restore.lacks()
        self._say(missing or "asking for the plan ...", wrong=bool(missing))
        if not missing:
            self.run_worker(self._plan(), exclusive=True, exit_on_error=False)

    async def _plan(self) -> None:
        words = words_of(self.restore, self.app.options.words, self._database.word)
        asked = ("restore", "--json", "--dry-run", *words[1:])
        reading = await ask("restore", asked, deadline_s=_PLAN_DEADLINE_S)
        if reading.problem is not None:
            self._say(f"{reading.problem.message}\n{reading.problem.hint}".strip(), wrong=True)
            return
        self._confirm(reading, words)

    def _confirm(self, reading: Reading, words: tuple[str, ...]) -> None:
        restore, database = self.restore, self._database
        title = f"Restore {restore.snapshot} of {database.name}"
        typed = Path(database.path).name if restore.overwrites else ""
        run = ("restore", "--yes", *words[1:]) if restore.overwrites else words

        def answered(go_on: bool | None) -> None:  # noqa: FBT001 - Textual calls it so
            if go_on:
                self.app.jobs.start(title, run)
                self.app.notify(f"started: {title}; afterwards v proves the result")
                self.dismiss(None)

        text = plan_text(reading.data or {})
        self.app.push_screen(Confirm(title, text, line_of(words), typed), answered)

    def _say(self, text: str, *, wrong: bool = False) -> None:
        style = "bold $error" if wrong else "$text-muted"
        self.query_one("#said", Static).update(Content.styled(visible(text), style))
