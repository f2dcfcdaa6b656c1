"""What would lose data, cannot work or fills the disk is refused before anything runs."""

from __future__ import annotations

import pytest

from dbtool.errors import DbtoolError, UsageError
from dbtool.migrate.gate import require_known
from tests.migrate.kit import Project


def refused(project: Project, text: str, **options: object) -> DbtoolError:
    project.write("0002_x.sql", text)
    called: list[int] = []
    with pytest.raises(DbtoolError) as caught:
        project.run(before_apply=lambda: called.append(1), **options)
    assert called == []
    assert project.versions() == ["0001"]
    return caught.value


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("DROP TABLE log;", "drop-table"),
        ("DELETE FROM c;", "delete-without-where"),
        ("UPDATE p SET n = 'x';", "update-without-where"),
        ("ALTER TABLE p DROP COLUMN n;", "drop-column"),
    ],
)
def test_what_loses_data_is_refused_until_it_is_allowed(shop: Project, sql: str, rule: str) -> None:
    shop.sql("DROP VIEW v; DROP INDEX pn; DROP TRIGGER tr")
    error = refused(shop, f"\n{sql}", allow=["drift"])
    assert (error.code, error.exit_code) == ("migration-dangerous", 5)
    assert error.message.startswith("0002_x.sql, line 2: ")
    assert f"--allow {rule}" in error.hint
    shop.run(allow=["drift", rule])
    assert shop.versions() == ["0001", "0002"]


def test_a_line_of_the_file_allows_it_for_good(shop: Project) -> None:
    shop.write("0002_x.sql", "-- dbtool:ignore drop-table it is empty everywhere\nDROP TABLE log;")
    shop.write("0003_x.sql", "-- dbtool:ignore broken-objects see 0004\nSELECT 1;")
    shop.run(allow=["broken-objects"])
    assert shop.versions() == ["0001", "0002", "0003"]


def test_an_error_after_python_is_left_to_the_run(shop: Project) -> None:
    shop.write("0002_x.py", "def up(db):\n    db.execute('CREATE TABLE made(a)')\n")
    shop.write("0003_x.sql", "INSERT INTO made VALUES (1);")
    shop.run()
    assert shop.versions() == ["0001", "0002", "0003"]


def test_a_rule_that_does_not_exist_cannot_be_allowed() -> None:
    require_known(frozenset({"drop-table", "rows-lost"}))
    with pytest.raises(UsageError) as caught:
        require_known(frozenset({"drop-tables"}))
    assert caught.value.hint == "did you mean drop-table?"
