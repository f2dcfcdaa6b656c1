"""What an import is asked to do."""

from __future__ import annotations

import json

from dbtool.transfer.options import ImportOptions


def test_settings_are_equal_after_a_way_through_json() -> None:
    options = ImportOptions(table="t", types={"a": "text"}, pk=("a", "b"), nulls=frozenset("xy"))
    assert json.loads(json.dumps(options.settings())) == options.settings()


def test_what_does_not_decide_the_rows_is_no_setting() -> None:
    assert ImportOptions(on_error="skip", resume=True).settings() == ImportOptions().settings()
