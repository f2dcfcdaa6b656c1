"""What completion scripts are made of."""

from __future__ import annotations

from dbtool.cli.generate import descriptions
from dbtool.cli.shells.tables import (
    asking_options,
    choices,
    file_options,
    positions,
    quoted,
    with_value,
)

PAGES = {page.path: page for page in descriptions()}


def test_arguments_complete_to_kinds() -> None:
    assert positions(PAGES["dbtool restore"]) == ["snapshots", "databases"]
    assert positions(PAGES["dbtool key remove"]) == ["keys", "databases"]
    assert positions(PAGES["dbtool key generate"]) == ["files"]
    assert positions(PAGES["dbtool help"]) == ["topics"]


def test_options_with_values_are_known() -> None:
    found = with_value(PAGES.values())
    assert {"--repo", "--tag", "-o", "--format"} <= set(found)
    assert not {"-q", "--dry-run", "--read-data"} & set(found)
    assert {"--repo", "--to", "--password-file"} <= set(file_options(PAGES.values()))


def test_options_that_take_a_snapshot_ask_for_it() -> None:
    assert "--at" in asking_options(PAGES.values())["snapshots"]


def test_choices_are_known() -> None:
    assert choices(PAGES.values())["--color",] == ("auto", "always", "never")


def test_words_are_quoted_without_quotes_inside() -> None:
    assert quoted("it's") == "'its'"
