"""Dialogs: confirm a command, choose one, show details, explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from dbtool.core.printable import visible, visible_lines

__all__ = ["Choose", "Confirm", "Details"]


class Confirm(ModalScreen[bool]):
    """Shows what a command does and the command itself; runs it on Enter, or on a typed name."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Cancel"),
        Binding("enter", "accept", "Run"),
    ]

    def __init__(self, title: str, text: str, line: str, typed: str = "") -> None:
        """Make it.

        Args:
            title: what is asked.
            text: what would happen.
            line: the command line that does it.
            typed: what has to be typed before it runs; empty: Enter is enough.
        """
        super().__init__()
        self._title, self._text, self._line, self._typed = title, text, line, typed

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="dialog"):
            yield Static(Content(visible(self._title)), classes="title")
            yield Static(Content(visible_lines(self._text)))
            yield Static(Content.assemble("$ ", (visible(self._line), "bold")), classes="command")
            if self._typed:
                yield Static(Content(f"Type {visible(self._typed)} to go on:"))
                yield Input(id="typed")
            yield Static(
                Content.styled("enter runs it, esc does not", "$text-muted"), id="dialog-hint"
            )

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the field."""
        event.stop()
        self.action_accept()

    def action_accept(self) -> None:
        """Go on, if what has to be typed was."""
        # As it is shown: control characters in a name cannot be typed.
        if self._typed and self.query_one("#typed", Input).value != visible(self._typed):
            self.query_one("#dialog-hint", Static).update(
                Content.styled(
                    f"that is not {visible(self._typed)}; nothing was done", "bold $error"
                )
            )
            return
        self.dismiss(result=True)


class Choose(ModalScreen[str | None]):
    """A short list to choose from."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, choices: Sequence[tuple[str, str]]) -> None:
        """Make it.

        Args:
            title: what is asked.
            choices: the answer, and how it is shown.
        """
        super().__init__()
        self._title, self._choices = title, choices

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="dialog"):
            yield Static(Content(visible(self._title)), classes="title")
            yield OptionList(
                *(Option(Content(visible(text)), id=key) for key, text in self._choices)
            )
            yield Static(Content.styled("enter chooses, esc cancels", "$text-muted"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(event.option.id)


class Details(ModalScreen[None]):
    """Everything that is known of one thing, to read and to copy."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss(None)", "Back"),
        Binding("y", "copy", "Copy"),
    ]

    def __init__(self, title: str, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._title, self._fields = title, tuple(fields)
        self._more: tuple[tuple[str, str], ...] = ()

    def compose(self) -> ComposeResult:
        """Lay out."""
        with Vertical(classes="dialog wide"):
            yield Static(Content(visible(self._title)), classes="title")
            with VerticalScroll():
                yield Static(self._content(), id="fields")
            yield Static(Content.styled("esc goes back, y copies", "$text-muted"))

    def on_mount(self) -> None:
        """Show what was put while the dialog was laid out."""
        self.put(self._more)

    def put(self, fields: Sequence[tuple[str, str]]) -> None:
        """Show these above the others, instead of those that were put there before."""
        self._more = tuple(fields)
        for shown in self.query("#fields").results(Static):
            shown.update(self._content())

    def action_copy(self) -> None:
        """Copy what is shown."""
        self.app.copy_to_clipboard(self._content().plain)
        self.notify("copied")

    def _content(self) -> Content:
        fields = (*self._more, *self._fields)
        width = max((len(name) for name, _ in fields), default=0)
        lines = [
            Content.assemble(
                (visible(name).ljust(width) + "  ", "$text-muted"), visible_lines(text)
            )
            for name, text in fields
        ]
        return Content("\n").join(lines)
