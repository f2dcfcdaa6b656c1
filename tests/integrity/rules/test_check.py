"""Rules over rows: every kind with offenders and without, NULL, keys, failures, and stopping."""

from __future__ import annotations

import apsw
import pytest

from dbtool.errors import UsageError
from dbtool.integrity.rules import check
from dbtool.integrity.rules.check import check_rules
from dbtool.integrity.rules.model import (
    Holds,
    JsonSchema,
    Matches,
    NotNull,
    Offender,
    OneOf,
    Range,
    References,
    Rule,
    RuleSet,
    TableRules,
    TypeIs,
    Unique,
)
from tests.integrity.rules.conftest import fill, judge, keys

VALUES = (1, 2.5, "a", b"\x00", None, "1", -3, "B", 200)
"""With ids from 1."""

CASES: list[tuple[Rule, list[int]]] = [
    (NotNull("v"), [5]),
    (TypeIs("v", ("integer", "real")), [3, 4, 6, 8]),
    (TypeIs("v", ("integer", "real", "text", "blob")), []),
    (Range("v", 0, 100), [3, 4, 6, 7, 8, 9]),
    (Range("v", None, 1), [2, 3, 4, 6, 8, 9]),
    (Range("v", 1, None), [3, 4, 6, 7, 8]),
    (Range("v", "A", "a"), [1, 2, 4, 6, 7, 9]),
    (OneOf("v", (1, 2.5, "a", "B", -3, 200)), [4, 6]),
    (Matches("v", "[a-z]"), [1, 2, 4, 6, 7, 8, 9]),
    (Holds("v > 0"), [7]),
    (Holds("v IS NULL OR typeof(v) <> 'blob'"), [4]),
    (JsonSchema("v", '{"type": "integer", "minimum": 0}'), [2, 3, 4, 7, 8]),
]


@pytest.mark.parametrize(("rule", "expected"), CASES, ids=lambda case: getattr(case, "text", ""))
def test_each_rule_finds_its_offenders_and_null_breaks_only_not_null(
    db: apsw.Connection, rule: Rule, expected: list[int]
) -> None:
    fill(db, *VALUES)
    result = judge(db, rule)
    assert keys(result) == expected
    assert result.total == len(expected)
    assert result.ok == (not expected)
    assert result.error == ""


@pytest.mark.parametrize(("rule", "_expected"), CASES, ids=lambda case: getattr(case, "text", ""))
def test_a_column_of_nulls_and_an_empty_table_keep_every_rule_but_not_null(
    db: apsw.Connection, rule: Rule, _expected: list[int]
) -> None:
    fill(db)
    assert judge(db, rule).ok
    db.execute("INSERT INTO t(v) VALUES (NULL), (NULL)")
    assert judge(db, rule).ok != isinstance(rule, NotNull)


def test_all_rules_together_are_judged_as_each_alone(db: apsw.Connection) -> None:
    fill(db, *VALUES)
    rules = tuple(rule for rule, _ in CASES)
    report = check_rules(db, RuleSet((TableRules("t", rules),)))
    assert [keys(result) for result in report.results] == [expected for _, expected in CASES]
    assert report.rows_read == len(VALUES)
    assert not report.ok


def test_duplicates_are_counted_beyond_the_first_and_nulls_are_none(db: apsw.Connection) -> None:
    fill(db, "a", "b", "a", None, None, "a", "b", 1, "1")
    result = judge(db, Unique(("v",)))
    assert result.total == 3
    assert result.offenders == (
        Offender((("id", 1),), (("v", "a"),), "3 rows"),
        Offender((("id", 2),), (("v", "b"),), "2 rows"),
    )


def test_duplicates_of_several_columns(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, a, b)")
    db.execute("INSERT INTO t VALUES (1, 1, 1), (2, 1, 2), (3, 1, 1), (4, 1, NULL), (5, 1, NULL)")
    assert keys(judge(db, Unique(("a", "b")))) == [1]
    assert judge(db, Unique(("id", "a"))).ok


def test_duplicates_are_equal_as_the_column_compares(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE)")
    db.execute("INSERT INTO t(v) VALUES ('a'), ('A')")
    assert judge(db, Unique(("v",))).total == 1
    assert judge(db, OneOf("v", ("a",))).total == 1


