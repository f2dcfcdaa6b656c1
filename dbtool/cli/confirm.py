"""Asks before destructive work; the plan has been shown already."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from dbtool.cli.visible import visible
from dbtool.errors import Refused

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["confirm", "confirm_by_name"]

_DRY_RUN: Final = ", or look at the plan with --dry-run"


def confirm(session: Session, action: str, *, yes: bool, look: str = _DRY_RUN) -> None:
    """Let the user answer with yes or no; anything but yes is no.

    Args:
        session: of this run.
        action: what is about to happen, such as `remove 3 snapshots`.
        yes: confirmed on the command line.
        look: behind "add --yes": how to see what would happen.

    Raises:
        Refused: `not-confirmed`, the answer was no, or there is no terminal to ask on.
    """
    if yes:
        return
    _require_terminal(session, action, look)
    sys.stdout.flush()
    question = visible(action)
    sys.stderr.write(f"{question[:1].upper()}{question[1:]}? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("not-confirmed", "the answer was no; nothing was changed")


def confirm_by_name(session: Session, name: str, action: str, *, yes: bool) -> None:
    """Let the user type the name of what is about to change.

    Args:
        session: of this run.
        name: what has to be typed.
        action: what is about to happen, such as `overwrite app.db`.
        yes: confirmed on the command line.

    Raises:
        Refused: `not-confirmed`, another word was typed, or there is no terminal to ask on.
    """
    if yes:
        return
    _require_terminal(session, action)
    sys.stdout.flush()
    shown = visible(name)
    sys.stderr.write(f"Type {shown} to {visible(action)}: ")
    sys.stderr.flush()
    if sys.stdin.readline().strip() not in (name, shown):
        raise Refused("not-confirmed", f"{name} was not typed; nothing was changed")


def _require_terminal(session: Session, action: str, look: str = _DRY_RUN) -> None:
    if not session.terminal(0):
        raise Refused(
            "not-confirmed",
            f"will not {action} without being told to",
            context="there is no terminal to ask on",
            hint=f"add --yes{look}",
        )
