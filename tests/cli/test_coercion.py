"""Values without pydantic."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
from typer._click.exceptions import BadParameter

from dbtool.cli.command import PlainCommand, application
from dbtool.cli.context import Session


def parsed(*words: str) -> dict[str, Any]:
    app = application()

    @app.command(cls=PlainCommand)
    def probe(
        flag: Annotated[bool, typer.Option("--flag")] = False,
        number: Annotated[int | None, typer.Option("--number", min=1, max=9)] = None,
        path: Annotated[Path | None, typer.Option("--path")] = None,
        choice: Annotated[Literal["a", "b"], typer.Option("--choice")] = "a",
        many: Annotated[list[str] | None, typer.Option("--many")] = None,
    ) -> None:
        """Probe."""

    with typer.main.get_command(app).make_context("probe", list(words), obj=Session([])) as context:
        return context.params


def test_defaults() -> None:
    values = parsed()
    assert (values["flag"], values["number"], values["path"], values["choice"]) == (
        False,
        None,
        None,
        "a",
    )
    assert not values["many"]


def test_each_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/x")
    values = parsed(
        "--flag", "--number", "3", "--path", "~/y", "--choice", "b", "--many", "1", "--many", "2"
    )
    assert values["flag"] is True
    assert values["number"] == 3
    assert values["path"] == Path("/home/x/y")
    assert values["choice"] == "b"
    assert values["many"] == ["1", "2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--number", "x"], "'x' is not a whole number"),
        (["--number", "10"], "10 is not between 1 and 9"),
        (["--choice", "c"], "'c' is none of a, b"),
    ],
)
def test_what_does_not_fit_says_why(words: list[str], message: str) -> None:
    with pytest.raises(BadParameter) as caught:
        parsed(*words)
    assert caught.value.message == message
