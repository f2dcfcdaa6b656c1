"""A rehearsal does everything, to a copy."""

from __future__ import annotations

from typing import Any

import pytest

from dbtool.core.progress import Silent
from dbtool.errors import DbtoolError, StorageFailed
from dbtool.migrate.options import RunOptions
from dbtool.migrate.rehearse import Rehearsal, rehearse
from tests.migrate.kit import Project

REBUILD = (
    "-- dbtool:up\n-- dbtool:rebuild p\n"
    "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n, m);\n"
    "-- dbtool:down\n-- dbtool:rebuild p\n"
    "CREATE TABLE p(id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT);\n"
)


def run(project: Project, **options: Any) -> Rehearsal:
    down = options.pop("down", False)
    free = options.pop("free", lambda _: 1 << 40)
    asked = RunOptions(allow=frozenset(options.pop("allow", ())), **options)
    return rehearse(
        project.db, project.migrations(), asked, progress=Silent(), down=down, free=free
    )


def test_it_measures_and_leaves_the_database_alone(shop: Project) -> None:
    shop.write("0002_x.sql", REBUILD)
    shop.write("0003_x.sql", "INSERT INTO p(n) VALUES ('x');")
    before = shop.content()
    result = run(shop)
    assert shop.content() == before
    assert [each.done.rows for each in result.migrations] == [{"p": (2, 2)}, {"p": (2, 3)}]
    assert all(each.wal_bytes > 0 and each.done.lock_s > 0 for each in result.migrations)
    assert [(change.what, change.kind, change.name) for change in result.schema] == [
        ("changed", "table", "p"),
        ("changed", "column", "n"),
        ("added", "column", "m"),
    ]
    assert result.disk_bytes > 0
    assert [path.name for path in shop.db.parent.iterdir() if "rehearsal" in path.name] == []


def test_a_way_down_that_leads_back_is_told_from_one_that_does_not(shop: Project) -> None:
    shop.write("0002_x.sql", REBUILD)
    result = run(shop, down=True)
    assert result.undone is not None
    assert result.differs_after_down == ()
    shop.write("0002_x.sql", f"{REBUILD}DELETE FROM p WHERE id = 1; CREATE TABLE left_over(a);")
    with pytest.raises(DbtoolError):  # its children would refer to nothing
        run(shop, down=True)
    result = run(shop, down=True, allow=["foreign-keys"])
    assert result.differs_after_down == ("schema", "p", "log")


def test_what_fails_here_fails_with_the_code_of_the_real_run(shop: Project) -> None:
    shop.write("0002_x.sql", "DELETE FROM p WHERE id = 1;")
    with pytest.raises(DbtoolError) as caught:
        run(shop)
    assert caught.value.code == "migration-foreign-keys"
    shop.write("0002_x.sql", "DELETE FROM c;")
    with pytest.raises(DbtoolError) as caught:
        run(shop)
    assert caught.value.code == "migration-dangerous"


def test_a_copy_that_does_not_fit_is_refused(shop: Project) -> None:
    with pytest.raises(StorageFailed) as caught:
        run(shop, free=lambda _: 100)
    assert caught.value.code == "no-space"


def test_nothing_pending_is_nothing_to_measure(shop: Project) -> None:
    assert run(shop, down=True).migrations == ()