def test_references_compare_as_the_column_that_they_point_to(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE p(k TEXT COLLATE NOCASE, n INTEGER)")
    db.execute("INSERT INTO p VALUES ('a', 1), (NULL, NULL)")
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, k, n TEXT)")
    db.execute("INSERT INTO t VALUES (1, 'A', '1'), (2, 'b', '2'), (3, NULL, NULL)")
    assert keys(judge(db, References("k", "p", "k"))) == [2]
    assert keys(judge(db, References("n", "P", "N"))) == [2]
    assert judge(db, References("id", "t", "id")).ok


def test_a_reference_may_point_to_a_view(db: apsw.Connection) -> None:
    fill(db, 1, 2)
    db.execute("CREATE VIEW w AS SELECT 1 AS x")
    assert keys(judge(db, References("v", "w", "x"))) == [2]


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("2020-01-01", True),
        ("2020-12-31", True),
        ("2020-12-31T23:59:59", True),
        ("2020-12-31 23:59", True),
        ("2019-12-31", False),
        ("2021-01-01", False),
        ("2020-02-30", False),
        ("2020-1-1", False),
        ("soon", False),
        (20200101, False),
    ],
)
def test_dates_are_whole_days_to_the_end(db: apsw.Connection, value: object, holds: bool) -> None:
    fill(db, value)
    assert judge(db, Range("v", "2020-01-01", "2020-12-31", dates=True)).ok == holds


def test_a_bound_with_a_time_fits_values_with_a_space_or_a_t(db: apsw.Connection) -> None:
    fill(db, "2020-01-01 11:59", "2020-01-01T12:00", "2020-01-01 12:00:30", "2020-01-02")
    rule = Range("v", "2020-01-01 12:00", None, dates=True)
    assert keys(judge(db, rule)) == [1]


def test_a_range_does_not_take_text_for_a_number_in_a_typed_column(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v TEXT)")
    db.execute("INSERT INTO t(v) VALUES (5), (50)")
    assert judge(db, Range("v", 0, 100)).total == 2
    assert judge(db, OneOf("v", (5, 50))).total == 2
    assert judge(db, OneOf("v", ("5", "50"))).ok


@pytest.mark.parametrize(
    ("schema", "key"),
    [
        ("t(a TEXT, b INT, v, PRIMARY KEY(b, a)) WITHOUT ROWID", (("b", 2), ("a", "x"))),
        ("t(a TEXT, b INT, v, PRIMARY KEY(b, a))", (("b", 2), ("a", "x"), ("rowid", 1))),
        ("t(a TEXT NOT NULL PRIMARY KEY, b, v)", (("a", "x"),)),
        ("t(a, b, v)", (("rowid", 1),)),
        ("t(a, b, v, rowid)", (("_rowid_", 1),)),
        ("t(a, b, v, rowid, _rowid_, oid)", ()),
        ("t(a, b INTEGER PRIMARY KEY, v, g AS (v + 1))", (("b", 2),)),
    ],
)
def test_a_row_is_named_by_its_key(
    db: apsw.Connection, schema: str, key: tuple[tuple[str, object], ...]
) -> None:
    db.execute(f"CREATE TABLE {schema}")
    db.execute("INSERT INTO t(a, b, v) VALUES ('x', 2, 3)")
    for rule in (Range("v", None, 1), Matches("v", "x"), Holds("v < 0")):
        assert judge(db, rule).offenders[0].key == key


def test_generated_columns_have_rules_too(db: apsw.Connection) -> None:
    db.execute(
        "CREATE TABLE t(id INTEGER PRIMARY KEY, v, twice AS (v * 2), thrice AS (v * 3) STORED)"
    )
    db.execute("INSERT INTO t(v) VALUES (1), (10)")
    assert keys(judge(db, Range("twice", None, 5))) == [2]
    assert keys(judge(db, Holds("thrice < 5"))) == [2]
    assert keys(judge(db, Matches("twice", "x"))) == [1, 2]


