"""Policies: from options and configuration to what a prune may do."""

from __future__ import annotations

from pathlib import Path

import pytest

from dbtool.backup.retention import Retention
from dbtool.cli.context import Session
from dbtool.cli.policies import parsed, retention_of
from dbtool.core.quantities import parse_duration
from dbtool.errors import UsageError

TEXT = """
[databases.app]
path = "app.db"
[databases.app.retention]
last = 6
within = "2d"
[retention]
last = 2
hourly = 3
yearly = 1
tags = ["a"]
safety = "1h"
"""


def test_each_key_comes_from_the_nearest_place() -> None:
    Path("dbtool.toml").write_text(TEXT)
    session = Session([])
    general = Retention(last=2, hourly=3, yearly=1, tags=("a",), safety_s=3600)
    assert retention_of(session, None) == general
    assert retention_of(session, "other") == general
    own = Retention(last=6, hourly=3, yearly=1, within_s=172_800, tags=("a",), safety_s=3600)
    assert retention_of(session, "app") == own
    flags = {"last": 0, "daily": 5, "hourly": None, "tags": ["b"]}
    given = Retention(
        last=0, hourly=3, daily=5, yearly=1, within_s=172_800, tags=("b",), safety_s=3600
    )
    assert retention_of(session, "app", flags) == given


def test_without_configuration_there_is_no_policy() -> None:
    assert retention_of(Session([]), None).keeps_nothing


def test_a_value_that_makes_no_sense_names_its_option() -> None:
    assert parsed("--wait", None, parse_duration) is None
    assert parsed("--wait", "2m", parse_duration) == 120
    with pytest.raises(UsageError, match="--wait soon"):
        parsed("--wait", "soon", parse_duration)
