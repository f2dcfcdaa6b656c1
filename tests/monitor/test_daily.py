"""Facts of a day are kept as they are, and what cannot be read is none."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dbtool.monitor.daily import Daily, TableFacts, from_json, to_json
from tests.monitor.lookstands import KNOWN, NOW


@pytest.mark.parametrize(
    "daily",
    [
        Daily(NOW),
        KNOWN,
        replace(
            KNOWN,
            stale_tables={'a"b': (1, 20)},
            tables={"t\n": TableFacts(1, None)},
            unknown={"grown_bytes": "why"},
        ),
    ],
)
def test_what_was_kept_comes_back(daily: Daily) -> None:
    assert from_json(to_json(daily)) == daily


@pytest.mark.parametrize("text", [None, "", "[]", "{}", "null", '{"at": "yesterday"}', '{"at": 5}'])
def test_what_cannot_be_read_is_none(text: str | None) -> None:
    assert from_json(text) is None
