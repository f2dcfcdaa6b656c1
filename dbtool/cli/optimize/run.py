"""What `dbtool optimize` does: makes a plan or reads it, shows it, applies it, undoes it.

Wires what the library leaves open: the snapshot before a change, and the retention of the
configuration.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.cli.confirm import confirm
from dbtool.cli.optimize.retention import retention_rules
from dbtool.cli.optimize.view import show_applied, show_plan, show_quick, show_undone
from dbtool.cli.optimize.workloads import read_workload
from dbtool.cli.targets import Target, open_repository, require_path
from dbtool.cli.views import brief, counted, pasted
from dbtool.core.quantities import format_duration, format_size
from dbtool.errors import NotFound, Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dbtool.cli.context import Session
    from dbtool.core.progress import Progress
    from dbtool.optimize.model import Action, Plan

__all__ = ["Request", "apply", "explain", "quick", "show", "undo"]

_NOT_ALL_DONE = 3


@dataclass(frozen=True, slots=True)
class Request:
    """The options of the command line."""

    target: Target
    workload: tuple[str, ...]
    only: tuple[str, ...]
    plan: Path | None
    out: Path | None
    max_lock_s: float | None
    temp: Path | None
    snapshot: bool
    yes: bool

    @property
    def path(self) -> Path:
        """The database."""
        return require_path(self.target)


def show(session: Session, request: Request) -> None:
    """Make a plan and show it."""
    from dbtool.optimize.planfile import save_plan

    plan = _plan(session, request)
    if request.out is not None:
        save_plan(plan, request.out.absolute())
        session.note(f"the plan is in {brief(request.out)}")
    show_plan(session, plan, _next(request, plan))


def apply(session: Session, request: Request) -> int | None:
    """Make a plan or read it, show it, ask, carry it out."""
    from dbtool.core.clock import SystemClock
    from dbtool.optimize.apply import ApplyOptions, apply_plan, choose_actions
    from dbtool.optimize.planfile import plan_path

    plan = _plan(session, request)
    chosen = choose_actions(plan, request.only)
    if not chosen:
        session.note("there is nothing to do")
        show_applied(session, plan, None, None)
        return None
    if not request.yes:
        if session.format == "table":
            show_plan(session, plan, ())
        confirm(
            session,
            f"apply {counted(len(chosen), 'action')} to {brief(request.path)}",
            yes=False,
            look="; without --apply the plan is only shown",
        )
    plan_file = (request.plan or request.out or plan_path(plan)).absolute()
    protect, taken = _protection(session, request)
    with session.work() as progress:
        applied = apply_plan(
            plan,
            ApplyOptions(request.only, request.max_lock_s),
            plan_file=plan_file,
            progress=progress,
            clock=SystemClock(),
            protect=lambda: protect(progress),
            archive=lambda action: _archive(session, request, plan, action, progress),
        )
    show_applied(session, plan, applied, taken[0] if taken else None)
    return _NOT_ALL_DONE if applied.skipped else None


def undo(session: Session, request: Request, word: str) -> None:
    """Undo what was applied."""
    from dbtool.optimize.apply import undo_plan
    from dbtool.optimize.planfile import find_plan, load_plan

    plan_file = find_plan(request.path, word)
    plan = load_plan(plan_file)
    _require_same(plan, request.path)
    count = counted(len(plan.applied), "action")
    confirm(session, f"undo {count} on {brief(request.path)}", yes=request.yes, look="")
    with session.work() as progress:
        undone, left = undo_plan(
            plan,
            plan_file.absolute(),
            progress=progress,
            archive=lambda action: _return(session, plan, action, progress),
        )
    show_undone(session, plan, undone, left)


def explain(session: Session, request: Request, sql: str, param: Sequence[str]) -> None:
    """Explain one statement and measure what would help it."""
    from dbtool.cli.optimize.explain import show_explanation
    from dbtool.cli.parameters import parse_parameters
    from dbtool.optimize.explain import explain_statement

    with session.work() as progress:
        found = explain_statement(
            request.path, sql, parse_parameters(param) or None, temp=request.temp, progress=progress
        )
    show_explanation(session, found)


def quick(session: Session, request: Request, budget_s: float) -> None:
    """Do small upkeep."""
    from dbtool.optimize.quick import quick_upkeep

    with session.work() as progress:
        done = quick_upkeep(request.path, budget_s=budget_s, progress=progress)
    show_quick(session, request.path, done)


def _plan(session: Session, request: Request) -> Plan:
    from dbtool.core.clock import SystemClock
    from dbtool.optimize.advisor import AdviceOptions, make_plan
    from dbtool.optimize.planfile import load_plan
    from dbtool.optimize.workload import Workload

    if request.plan is not None:
        if request.workload:
            raise UsageError("usage", "--plan measures nothing, so it takes no --workload")
        plan = load_plan(request.plan)
        _require_same(plan, request.path)
        return plan
    workload = Workload(())
    if request.workload:
        workload = read_workload(request.workload, request.path)
    rules = retention_rules(session, request.target)
    with session.work() as progress:
        return make_plan(
            request.path,
            workload,
            AdviceOptions(temp=request.temp, retention=tuple(rules)),
            progress=progress,
            clock=SystemClock(),
        )


def _require_same(plan: Plan, path: Path) -> None:
    if Path(plan.database) != path.resolve():
        raise UsageError(
            "plan-of-another",
            f"the plan is for {plan.database}, not for {path}",
            hint=f"dbtool optimize --plan FILE --apply {pasted(plan.database)}",
        )


def _protection(session: Session, request: Request) -> tuple[Callable[[Progress], None], list[str]]:
    """Return what takes the snapshot, and where its id will be."""
    taken: list[str] = []
    target = request.target

    def protect(progress: Progress) -> None:
        if not request.snapshot:
            return
        if not target.explicit_repository and not Path(target.repository).exists():
            session.note(f"{target.shown} has no repository, so no snapshot is taken first")
            return
        from dbtool.backup.model import BackupOptions

        options = BackupOptions(tags=("optimize",), note="before dbtool optimize")
        repository = open_repository(session, target)
        snapshot = repository.backup(request.path, options, progress=progress).snapshot
        if snapshot is not None:
            taken.append(snapshot.id)

    return protect, taken


def _archive(
    session: Session, request: Request, plan: Plan, action: Action, progress: Progress
) -> None:
    """Move old rows to where plan and configuration say."""
    from dbtool.core.clock import SystemClock
    from dbtool.optimize.retention.advice import rule_of
    from dbtool.optimize.retention.move import archive_rows

    rule = rule_of(action)
    # A plan file could name any file and any rollup.
    if rule not in retention_rules(session, request.target):
        raise Refused(
            "plan-stale",
            f"[retention.{rule.table}] of the configuration is not what the plan was made with",
            hint=f"dbtool optimize {pasted(plan.database)}      makes a new plan",
        )
    moved = archive_rows(
        Path(plan.database),
        rule,
        plan=_label(plan, action),
        clock=SystemClock(),
        progress=progress,
    )
    files = f" in {counted(len(moved.files), 'archive')}" if moved.files else ""
    session.note(
        f"{counted(moved.rows, 'row')} moved{files}; the longest transaction took "
        f"{format_duration(moved.longest_lock_s)}; {format_size(moved.free_bytes)} of the file "
        "are free for new rows"
    )
    if action.evidence["rule"]["secure_delete"]:
        session.note(
            "deleted rows were overwritten; copies of some may be left in unused bytes of pages "
            "that were split before, until VACUUM, and in snapshots"
        )


def _return(session: Session, plan: Plan, action: Action, progress: Progress) -> None:
    """Put archived rows back."""
    from dbtool.optimize.retention.advice import rule_of
    from dbtool.optimize.retention.returning import return_rows
    from dbtool.optimize.retention.rule import archive_files

    rule = rule_of(action)
    if rule.archive_to is None:
        session.warn(f"{rule.table}: deleted rows are only in snapshots from before")
        return
    if not archive_files(rule):
        raise NotFound(
            "archives-not-found",
            f"the archives of {rule.table} are gone, so its rows cannot come back",
            context=f"they were written to {rule.archive_to}",
            hint="put the files back, or take the rows from a snapshot: dbtool restore --table",
        )
    back, stayed = return_rows(
        Path(plan.database), rule, plan=_label(plan, action), progress=progress
    )
    session.note(f"{counted(back, 'row')} of {rule.table} came back")
    if stayed:
        session.warn(f"{counted(stayed, 'row')} stay archived: their keys are in use again")
    if rule.rollup:
        session.warn(f"what the rollup of {rule.table} has added up stays as it is")


def _label(plan: Plan, action: Action) -> str:
    return f"{action.id}@{plan.made_at}"


def _next(request: Request, plan: Plan) -> tuple[str, ...]:
    if not plan.actions:
        return ()
    db = pasted(request.target.name or request.path)
    kept = request.out or request.plan
    if kept is not None:
        return (f"dbtool optimize --plan {pasted(kept)} --apply {db}",)
    if "-" in request.workload:
        return (f"dbtool optimize --workload - --out plan.json {db}      keeps the plan to apply",)
    words = "".join(f" --workload {pasted(word)}" for word in request.workload)
    return (f"dbtool optimize{words} --apply {db}",)
