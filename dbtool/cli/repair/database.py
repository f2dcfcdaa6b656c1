"""`dbtool repair DB`: opens what there is, plans, asks, repairs, shows what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dbtool.cli.confirm import confirm_by_name
from dbtool.cli.failure import DAMAGED, OK, WARNINGS
from dbtool.cli.files import require_folder
from dbtool.cli.targets import choose, require_path
from dbtool.cli.verify.database import known_repository
from dbtool.cli.views import brief
from dbtool.errors import NotFound, Refused, UsageError

if TYPE_CHECKING:
    from dbtool.cli.context import Session
    from dbtool.integrity.findings import Rung
    from dbtool.integrity.repair.model import RepairOptions, RepairPlan, RepairResult

__all__ = ["Request", "repair_one"]


class Request(NamedTuple):
    """How the command line asks to repair a database."""

    apply: bool
    rung: str | None
    to: Path | None
    freelist: bool
    name: str | None
    no_repo: bool
    temp: Path | None
    yes: bool


def repair_one(session: Session, db: str | None, request: Request) -> int:
    """Plan the repair of one database, do it where asked to, return the exit code."""
    from dbtool.cli.repair.view import show_plan, show_result
    from dbtool.cli.views import pasted
    from dbtool.integrity.repair.plan import plan_repair
    from dbtool.integrity.repair.run import run_repair

    options = _options(request)
    target = choose(session, db)
    path = require_path(target)
    _require_there(path)
    repository = None if request.no_repo else known_repository(session, target)
    session.output.record("start", {"database": path, "apply": request.apply})
    with session.work() as progress:
        plan = plan_repair(
            path, options, repository=repository, name=request.name, progress=progress
        )
    shown = pasted(db or target.shown)
    if plan.healthy or not request.apply:
        show_plan(session, plan, db=shown)
        if plan.healthy and request.freelist:
            session.note(
                "deleted rows are looked for only where a damaged database is salvaged; those that"
                f" a snapshot holds: dbtool restore SNAPSHOT --table TABLE {shown}"
            )
        return OK if plan.healthy else DAMAGED
    _confirm(session, plan, shown, request)
    with session.work() as progress:
        result = run_repair(plan, repository=repository, progress=progress)
    show_result(session, plan, result, db=shown)
    return _exit_code(result)


def _options(request: Request) -> RepairOptions:
    from dbtool.integrity.repair.model import RepairOptions

    if request.temp is not None and not request.temp.is_dir():
        raise UsageError("invalid-value", f"--temp {request.temp} is no folder")
    if request.to is not None:
        require_folder(request.to)
        if request.to.exists():
            raise Refused("target-exists", f"{request.to} exists already", hint="name another file")
    return RepairOptions(
        rung=_rung(request.rung),
        to=request.to,
        take_freelist=request.freelist,
        temp=request.temp,
    )


def _rung(text: str | None) -> Rung | None:
    from dbtool.cli.repair.view import RUNGS
    from dbtool.integrity.findings import Rung

    if text is None:
        return None
    names = {name: number for number, name in enumerate(RUNGS) if number}
    number = names.get(text.lower(), int(text) if text.isdecimal() and len(text) == 1 else 0)
    if not 1 <= number < len(RUNGS):
        raise UsageError(
            "invalid-value", f"--rung {text} is no rung", hint=f"one of {', '.join(RUNGS[1:])}"
        )
    return Rung(number)


def _require_there(path: Path) -> None:
    """Name what an earlier repair kept, where the database itself is gone."""
    if path.exists():
        return
    kept = sorted(path.absolute().parent.glob(f"{_escaped(path.name)}.damaged-*"))
    hint = f"{kept[-1]} holds the files that an earlier repair kept" if kept else ""
    raise NotFound(
        "database-not-found",
        f"there is no database {path}",
        hint="\n".join(filter(None, [hint, f"dbtool restore latest {path}"])),
    )


def _escaped(name: str) -> str:
    from glob import escape

    return escape(name)


def _confirm(session: Session, plan: RepairPlan, db: str, request: Request) -> None:
    from dbtool.cli.repair.view import plan_lines

    if request.yes:
        return
    for label, text in plan_lines(plan, db):
        session.note(f"{label:<9}  {text}")
    confirm_by_name(session, plan.database.name, f"repair {brief(plan.database)}", yes=False)


def _exit_code(result: RepairResult) -> int:
    if result.healed is None:
        return DAMAGED
    return OK if result.healed.lossless else WARNINGS
