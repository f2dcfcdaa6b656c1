"""What [retention.TABLE] says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.errors import UsageError
from dbtool.optimize.retention.rule import archive_file, archive_files, parse_rule

GOOD = {"column": "at", "older_than": 86400.0, "archive_to": "archive/{%Y-%m}.db"}


def test_the_time_of_a_row_names_its_archive(tmp_path: Path) -> None:
    rule = parse_rule("main.last", {**GOOD, "archive_to": str(tmp_path / "{%Y}" / "{%m}.db")})
    assert rule.table == "last"
    path = archive_file(rule, 1_767_225_600.0)
    assert path == tmp_path / "2026" / "01.db"
    assert archive_files(rule) == []
    path.parent.mkdir()
    path.touch()
    assert archive_files(rule) == []
    path.write_bytes(b"x")
    assert archive_files(rule) == [path]


@pytest.mark.parametrize(
    "change",
    [{"column": None}, {"older_than": None}, {"archive_to": None}, {"discard": True}],
    ids=str,
)
def test_what_says_too_little_or_too_much_is_an_error(change: dict) -> None:
    with pytest.raises(UsageError):
        parse_rule("t", {**GOOD, **change})


def test_rows_are_discarded_only_where_that_is_said() -> None:
    rule = parse_rule("t", {"column": "at", "older_than": 1.0, "discard": True})
    assert rule.archive_to is None
    assert archive_files(rule) == []


@pytest.mark.parametrize("pattern", ["o[1]-{%Y}?.db", "{%Y/%m}.db", "all*.db", "{%j-%%}.db"])
def test_an_archive_of_any_name_is_found_again(tmp_path: Path, pattern: str) -> None:
    rule = parse_rule("t", {**GOOD, "archive_to": str(tmp_path / "a[b]" / pattern)})
    path = archive_file(rule, 1_767_225_600.0)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    assert archive_files(rule) == [path]


def test_a_database_beside_its_archives_is_none_of_them(tmp_path: Path) -> None:
    (tmp_path / "app.db").write_bytes(b"x")
    rule = parse_rule("t", {**GOOD, "archive_to": str(tmp_path / "{%Y-%m}.db")})
    assert archive_files(rule) == []
