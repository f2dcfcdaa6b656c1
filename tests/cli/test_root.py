"""The root of the command tree."""

from __future__ import annotations

from dbtool.cli.app import root
from dbtool.cli.catalog import COMMANDS
from dbtool.cli.root import RootGroup


def test_listing_commands_loads_none() -> None:
    tree = root()
    assert isinstance(tree, RootGroup)
    context = tree.make_context("dbtool", ["-q"], obj=None)
    assert tree.list_commands(context) == list(COMMANDS)
    assert tree.commands._loaded == {}
