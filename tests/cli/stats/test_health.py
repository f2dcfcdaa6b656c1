"""The health of a database in every format."""

from __future__ import annotations

import csv
import io
import json
import random
from pathlib import Path

from tests.cli.conftest import Run


def test_rows_are_the_checks(run: Run, database: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(run("stats", "--health", "-o", "csv", "app.db").out)))
    assert {row["name"]: row["status"] for row in rows}["integrity"] == "pass"


def test_the_document_is_versioned(run: Run, database: Path) -> None:
    document = json.loads(run("stats", "--health", "--json", "app.db").out)
    assert document["schema"] == "dbtool.health/1"
    assert document["data"]["tables"] == 1
    assert document["data"]["lag"] is None


def test_a_healthy_database_says_so(run: Run, database: Path) -> None:
    run("backup", "app.db")
    run("verify", "--snapshots", "--read-data", "app.db")
    outcome = run("stats", "--health", "app.db")
    assert outcome.code == 0
    assert outcome.out.startswith("✓ healthy  app.db")
    assert run("stats", "--health", "-q", "app.db").out == ""


def test_what_cannot_be_opened_is_not_healthy(run: Run) -> None:
    Path("secret.db").write_bytes(random.Random(1).randbytes(8192))
    outcome = run("stats", "--health", "--json", "secret.db")
    assert outcome.code == 4
    assert outcome.data["ok"] is False
    assert outcome.data["tables"] is None
