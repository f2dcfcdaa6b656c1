"""Where a database stands against its files."""

from __future__ import annotations

from tests.migrate.kit import SHOP, Project


def states(project: Project) -> list[tuple[str, str]]:
    return [(entry.version, entry.state) for entry in project.standing().entries]


def test_applied_and_pending_are_told_apart(shop: Project) -> None:
    shop.write("0002_more.sql", "CREATE TABLE m(x);")
    assert states(shop) == [("0001", "applied"), ("0002", "pending")]
    assert not shop.standing().drifted


def test_an_older_version_that_comes_later_is_late(shop: Project) -> None:
    shop.write("0000_early.sql", "CREATE TABLE m(x);")
    assert states(shop) == [("0000", "late"), ("0001", "applied")]


def test_an_edited_file_is_told_from_one_with_edited_remarks(shop: Project) -> None:
    shop.write("0001_shop.sql", f"-- Why.\n{SHOP}")
    assert states(shop) == [("0001", "respaced")]
    shop.write("0001_shop.sql", SHOP.replace("log(x)", "log(y)"))
    assert states(shop) == [("0001", "edited")]


def test_a_file_that_is_gone_is_missing(shop: Project) -> None:
    (shop.folder / "0001_shop.sql").unlink()
    assert states(shop) == [("0001", "missing")]


def test_another_way_to_write_the_version_is_the_same_version(shop: Project) -> None:
    (shop.folder / "0001_shop.sql").rename(shop.folder / "1_shop.sql")
    assert states(shop) == [("1", "applied")]


def test_a_schema_changed_by_something_else_has_drifted(shop: Project) -> None:
    shop.sql("CREATE TABLE other(x)")
    assert shop.standing().drifted
    shop.sql("DROP TABLE other")
    assert not shop.standing().drifted
