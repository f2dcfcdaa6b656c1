"""Our command and group classes: global options after the verb, `-h`, our help, no pydantic.

A command module builds its application with `application()` and decorates one function.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import typer
from typer._click.core import Context, Parameter, ParameterSource
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand, TyperGroup, TyperOption

from dbtool.cli.catalog import GLOBAL_OPTIONS
from dbtool.cli.coercion import simplify

__all__ = [
    "CommandGroup",
    "GlobalsMixin",
    "PlainCommand",
    "application",
    "global_parameters",
]

_SETTINGS = {"help_option_names": ["-h", "--help"]}


def application() -> typer.Typer:
    """Return the Typer application that a command module fills."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


def _globals(
    _output_format: Annotated[
        Literal["table", "json", "ndjson", "csv", "tsv"] | None,
        typer.Option("-o", "--format", metavar="FORMAT", help=GLOBAL_OPTIONS["output_format"].help),
    ] = None,
    _json_output: Annotated[
        bool, typer.Option("--json", help=GLOBAL_OPTIONS["json_output"].help)
    ] = False,
    _quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help=GLOBAL_OPTIONS["quiet"].help)
    ] = False,
    _verbose: Annotated[
        int, typer.Option("-v", "--verbose", count=True, help=GLOBAL_OPTIONS["verbose"].help)
    ] = 0,
    _color: Annotated[
        Literal["auto", "always", "never"] | None,
        typer.Option("--color", metavar="WHEN", help=GLOBAL_OPTIONS["color"].help),
    ] = None,
    _progress: Annotated[
        Literal["auto", "none", "plain"] | None,
        typer.Option("--progress", metavar="HOW", help=GLOBAL_OPTIONS["progress"].help),
    ] = None,
    _repo: Annotated[
        str | None, typer.Option("--repo", metavar="PATH", help=GLOBAL_OPTIONS["repo"].help)
    ] = None,
    _limit_upload: Annotated[
        str | None,
        typer.Option("--limit-upload", metavar="RATE", help=GLOBAL_OPTIONS["limit_upload"].help),
    ] = None,
    _password_file: Annotated[
        Path | None,
        typer.Option("--password-file", metavar="FILE", help=GLOBAL_OPTIONS["password_file"].help),
    ] = None,
    _password_command: Annotated[
        str | None,
        typer.Option(
            "--password-command", metavar="COMMAND", help=GLOBAL_OPTIONS["password_command"].help
        ),
    ] = None,
    _config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help=GLOBAL_OPTIONS["config"].help)
    ] = None,
) -> None:
    """Declare the options that every command takes; never called."""


@cache
def global_parameters() -> tuple[Parameter, ...]:
    """Return the global options as parameters that write into the session."""
    app = application()
    app.command()(_globals)
    parameters = tuple(typer.main.get_command(app).params)
    for parameter in parameters:
        parameter.name = parameter.name.removeprefix("_")
        parameter.expose_value = False
        parameter.callback = _remember
        simplify(parameter)
    return parameters


def _remember(context: Context, parameter: Parameter, value: Any) -> Any:
    if (
        context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        and context.obj is not None
    ):
        context.obj.given[parameter.name] = value
    return value


class GlobalsMixin:
    """Adds the global options and our help to a Typer class."""

    params: list[Parameter]

    def adopt(self) -> None:
        """Finish the construction."""
        for parameter in self.params:
            simplify(parameter)
        self.params = [*self.params, *global_parameters()]

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        """Return `-h, --help`."""
        option: TyperOption | None = super().get_help_option(ctx)  # type: ignore[misc]
        if option is not None:
            simplify(option)
        return option


class PlainCommand(GlobalsMixin, TyperCommand):
    """One command."""

    optional_values: ClassVar[dict[str, str]] = {}
    """Options whose value may be left out, with the value that they then have."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings["context_settings"] = _SETTINGS | (settings.get("context_settings") or {})
        super().__init__(*args, **settings)
        self.adopt()

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        """Parse, after writing out the values that may be left out."""
        whole = [
            f"{arg}={self.optional_values[arg]}" if arg in self.optional_values else arg
            for arg in args
        ]
        return super().parse_args(ctx, whole)

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write our help."""
        from dbtool.cli.helptext import command_help

        formatter.write(command_help(self, ctx))


class CommandGroup(GlobalsMixin, TyperGroup):
    """A verb with verbs of its own, such as `key`."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings["context_settings"] = _SETTINGS | (settings.get("context_settings") or {})
        settings["no_args_is_help"] = False
        super().__init__(*args, **settings)
        self.adopt()

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write our help."""
        from dbtool.cli.helptext import command_help

        formatter.write(command_help(self, ctx))
