"""Every command is documented everywhere, and what is generated is up to date."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dbtool.cli.catalog import COMMANDS, root_help
from dbtool.cli.description import describe
from dbtool.cli.generate import completion_files, descriptions, manual_files

TOP = Path(__file__).resolve().parents[2]
PAGES = descriptions()


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_command_is_in_the_readme(verb: str) -> None:
    assert f"dbtool {verb}" in (TOP / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("verb", COMMANDS)
def test_every_command_has_a_manual_page_and_a_line_in_the_help(verb: str) -> None:
    assert (TOP / "man" / f"dbtool-{verb}.1").is_file()
    assert f"  {verb} " in root_help()


@pytest.mark.parametrize("path", [*manual_files(), *completion_files()], ids=str)
def test_generated_files_are_what_the_command_tree_says(path: Path) -> None:
    generated = {**manual_files(), **completion_files()}
    assert (TOP / path).read_text(encoding="utf-8") == generated[path]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_command_says_what_it_does_and_gives_examples(page: object) -> None:
    assert page.text
    assert page.examples
    for example, explanation in page.examples:
        assert "dbtool" in example
        assert explanation


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_every_option_and_argument_is_explained(page: object) -> None:
    for text in (*page.options, *page.arguments):
        assert text.help, text.spelling
        assert text.help[0].isupper(), text.spelling


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_the_database_is_the_last_argument_and_may_be_left_out(page: object) -> None:
    names = [argument.metavar for argument in page.arguments]
    if "DB" in names:
        assert names[-1] == "DB"
        assert page.usage.endswith("[DB]")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.path)
def test_options_in_examples_exist(page: object) -> None:
    from dbtool.cli.shells.tables import everywhere

    known = {word for other in PAGES for text in other.options for word in text.words}
    known |= {word for text in everywhere() for word in text.words}
    for example, _ in page.examples:
        command = example.partition("|")[0]
        for option in re.findall(r"(?<=\s)--?[a-z][a-z-]*", command):
            assert option in known | {"-1", "-f1"}, f"{option} in {example}"


def test_describe_leaves_the_global_options_to_their_own_section() -> None:
    spelled = {word for page in PAGES for text in page.options for word in text.words}
    assert not spelled & {"--json", "--repo", "-q", "--config"}
    assert describe
