"""What is allowed: by option, or by a line of the file with its reason."""

from __future__ import annotations

from pathlib import Path

from dbtool.migrate.discover import read_migration
from dbtool.migrate.options import allows


def test_a_rule_is_allowed_by_option_or_by_the_file() -> None:
    migration = read_migration(Path("1_x.sql"), "-- dbtool:ignore drop-table it is empty\n")
    assert allows("drop-table", migration, frozenset())
    assert allows("drop-column", migration, frozenset({"drop-column"}))
    assert not allows("drop-column", migration, frozenset())
