"""What a check has done when its budget ends, kept so that the next one goes on from there.

One small JSON file in the user's cache folder for each database and snapshot. It is a hint: a file
that is missing, damaged or of another version means that the check begins at the beginning.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from array import array
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from dbtool.core.atomicfile import temporary_name
from dbtool.integrity.findings import Code, Finding, Kind, Level, Rung, Verdict, joined
from dbtool.integrity.pagelevel import PageComparison

__all__ = ["Course"]

_FORMAT: Final = 1


@dataclass(slots=True)
class Course:
    """Which parts of a check are done, and what they found."""

    began: datetime
    """When the first of the checks that this one continues began."""
    done: dict[str, list[Finding]] = field(default_factory=dict)
    """Findings by the key of the part."""
    pages: PageComparison = field(default_factory=PageComparison)

    def save(self, path: Path) -> None:
        """Keep it; a cache that cannot be written is done without."""
        value = {
            "format": _FORMAT,
            "began": self.began.isoformat(),
            "done": {key: [asdict(f) for f in found] for key, found in self.done.items()},
            "differing": joined(self.pages.differing),
            "unreadable": joined(self.pages.unreadable),
            "missing": self.pages.missing,
        }
        with contextlib.suppress(OSError):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            temporary = path.with_name(f"{path.name}.{temporary_name()}")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
                json.dump(value, stream)
            temporary.replace(path)

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """Return what was kept; None where there is nothing that can be used."""
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["format"] != _FORMAT:
                return None
            return cls(
                began=datetime.fromisoformat(value["began"]),
                done={
                    str(key): [_finding(f) for f in found] for key, found in value["done"].items()
                },
                pages=PageComparison(
                    differing=array("I", _numbers(value["differing"])),
                    unreadable=_numbers(value["unreadable"]),
                    missing=int(value["missing"]),
                ),
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    @staticmethod
    def path_in(folder: Path, database: Path, snapshot: str, *, full: bool) -> Path:
        """Return where the course of a check lies."""
        name = "\0".join((str(database), snapshot, "full" if full else ""))
        digest = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
        return folder / "verify" / f"{digest[:32]}.json"


def _finding(value: dict[str, Any]) -> Finding:
    return Finding(
        level=Level(value["level"]),
        code=Code(value["code"]),
        verdict=Verdict(value["verdict"]),
        kind=Kind(value["kind"]),
        object=str(value["object"]),
        problem=str(value["problem"]),
        table=str(value["table"]),
        pages=tuple((int(first), int(last)) for first, last in value["pages"]),
        rows_at_risk=None if value["rows_at_risk"] is None else int(value["rows_at_risk"]),
        rung=None if value["rung"] is None else Rung(value["rung"]),
        answers=tuple(str(answer) for answer in value["answers"]),
    )


def _numbers(ranges: list[list[int]]) -> list[int]:
    return [number for first, last in ranges for number in range(int(first), int(last) + 1)]
