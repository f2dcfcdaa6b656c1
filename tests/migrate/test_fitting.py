"""What must fit before anything runs: each with its code, its exit code, its next step."""

from __future__ import annotations

import pytest

from dbtool.errors import DbtoolError
from tests.migrate.kit import SHOP, Project


def refused(project: Project, **options: object) -> DbtoolError:
    with pytest.raises(DbtoolError) as caught:
        project.run(**options)
    assert caught.value.exit_code == 4
    assert caught.value.hint
    return caught.value


def test_an_edited_file_stops_it(shop: Project) -> None:
    shop.write("0001_shop.sql", SHOP.replace("log(x)", "log(y)"))
    assert refused(shop).code == "migration-edited"


def test_a_missing_file_stops_it_unless_allowed(shop: Project) -> None:
    (shop.folder / "0001_shop.sql").unlink()
    shop.write("0002_x.sql", "CREATE TABLE z(a);")
    assert refused(shop).code == "migration-missing"
    shop.run(allow=["missing"])
    assert shop.versions() == ["0001", "0002"]


def test_a_wrong_order_stops_it_unless_allowed(shop: Project) -> None:
    shop.write("0000_x.sql", "CREATE TABLE z(a);")
    assert refused(shop).code == "migration-order"
    shop.run(allow=["out-of-order"])
    assert shop.versions() == ["0001", "0000"]


def test_a_schema_that_has_drifted_stops_it_unless_allowed(shop: Project) -> None:
    shop.sql("CREATE TABLE other(x)")
    shop.run()  # nothing is pending, so nothing could go wrong
    shop.write("0002_x.sql", "CREATE TABLE z(a);")
    assert refused(shop).code == "schema-drift"
    shop.run(allow=["drift"])
    assert not shop.standing().drifted


def test_remarks_and_white_space_may_be_edited(shop: Project) -> None:
    shop.write("0001_shop.sql", f"-- Why.\n{SHOP}")
    shop.write("0002_x.sql", "CREATE TABLE z(a);")
    assert len(shop.run().done) == 1
