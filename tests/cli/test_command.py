"""Our command classes."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest
import typer

from dbtool.cli.app import root
from dbtool.cli.command import PlainCommand, application, global_parameters
from dbtool.cli.context import Session
from tests.cli.conftest import Run


def test_every_command_takes_every_global_option() -> None:
    spelled = {word for parameter in global_parameters() for word in parameter.opts}
    tree = root()
    for verb in tree.commands:
        command = tree.commands[verb]
        for leaf in [command, *getattr(command, "commands", {}).values()]:
            known = {word for parameter in leaf.params for word in parameter.opts}
            assert spelled <= known, verb


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_has_two_spellings(run: Run, word: str) -> None:
    outcome = run("backup", word)
    assert outcome.code == 0
    assert outcome.out.startswith("Usage: dbtool backup [OPTIONS] [DB]\n")


def test_global_options_reach_the_session_and_not_the_command() -> None:
    app = application()
    seen: list[object] = []

    @app.command(cls=PlainCommand)
    def probe(context: typer.Context, word: Annotated[str, typer.Argument()]) -> None:
        """Probe."""
        seen.extend([word, dict(context.find_root().obj.given)])

    session = Session([])
    command = typer.main.get_command(app)
    with command.make_context(
        "probe", ["-q", "x", "-vv", "--repo", "r", "-o", "csv"], obj=session
    ) as context:
        command.invoke(context)
    assert seen == ["x", {"quiet": True, "verbose": 2, "repo": "r", "output_format": "csv"}]


def test_values_may_be_left_out_where_the_command_says_so() -> None:
    class Optional(PlainCommand):
        optional_values: ClassVar[dict[str, str]] = {"--share": "all"}

    app = application()
    seen: list[object] = []

    @app.command(cls=Optional)
    def probe(
        word: Annotated[str, typer.Argument()],
        share: Annotated[str, typer.Option("--share")] = "none",
    ) -> None:
        """Probe."""
        seen.append((word, share))

    command = typer.main.get_command(app)
    for words in (["--share", "x"], ["--share=some", "x"], ["x"]):
        with command.make_context("probe", list(words), obj=Session([])) as context:
            command.invoke(context)
    assert seen == [("x", "all"), ("x", "some"), ("x", "none")]
