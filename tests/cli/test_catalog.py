"""The static table behind `--help`."""

from __future__ import annotations

from pathlib import Path

from dbtool.cli import commands
from dbtool.cli.catalog import COMMANDS, GLOBAL_OPTIONS, root_help
from dbtool.cli.command import global_parameters


def test_the_table_and_the_folder_of_commands_agree() -> None:
    files = {path.stem for path in Path(commands.__path__[0]).glob("*.py")} - {"__init__"}
    assert {entry.module for entry in COMMANDS.values()} == files


def test_the_help_fits_80_columns_and_holds_no_colour() -> None:
    for line in root_help().splitlines():
        assert len(line) <= 80, line
        assert "\x1b" not in line


def test_headings_are_bold_where_asked_for() -> None:
    assert "<b>Usage:</b>" in root_help("<b>", "</b>")


def test_summaries_are_lower_case_phrases() -> None:
    for entry in COMMANDS.values():
        assert entry.summary[0].islower()
        assert not entry.summary.endswith(".")


def test_the_static_options_are_the_real_ones() -> None:
    static = {
        word.strip(",")
        for option in GLOBAL_OPTIONS.values()
        for word in option.spelling.split()
        if word[0] == "-"
    }
    real = {word for parameter in global_parameters() for word in parameter.opts} | {"-h", "--help"}
    assert static == real
