"""The output formats of `dbtool snapshots`, byte for byte.

Where a change is meant, `python -m pytest tests/golden/test_output.py` fails once more: copy the
output that it names over the committed file, and read the difference before you commit it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, tzinfo
from pathlib import Path

import pytest

from dbtool.cli.commands import snapshots
from tests.cli.conftest import Run
from tests.golden.conftest import HERE, Golden

FORMATS = ["table", "json", "ndjson", "csv", "tsv"]
LATER = datetime.fromisoformat("2026-12-24T18:00:00+00:00")


class Later(datetime):
    """A day on which every snapshot has the same age."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return LATER.astimezone(tz)


@pytest.fixture
def in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Show times in UTC, and ages as of one fixed moment."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        changed.setattr(snapshots, "datetime", Later)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize("golden", ["plain"], indirect=True)
@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.usefixtures("in_utc")
def test_the_output_is_the_committed_file(
    golden: Golden, run: Run, output: str, tmp_path: Path
) -> None:
    outcome = run("snapshots", "--repo", str(golden.root), "--format", output)
    (tmp_path / f"snapshots.{output}").write_text(outcome.out, encoding="utf-8", newline="")
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.encode() == (HERE / "output" / f"snapshots.{output}").read_bytes()
