"""What commands say about themselves."""

from __future__ import annotations

from dbtool.cli.app import root
from dbtool.cli.description import describe, summary


def test_a_command_is_described_from_its_declaration() -> None:
    page = describe(root().commands["restore"], "dbtool restore")
    assert page.usage == "dbtool restore [OPTIONS] [SNAPSHOT] [DB]"
    assert [argument.metavar for argument in page.arguments] == ["SNAPSHOT", "DB"]
    by_spelling = {text.spelling: text for text in page.options}
    assert by_spelling["--to FILE"].words == ("--to",)
    assert by_spelling["-n, --dry-run"].metavar == ""
    assert page.examples[0] == (
        "dbtool restore latest app.db",
        "a new file beside it; app.db where that is gone",
    )


def test_a_group_lists_its_verbs() -> None:
    page = describe(root().commands["key"], "dbtool key")
    assert page.usage == "dbtool key [OPTIONS] COMMAND"
    assert dict(page.commands)["list"] == "List the key slots; needs no password"


def test_optional_values_are_written_with_their_equals_sign() -> None:
    page = describe(root().commands["verify"], "dbtool verify")
    assert "--read-data[=SHARE]" in [text.spelling for text in page.options]


def test_a_summary_is_the_first_line() -> None:
    assert (
        summary(root().commands["backup"]) == "Take one snapshot of a database into its repository"
    )