def test_views_and_virtual_tables_have_rules_too(db: apsw.Connection) -> None:
    fill(db, 1, 2)
    db.execute("CREATE VIEW w AS SELECT v FROM t")
    found = judge(db, Range("v", None, 1), table="w")
    assert found.offenders == (Offender((), (("v", 2),)),)
    db.execute("CREATE VIRTUAL TABLE f USING fts5(body)")
    db.execute("INSERT INTO f VALUES ('x'), ('y')")
    assert judge(db, OneOf("body", ("x",)), table="f").offenders[0].key == (("rowid", 2),)


@pytest.mark.parametrize(
    "name", ['a"b', "a]b", "a;b", "--", "a.b", "'", "SELECT", "\x1b[31m", "ta\nble", "%s", "ä"]
)
def test_hostile_names_are_only_names(db: apsw.Connection, name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    db.execute(f"CREATE TABLE {quoted}({quoted} TEXT PRIMARY KEY, other) WITHOUT ROWID")
    db.execute(f"INSERT INTO {quoted} VALUES ('x', 1), ('y', 1)")
    rules: tuple[Rule, ...] = (
        NotNull(name),
        Unique((name,)),
        Unique(("other",)),
        TypeIs(name, ("text",)),
        Range(name, "x", "x"),
        Matches(name, "x"),
        OneOf(name, ("x",)),
        References(name, name, name),
        Holds("other = 2"),
    )
    report = check_rules(db, RuleSet((TableRules(name, rules),)))
    assert [result.total for result in report.results] == [0, 0, 1, 0, 1, 1, 1, 0, 2]
    assert all(not result.error for result in report.results)
    assert report.results[4].offenders[0].key == ((name, "y"),)


def test_names_are_compared_as_sqlite_does(db: apsw.Connection) -> None:
    fill(db, None)
    result = judge(db, NotNull("V"), table="T")
    assert (result.table, result.rule) == ("t", "v: not null")


def test_unknown_names_are_usage_errors_with_the_nearest_match(db: apsw.Connection) -> None:
    fill(db, 1)
    db.execute("CREATE TABLE orders(number)")
    for rule, table, code, hint in (
        (NotNull("v"), "ordres", "rule-unknown-table", "did you mean orders?"),
        (NotNull("nubmer"), "orders", "rule-unknown-column", "did you mean number?"),
        (Unique(("number", "x")), "orders", "rule-unknown-column", "there are number"),
        (References("number", "order", "x"), "orders", "rule-unknown-table", "orders"),
        (References("number", "orders", "x"), "orders", "rule-unknown-column", "number"),
    ):
        with pytest.raises(UsageError) as caught:
            judge(db, rule, table=table)
        assert caught.value.code == code
        assert hint in caught.value.hint


def test_only_the_first_offenders_are_kept_and_all_are_counted(db: apsw.Connection) -> None:
    fill(db, *range(100))
    for rule in (Range("v", None, -1), Matches("v", "x"), Holds("v < 0")):
        result = judge(db, rule, limit=3)
        assert (keys(result), result.total) == ([1, 2, 3], 100)
        assert judge(db, rule, limit=0).offenders == ()
        assert judge(db, rule, limit=0).total == 100


def test_sparse_rowids_are_all_seen(db: apsw.Connection) -> None:
    db.execute("CREATE TABLE t(id INTEGER PRIMARY KEY, v)")
    ends = (-(1 << 63), -5, 0, 7, (1 << 63) - 1)
    db.executemany("INSERT INTO t VALUES (?, 1)", ((key,) for key in ends))
    report = check_rules(db, RuleSet((TableRules("t", (OneOf("v", (2,)),)),)))
    assert report.rows_read == len(ends)
    assert keys(report.results[0]) == list(ends)


def test_a_failing_rule_fails_alone(db: apsw.Connection) -> None:
    fill(db, '{"a": 1}', "{", None)
    report = check_rules(
        db,
        RuleSet((TableRules("t", (NotNull("v"), Holds("v ->> 'a' = 1"), TypeIs("v", ("text",)))),)),
    )
    assert [result.total for result in report.results] == [1, 0, 0]
    assert [result.error for result in report.results] == ["", "malformed JSON", ""]
    assert [result.ok for result in report.results] == [False, False, True]
    assert report.rows_read == 3


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
def test_text_that_is_none_in_its_encoding_is_an_offender(
    db: apsw.Connection, encoding: str
) -> None:
    db.execute(f"PRAGMA encoding = '{encoding}'")
    fill(db, "ä€𝄞", "x\x00y")
    broken = b"\xff\xfe\xfd" if encoding == "UTF-8" else b"\x00\xd8\x00\xd8"
    db.execute("INSERT INTO t(v) VALUES (CAST(? AS TEXT))", (broken,))
    result = judge(db, Matches("v", "(?s).*"))
    if encoding != "UTF-16be":
        assert keys(result) == [3]
        assert "UTF" in result.offenders[0].note
    assert judge(db, OneOf("v", ("ä€𝄞",))).offenders[0].values == (("v", "x\x00y"),)


def test_long_values_are_cut_where_they_are_shown(db: apsw.Connection) -> None:
    fill(db, "ä" * 5000, b"x" * 5000)
    for rule in (OneOf("v", (1,)), Matches("v", "x")):
        text, blob = (offender.values[0][1] for offender in judge(db, rule).offenders)
        assert text == "ä" * 512 + "…"
        assert blob == b"x" * 1024


def test_values_too_long_to_judge_are_said_to_be(
    db: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dbtool.integrity.rules.stream.LONGEST_BYTES", 100)
    fill(db, "x" * 101, "x" * 100)
    result = judge(db, Matches("v", "x*"))
    assert keys(result) == [1]
    assert "not judged" in result.offenders[0].note


def test_nothing_is_written_and_no_transaction_is_left(db: apsw.Connection) -> None:
    fill(db, 1)
    changes = db.total_changes()
    judge(db, NotNull("v"), Unique(("v",)))
    assert db.total_changes() == changes
    assert not db.in_transaction
    assert db.pragma("query_only") == 0
    db.execute("BEGIN")
    judge(db, NotNull("v"))
    assert db.in_transaction


def test_many_rules_are_more_than_one_statement(db: apsw.Connection) -> None:
    fill(db, *range(10))
    rules = tuple(Range("v", None, bound) for bound in range(100))
    report = check_rules(db, RuleSet((TableRules("t", rules),)), limit=1)
    expected = [max(0, 9 - bound) for bound in range(100)]
    assert [result.total for result in report.results] == expected


class Stopping:
    """A progress that stops at the n-th call."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.rows = 0

    def start(self, phase: str, total: int | None, unit: str) -> None:
        """Ignore."""

    def advance(self, amount: int) -> None:
        self.rows += amount
        self.left -= 1
        if not self.left:
            raise KeyboardInterrupt

    def finish(self) -> None:
        """Ignore."""

    def warn(self, message: str) -> None:
        """Ignore."""


ENDLESS = "WITH RECURSIVE n(v) AS (SELECT 1 UNION ALL SELECT v + 1 FROM n) SELECT v FROM n"


@pytest.mark.parametrize("rule", [NotNull("v"), Unique(("v",)), Matches("v", "x")])
def test_the_progress_stops_even_an_endless_table(db: apsw.Connection, rule: Rule) -> None:
    db.execute(f"CREATE VIEW w AS {ENDLESS}")
    with pytest.raises(KeyboardInterrupt):
        check_rules(db, RuleSet((TableRules("w", (rule,)),)), progress=Stopping(5))
    assert not db.in_transaction
    assert db.execute("SELECT 1").fetchall() == [(1,)]


@pytest.mark.parametrize("rule", [NotNull("v"), Unique(("v",)), JsonSchema("v", "true")])
def test_a_rule_that_takes_too_long_is_not_judged(db: apsw.Connection, rule: Rule) -> None:
    db.execute(f"CREATE VIEW w AS {ENDLESS} LIMIT 1000000000000")
    fill(db, None)
    rules = RuleSet((TableRules("w", (rule,)), TableRules("t", (NotNull("v"),))), time_limit_s=0.05)
    slow, other = check_rules(db, rules).results
    assert (slow.error, slow.ok) == ("not done within its time limit of 50 ms", False)
    assert other.total == 1


def test_rows_are_told_while_ranges_of_them_are_judged(
    db: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "_ROWS_WORTH_SLICING", 10)
    fill(db, *range(1000))
    progress = Stopping(0)
    report = check_rules(db, RuleSet((TableRules("t", (Range("v", 1, 998),)),)), progress=progress)
    assert progress.rows == report.rows_read == 1000
    assert report.results[0].total == 2
