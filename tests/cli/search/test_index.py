"""`dbtool search --index`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dbtool.cli.search.index import only_database
from dbtool.errors import UsageError
from tests.cli.conftest import Run


def test_the_only_word_is_the_database() -> None:
    assert only_database("app.db", None) == "app.db"
    assert only_database(None, None) is None
    with pytest.raises(UsageError):
        only_database("a", "app.db")


def test_status_and_build_as_json(run: Run, database: Path) -> None:
    document = json.loads(run("search", "--index", "status", "--json", "app.db").out)
    assert document["schema"] == "dbtool.search-index/1"
    assert document["data"]["exists"] is False
    run("search", "--index", "build", "--substring", "app.db")
    data = run("search", "--index", "status", "--json", "app.db").data
    assert data["substrings"] is True
    assert data["tables"] == [{"table": "t", "rows": 200, "skipped": 200, "skipped_columns": ["v"]}]
    assert run("search", "--index", "drop", "--json", "app.db").data["freed"] == data["size"]
