"""Help topics."""

from __future__ import annotations

import pytest

from dbtool.cli import topics
from dbtool.cli.error_codes import ERROR_CODES
from dbtool.cli.failure import EXIT_CODES
from dbtool.config_keys import ENVIRONMENT, SCHEMA


@pytest.mark.parametrize("name", topics.TOPICS)
def test_a_topic_fits_100_columns_and_has_a_summary(name: str) -> None:
    assert topics.TOPICS[name].summary
    for line in topics.text(name).splitlines():
        assert len(line) <= 100, line


def test_every_code_variable_and_key_is_in_its_topic() -> None:
    for code in EXIT_CODES:
        assert f" {code} " in topics.text("exit-codes")
    for code in ERROR_CODES:
        assert f"  {code} " in topics.text("errors")
    for name in ENVIRONMENT:
        assert name in topics.text("environment")
    for key in SCHEMA:
        assert topics.spelled(key) in topics.text("configuration")
