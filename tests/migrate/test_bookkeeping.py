"""The history is changed without running anything, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import UsageError
from dbtool.migrate.bookkeeping import Books, corrections
from dbtool.migrate.opening import open_to_migrate
from tests.migrate.kit import SHOP, Project


def books(project: Project, work: Callable[[Books], Any]) -> Any:
    with open_to_migrate(project.db) as connection:
        return work(Books(connection, progress=Silent()))


def test_what_is_marked_counts_as_applied_and_nothing_ran(project: Project) -> None:
    project.write("0001_x.sql", "CREATE TABLE t(a);")
    assert books(project, lambda each: each.mark(project.migrations(), "baseline")) == ["0001_x"]
    assert books(project, lambda each: each.mark(project.migrations(), "baseline")) == []
    assert project.versions() == ["0001"]
    assert project.content() == {"schema": []}
    assert project.standing().applied[0].kind == "baseline"


def test_edited_texts_and_the_schema_are_taken_as_they_are(shop: Project) -> None:
    shop.write("0001_shop.sql", SHOP.replace("log(x)", "log(y)"))
    shop.sql("CREATE TABLE other(a)")
    before = shop.standing().applied[0]
    expected = [("0001_shop", "take the file's text"), ("schema", "take it as it is")]
    assert corrections(shop.standing()) == expected
    assert books(shop, lambda each: each.repair(shop.migrations())) == expected
    state = shop.standing()
    assert not state.drifted
    assert state.entries[0].state == "applied"
    assert "log(y)" in state.applied[0].up
    assert (state.applied[0].applied_at, state.applied[0].sequence) == (before.applied_at, 1)
    assert books(shop, lambda each: each.repair(shop.migrations())) == []


def test_a_version_can_be_forgotten_and_its_changes_stay(shop: Project) -> None:
    books(shop, lambda each: each.repair(shop.migrations(), drop=["1"]))
    assert shop.versions() == []
    assert shop.sql("SELECT count(*) FROM p") == [(2,)]
    with pytest.raises(UsageError, match="0002 is not applied"):
        books(shop, lambda each: each.repair(shop.migrations(), drop=["0002"]))


def test_a_failure_changes_nothing(shop: Project) -> None:
    with pytest.raises(KeyboardInterrupt), open_to_migrate(shop.db) as connection:
        each = Books(connection, progress=Silent())
        with each.writing():
            connection.execute("DELETE FROM _dbtool_migrations")
            raise KeyboardInterrupt
    assert shop.versions() == ["0001"]
