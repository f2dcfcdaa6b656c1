"""The proofs of a nightly job, as `[run] verify` names them.

database    the levels of `dbtool verify`: header, pages, structure
full        and the content of indexes, foreign keys, full-text indexes, JSON, constraints
drill       the newest snapshot restored to a temporary file and checked
snapshots   structure, hashes and seals of the repository
data        and every stored byte of it
rules       the rows, by [validate]
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dbtool.cli.failure import CHECK_FAILED, DAMAGED
from dbtool.cli.targets import Target, open_repository, require_path
from dbtool.cli.verify.database import cache_folder, exit_code, warn_if_stale
from dbtool.cli.views import counted
from dbtool.errors import UsageError
from dbtool.schedule.job import Step, StepReport

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["PROOFS", "proofs", "report"]

PROOFS = ("database", "full", "drill", "snapshots", "data", "rules")
_DEFAULT = ("database", "snapshots")
_OF_DATABASE = frozenset({"database", "full", "drill"})
_OF_REPOSITORY = frozenset({"snapshots", "data"})


def proofs(session: Session, target: Target) -> list[Step]:
    """Return the steps that prove things, as configured.

    Raises:
        UsageError: `config-value`, there is no such proof.
    """
    chosen = frozenset(session.config.get("run.verify") or _DEFAULT)
    unknown = sorted(chosen - set(PROOFS))
    if unknown:
        origin = session.config.settings["run.verify"].origin
        raise UsageError(
            "config-value",
            f"{origin}: run.verify names {unknown[0]!r}",
            hint=f"it may hold: {', '.join(PROOFS)}",
        )
    steps = []
    if chosen & _OF_DATABASE:
        steps.append(Step("verify", lambda: _prove_database(session, target, chosen)))
    if chosen & _OF_REPOSITORY:
        share = float("data" in chosen)
        steps.append(Step("snapshots", lambda: _prove_repository(session, target, share)))
    if "rules" in chosen:
        steps.append(Step("rules", lambda: _prove_rows(session, target)))
    return steps


def _prove_database(session: Session, target: Target, chosen: frozenset[str]) -> StepReport:
    from dbtool.integrity.check import verify_database
    from dbtool.integrity.findings import Verdict, VerifyOptions

    known = len(session.warnings)
    options = VerifyOptions(
        full="full" in chosen,
        drill="drill" in chosen,
        budget_s=session.config.get("run.budget"),
        resume=session.config.get("run.budget") is not None,
    )
    repository = open_repository(session, target)
    with session.work() as progress:
        found = verify_database(
            require_path(target),
            options,
            repository=repository,
            cache=cache_folder(),
            progress=progress,
        )
    code = exit_code(found, stale=warn_if_stale(session, target, found))
    summary = f"{found.verdict}, {counted(found.pages_total, 'page')}"
    if found.findings:
        worst = max(found.findings, key=lambda finding: list(Verdict).index(finding.verdict))
        summary += f", {counted(len(found.findings), 'finding')}; {worst.object}: {worst.problem}"
    elif found.unchecked:
        summary += ", the budget ended first"
    data = {
        "database_verdict": str(found.verdict),
        "findings": [finding.problem for finding in found.findings],
    }
    if code in (DAMAGED, CHECK_FAILED):
        return StepReport("verify", "failed", summary, code, data=data)
    if code:
        return StepReport("verify", "warning", summary, code, data=data)
    return report(session, "verify", summary, data, known)


def _prove_repository(session: Session, target: Target, share: float) -> StepReport:
    known = len(session.warnings)
    repository = open_repository(session, target)
    with session.work() as progress:
        found = repository.verify(read_data=share, database=target.source, progress=progress)
    for warning in found.warnings:
        session.warn(warning)
    damaged = len(found.damaged_snapshots)
    data = {"snapshots": found.snapshots_checked, "damaged": list(found.damaged_snapshots)}
    if found.findings:
        summary = f"{counted(len(found.findings), 'finding')}, {counted(damaged, 'snapshot')} hit"
        return StepReport("snapshots", "failed", summary, DAMAGED, data=data)
    return report(
        session,
        "snapshots",
        f"{found.snapshots_checked:,} sound" + (", all data read" * (share > 0)),
        data,
        known,
    )


def _prove_rows(session: Session, target: Target) -> StepReport:
    from dbtool.cli.verify.rules import configured_rules
    from dbtool.integrity.reading import reading
    from dbtool.integrity.rules.check import check_rules

    known = len(session.warnings)
    rules = configured_rules(session)
    with (
        session.work() as progress,
        reading(require_path(target), progress=progress) as connection,
    ):
        found = check_rules(connection, rules, limit=1, progress=progress)
    broken = [result for result in found.results if not result.ok]
    data = {"rules": len(found.results), "broken": [f"{r.table}: {r.rule}" for r in broken]}
    if broken:
        summary = (
            f"{counted(len(broken), 'rule')} broken, first of {broken[0].table}: {broken[0].rule}"
        )
        return StepReport("rules", "failed", summary, CHECK_FAILED, data=data)
    return report(session, "rules", f"{counted(len(found.results), 'rule')} held", data, known)


def report(
    session: Session, name: str, summary: str, data: dict[str, Any], known: int
) -> StepReport:
    """Report a step that ran to its end; `known`: how many warnings there were before it."""
    if len(session.warnings) > known:
        return StepReport(name, "warning", f"{summary} (with warnings)", 3, data=data)
    return StepReport(name, "ok", summary, data=data)
