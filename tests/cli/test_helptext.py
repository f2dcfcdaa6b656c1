"""The help of commands."""

from __future__ import annotations

import pytest

from dbtool.cli.generate import descriptions
from dbtool.cli.helptext import render
from tests.cli.conftest import run_child, run_on_terminal

PAGES = descriptions()


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_help_stays_within_the_terminal(page: object, width: int) -> None:
    for line in render(page, color=False, width=width).splitlines():
        if "dbtool" not in line:
            assert len(line) <= width, line
        assert "\x1b" not in line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_help_has_usage_text_and_examples_in_order(page: object) -> None:
    text = render(page, color=False, width=80)
    assert text.index("Usage:") < text.index("Examples:") < text.index("Options of every command:")


def test_headings_are_bold_on_a_terminal_only() -> None:
    assert "\x1b[1mUsage:" in run_on_terminal("backup", "--help").out
    assert "\x1b" not in run_child("backup", "--help").out
    assert "\x1b" not in run_child("backup", "--help", GITHUB_ACTIONS="true").out
