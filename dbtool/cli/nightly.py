"""The nightly job of one database: back up, copy, thin out, the proofs that are configured."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from dbtool.cli.copies import Destination, destinations_of, open_destination
from dbtool.cli.copyview import result_data as copy_data
from dbtool.cli.copyview import summary_of, warn_of_damage
from dbtool.cli.creation import open_or_create
from dbtool.cli.nightlyproofs import proofs, report
from dbtool.cli.policies import prune_options, retention_of
from dbtool.cli.pruneview import result_data, warn_if_unfinished
from dbtool.cli.targets import Target, open_repository, require_path
from dbtool.cli.views import counted, short
from dbtool.core.quantities import format_size
from dbtool.schedule.job import Step, StepReport

if TYPE_CHECKING:
    from dbtool.cli.context import Session

__all__ = ["steps"]


def steps(session: Session, target: Target) -> list[Step]:
    """Return what the job does, in order."""
    found = [
        Step("backup", lambda: _backup(session, target)),
        # Before anything is thinned out; and what was backed up before is copied in any case.
        *(
            Step(f"copy {place.name}", partial(_copy, session, target, place))
            for place in destinations_of(session, target)
        ),
    ]
    if not retention_of(session, target.name).keeps_nothing:
        # Nothing is thinned out on a night without a backup.
        found.append(Step("prune", lambda: _prune(session, target), needs=("backup",)))
    return [*found, *proofs(session, target)]


def _backup(session: Session, target: Target) -> StepReport:
    from dbtool.backup.model import BackupOptions

    known = len(session.warnings)
    with open_or_create(session, target) as repository, session.work() as progress:
        result = repository.backup(
            require_path(target), BackupOptions(tags=("run",)), progress=progress
        )
    snapshot = result.snapshot
    assert snapshot is not None
    if result.unchanged:
        summary = f"unchanged since {short(snapshot.id)}"
    else:
        summary = (
            f"snapshot {short(snapshot.id)}, {counted(result.pages_changed, 'page')}, "
            f"{format_size(result.bytes_added)} added"
        )
    data = {
        "snapshot": snapshot.id,
        "unchanged": result.unchanged,
        "pages_changed": result.pages_changed,
        "added": result.bytes_added,
    }
    return report(session, "backup", summary, data, known)


def _copy(session: Session, target: Target, place: Destination) -> StepReport:
    from dbtool.backup.copy import CopyOptions

    known = len(session.warnings)
    source, repository = open_repository(session, target), open_destination(session, place)
    with session.work() as progress:
        result = source.copy(repository, CopyOptions(target.source), progress=progress)
    warn_of_damage(session, place, result.damaged)
    data = copy_data(place, result)
    return report(session, f"copy {place.name}", summary_of(result), data, known)


def _prune(session: Session, target: Target) -> StepReport:
    known = len(session.warnings)
    if session.config.get("repository.append_only"):
        # As the configuration says, every night: no reason to call somebody.
        summary = "left to a machine that may remove, as append_only is set here"
        return report(session, "prune", summary, {"left_out": "append_only"}, known)
    repository = open_repository(session, target)
    with session.work() as progress:
        result = repository.prune(prune_options(session, target, repository), progress=progress)
    warn_if_unfinished(session, result)
    summary = (
        f"{counted(len(result.snapshots_removed), 'snapshot')} removed, "
        f"{format_size(max(0, result.bytes_freed))} freed"
    )
    return report(session, "prune", summary, result_data(result), known)
