"""Several rules in Python share one pass."""

from __future__ import annotations

import apsw

from dbtool.core.progress import Silent
from dbtool.integrity.rules.model import JsonSchema, Matches, TableRules
from dbtool.integrity.rules.resolve import prepare
from dbtool.integrity.rules.stream import judge_stream
from dbtool.integrity.rules.watch import Watch


def test_each_rule_gets_its_own_offenders(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE t(a, b)")
    db.executemany("INSERT INTO t VALUES (?, ?)", [("x", "1"), ("y", "["), ("x", None), (3, "2")])
    rules = (Matches("a", "x"), JsonSchema("b", "true"), JsonSchema("b", '{"maximum": 1}'))
    prepared = prepare(db, TableRules("t", rules))
    found = judge_stream(list(prepared.rules), db, prepared.table, 10, Watch(Silent(), None))
    assert [[o.key[0][1] for o in found[n].offenders] for n in range(3)] == [[2, 4], [2], [2, 4]]
    assert [found[n].total for n in range(3)] == [2, 1, 2]
