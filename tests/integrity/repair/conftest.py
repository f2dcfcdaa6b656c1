"""What the tests of the ladder share."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from dbtool.integrity.repair.model import RepairOptions, RepairPlan, RepairResult
from dbtool.integrity.repair.plan import plan_repair
from dbtool.integrity.repair.run import run_repair
from tests.integrity.damaged import Damaged, make_damaged


@pytest.fixture
def damaged(tmp_path: Path) -> Damaged:
    """Return a sound database in WAL mode with a snapshot."""
    return make_damaged(tmp_path, rows=700)


def plan(damaged: Damaged, *, repository: bool = True, **options: object) -> RepairPlan:
    """Return what a repair would do."""
    return plan_repair(
        damaged.path,
        RepairOptions(**{"drop_cache": False, "busy_timeout_s": 0, **options}),  # type: ignore[arg-type]
        repository=damaged.repository if repository else None,
    )


def heal(damaged: Damaged, *, repository: bool = True, **options: object) -> RepairResult:
    """Repair the database."""
    return run_repair(
        plan(damaged, repository=repository, **options),
        repository=damaged.repository if repository else None,
    )


def require_evidence(result: RepairResult, raw: bytes) -> None:
    """See that the damaged bytes are kept, and that the manifest says so."""
    assert result.evidence is not None
    folder = result.evidence.folder
    assert folder.stat().st_mode & 0o777 == 0o700
    kept = folder / result.database.name
    assert kept.read_bytes() == raw
    manifest = json.loads((folder / "manifest.json").read_text())
    entry = next(item for item in manifest["files"] if item["name"] == kept.name)
    assert entry["size"] == len(raw)
    assert entry["sha256"] == hashlib.sha256(raw).hexdigest()


def leftovers(folder: Path) -> list[str]:
    """Return the temporary names in a folder."""
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]
