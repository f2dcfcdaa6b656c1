"""Values of options and arguments, converted without pydantic.

Typer builds a pydantic adapter for every parameter; importing pydantic alone takes about 55 ms, a
third of what the backup of an unchanged database may take. `simplify` gives each parameter a
converter of ours instead, for the few types that our commands use.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer._click.exceptions import BadParameter
from typer._coercion import RuntimeParam
from typer._typing import get_args

if TYPE_CHECKING:
    from typer._click.core import Context, Parameter
    from typer.core import _TyperParameter

__all__ = ["simplify"]


@dataclass(frozen=True)
class PlainParam(RuntimeParam):
    """Converts text to bool, int, Path, a choice, or a list of one of these."""

    choices: tuple[str, ...] = ()
    is_list: bool = False

    def _coerce_value(self, value: Any, param: _TyperParameter, ctx: Context) -> Any:
        if self.is_list:
            (item,) = get_args(self.annotation)
            return [self._one(entry, item, param, ctx) for entry in value]
        return self._one(value, self.annotation, param, ctx)

    def _one(self, value: Any, kind: Any, param: _TyperParameter, ctx: Context) -> Any:
        if self.choices:
            if value not in self.choices:
                raise BadParameter(
                    f"{value!r} is none of {', '.join(self.choices)}", ctx=ctx, param=param
                )
            return value
        if kind is int:
            return self._integer(value, param, ctx)
        if kind is Path:
            return Path(value).expanduser()
        return value

    def _integer(self, value: Any, param: _TyperParameter, ctx: Context) -> int:
        least, most = self.parameter_info.min, self.parameter_info.max
        try:
            number = int(value)
        except ValueError as error:
            raise BadParameter(f"{value!r} is not a whole number", ctx=ctx, param=param) from error
        if (least is not None and number < least) or (most is not None and number > most):
            raise BadParameter(f"{number} is not between {least} and {most}", ctx=ctx, param=param)
        return number


def simplify(parameter: Parameter) -> None:
    """Give a parameter our converter."""
    descriptor = parameter.type_descriptor  # type: ignore[attr-defined]
    choices = tuple(str(choice) for choice in descriptor.choices or ())
    parameter._runtime_param = PlainParam(  # type: ignore[attr-defined]
        descriptor.parameter_info, descriptor.annotation, choices, descriptor.is_list
    )
