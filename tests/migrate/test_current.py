"""The short way says that all is well only where the long way would."""

from __future__ import annotations

import sys

import pytest

from dbtool.migrate.current import current_version
from dbtool.migrate.opening import open_to_look
from tests.migrate.kit import SHOP, Project


def current(project: Project) -> str | None:
    with open_to_look(project.db) as connection:
        return current_version(connection, project.folder)


def test_up_to_date_is_known(shop: Project) -> None:
    shop.write("0002_x.up.sql", "CREATE TABLE t(a);")
    shop.write("0002_x.down.sql", "DROP TABLE t;")
    assert current(shop) is None
    shop.run()
    assert current(shop) == "0002"


@pytest.mark.parametrize("change", ["edited", "respaced", "missing", "pending", "other", "unread"])
def test_anything_else_is_not_known(shop: Project, change: str) -> None:
    assert current(shop) == "0001"
    if change == "edited":
        shop.write("0001_shop.sql", SHOP.replace("log(x)", "log(y)"))
    elif change == "respaced":
        shop.write("0001_shop.sql", f"{SHOP}\n")
    elif change == "missing":
        (shop.folder / "0001_shop.sql").unlink()
    elif change == "pending":
        shop.write("0002_x.sql", "SELECT 1;")
    elif change == "other":
        shop.write("helper.sql", "")
    else:
        shop.sql("DROP TABLE _dbtool_migrations")
    assert current(shop) is None


def test_it_parses_nothing() -> None:
    import subprocess

    code = "import sys, dbtool.migrate.current; print('dbtool.migrate.tokens' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
