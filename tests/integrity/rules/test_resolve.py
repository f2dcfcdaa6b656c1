"""Rules meet a schema."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.integrity.rules.model import Holds, NotNull, TableRules, Unique
from dbtool.integrity.rules.resolve import prepare
from tests.integrity.rules.conftest import fill


def test_rules_are_spelt_as_the_schema_and_say_what_they_are_about(db: apsw.Connection) -> None:
    fill(db)
    rules = (NotNull("V"), Unique(("ID", "V")), Holds("v > id"))
    prepared = prepare(db, TableRules("T", rules)).rules
    assert [rule.columns for rule in prepared] == [("v",), ("id", "v"), ("v", "id")]
    assert [rule.result.kind for rule in prepared] == ["not_null", "unique", "check"]
    assert prepared[0].sql.sql == '"v" IS NULL'
    with pytest.raises(TypeError):
        _ = prepared[1].sql


def test_a_mistake_names_the_place_of_its_rule(db: apsw.Connection) -> None:
    fill(db)
    rules = TableRules("t", (NotNull("v"), NotNull("w")), "f:1", ("f:2", "f:3"))
    with pytest.raises(UsageError, match="f:3: table t has no column w"):
        prepare(db, rules)
    with pytest.raises(UsageError, match="f:1: there is no table u"):
        prepare(db, TableRules("u", (NotNull("v"),), "f:1"))
