"""Migrations in words."""

from __future__ import annotations

import pytest

from dbtool.tui.line import Status
from dbtool.tui.present.migrations import MIGRATION_COLUMNS, migration_rows, schema_line
from dbtool.tui.state import State
from tests.tui.seeded import DATABASE, MIGRATIONS, READINGS, failing, reading


def test_the_newest_migration_comes_first() -> None:
    state = State(DATABASE)
    state.take(READINGS["migrations"])
    rows = migration_rows(state)
    assert all(len(row.cells) == len(row.order) == len(MIGRATION_COLUMNS) for row in rows)
    assert [row.cells[0] for row in rows] == ["0002", "0001"]
    assert [row.status for row in rows] == [Status.PLAIN, Status.OK]
    assert rows[1].cells[-1] == "00000001"


@pytest.mark.parametrize(
    ("changes", "status", "text"),
    [
        ({}, Status.WARN, "0001, 1 pending"),
        ({"pending": 0}, Status.OK, "0001, nothing pending"),
        ({"drifted": True}, Status.CRIT, "0001, an applied migration was edited"),
        ({"version": None, "pending": 2}, Status.WARN, "no version, 2 pending"),
    ],
)
def test_the_schema_says_where_it_stands(
    changes: dict[str, object], status: Status, text: str
) -> None:
    state = State(DATABASE)
    state.take(reading("migrations", {**MIGRATIONS, **changes}))
    assert (schema_line(state).status, schema_line(state).text) == (status, text)


def test_a_database_without_migrations_is_not_wrong() -> None:
    state = State(DATABASE)
    assert schema_line(state).text == "asking ..."
    state.take(failing("migrations", "migrations-not-found"))
    assert schema_line(state).status is Status.PLAIN
    state.take(failing("migrations", "locked", "held"))
    assert schema_line(state).status is Status.UNKNOWN
