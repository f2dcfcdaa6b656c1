"""What a repair would do: a check of the database, and what each rung could do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dbtool.core.progress import Progress, Silent
from dbtool.core.quantities import format_duration
from dbtool.integrity.check import verify_database
from dbtool.integrity.findings import (
    DAMAGES,
    Code,
    Finding,
    Kind,
    Rung,
    Verdict,
    VerifyOptions,
    VerifyReport,
)
from dbtool.integrity.repair.clean import follow_gap_s
from dbtool.integrity.repair.derived import contradicted, only_derived
from dbtool.integrity.repair.model import CLIMB, RepairOptions, RepairPlan, RungPlan
from dbtool.integrity.repair.proof import Proof, Stamps, prove

if TYPE_CHECKING:
    from dbtool.backup.repository import Repository

__all__ = ["plan_repair"]


def plan_repair(
    path: Path,
    options: RepairOptions = RepairOptions(),  # noqa: B008  frozen
    *,
    repository: Repository | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> RepairPlan:
    """Say what is damaged and what each rung of the ladder could do; change nothing.

    Args:
        path: the database file, in whatever state.
        options: see `RepairOptions`.
        repository: holds its snapshots; None: it has none.
        name: its name in the repository; None: its path.
        progress: told of bytes, pages and tables.

    Raises:
        DbtoolError: as `dbtool.integrity.check.verify_database`; an encrypted file and one that is
            no database are refused.
    """
    stamps = Stamps.of(path, datetime.now(UTC)) if path.exists() else None
    report = _report(path, options, repository, name, progress or Silent())
    proof = None
    if stamps is not None and _is_damaged(report):
        proof = prove(
            path.resolve(),
            stamps,
            unchanged=report.unchanged,
            repository=repository,
            snapshot=report.snapshot,
        )
    return RepairPlan(
        report.database,
        report,
        _rungs(report, repository, stamps, proof),
        has_repository=repository is not None,
        options=options,
        stamps=stamps,
    )


def _report(
    path: Path,
    options: RepairOptions,
    repository: Repository | None,
    name: str | None,
    progress: Progress,
) -> VerifyReport:
    """Check the database; in full, unless hashes prove what is wrong."""
    quick = VerifyOptions(
        temp=options.temp, drop_cache=options.drop_cache, busy_timeout_s=options.busy_timeout_s
    )
    full = VerifyOptions(
        full=True, temp=options.temp, drop_cache=False, busy_timeout_s=options.busy_timeout_s
    )

    def check(asked: VerifyOptions) -> VerifyReport:
        return verify_database(path, asked, repository=repository, name=name, progress=progress)

    report = check(quick) if repository is not None else check(full)
    rotted = report.unchanged and report.pages_differing
    return report if rotted or repository is None else check(full)


def _rungs(
    report: VerifyReport,
    repository: Repository | None,
    stamps: Stamps | None,
    proof: Proof | None,
) -> tuple[RungPlan, ...]:
    if not _is_damaged(report):
        return ()
    damage = _damage(report)
    planned = {
        Rung.TRANSPLANT: _transplant(report, proof, has_repository=repository is not None),
        Rung.DERIVED: _derived(damage),
        Rung.ROLL_FORWARD: _roll_forward(report, repository, stamps),
        Rung.SALVAGE: _salvage(report, damage),
        Rung.RESTORE: _restore(report, has_repository=repository is not None),
    }
    return tuple(planned[rung] for rung in CLIMB)


def _transplant(report: VerifyReport, proof: Proof | None, *, has_repository: bool) -> RungPlan:
    rung = Rung.TRANSPLANT
    if report.snapshot is None:
        return RungPlan(rung, _no_snapshot(has_repository=has_repository))
    if proof is None:
        why = (
            "it may have been written to since the snapshot, and an older page in a newer"
            " database would corrupt it"
        )
        return RungPlan(rung, why)
    if not report.pages_differing:
        return RungPlan(rung, "the newest snapshot has the damage too")
    pages = report.pages_differing - len(proof.changed)
    count = "1 page" if pages == 1 else f"{max(pages, 0):,} pages"
    why = f"{count} of snapshot {report.snapshot.id[:8]}, proven by hash ({proof.reason})"
    return RungPlan(rung, why, possible=True, lossless=True, rows_at_risk=0)


def _derived(damage: tuple[Finding, ...]) -> RungPlan:
    if not only_derived(damage):
        why = "rows are damaged, not only what is made from them"
        return RungPlan(Rung.DERIVED, why)
    others = [finding for finding in damage if finding.code != Code.WAL_DAMAGED]
    names = dict.fromkeys(finding.object or str(finding.kind) for finding in others)
    shown = ", ".join(list(names)[:3]) + (" ..." if len(names) > 3 else "")  # noqa: PLR2004 - as many as a line holds
    bits = ["put the flipped bit of the WAL right"]
    why = "; ".join(bits * (len(others) < len(damage)) + [f"make anew: {shown}"] * bool(shown))
    doubtful = sum(contradicted(damage).values())
    if doubtful:
        why += "; where the index and a row contradict each other, the row is believed"
    return RungPlan(Rung.DERIVED, why, possible=True, lossless=not doubtful, rows_at_risk=doubtful)


def _roll_forward(
    report: VerifyReport, repository: Repository | None, stamps: Stamps | None
) -> RungPlan:
    rung = Rung.ROLL_FORWARD
    if repository is None or report.snapshot is None or stamps is None:
        return RungPlan(rung, _no_snapshot(has_repository=repository is not None))
    gap = follow_gap_s(repository, report.snapshot, stamps)
    if gap is None:
        return RungPlan(rung, "follow did not keep the last writes")
    gap_s, little = gap
    if not little:
        return RungPlan(rung, f"follow ended {format_duration(gap_s)} before the last write")
    what = "with every write" if not gap_s else f"up to {format_duration(gap_s)} are missing"
    why = f"what follow kept, to snapshot {report.snapshot.id[:8]}, if it is clean: {what}"
    return RungPlan(
        rung, why, possible=True, lossless=not gap_s, rows_at_risk=0 if not gap_s else None
    )


def _salvage(report: VerifyReport, damage: tuple[Finding, ...]) -> RungPlan:
    if not report.pages_total:
        return RungPlan(Rung.SALVAGE, "there is no page to read")
    if any(finding.code == Code.WAL_DAMAGED for finding in damage):
        why = "every row that can be read, without the commits behind the damage"
        return RungPlan(Rung.SALVAGE, why, possible=True)
    if only_derived(damage):
        why = "every row, read from the pages themselves; indexes are made anew"
        return RungPlan(Rung.SALVAGE, why, possible=True, rows_at_risk=0)
    risks = [item.rows_at_risk for item in report.objects if item.verdict == Verdict.DATA_DAMAGE]
    known = [rows for rows in risks if rows is not None]
    at_risk = sum(known) if len(known) == len(risks) else None
    lost = "an unknown number of rows" if at_risk is None else f"about {at_risk:,} rows"
    why = f"every row that can be read; {lost} on damaged pages may be lost"
    return RungPlan(Rung.SALVAGE, why, possible=True, rows_at_risk=at_risk)


def _restore(report: VerifyReport, *, has_repository: bool) -> RungPlan:
    if report.snapshot is None:
        return RungPlan(Rung.RESTORE, _no_snapshot(has_repository=has_repository))
    when = f"{(report.snapshot.seen or report.snapshot.time).astimezone():%Y-%m-%d %H:%M:%S}"
    why = f"the newest clean snapshot; what was written after it is lost (the newest: {when})"
    return RungPlan(Rung.RESTORE, why, possible=True)


def _no_snapshot(*, has_repository: bool) -> str:
    return "the repository has no snapshot of it" if has_repository else "there is no backup"


def _damage(report: VerifyReport) -> tuple[Finding, ...]:
    return tuple(
        finding
        for finding in report.findings
        if finding.verdict in DAMAGES
        and finding.kind != Kind.BACKUP
        and finding.code != Code.BACKUP_DAMAGED
    )


def _is_damaged(report: VerifyReport) -> bool:
    return bool(_damage(report))
