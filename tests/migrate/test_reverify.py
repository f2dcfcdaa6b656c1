"""Verify queries are asked again on the database as it is now."""

from __future__ import annotations

from dbtool.core.progress import Silent
from dbtool.migrate.opening import open_to_look
from dbtool.migrate.reverify import Verified, reverify
from tests.migrate.kit import Project


def verified(project: Project) -> tuple[Verified, ...]:
    with open_to_look(project.db) as connection:
        return reverify(connection, project.standing(), progress=Silent())


def test_a_promise_that_does_not_hold_any_more_is_found(shop: Project) -> None:
    shop.write(
        "0002_x.sql", "-- dbtool:up\nSELECT 1;\n-- dbtool:verify\nSELECT n FROM p WHERE n > 'b';"
    )
    assert verified(shop) == ()  # pending
    shop.run()
    assert verified(shop) == (Verified("0002_x", 1),)
    shop.sql("INSERT INTO p(n) VALUES ('z')")
    (found,) = verified(shop)
    assert "0002_x.sql, line 4" in found.problem
    assert "('z',)" in found.detail
