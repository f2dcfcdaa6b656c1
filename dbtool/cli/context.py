"""One run of the program: its options, configuration, output and signals, handed to every command.

A command asks its `Session` for everything that is not its own business; the session reads the
configuration only when it is asked for, so that a command which needs none never touches the file.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dbtool import config as configuration
from dbtool.cli.render import Output
from dbtool.cli.signals import Interrupts
from dbtool.cli.visible import visible
from dbtool.errors import UsageError

if TYPE_CHECKING:
    import typer

    from dbtool.cli.progress import WorkProgress
    from dbtool.config import Config

__all__ = ["FORMATS", "Session", "current"]

FORMATS = ("table", "json", "ndjson", "csv", "tsv")
_COLOR_CHOICES = ("auto", "always", "never")
_PROGRESS_CHOICES = ("auto", "none", "plain")


class Session:
    """What one run of the program was asked for, and how it answers."""

    def __init__(self, words: list[str], interrupts: Interrupts | None = None) -> None:
        self.words = words
        """The command line as typed, without the program's name."""
        self.interrupts = interrupts or Interrupts()
        self.given: dict[str, Any] = {}
        """Values of the global options that were given, by name."""
        self.warnings: list[str] = []

    @property
    def format(self) -> str:
        """Output format; also before the command line was parsed, for errors in it."""
        if self.given.get("json_output"):
            return "json"
        return str(self.given.get("output_format") or self._format_from_words())

    @property
    def given_format(self) -> str | None:
        """Output format that was asked for; None: none was."""
        asked = self.given.get("json_output") or self.given.get("output_format")
        return self.format if asked else None

    @property
    def quiet(self) -> bool:
        """True: silence where all went well."""
        return bool(self.given.get("quiet"))

    @property
    def verbose(self) -> int:
        """How many times more was asked for."""
        return int(self.given.get("verbose") or self.words.count("-vv") * 2)

    @cached_property
    def config(self) -> Config:
        """The configuration, read when first asked for."""
        return configuration.load(self.given.get("config"))

    def forget_config(self) -> None:
        """Read the configuration again when it is asked for next."""
        self.__dict__.pop("config", None)

    @cached_property
    def output(self) -> Output:
        """Where results go."""
        return Output(
            self.format,
            quiet=self.quiet,
            color=self.color(1),
            warnings=self.warnings,
            width=self.width(),
        )

    def color(self, descriptor: int) -> bool:
        """Return whether to write colour to standard output (1) or standard error (2)."""
        variables = configuration.environment()
        choice = self.given.get("color") or variables.get("DBTOOL_COLOR", "auto")
        if choice not in _COLOR_CHOICES:
            raise UsageError(
                "invalid-value",
                f"DBTOOL_COLOR is {choice!r}; use one of {', '.join(_COLOR_CHOICES)}",
            )
        if choice != "auto":
            return choice == "always"
        if variables.get("NO_COLOR"):
            return False
        return bool(variables.get("FORCE_COLOR")) or self.terminal(descriptor)

    def terminal(self, descriptor: int) -> bool:
        """Return whether a standard stream (0, 1 or 2) is a terminal, and not a dumb one."""
        stream = (sys.stdin, sys.stdout, sys.stderr)[descriptor]
        return (
            stream is not None
            and stream.isatty()
            and configuration.environment().get("TERM") != "dumb"
        )

    def width(self) -> int:
        """Return the width of the terminal in columns; 0 where standard output is none."""
        return shutil.get_terminal_size().columns if self.terminal(1) else 0

    def note(self, *lines: str) -> None:
        """Tell what happens, on standard error; silent with --quiet."""
        if not self.quiet:
            self._say("", lines)

    def detail(self, text: str) -> None:
        """Tell what only --verbose asks for."""
        if self.verbose:
            self._say("", (text,))

    def warn(self, *lines: str) -> None:
        """Warn: on standard error now, in the JSON document later, and exit code 3 in the end."""
        text = "\n".join(lines)
        if text in self.warnings:
            return
        self.warnings.append(text)
        if self.format == "ndjson":
            self.output.record("warning", {"message": text})
        if self.format in ("json", "ndjson"):
            return
        mark = "\x1b[33mwarning\x1b[0m" if self.color(2) else "warning"
        self._say(f"dbtool: {mark}: ", lines)

    @contextmanager
    def work(self) -> Iterator[WorkProgress]:
        """Give the `Progress` of one piece of work; signals wait for its safe points meanwhile."""
        progress = self._progress()
        self.interrupts.working = True
        try:
            yield progress
        finally:
            self.interrupts.working = False
            progress.clear()
        self.interrupts.check()

    def _progress(self) -> WorkProgress:
        from dbtool.cli import progress

        choice = self.given.get("progress") or configuration.environment().get(
            "DBTOOL_PROGRESS", "auto"
        )
        if choice not in _PROGRESS_CHOICES:
            raise UsageError(
                "invalid-value",
                f"DBTOOL_PROGRESS is {choice!r}; use one of {', '.join(_PROGRESS_CHOICES)}",
            )
        if self.format == "ndjson":
            return progress.Records(self.interrupts, self.warn, self.output.record)
        if choice == "plain":
            return progress.Lines(self.interrupts, self.warn)
        if choice == "auto" and self.terminal(2) and not self.quiet and self.format != "json":
            columns = shutil.get_terminal_size().columns
            return progress.Bar(self.interrupts, self.warn, color=self.color(2), width=columns)
        return progress.Quiet(self.interrupts, self.warn)

    def _format_from_words(self) -> str:
        for index, word in enumerate(self.words):
            if word == "--json":
                return "json"
            following = self.words[index + 1 : index + 2]
            value = (
                following[0]
                if word in ("-o", "--format") and following
                else word.partition("--format=")[2]
            )
            if value in FORMATS:
                return value
        return "table"

    def _say(self, head: str, lines: tuple[str, ...]) -> None:
        sys.stdout.flush()
        sys.stderr.write(head + "".join(f"{visible(line)}\n" for line in lines))
        sys.stderr.flush()


def current(context: typer.Context) -> Session:
    """Return the session of a command's context."""
    session = context.find_root().obj
    if not isinstance(session, Session):
        raise TypeError("a command was run without a session")
    return session
