"""From findings to a verdict on every object: the worst of its findings, or what is not known."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from dbtool.integrity.findings import Finding, Kind, ObjectVerdict, Rung, Verdict, united
from dbtool.integrity.objects import Catalogue, SchemaObject

__all__ = ["merged", "object_verdicts"]

_ORDER: Final = list(Verdict)


def object_verdicts(
    catalogue: Catalogue, findings: Sequence[Finding], checked: Collection[str]
) -> tuple[ObjectVerdict, ...]:
    """Return a verdict on the header, the freelist and every object of the schema.

    Args:
        catalogue: the schema.
        findings: all of them.
        checked: tables whose structure was checked; an object without a finding whose table is not
            among them is unproven.
    """
    by_object: dict[tuple[Kind, str], list[Finding]] = {}
    for finding in findings:
        by_object.setdefault((finding.kind, finding.object.lower()), []).append(finding)
    wanted = [(Kind.HEADER, "header", "", True), (Kind.FREELIST, "freelist", "", True)]
    wanted += [
        (item.kind, item.name, item.table, _home(item) in checked)
        for item in catalogue.objects
        if not item.part_of or (item.kind, item.name.lower()) in by_object
    ]
    known = {(kind, name.lower()) for kind, name, *_ in wanted}
    wanted += [
        (finding.kind, finding.object, finding.table, True)
        for finding in findings
        if (finding.kind, finding.object.lower()) not in known
    ]
    return tuple(
        _verdict(kind, name, table, by_object.get((kind, name.lower()), []), proven=proven)
        for kind, name, table, proven in dict.fromkeys(wanted)
    )


def _home(item: SchemaObject) -> str:
    """Return the table whose check looks at an object."""
    return item.table if item.kind == Kind.INDEX else item.name


def _verdict(
    kind: Kind, name: str, table: str, findings: list[Finding], *, proven: bool
) -> ObjectVerdict:
    worst = max(
        (finding.verdict for finding in findings),
        key=_ORDER.index,
        default=Verdict.HEALTHY if proven else Verdict.UNPROVEN,
    )
    rows = [finding.rows_at_risk for finding in findings]
    return ObjectVerdict(
        kind,
        name,
        table,
        worst,
        pages=united(span for finding in findings for span in finding.pages),
        rows_at_risk=_most(rows),
        rung=_rung(findings),
    )


def _most(rows: Iterable[int | None]) -> int | None:
    """Return the largest number: findings of one object mostly speak of the same pages."""
    known = [number for number in rows if number is not None]
    asked = list(rows)
    if len(known) < len(asked) and not any(known):
        return None
    return max(known, default=0)


def _rung(findings: Iterable[Finding]) -> Rung | None:
    """Return the rung that heals all findings: a transplant brings back derived pages too."""
    rungs = {finding.rung for finding in findings if finding.rung is not None}
    if Rung.TRANSPLANT in rungs:
        return Rung.TRANSPLANT
    return max(rungs, default=None)


def merged(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings without those that say the same twice: same object, same reason."""
    seen: dict[tuple[object, ...], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.kind, finding.object.lower(), finding.problem)
        seen.setdefault(key, finding)
    return list(seen.values())
