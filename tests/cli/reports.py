"""A report with one of everything, with names that would act on a terminal or in XML."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from dbtool.integrity.findings import (
    Code,
    Finding,
    Kind,
    Level,
    LevelResult,
    ObjectVerdict,
    Rung,
    Verdict,
    VerifyReport,
)

HOSTILE = '<a&"b>\x1b[2J\n'


def report(**changes: object) -> VerifyReport:
    """Return the report."""
    values: dict[str, object] = {
        "database": Path("/srv/app data.db"),
        "began": datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
        "duration_s": 1.5,
        "snapshot": None,
        "unchanged": False,
        "pages_total": 100,
        "page_size": 4096,
        "pages_differing": 0,
        "levels": (LevelResult(Level.HEADER, True, 0.01, "header"),),
        "objects": (
            ObjectVerdict(
                Kind.TABLE, HOSTILE, HOSTILE, Verdict.DATA_DAMAGE, ((3, 4),), 7, Rung.SALVAGE
            ),
            ObjectVerdict(
                Kind.INDEX, "ix", "t", Verdict.DERIVED_DAMAGE, ((9, 9),), 0, Rung.DERIVED
            ),
            ObjectVerdict(Kind.TABLE, "good", "good", Verdict.HEALTHY),
            ObjectVerdict(Kind.TABLE, "open", "open", Verdict.UNPROVEN),
        ),
        "findings": (
            Finding(
                Level.STRUCTURE,
                Code.TREE_DAMAGED,
                Verdict.DATA_DAMAGE,
                Kind.TABLE,
                HOSTILE,
                "page 3 does not hold together\x00",
                table=HOSTILE,
                pages=((3, 4),),
                rows_at_risk=7,
                rung=Rung.SALVAGE,
            ),
            Finding(
                Level.STRUCTURE,
                Code.INDEX_DAMAGED,
                Verdict.DERIVED_DAMAGE,
                Kind.INDEX,
                "ix",
                "page 9 does not hold together",
                table="t",
                pages=((9, 9),),
                rows_at_risk=0,
                rung=Rung.DERIVED,
            ),
        ),
        "unchecked": ("table late",),
    }
    return VerifyReport(**{**values, **changes})  # type: ignore[arg-type]
